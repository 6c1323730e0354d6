"""What a job comes to: the engine, the rules, and the sets to look at."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from autonama.config import Settings
from autonama.engines import Engine, load_engine
from autonama.engines.contract import Rule
from autonama.errors import ConfigError
from autonama.ingestion.discover import ResultSet, discover, patterns_of
from autonama.ingestion.errand import Errand, without_secrets
from autonama.ingestion.judge import Judged, judge, max_bytes
from autonama.ingestion.read import Fingerprint, fingerprint
from autonama.ingestion.rules import RuleSet, rules_for
from autonama.ingestion.slices import Slices, is_huge
from autonama.ingestion.streamed import Streamed, is_long

Progress = Callable[[int, int, str], None]


def untold(_done: int, _all: int, _name: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Job:
    """What to ingest or validate.

    paths: result files or directories; empty: the results directory of the settings.
    pattern: a glob in place of the engine's own.
    every: all sets instead of the newest one.
    clean_up: delete what is older than cleanup_days also where nothing new was published.
    rules: custom ones, beside the engine's.
    progress: called with the number of sets done, of all sets, and the name of the next one, or of the last one where
        several are under way.
    workers: so many sets at once, in threads of this process; for `ingest`.
    executor: who takes the sets in place of this process, perhaps on other machines; they connect by themselves. Of a
        huge Parquet file they judge slices, and this process publishes it.
    """

    engine: str
    settings: Settings
    paths: tuple[Path, ...] = ()
    pattern: str | None = None
    every: bool = False
    allow_stale: bool = False
    clean_up: bool = False
    rules: tuple[Rule, ...] = ()
    progress: Progress = untold
    workers: int = 1
    executor: Executor | None = None


@dataclass(frozen=True)
class Plan:
    """A job with the engine, what its files are judged by, and the sets to look at, oldest first."""

    job: Job
    engine: Engine
    rules: RuleSet
    sets: Sequence[ResultSet]
    now: datetime

    def begin(self, result_set: ResultSet, first: Fingerprint | None = None) -> Judged | Streamed:
        """A set on its way to a verdict: a long file is judged while its rows are taken, any other at once."""
        if is_long(result_set):
            executor = self.job.executor
            slices = Slices(executor, self.errand()) if executor is not None and is_huge(result_set) else None
            return Streamed(result_set, self.engine, self.rules, self.job.settings, first, slices=slices)
        return judge(result_set, self.engine, self.rules, self.job.settings)

    def judge(self, result_set: ResultSet) -> Judged:
        """The verdict on a set, with nothing done with its rows."""
        judging = self.begin(result_set)
        for _ in judging.blocks():
            pass
        return judging.judged()

    def stays(self, result_set: ResultSet) -> bool:
        """Whether an executor's workers judge slices of a set, so that the set itself stays with this process."""
        return self.job.executor is not None and is_huge(result_set)

    def errand(self) -> Errand:
        """What a worker in another process has to know."""
        settings = without_secrets(self.job.settings)
        job = replace(self.job, settings=settings, paths=(), progress=untold, executor=None)
        return Errand(job, self.rules.version, self.now)

    def look(self, result_set: ResultSet) -> list[Fingerprint | None]:
        """What tells the content of each file; None for one that cannot be read."""
        return look(max_bytes(self.job.settings), result_set)

    def sets_in_turn(self) -> Iterator[ResultSet]:
        """The sets, each told to the job's progress before it is taken."""
        for done, result_set in enumerate(self.sets):
            self.job.progress(done, len(self.sets), result_set.name)
            yield result_set
        self.job.progress(len(self.sets), len(self.sets), "")


def look(most: int, result_set: ResultSet) -> list[Fingerprint | None]:
    """What tells the content of each of a set's files. most: the largest content that is read, in bytes."""
    return [fingerprint(path, max_bytes=most) for path in result_set.files]


def plan(job: Job, *, sets: Sequence[ResultSet] | None = None, now: datetime | None = None) -> Plan:
    """The plan of a job. ConfigError where its engine is unknown or switched off, FilesError where there is no file.

    sets: those to take, where that is settled already. now: the time of the run that they are of.
    """
    settings, engine = job.settings, load_engine(job.engine)
    own = settings.engine_settings(engine.name)
    if own is not None and not own.enabled:
        raise ConfigError(f"{engine.name}.enabled is false in the configuration: set it to true to use this engine.")
    now = now or datetime.now(UTC)
    rules = rules_for(engine, settings, now=now, allow_stale=job.allow_stale, extra=job.rules)
    if sets is not None:
        return Plan(job, engine, rules, sets, now)
    patterns = [job.pattern] if job.pattern else patterns_of(engine, own)
    sets = discover(job.paths or (settings.engine_results_dir,), patterns, zone=ZoneInfo(settings.engine_timezone))
    return Plan(job, engine, rules, sets if job.every else _wanted(sets, job.paths), now)


def _wanted(sets: Sequence[ResultSet], paths: Sequence[Path]) -> Sequence[ResultSet]:
    """Every set of which a file was named, and of each directory the newest; oldest first, as `sets`."""
    named = {path for path in paths if not path.is_dir()}
    newest = {result_set.files[0].parent: result_set for result_set in sets if not named & set(result_set.files)}
    return [result_set for result_set in sets if named & set(result_set.files) or result_set in newest.values()]
