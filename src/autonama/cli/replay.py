"""`autonama replay`: rows in quarantine, judged again or corrected."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.configured import configured
from autonama.cli.edge import shown
from autonama.cli.options import ConfigOption, DatabaseUrlOption, EngineOption, JsonOption
from autonama.errors import AutonamaError, ConfigError

if TYPE_CHECKING:
    from autonama.config import Settings
    from autonama.ingestion.outcome import RunOutcome
    from autonama.ingestion.replay import ReplayJob

CorrectedArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[CORRECTED_FILE]",
        readable=False,
        help="A file that --export wrote, with its rows corrected.",
        show_default=False,
    ),
]
FileOption = Annotated[
    int | None, typer.Option("--file", metavar="ID", help="Rows of this file only; `autonama runs RUN` has its number.")
]
RowsOption = Annotated[
    str | None, typer.Option("--rows", metavar="5,7-9", help="Only these rows of the file; the first data row is 1.")
]
ExportOption = Annotated[
    Path | None, typer.Option("--export", metavar="FILE", help="Write the rows as CSV to be corrected, and no more.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would pass, and store nothing.")]


def replay(
    corrected_file: CorrectedArgument = None,
    file: FileOption = None,
    rows: RowsOption = None,
    export: ExportOption = None,
    engine: EngineOption = "vectorbt",
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> int:
    """Judge the rows in quarantine again, by today's rules or as corrected, and publish those that pass."""
    from autonama.ingestion.replay import ReplayJob

    _refuse_contradictions(corrected_file, file, rows, export, dry_run=dry_run)
    ranges = () if rows is None else tuple(_ranges(rows))
    settings = configured(config, database_url=database_url)
    job = ReplayJob(engine, settings, file, ranges, corrected_file, dry_run)
    if export is not None:
        return _export(job, export, as_json=as_json)
    try:
        run = _replay(job, settings)
    except AutonamaError as error:
        if as_json:
            _print_json(_broken_off(job, error))
        raise
    except KeyboardInterrupt as ending:
        if as_json:
            _print_json(_broken_off(job, ending))
        raise
    _print_json(run) if as_json else _print_run(run)
    return run.exit_code


def _refuse_contradictions(
    corrected: Path | None, file: int | None, rows: str | None, export: Path | None, *, dry_run: bool
) -> None:
    if corrected is not None and (file is not None or rows is not None):
        raise ConfigError("A corrected file names its rows itself: leave out --file and --rows.")
    if corrected is not None and export is not None:
        raise ConfigError("Either --export the rows, or give a corrected file back.")
    if export is not None and dry_run:
        raise ConfigError("--export stores nothing in the database anyway: leave out --dry-run.")
    if rows is not None and file is None:
        raise ConfigError("--rows counts the rows of one file: name it with --file.")


def _ranges(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:-\s*([0-9]{1,9})\s*)?", part)
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise ConfigError(f"--rows is '{text}'; it has to be numbers and ranges such as 5,7-9.")
        found.append((int(match[1]), int(match[2] or match[1])))
    return found


def _replay(job: ReplayJob, settings: Settings) -> RunOutcome:
    from autonama.ingestion.replay import replay
    from autonama.ingestion.report.log import log_run
    from autonama.logs import logging_to

    with logging_to(settings, job.engine):
        run = replay(job)
        log_run(run)
    return run


def _export(job: ReplayJob, path: Path, *, as_json: bool) -> int:
    from autonama.cli.ledger_view import print_json
    from autonama.ingestion.replay import export

    written = export(job, path)
    if as_json:
        print_json({"export": str(path) if written else None, "rows": written})
    elif written:
        name = shlex.quote(shown(str(path)))
        engine = "" if job.engine == "vectorbt" else f" --engine {job.engine}"
        typer.echo(f"{written:,} {'row' if written == 1 else 'rows'} written to {shown(str(path))}.")
        typer.echo(f"Correct the columns there, and give the file back with: autonama replay {name}{engine}")
    else:
        typer.echo("Nothing is in quarantine.")
    return 0


def _print_run(run: RunOutcome) -> None:
    from autonama.cli.console import Console
    from autonama.ingestion.report.terminal import print_run

    print_run(run, Console())


def _print_json(run: RunOutcome) -> None:
    from autonama.cli.ledger_view import print_json
    from autonama.ingestion.report import as_json

    print_json(as_json(run))


def _broken_off(job: ReplayJob, error: BaseException) -> RunOutcome:
    """The replay as this ended it, with what was done until then."""
    from autonama.ingestion.outcome import Interrupted, RunOutcome

    if isinstance(error, Interrupted):
        return error.outcome
    return RunOutcome(None, job.engine, "failed", job.dry_run, (), replay=True).broken_off(error)
