"""`autonama ingest` and `autonama validate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.configured import configured
from autonama.cli.edge import shown, unread_output
from autonama.cli.options import ConfigOption, DatabaseUrlOption, EngineOption, JsonOption, ResultsDirOption
from autonama.cli.told import ingest_and_tell
from autonama.errors import AutonamaError, ConfigError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from autonama.config import Settings
    from autonama.ingestion.outcome import RunOutcome
    from autonama.ingestion.pipeline import Progress

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...", readable=False, help="Result files, or directories of them.", show_default=False
    ),
]
PatternOption = Annotated[
    str | None,
    typer.Option("--results-pattern", metavar="GLOB", help="Names to take, in place of the engine's own pattern."),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Every set that the ledger does not hold, oldest first, not just the newest.")
]
StaleOption = Annotated[bool, typer.Option("--allow-stale", help="Take files older than max_file_age_hours.")]
StrictOption = Annotated[
    bool | None,
    typer.Option(
        "--strict/--lenient",
        help="Strict: one error refuses the set. Lenient: bad rows go to quarantine. Default: strict_mode.",
        show_default=False,
    ),
]
ReportOption = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write an HTML page, too.")]
LogFormatOption = Annotated[str, typer.Option("--log-format", help="text, or json for machines.")]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, max=64, help="So many sets at once, each with a connection of its own.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="Hand the sets to the workers of a Dask scheduler, tcp://host:8786."
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="More of every list.")]


def ingest(
    paths: PathsArgument = None,
    engine: EngineOption = "vectorbt",
    config: ConfigOption = None,
    engine_results_dir: ResultsDirOption = None,
    results_pattern: PatternOption = None,
    every: AllOption = False,
    allow_stale: StaleOption = False,
    strict: StrictOption = None,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Stop before the database.")] = False,
    cleanup_days: Annotated[int | None, typer.Option("--cleanup-days", help="Days of data to keep.")] = None,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
    report: ReportOption = None,
    log_format: LogFormatOption = "text",
    verbose: VerboseOption = False,
) -> int:
    """Prove result files and publish them: the newest set, or with --all every one that is not in the ledger."""
    overrides = settings_given(
        engine_results_dir=engine_results_dir, strict=strict, database_url=database_url, cleanup_days=cleanup_days
    )
    look = _Look(as_json, report, log_format, verbose)
    choice = _Choice(engine, tuple(paths or ()), results_pattern, every, allow_stale, _workers(workers, scheduler))
    if validate_only and choice.workers != ALONE:
        raise ConfigError("--workers and --scheduler are for publishing: leave them away, or --validate-only.")
    return _perform(choice, config, overrides, look, validate_only=validate_only)


def validate(
    paths: PathsArgument = None,
    engine: EngineOption = "vectorbt",
    config: ConfigOption = None,
    engine_results_dir: ResultsDirOption = None,
    results_pattern: PatternOption = None,
    every: AllOption = False,
    allow_stale: StaleOption = False,
    strict: StrictOption = None,
    as_json: JsonOption = False,
    report: ReportOption = None,
    log_format: LogFormatOption = "text",
    verbose: VerboseOption = False,
) -> int:
    """Prove result files and say what is wrong with them. No database is touched; with --all every set is judged."""
    overrides = settings_given(engine_results_dir=engine_results_dir, strict=strict)
    look = _Look(as_json, report, log_format, verbose)
    choice = _Choice(engine, tuple(paths or ()), results_pattern, every, allow_stale)
    return _perform(choice, config, overrides, look, validate_only=True)


@dataclass(frozen=True)
class _Workers:
    """Who takes the sets: so many threads here, or the workers of a scheduler."""

    count: int = 1
    scheduler: str | None = None


ALONE = _Workers()


def _workers(count: int, scheduler: str | None) -> _Workers:
    if scheduler is not None and count > 1:
        raise ConfigError("--workers is of this machine, and a --scheduler has workers of its own: name one of them.")
    return _Workers(count, scheduler)


@dataclass(frozen=True)
class _Choice:
    """Which files, of which engine, taken by whom."""

    engine: str
    paths: tuple[Path, ...]
    pattern: str | None
    every: bool
    allow_stale: bool
    workers: _Workers = ALONE


@dataclass(frozen=True)
class _Look:
    """How the outcome is shown."""

    as_json: bool
    report: Path | None
    log_format: str
    verbose: bool


def settings_given(
    *,
    engine_results_dir: Path | None = None,
    strict: bool | None = None,
    database_url: str | None = None,
    cleanup_days: int | None = None,
) -> dict[str, object]:
    """Settings that flags gave, by their keys."""
    given = {
        "engine_results_dir": engine_results_dir,
        "database_url": database_url,
        "cleanup_days": cleanup_days,
        "validation": None if strict is None else {"strict_mode": strict},
    }
    return {name: value for name, value in given.items() if value is not None}


def _perform(
    choice: _Choice, config: Path | None, overrides: dict[str, object], look: _Look, *, validate_only: bool
) -> int:
    try:
        run = _settled(choice, config, overrides, look, validate_only=validate_only)
    except AutonamaError as error:
        if look.as_json:
            _print_json(_broken_off(choice.engine, error, validate_only=validate_only))
        raise
    except KeyboardInterrupt as ending:
        if look.as_json:
            _print_json(_broken_off(choice.engine, ending, validate_only=validate_only))
        raise
    show = _print_json if look.as_json else lambda told: _print_run(told, look)
    # What was done is said first, and stays the exit code even where nobody reads it to its end.
    with unread_output():
        show(run)
    if look.report is not None:
        from autonama.ingestion.report import write_html

        write_html(run, look.report)
    return run.exit_code


def _settled(
    choice: _Choice, config: Path | None, overrides: dict[str, object], look: _Look, *, validate_only: bool
) -> RunOutcome:
    from autonama.ingestion.pipeline import Job, check
    from autonama.ingestion.report.log import log_run
    from autonama.logs import logging_to

    settings = configured(config, **overrides)
    with (
        logging_to(settings, choice.engine, log_format=look.log_format),
        _executor(choice.workers, settings) as executor,
        shown_progress() as progress,
    ):
        job = Job(
            choice.engine,
            settings,
            choice.paths,
            choice.pattern,
            every=choice.every,
            allow_stale=choice.allow_stale,
            clean_up="cleanup_days" in overrides,
            progress=progress,
            workers=choice.workers.count,
            executor=executor,
        )
        run = check(job) if validate_only else ingest_and_tell(job)
        log_run(run)
    return run


def _executor(workers: _Workers, settings: Settings) -> AbstractContextManager[Executor | None]:
    if workers.scheduler is None:
        return nullcontext()
    from autonama.ingestion.scheduler import workers_of

    return workers_of(workers.scheduler, settings)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A progress bar on stderr, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _done, _all, _name: None
        return
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from autonama.cli.console import Console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Looking", total=None)
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=escape(shown(name)))


def _print_run(run: RunOutcome, look: _Look) -> None:
    from autonama.cli.console import Console
    from autonama.ingestion.report.terminal import print_run

    print_run(run, Console(), verbose=look.verbose)


def _print_json(run: RunOutcome) -> None:
    from autonama.ingestion.report import as_json

    sys.stdout.write(json.dumps(as_json(run), ensure_ascii=False) + "\n")


def _broken_off(engine: str, error: BaseException, *, validate_only: bool) -> RunOutcome:
    """The run as this ended it, with what was done until then."""
    from autonama.ingestion.outcome import Interrupted, RunOutcome

    if isinstance(error, Interrupted):
        return error.outcome
    return RunOutcome(None, engine, "failed", validate_only, ()).broken_off(error)
