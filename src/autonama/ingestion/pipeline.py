"""The stages in order, and the only file that knows them all: discover, read, validate, publish, clean up."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from autonama.config import Settings
from autonama.database import ledger, migrate, retention
from autonama.database.connect import conninfo
from autonama.database.session import Session
from autonama.engines import Engine, engine_tables, load_engine, vectorbt_pro
from autonama.engines.contract import Rule
from autonama.errors import ConfigError, FileChanging
from autonama.faults import reach
from autonama.ingestion.discover import ResultSet, discover, patterns_of
from autonama.ingestion.errand import Errand, require_same, with_own_database, without_secrets
from autonama.ingestion.hands import Elsewhere, threads
from autonama.ingestion.judge import Judged, judge, max_bytes
from autonama.ingestion.load import may_be_replaced, replaced
from autonama.ingestion.outcome import RunOutcome, SetOutcome, SetStatus
from autonama.ingestion.publish import Publication, Refused, issue_counts, publish, record_rejection
from autonama.ingestion.read import Fingerprint, fingerprint
from autonama.ingestion.recorded import recorded
from autonama.ingestion.rules import RuleSet, rules_for
from autonama.ingestion.spread import Hands, Seen, Turns, spread
from autonama.ingestion.streamed import Streamed, is_long
from autonama.visible import visible

TIME_RULES = frozenset({"analysis_date_valid", "file_age"})
"""What these say of the same bytes changes with the clock: a set that they refused is looked at again."""

Progress = Callable[[int, int, str], None]


def _untold(_done: int, _all: int, _name: str) -> None:
    return


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
    executor: who takes the sets in place of this process, perhaps on other machines; they connect by themselves.
    """

    engine: str
    settings: Settings
    paths: tuple[Path, ...] = ()
    pattern: str | None = None
    every: bool = False
    allow_stale: bool = False
    clean_up: bool = False
    rules: tuple[Rule, ...] = ()
    progress: Progress = _untold
    workers: int = 1
    executor: Executor | None = None


def check(job: Job) -> RunOutcome:
    """Discover, read, validate; no database is touched."""
    began = time.perf_counter()
    plan = _plan(job)
    judged = [_check_set(plan, result_set) for result_set in plan.sets_in_turn()]
    return RunOutcome(None, plan.engine.name, "nothing_new", validate_only=True, sets=()).ended(judged, began)


def ingest(job: Job) -> RunOutcome:
    """Discover, read, validate, publish, clean up; the ledger remembers all of it.

    An error of the database ends the run: it is in the outcome, and what was published before it stays published.
    """
    began = time.perf_counter()
    plan = _plan(job)
    engine = plan.engine.name
    with Session(job.settings) as session:
        notes = session.run(lambda conn: migrate.upgrade(conn, conninfo(job.settings)))
        run_id = session.run(lambda conn: ledger.start_run(conn, engine, _options(job)))
        session.on_connect = lambda conn: ledger.hold_run(conn, run_id)

        def work(outcomes: list[SetOutcome]) -> dict[str, int]:
            if job.executor is not None or (job.workers > 1 and len(plan.sets) > 1):
                _ingest_at_once(plan, session, run_id, outcomes)
            else:
                for result_set in plan.sets_in_turn():
                    outcomes.append(_ingest_set(plan, session, run_id, result_set))
            return _clean_up(job, session, outcomes)

        run = RunOutcome(run_id, engine, "nothing_new", validate_only=False, sets=(), notes=tuple(notes))
        return recorded(session, run, began, work)


def ingest_elsewhere(errand: Errand, result_set: ResultSet, seen: Seen) -> SetOutcome:
    """Publish one set of a run that another process began, by this machine's own connection to the database.

    ConfigError where this machine would do otherwise than that process does.
    """
    job = replace(errand.job, settings=with_own_database(errand.job.settings))
    plan = _plan(job, sets=(result_set,), now=errand.now)
    with Session(job.settings) as session:
        require_same(errand, plan.rules.version, session, job.settings)
        return _ingest_set(plan, session, errand.run_id, result_set, seen).portable()


def select(job: Job) -> tuple[Engine, RuleSet, Sequence[ResultSet]]:
    """A job's engine, what its files are judged by, and the sets that it takes, oldest first; nothing is read."""
    plan = _plan(job)
    return plan.engine, plan.rules, plan.sets


