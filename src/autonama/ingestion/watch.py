"""A directory is watched, and every result set published as soon as it is complete."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from autonama.config import Settings
from autonama.database.connect import connect
from autonama.engines import load_engine
from autonama.errors import AutonamaError, ConfigError, DatabaseError, FilesError
from autonama.ingestion.arrivals import Arrivals
from autonama.ingestion.changes import changes, unreachable
from autonama.ingestion.discover import ResultSet, patterns_of
from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.pipeline import Job, ingest
from autonama.ingestion.report.plain import counted
from autonama.ingestion.rules import rules_for
from autonama.visible import visible

REFRESH_S = 10.0
"""How often is looked although nothing was heard: a system's events can be lost, and a mount may have none."""

BATCH = 20
"""Sets of one run at the most. Each is read soon after it was found complete, and few are in memory at a time."""

BACKOFF_S = (1.0, 30.0)
"""The first wait for a database that is away, and the longest: each is twice the one before."""

REPEAT_S = 60.0
"""A server that goes and comes has several words for it within seconds. One trouble after so long is another one."""

OPEN_S = 30.0
"""After so long a set that only waits for being closed is spoken of."""

Kind = Literal["watching", "set", "known", "open", "waiting", "back", "failed", "gone", "returned"]


@dataclass(frozen=True)
class Watching:
    """What to watch. publish: ingests a job; with whatever else is to be done about a run."""

    directory: Path
    engines: tuple[str, ...]
    settings: Settings
    settle_s: float = 2.0
    poll: bool = False
    allow_stale: bool = False
    publish: Callable[[Job], RunOutcome] = ingest


@dataclass(frozen=True)
class Event:
    """What happened. outcome: the set that it is about; run: the run, also of one that failed."""

    kind: Kind
    message: str = ""
    engine: str | None = None
    outcome: SetOutcome | None = None
    run: RunOutcome | None = None


def watch(watching: Watching) -> Iterator[Event]:
    """Publish what lies in the directory, then what comes. Ends by KeyboardInterrupt only.

    ConfigError where an engine cannot be used, FilesError where the directory is not there to begin with. After that
    a database or directory that is away is waited for.
    """
    database = _Database(watching.settings)
    desks = [_Desk(watching, name, database) for name in watching.engines]
    if (reason := unreachable(watching.directory)) is not None:
        raise FilesError(f"{visible(watching.directory)} cannot be watched: {reason}. Check the name and the rights.")
    for desk in desks:
        desk.begin(time.monotonic())
    yield Event("watching", str(watching.directory))
    gone, looked = False, 0.0
    for changed in changes(watching.directory, listen=not watching.poll):
        reason = unreachable(watching.directory)
        if (reason is not None) != gone:
            gone = reason is not None
            yield Event("gone" if gone else "returned", reason or str(watching.directory))
        now = time.monotonic()
        refresh = now - looked >= REFRESH_S
        looked = now if refresh else looked
        for desk in desks if not gone else ():
            if changed or refresh or desk.busy:
                yield from desk.turn(now)


