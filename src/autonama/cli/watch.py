"""`autonama watch`."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autonama.cli.configured import configured
from autonama.cli.options import ConfigOption, DatabaseUrlOption
from autonama.cli.told import told
from autonama.errors import AutonamaError, ConfigError, DatabaseError
from autonama.visible import visible

if TYPE_CHECKING:
    from autonama.config import Settings
    from autonama.ingestion.outcome import RunOutcome, SetOutcome
    from autonama.ingestion.pipeline import Job
    from autonama.ingestion.watch import Event

DirectoryArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]",
        readable=False,
        help="Where the engines write. Default: engine_results_dir.",
        show_default=False,
    ),
]
EnginesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--engine", metavar="NAME", help="Whose files to take; more than once for several. Default: vectorbt."
    ),
]
SettleOption = Annotated[
    float,
    typer.Option(
        "--settle", metavar="SECONDS", help="A file is complete that nobody touched for so long. 0.1 to 3600."
    ),
]
PollOption = Annotated[
    bool, typer.Option("--poll", help="Look again and again: for network drives, which send no events.")
]
JsonLinesOption = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]
StaleOption = Annotated[bool, typer.Option("--allow-stale", help="Take files older than max_file_age_hours.")]
LogFormatOption = Annotated[str, typer.Option("--log-format", help="text, or json for machines.")]


def watch(
    directory: DirectoryArgument = None,
    engine: EnginesOption = None,
    config: ConfigOption = None,
    settle: SettleOption = 2.0,
    poll: PollOption = False,
    allow_stale: StaleOption = False,
    database_url: DatabaseUrlOption = None,
    as_json: JsonLinesOption = False,
    log_format: LogFormatOption = "text",
) -> int:
    """Publish every result set as soon as it is complete, one line each, until Ctrl-C or SIGTERM."""
    if not 0.1 <= settle <= 3600:
        raise ConfigError(f"--settle is {settle:g}, and has to be a number of seconds from 0.1 to 3600.")
    from autonama.ingestion.outcome import Interrupted
    from autonama.ingestion.watch import Watching
    from autonama.ingestion.watch import watch as events

    settings = configured(config, database_url=database_url, engine_results_dir=directory)
    engines = tuple(dict.fromkeys(engine or ["vectorbt"]))
    clerk = _Clerk(settings, as_json=as_json, log_format=log_format)
    watching = Watching(settings.engine_results_dir, engines, settings, settle, poll, allow_stale, clerk.publish)
    try:
        with _no_waits_told():
            for event in events(watching):
                clerk.enter(event)
    except Interrupted as ending:
        for outcome in ending.outcome.sets:
            clerk.write(outcome.status, outcome.name, ending.outcome.engine, outcome, ending.outcome)
        clerk.write("ended", str(ending))
        raise
    except KeyboardInterrupt:
        clerk.write("ended", "Nothing was under way.")
        raise
    return 0


class _Clerk:
    """Keeps the minutes: a line on stdout for each event, the log, the messages to those who want to know."""

    def __init__(self, settings: Settings, *, as_json: bool, log_format: str) -> None:
        self._settings, self._as_json, self._log_format = settings, as_json, log_format

    def publish(self, job: Job) -> RunOutcome:
        """Ingest, and tell of it. Of a run that failed `enter` tells, once for each trouble."""
        from autonama.ingestion.pipeline import ingest
        from autonama.ingestion.report.log import log_run
        from autonama.logs import logging_to

        with logging_to(self._settings, job.engine, log_format=self._log_format):
            run = ingest(job)
            run = run if run.error is not None else told(self._settings, run)
            log_run(run)
        for note in run.notes:
            self.write("note", note, job.engine, run=run)
        return run

    def enter(self, event: Event) -> None:
        """Write what happened."""
        from autonama.ingestion.outcome import RunOutcome

        if event.outcome is not None:
            self.write(event.outcome.status, _about(event.outcome), event.engine, event.outcome, event.run)
            return
        self.write(event.kind, event.message, event.engine, run=event.run)
        self._log(event)
        if event.kind in ("waiting", "failed") and event.engine is not None:
            run = event.run or RunOutcome(None, event.engine, "failed", validate_only=False, sets=())
            failed = replace(run, status="failed", error=event.message, notes=(), failure_code=_code(event))
            for note in told(self._settings, failed).notes:
                self.write("note", note, event.engine)

    def write(
        self,
        word: str,
        message: str,
        engine: str | None = None,
        outcome: SetOutcome | None = None,
        run: RunOutcome | None = None,
    ) -> None:
        """One line, at once."""
        name = None if outcome is None else outcome.name
        if self._as_json:
            line = json.dumps(_object(word, message, engine, outcome, run), ensure_ascii=False)
        else:
            number = f" (run {run.run_id})" if run is not None and run.run_id is not None else ""
            told = " ".join(part for part in (f"{word.replace('_', ' '):<17}", name and f"{name}:", message) if part)
            line = visible(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {told}{number}")
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def _log(self, event: Event) -> None:
        from autonama.logs import logging_to

        level = logging.WARNING if event.kind in ("waiting", "failed", "gone") else logging.INFO
        with logging_to(self._settings, log_format=self._log_format):
            logging.getLogger("autonama.watch").log(level, "%s: %s", event.kind, event.message)


def _code(event: Event) -> int:
    """A trouble with the database is one that `notify` need not ask the database about."""
    return DatabaseError.exit_code if event.kind == "waiting" else AutonamaError.exit_code


def _about(outcome: SetOutcome) -> str:
    """Counts, and of what went wrong the first finding."""
    from autonama.ingestion.report.findings import findings
    from autonama.ingestion.report.status import KNOWN

    if outcome.status in KNOWN:
        return " ".join(outcome.notes) or "Published before."
    counts = outcome.counts
    text = f"{counts.read:,} read, {counts.inserted:,} inserted, {counts.updated:,} updated, "
    text += f"{counts.unchanged:,} unchanged, {counts.quarantined:,} in quarantine"
    first = next((one for one in findings(outcome.issues, 1) if one.severity == "error"), None)
    return text if first is None else f"{text}; {first.folded()}"


def _object(
    word: str, message: str, engine: str | None, outcome: SetOutcome | None, run: RunOutcome | None
) -> dict[str, Any]:
    from autonama.ingestion.report import as_json

    told = None if outcome is None or run is None else as_json(replace(run, sets=(outcome,)))["sets"][0]
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": word,
        "engine": engine,
        "run_id": None if run is None else run.run_id,
        "set": told and {key: told[key] for key in ("name", "sha256", "files", "rows", "alerts", "issue_counts")},
        "message": message.encode("utf-8", "backslashreplace").decode(),
    }


@contextmanager
def _no_waits_told() -> Iterator[None]:
    """A database that lets itself be waited for is an event here, told once, and no line on stderr at every try."""
    waiting = logging.getLogger("autonama.waiting")
    waiting.addFilter(_nothing)
    try:
        yield
    finally:
        waiting.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
