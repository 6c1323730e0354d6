"""The stages in order, and the only file that knows them all: discover, read, validate, publish, clean up."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from autonama.config import Settings
from autonama.database import ledger, migrate, retention
from autonama.database.connect import conninfo
from autonama.database.session import Session
from autonama.engines import Engine, load_engine, vectorbt_pro
from autonama.engines.contract import Rule
from autonama.errors import AutonamaError, ConfigError, FileChanging
from autonama.faults import reach
from autonama.ingestion.discover import ResultSet, discover
from autonama.ingestion.issues import no_issues
from autonama.ingestion.judge import Judged, judge, max_bytes
from autonama.ingestion.outcome import AlertCounts, RowCounts, RunOutcome, SetOutcome, SetStatus, run_status
from autonama.ingestion.publish import Publication, issue_counts, publish, record_rejection
from autonama.ingestion.read import digest
from autonama.ingestion.recorded import remember
from autonama.ingestion.rules import RuleSet, rules_for

TIME_RULES = frozenset({"analysis_date_valid", "file_age"})
"""What these say of the same bytes changes with the clock: a set that they refused is looked at again."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """What to ingest or validate.

    paths: result files or directories; empty: the results directory of the settings.
    pattern: a glob in place of the engine's own.
    every: all sets instead of the newest one.
    clean_up: delete what is older than cleanup_days also where nothing new was published.
    rules: custom ones, beside the engine's.
    progress: called with the number of sets done, of all sets, and the name of the next one.
    """

    engine: str
    settings: Settings
    paths: tuple[Path, ...] = ()
    pattern: str | None = None
    every: bool = False
    allow_stale: bool = False
    clean_up: bool = False
    rules: tuple[Rule, ...] = ()
    progress: Progress = field(default=lambda _done, _all, _name: None)


def check(job: Job) -> RunOutcome:
    """Discover, read, validate; no database is touched."""
    began = time.perf_counter()
    engine, rules, sets = _prepare(job)
    outcomes: list[SetOutcome] = []
    for result_set in _reported(sets, job.progress):
        try:
            judged = judge(result_set, engine, rules, job.settings)
        except FileChanging as changing:
            outcomes.append(_untouched(result_set, "changing", str(changing)))
        else:
            accepted: SetStatus = "quarantined" if judged.verdict.bad.height else "valid"
            outcomes.append(_outcome(judged, accepted if judged.accepted else "rejected"))
    return _finished(engine, outcomes, (), began, validate_only=True)


def ingest(job: Job) -> RunOutcome:
    """Discover, read, validate, publish, clean up; the ledger remembers all of it.

    An error of the database ends the run: it is in the outcome, and what was published before it stays published.
    """
    began = time.perf_counter()
    engine, rules, sets = _prepare(job)
    outcomes: list[SetOutcome] = []
    notes: list[str] = []
    with Session(job.settings) as session:
        notes += session.run(lambda conn: migrate.ensure(conn, conninfo(job.settings)))
        run_id = session.run(lambda conn: ledger.start_run(conn, engine.name, _options(job)))
        session.on_connect = lambda conn: ledger.hold_run(conn, run_id)
        reach("started")
        try:
            for result_set in _reported(sets, job.progress):
                try:
                    outcomes.append(_ingest_set(job, session, run_id, engine, rules, result_set))
                except FileChanging as changing:
                    outcomes.append(_untouched(result_set, "changing", str(changing)))
            removed = _clean_up(job, session, outcomes)
        except AutonamaError as error:
            outcome = _finished(engine, outcomes, notes, began, run_id=run_id, error=error)
            return remember(session, outcome)
        except BaseException as ending:
            ended = _finished(engine, outcomes, notes, began, run_id=run_id, error=ending)
            remember(session, ended, ending)
            raise
        return remember(session, _finished(engine, outcomes, notes, began, run_id=run_id, removed=removed))


def _prepare(job: Job) -> tuple[Engine, RuleSet, Sequence[ResultSet]]:
    """The engine, what its files are judged by, and the sets to look at, oldest first."""
    settings, engine = job.settings, load_engine(job.engine)
    own = settings.engine_settings(engine.name)
    if own is not None and not own.enabled:
        raise ConfigError(f"{engine.name}.enabled is false in the configuration: set it to true to use this engine.")
    now = datetime.now(UTC)
    rules = rules_for(engine, settings, now=now, allow_stale=job.allow_stale, extra=job.rules)
    configured = (own.results_pattern, own.json_pattern) if own else ()
    patterns = [job.pattern] if job.pattern else [glob for glob in configured if glob] or list(engine.patterns)
    sets = discover(job.paths or (settings.engine_results_dir,), patterns, zone=ZoneInfo(settings.engine_timezone))
    return engine, rules, sets if job.every else _wanted(sets, job.paths)


def _wanted(sets: Sequence[ResultSet], paths: Sequence[Path]) -> Sequence[ResultSet]:
    """Every set of which a file was named, and of each directory the newest; oldest first, as `sets`."""
    named = {path for path in paths if not path.is_dir()}
    newest = {result_set.files[0].parent: result_set for result_set in sets if not named & set(result_set.files)}
    return [result_set for result_set in sets if named & set(result_set.files) or result_set in newest.values()]


def _ingest_set(
    job: Job, session: Session, run_id: int, engine: Engine, rules: RuleSet, result_set: ResultSet
) -> SetOutcome:
    sums = [digest(path, max_bytes=max_bytes(job.settings)) for path in result_set.files]
    published_by, refusal = session.run(lambda conn: _remembered(conn, engine, rules, sums))
    if published_by is not None:
        return _known(result_set, "already_published", published_by, sums[0])
    skipped = refusal if job.every else None
    if skipped is not None and not TIME_RULES & skipped.issue_counts.keys():
        return _known(result_set, "already_refused", skipped.run_id, sums[0])
    judged = judge(result_set, engine, rules, job.settings)
    if skipped is not None and not judged.accepted and issue_counts(judged.verdict.issues) == skipped.issue_counts:
        return _known(result_set, "already_refused", skipped.run_id, sums[0])
    publication = Publication(run_id, engine, result_set.name, judged.sources, judged.verdict, rules.version)
    if not judged.accepted:
        session.run(lambda conn: record_rejection(conn, publication))
        return _outcome(judged, "rejected")
    published = session.run(lambda conn: publish(conn, publication))
    if published.file_id is None:
        return replace(_outcome(judged, "already_published"), counts=RowCounts())
    status: SetStatus = "quarantined" if published.rows.quarantined else "published"
    return replace(_outcome(judged, status), counts=published.rows, alerts=published.alerts)


def _clean_up(job: Job, session: Session, outcomes: Sequence[SetOutcome]) -> dict[str, int]:
    """Retention follows good news only: while an engine is broken or silent, its last good rows stay."""
    statuses = {outcome.status for outcome in outcomes}
    if "rejected" in statuses or not (job.clean_up or statuses & {"published", "quarantined"}):
        return {}
    reach("cleaning")
    return session.run(lambda conn: retention.cleanup(conn, job.settings.cleanup_days))


def _finished(
    engine: Engine,
    outcomes: Iterable[SetOutcome],
    notes: Iterable[str],
    began: float,
    *,
    run_id: int | None = None,
    removed: dict[str, int] | None = None,
    error: BaseException | None = None,
    validate_only: bool = False,
) -> RunOutcome:
    sets = tuple(outcomes)
    return RunOutcome(
        run_id=run_id,
        engine=engine.name,
        status="failed" if error else run_status(sets),
        validate_only=validate_only,
        sets=sets,
        cleanup=removed or {},
        elapsed_s=time.perf_counter() - began,
        error=None if error is None else str(error) or type(error).__name__,
        notes=tuple(notes),
        failure_code=getattr(error, "exit_code", 0),
    )


def _outcome(judged: Judged, status: SetStatus) -> SetOutcome:
    verdict = judged.verdict
    quarantined = 0 if status == "rejected" else verdict.bad.height
    return SetOutcome(
        name=judged.result_set.name,
        sha256=judged.sources[0].sha256,
        status=status,
        files=judged.result_set.files,
        counts=RowCounts(read=verdict.read, quarantined=quarantined),
        alerts=AlertCounts(),
        issues=verdict.issues,
        rows=verdict.good,
        notes=verdict.notes,
    )


def _remembered(
    conn: psycopg.Connection[Any], engine: Engine, rules: RuleSet, sums: Sequence[str]
) -> tuple[int | None, ledger.Refusal | None]:
    """The run that published all these contents, or else the refusal of them all by these very rules."""
    contents = set(sums)
    if "" in contents:
        return None, None
    known = ledger.published(conn, engine.name, contents)
    if contents == set(known):
        return min(run_id for _, run_id in known.values()), None
    return None, ledger.refused(conn, engine.name, contents, rules.version)


def _known(result_set: ResultSet, status: SetStatus, run_id: int, sha256: str) -> SetOutcome:
    done = "Published" if status == "already_published" else "Refused with the same bytes and rules"
    return _untouched(result_set, status, f"{done} by run {run_id}.", sha256)


def _untouched(result_set: ResultSet, status: SetStatus, note: str, sha256: str = "") -> SetOutcome:
    """The outcome of a set that was left alone, and why."""
    return SetOutcome(
        name=result_set.name,
        sha256=sha256,
        status=status,
        files=result_set.files,
        counts=RowCounts(),
        alerts=AlertCounts(),
        issues=no_issues(),
        notes=(note,),
    )


def _options(job: Job) -> dict[str, Any]:
    """What the ledger keeps of how a run was asked for."""
    return {
        "paths": [os.fsencode(path).decode("utf-8", "backslashreplace") for path in job.paths],
        "every": job.every,
        "allow_stale": job.allow_stale,
        "strict": job.settings.validation.strict_mode,
        "vectorbtpro": vectorbt_pro(),
    }


def _reported(sets: Sequence[ResultSet], progress: Progress) -> Iterable[ResultSet]:
    for done, result_set in enumerate(sets):
        progress(done, len(sets), result_set.name)
        yield result_set
    progress(len(sets), len(sets), "")