class _Database:
    """Whether the database takes anything: a trouble is told once, and tried again after ever longer waits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._trouble, self._told_at = "", 0.0
        self._wait_s, self._retry_at = BACKOFF_S[0], 0.0

    @property
    def resting(self) -> bool:
        """Whether the next try is still to come."""
        return time.monotonic() < self._retry_at

    def absence(self) -> DatabaseError | None:
        """Why nobody can connect just now; None where one can."""
        try:
            connect(self._settings, wait_s=0).close()
        except DatabaseError as error:
            return error
        return None

    def put_off(self, error: DatabaseError) -> bool:
        """Rest for a while. Whether this trouble is to be told."""
        now = time.monotonic()
        self._retry_at = now + self._wait_s
        self._wait_s = min(2 * self._wait_s, BACKOFF_S[1])
        if str(error) == self._trouble or (self._trouble and now - self._told_at < REPEAT_S):
            return False
        self._trouble, self._told_at = str(error), now
        return True

    def recovered(self) -> bool:
        """Note that it took something. Whether that ends a trouble that was told."""
        ends = bool(self._trouble)
        self._trouble, self._wait_s = "", BACKOFF_S[0]
        return ends


class _Desk:
    """The sets of one engine, and how they get into the database."""

    def __init__(self, watching: Watching, name: str, database: _Database) -> None:
        engine = load_engine(name)
        own = watching.settings.engine_settings(engine.name)
        if own is not None and not own.enabled:
            raise ConfigError(f"{name}.enabled is false in the configuration: set it to true to use this engine.")
        # What is wrong with the configuration is to be told now, and not with the first set.
        rules_for(engine, watching.settings, now=datetime.now(UTC), allow_stale=watching.allow_stale)
        zone = ZoneInfo(watching.settings.engine_timezone)
        self._watching, self._engine, self._database = watching, engine.name, database
        self._arrivals = Arrivals(patterns_of(engine, own), zone, watching.settle_s)
        self._held_since: dict[str, float] = {}
        self._ready = False
        self._first: set[str] = set()  # what lay there at the start and is not settled yet
        self._known = 0
        self._careful, self._failed = False, set[str]()

    @property
    def busy(self) -> bool:
        """Whether something is there that may become complete, or be published, with time alone."""
        return self._ready or self._arrivals.waiting

    def begin(self, now: float) -> None:
        """Look for the first time: of what lies there and is in the ledger, only the number is told."""
        self._arrivals.look(self._watching.directory, now)
        self._first = set(self._arrivals.names)

    def turn(self, now: float) -> Iterator[Event]:
        """Look, and publish what is complete: so many sets as one run takes."""
        ready = self._arrivals.look(self._watching.directory, now)
        self._ready = bool(ready)
        self._first &= set(self._arrivals.names)
        yield from self._held(now)
        if not ready and not self._arrivals.waiting:
            self._careful = False
            self._failed.clear()
        if ready and not self._database.resting:
            if (error := self._database.absence()) is not None:
                yield from self._put_off(error, None)
            else:
                yield from self._publish(self._chosen(ready))
        if self._known and not self._first:
            yield Event("known", f"{counted(self._known, 'set')} lay there that the ledger knows.", self._engine)
            self._known = 0

    def _chosen(self, ready: Sequence[ResultSet]) -> Sequence[ResultSet]:
        """All, or, after a run that failed, one at a time, so that no set keeps another from its place."""
        if not self._careful:
            return ready[:BATCH]
        rest = [one for one in ready if one.name not in self._failed]
        if not rest:
            self._failed.clear()
        return (rest or ready)[:1]

    def _publish(self, sets: Sequence[ResultSet]) -> Iterator[Event]:
        paths = tuple(path for one in sets for path in one.files)
        settings, allow_stale = self._watching.settings, self._watching.allow_stale
        run, error = None, None
        try:
            run = self._watching.publish(Job(self._engine, settings, paths, every=True, allow_stale=allow_stale))
        except AutonamaError as caught:
            error = caught
        if run is not None:
            error = _error_of(run)
            if error is None and self._database.recovered():
                yield Event("back", "The database takes sets again.", self._engine)
            yield from self._settled(run, sets)
        if isinstance(error, DatabaseError):
            self._failed |= {one.name for one in sets} if self._careful else set()
            self._careful = True
            yield from self._put_off(error, run)
        elif error is not None and len(sets) > 1:
            self._careful = True
        elif error is not None:
            self._arrivals.take(sets[0])
            yield Event("failed", f"{sets[0].name}: {error}", self._engine, run=run)

    def _settled(self, run: RunOutcome, sets: Sequence[ResultSet]) -> Iterator[Event]:
        """The sets of a run, one event each. One that its engine is still writing comes again."""
        by_name = {one.name: one for one in sets}
        for outcome in run.sets:
            if outcome.status == "changing":
                continue
            self._arrivals.take(by_name[outcome.name])
            if outcome.name in self._first and outcome.status in ("already_published", "already_refused"):
                self._known += 1
            else:
                yield Event("set", "", self._engine, outcome, run)
            self._first.discard(outcome.name)

    def _put_off(self, error: DatabaseError, run: RunOutcome | None) -> Iterator[Event]:
        if self._database.put_off(error):
            yield Event("waiting", str(error), self._engine, run=run)

    def _held(self, now: float) -> Iterator[Event]:
        """Sets that somebody keeps open for long, each told once."""
        since = {name: self._held_since.get(name, now) for name in self._arrivals.open}
        for name in [name for name, began in since.items() if now - began >= OPEN_S]:
            since[name] = float("inf")
            yield Event("open", f"{name} is still open to be written: it is published once it is closed.", self._engine)
        self._held_since = since


def _error_of(run: RunOutcome) -> AutonamaError | None:
    if run.error is None:
        return None
    return (DatabaseError if run.failure_code == DatabaseError.exit_code else AutonamaError)(run.error)