@dataclass(frozen=True)
class _Plan:
    """A job with the engine, what its files are judged by, and the sets to look at, oldest first."""

    job: Job
    engine: Engine
    rules: RuleSet
    sets: Sequence[ResultSet]
    now: datetime

    def begin(self, result_set: ResultSet, first: Fingerprint | None = None) -> Judged | Streamed:
        """A set on its way to a verdict: a long file is judged while its rows are taken, any other at once."""
        if is_long(result_set):
            return Streamed(result_set, self.engine, self.rules, self.job.settings, first)
        return judge(result_set, self.engine, self.rules, self.job.settings)

    def judge(self, result_set: ResultSet) -> Judged:
        judging = self.begin(result_set)
        for _ in judging.blocks():
            pass
        return judging.judged()

    def look(self, result_set: ResultSet) -> list[Fingerprint | None]:
        """What tells the content of each file; None for one that cannot be read."""
        return _look(max_bytes(self.job.settings), result_set)

    def sets_in_turn(self) -> Iterator[ResultSet]:
        """The sets, each told to the job's progress before it is taken."""
        for done, result_set in enumerate(self.sets):
            self.job.progress(done, len(self.sets), result_set.name)
            yield result_set
        self.job.progress(len(self.sets), len(self.sets), "")


def _look(most: int, result_set: ResultSet) -> list[Fingerprint | None]:
    return [fingerprint(path, max_bytes=most) for path in result_set.files]


def _plan(job: Job, *, sets: Sequence[ResultSet] | None = None, now: datetime | None = None) -> _Plan:
    settings, engine = job.settings, load_engine(job.engine)
    own = settings.engine_settings(engine.name)
    if own is not None and not own.enabled:
        raise ConfigError(f"{engine.name}.enabled is false in the configuration: set it to true to use this engine.")
    now = now or datetime.now(UTC)
    rules = rules_for(engine, settings, now=now, allow_stale=job.allow_stale, extra=job.rules)
    if sets is not None:
        return _Plan(job, engine, rules, sets, now)
    patterns = [job.pattern] if job.pattern else patterns_of(engine, own)
    sets = discover(job.paths or (settings.engine_results_dir,), patterns, zone=ZoneInfo(settings.engine_timezone))
    return _Plan(job, engine, rules, sets if job.every else _wanted(sets, job.paths), now)


def _wanted(sets: Sequence[ResultSet], paths: Sequence[Path]) -> Sequence[ResultSet]:
    """Every set of which a file was named, and of each directory the newest; oldest first, as `sets`."""
    named = {path for path in paths if not path.is_dir()}
    newest = {result_set.files[0].parent: result_set for result_set in sets if not named & set(result_set.files)}
    return [result_set for result_set in sets if named & set(result_set.files) or result_set in newest.values()]


def _check_set(plan: _Plan, result_set: ResultSet) -> SetOutcome:
    try:
        judged = plan.judge(result_set)
    except FileChanging as changing:
        return SetOutcome.untouched(result_set, "changing", str(changing))
    accepted: SetStatus = "quarantined" if judged.verdict.bad.height else "valid"
    return SetOutcome.of(judged, accepted if judged.accepted else "rejected")


def _ingest_at_once(plan: _Plan, session: Session, run_id: int, outcomes: list[SetOutcome]) -> None:
    """Several sets at a time, by threads of this process or by the job's executor."""

    def told(done: int, name: str) -> None:
        plan.job.progress(done, len(plan.sets), name)

    beat = partial(session.run, lambda conn: ledger.run_began(conn, run_id))
    turns = Turns(lambda one: _ingest_set(plan, session, run_id, one), beat, told)
    with _hands(plan, session, run_id) as hands:
        spread(plan.sets, hands, turns, outcomes)


def _hands(plan: _Plan, session: Session, run_id: int) -> AbstractContextManager[Hands]:
    job = plan.job
    if job.executor is None:

        def take(own: Session, result_set: ResultSet, seen: Seen) -> SetOutcome:
            return _ingest_set(plan, own, run_id, result_set, seen)

        return threads(min(job.workers, len(plan.sets)), lambda: Session(job.settings), plan.look, take)
    began = session.run(lambda conn: ledger.run_began(conn, run_id))
    assert began is not None, "the run was entered a moment ago"  # noqa: S101
    asked = replace(job, settings=without_secrets(job.settings), paths=(), progress=_untold, executor=None)
    errand = Errand(asked, plan.rules.version, plan.now, run_id, began)
    look = partial(_look, max_bytes(job.settings))
    return nullcontext(Elsewhere(job.executor, look, partial(ingest_elsewhere, errand)))


def _ingest_set(
    plan: _Plan, session: Session, run_id: int, result_set: ResultSet, first_look: Seen | None = None
) -> SetOutcome:
    """first_look: at a set that only this call takes: what the run holds of it, it holds from an attempt cut short."""
    try:
        seen = first_look or plan.look(result_set)
        again = None if first_look is None else run_id
        if (known := _known(plan, session, result_set, seen, again)) is not None:
            return known
        judging = plan.begin(result_set, seen[0])
        if first_look is not None:
            _require_unchanged(judging, first_look)
        return _publish(plan, session, run_id, result_set, judging)
    except FileChanging as changing:
        return SetOutcome.untouched(result_set, "changing", str(changing))


