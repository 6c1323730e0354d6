"""The day: analyse, ingest, clean up, notify; each step knows how the one before it ended."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from autonama.analysis.analyze import Analysis
from autonama.cli.told import told
from autonama.config import Settings
from autonama.database.session import Session
from autonama.engines import load_engine
from autonama.errors import AutonamaError, DatabaseError, FilesError
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job
from autonama.ingestion.recorded import failed_before
from autonama.notify.news import Flip, flips_of

ENGINE = "vectorbt"
"""Whose layout the open engine writes."""

BOARD = """
SELECT count(*), max(analysis_date) FILTER (WHERE isfinite(analysis_date)) FROM trading.latest_alerts
WHERE engine = %(engine)s
"""


class NothingAnalysed(FilesError):
    """No symbol has a row. result: why each of them has none."""

    def __init__(self, result: Analysis) -> None:
        super().__init__("No symbol could be analysed, so there is nothing to publish.")
        self.result = result


@dataclass(frozen=True)
class Analysed:
    """What the analysis came to, and the files of its one result set; none where no symbol has a row."""

    result: Analysis
    files: tuple[Path, ...]
    elapsed_s: float


@dataclass(frozen=True)
class Board:
    """What the database holds of the engine. newest: analysis_date. max_hours: what `max_file_age_hours` allows."""

    alerts: int
    newest: datetime | None
    max_hours: float

    @property
    def hours(self) -> float | None:
        """Age of the newest analysis now."""
        return None if self.newest is None else (datetime.now(UTC) - self.newest).total_seconds() / 3600

    @property
    def stale(self) -> bool:
        """Whether nothing on it is as fresh as it has to be."""
        return self.hours is None or self.hours > self.max_hours


@dataclass(frozen=True)
class Day:
    """What a day came to.

    analysed: None where market data could not be had, which the run then failed of.
    board: None where the database could not be asked. services: how many may have been told.
    """

    analysed: Analysed | None
    run: RunOutcome
    flips: tuple[Flip, ...]
    board: Board | None
    services: int = 0

    @property
    def exit_code(self) -> int:
        """Of the first step that failed."""
        return self.run.exit_code


def run_day(settings: Settings, analyse: Callable[[], Analysed], publish: Callable[[Job], RunOutcome]) -> Day:
    """Do the steps in order. publish: `pipeline.ingest`, with what only the caller knows, such as its progress.

    Of the results directory only the set that this day wrote is published: another engine's set beside it is not this
    run's to judge, and its faults are not this run's exit code. Without market data the run is entered as failed, so
    that the dashboard shows it, and the age of what the database holds is told all the same.
    ConfigError where the wish itself is wrong.
    """
    try:
        analysed = analyse()
    except FilesError as error:
        nothing = Analysed(error.result, (), 0.0) if isinstance(error, NothingAnalysed) else None
        return _ended(settings, nothing, failed_before(settings, ENGINE, error))
    try:
        run = publish(Job(ENGINE, settings, analysed.files))
    except AutonamaError as error:
        run = RunOutcome(None, ENGINE, "failed", validate_only=False, sets=()).broken_off(error)
    return _ended(settings, analysed, run)


def _ended(settings: Settings, analysed: Analysed | None, run: RunOutcome) -> Day:
    """The day with what it changed and left behind, told to those who want to hear of it."""
    day = Day(analysed, told(settings, run), (), None, len(settings.notify.urls))
    if run.run_id is None or run.failure_code == DatabaseError.exit_code:
        return day
    try:
        with Session(settings) as session:
            flips = session.run(lambda conn: flips_of(conn, load_engine(ENGINE), run))
            return replace(day, flips=flips, board=session.run(lambda conn: _board(conn, settings)))
    except DatabaseError as error:
        unknown = f"What the database holds now could not be read: {error}"
        return replace(day, run=replace(day.run, notes=(*day.run.notes, unknown)))


def _board(conn: psycopg.Connection[Any], settings: Settings) -> Board:
    row = conn.execute(BOARD, {"engine": ENGINE}).fetchone()
    assert row is not None, "an aggregate yields its row"  # noqa: S101
    return Board(row[0], row[1], settings.validation.max_file_age_hours)