def _require_unchanged(judging: Judged | Streamed, first_look: Seen) -> None:
    """FileChanging where a file is another than it was for whom looked at it first, or cannot be read here."""
    for source, seen in zip(judging.sources, first_look, strict=True):
        if seen is None or source.sha256 != seen.sha256:
            raise FileChanging(
                f"{visible(source.path)} is another than it was a moment ago, or than another machine sees it. It is "
                "left for the next look."
            )


def _publish(
    plan: _Plan, session: Session, run_id: int, result_set: ResultSet, judging: Judged | Streamed
) -> SetOutcome:
    publication = Publication(run_id, plan.engine, result_set.name, plan.rules.version)
    try:
        if isinstance(judging, Judged) and not judging.accepted:
            raise Refused
        published = session.run(lambda conn: publish(conn, publication, judging))
    except Refused:
        session.run(lambda conn: record_rejection(conn, publication, judging))
        return SetOutcome.of(judging.judged(), "rejected")
    if published.file_id is None:
        return SetOutcome.untouched(result_set, "already_published", sha256=judging.sources[0].sha256)
    status: SetStatus = "quarantined" if published.rows.quarantined else "published"
    return replace(SetOutcome.of(judging.judged(), status), counts=published.rows, alerts=published.alerts)


def _known(
    plan: _Plan, session: Session, result_set: ResultSet, seen: Seen, again: int | None = None
) -> SetOutcome | None:
    """The outcome of a set that the ledger knows, so that nothing is to do; None where it has to be looked at.

    again: the run whose own entries do not count, as they are of this very set.
    """
    sums = [one.sha256 for one in seen if one is not None]
    if len(sums) < len(seen):
        return None
    known = session.run(lambda conn: ledger.published(conn, plan.engine.name, set(sums)))
    if again is not None and known.get(sums[0], (0, None))[1] == again:
        return None
    if known.keys() == set(sums):
        first, run_id = min(known.values())
        notes = (f"Published by run {run_id}.", *_replaced_since(plan, session, result_set, first))
        return SetOutcome.untouched(result_set, "already_published", *notes, sha256=sums[0])
    return _refused_before(plan, session, result_set, sums, again) if plan.job.every else None


def _refused_before(
    plan: _Plan, session: Session, result_set: ResultSet, sums: Sequence[str], again: int | None
) -> SetOutcome | None:
    version = plan.rules.version
    refusal = session.run(lambda conn: ledger.refused(conn, plan.engine.name, sums, version))
    if refusal is None or refusal.run_id == again:
        return None
    if TIME_RULES & refusal.issue_counts.keys():
        judged = plan.judge(result_set)
        if judged.accepted or issue_counts(judged.verdict.issues) != refusal.issue_counts:
            return None
    note = f"Refused with the same bytes and rules by run {refusal.run_id}."
    return SetOutcome.untouched(result_set, "already_refused", note, sha256=sums[0])


def _replaced_since(plan: _Plan, session: Session, result_set: ResultSet, file_id: int) -> list[str]:
    """A sentence for every set that replaced rows of this one: content that came back does not count again."""
    engine, days = plan.engine, plan.job.settings.cleanup_days
    if not session.run(lambda conn: may_be_replaced(conn, engine, file_id, days)):
        return []
    found = session.run(lambda conn: replaced(conn, engine, file_id, plan.begin(result_set).blocks()))
    return [
        f"{count:,} of its rows {'was' if count == 1 else 'were'} replaced since by {name} (run {run_id}), and the "
        "same bytes are published once: to bring them back, run the engine again, so that a later file holds them."
        for name, run_id, count in found
    ]


def _clean_up(job: Job, session: Session, outcomes: Sequence[SetOutcome]) -> dict[str, int]:
    """Retention follows good news only: while an engine is broken or silent, its last good rows stay."""
    statuses = {outcome.status for outcome in outcomes}
    if "rejected" in statuses or not (job.clean_up or statuses & {"published", "quarantined"}):
        return {}
    reach("cleaning")
    return session.run(lambda conn: retention.cleanup(conn, job.settings.cleanup_days, tables=engine_tables()))


def _options(job: Job) -> dict[str, Any]:
    """What the ledger keeps of how a run was asked for."""
    return {
        "paths": [os.fsencode(path).decode("utf-8", "backslashreplace") for path in job.paths],
        "every": job.every,
        "allow_stale": job.allow_stale,
        "strict": job.settings.validation.strict_mode,
        "vectorbtpro": vectorbt_pro(),
    }
