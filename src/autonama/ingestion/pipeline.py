"""The stages in order, and the only file that knows them all: discover, read, validate, publish, clean up."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from autonama.config import Settings
from autonama.database import ledger, migrate, retention
from autonama.database.connect import conninfo
from autonama.database.session import Session
from autonama.engines import Engine, load_engine, vectorbt_pro
from autonama.engines.contract import Rule
from autonama.errors import AutonamaError, ConfigError, FileChanging
from autonama.faults import reach
from autonama.ingestion.agree import agree, unreadable
from autonama.ingestion.discover import ResultSet, discover
from autonama.ingestion.freshness import age_issues
from autonama.ingestion.issues import no_issues
from autonama.ingestion.outcome import AlertCounts, RowCounts, RunOutcome, SetOutcome, SetStatus, run_status
from autonama.ingestion.publish import Publication, publish, record_rejection
from autonama.ingestion.read import SourceFile, digest, read
from autonama.ingestion.rules import RuleSet, rules_for
from autonama.ingestion.validate import Verdict, validate, with_issues

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """What to ingest or validate.

    paths: result files or directories; empty: the results directory of the settings.
    pattern: a glob in place of the engine's own.
    every: all sets instead of the newest one.
    rules: custom ones, beside the engine's.
    progress: called with the number of sets done, of all sets, and the name of the next one.
    """

    engine: str
    settings: Settings
    paths: tuple[Path, ...] = ()
    pattern: str | None = None
    every: bool = False
    allow_stale: bool = False
    rules: tuple[Rule, ...] = ()
    progress: Progress = field(default=lambda _done, _all, _name: None)


@dataclass(frozen=True)
class Judged:
    """A set after validation. `verdict` is of the first file, with what the whole set told in it."""

    result_set: ResultSet
    sources: tuple[SourceFile, ...]
    verdict: Verdict
    accepted: bool


def check(job: Job) -> RunOutcome:
    """Discover, read, validate; no database is touched."""
    began = time.perf_counter()
    engine, rules, sets = _prepare(job)
    outcomes: list[SetOutcome] = []
    notes: list[str] = []
    for result_set in _reported(sets, job.progress):
        try:
            judged = _judge(job, engine, rules, result_set)
        except FileChanging as changing:
            notes.append(str(changing))
            continue
        accepted: SetStatus = "quarantined" if judged.verdict.bad.height else "valid"
        outcomes.append(_outcome(judged, accepted if judged.accepted else "rejected"))
    return _finished(engine, outcomes, notes, began, validate_only=True)


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
                    notes.append(str(changing))
            removed = _clean_up(job, session, outcomes)
        except AutonamaError as error:
            outcome = _finished(engine, outcomes, notes, began, run_id=run_id, error=error)
            return _remember(session, outcome)
        except BaseException as ending:
            interrupted = _finished(engine, outcomes, notes, began, run_id=run_id, error=ending)
            _remember(session, interrupted, status="interrupted")
            raise
        return _remember(session, _finished(engine, outcomes, notes, began, run_id=run_id, removed=removed))


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
    named = all(path.is_file() for path in job.paths) and job.paths
    return engine, rules, sets if job.every or named else sets[-1:]


def _ingest_set(
    job: Job, session: Session, run_id: int, engine: Engine, rules: RuleSet, result_set: ResultSet
) -> SetOutcome:
    contents = {digest(path, max_bytes=_max_bytes(job.settings)) for path in result_set.files}
    known = session.run(lambda conn: ledger.published(conn, engine.name, contents))
    if contents == set(known) and "" not in contents:
        return _known(result_set, "already_published", known)
    refused = session.run(lambda conn: ledger.refused(conn, engine.name, contents, rules.version))
    if job.every and contents == set(refused) and "" not in contents:
        return _known(result_set, "already_refused", refused)
    judged = _judge(job, engine, rules, result_set)
    publication = Publication(run_id, engine, result_set.name, judged.sources, judged.verdict, rules.version)
    if not judged.accepted:
        session.run(lambda conn: record_rejection(conn, publication))
        return _outcome(judged, "rejected")
    published = session.run(lambda conn: publish(conn, publication))
    if published.file_id is None:
        return replace(_outcome(judged, "already_published"), counts=RowCounts())
    status: SetStatus = "quarantined" if published.rows.quarantined else "published"
    return replace(_outcome(judged, status), counts=published.rows, alerts=published.alerts)


def _judge(job: Job, engine: Engine, rules: RuleSet, result_set: ResultSet) -> Judged:
    """Read and validate every file of a set, compare them, and decide."""
    settings = job.settings
    zone = ZoneInfo(settings.engine_timezone)
    sources = tuple(read(path, engine, max_bytes=_max_bytes(settings)) for path in result_set.files)
    reach("read")
    first, *others = ((source, validate(source, engine, rules, zone)) for source in sources)
    source, verdict = first
    found = [no_issues()]
    for other, theirs in others:
        found.append(unreadable(theirs, other.path.name))
        if not theirs.condemned and not verdict.condemned and rules.severity["csv_json_agree"] != "off":
            compared = agree(verdict, theirs, (source.path.name, other.path.name), engine)
            found.append(compared.with_columns(severity=pl.lit(rules.severity["csv_json_agree"])))
    if not verdict.condemned:
        modified = {file.path: file.modified_at for file in sources}
        hours = settings.validation.max_file_age_hours
        found.append(
            age_issues(
                result_set, modified, now=datetime.now(UTC), max_hours=hours, severity=rules.severity["file_age"]
            )
        )
    verdict = with_issues(verdict, source, pl.concat(found))
    reach("validated")
    return Judged(result_set, sources, verdict, verdict.accepted(rules))


def _clean_up(job: Job, session: Session, outcomes: Sequence[SetOutcome]) -> dict[str, int]:
    """Retention runs after good news only: while an engine is broken, its last good rows stay."""
    if any(outcome.status == "rejected" for outcome in outcomes):
        return {}
    reach("cleaning")
    return session.run(lambda conn: retention.cleanup(conn, job.settings.cleanup_days))


def _remember(session: Session, outcome: RunOutcome, status: str | None = None) -> RunOutcome:
    """Note in the ledger how the run ended; where even that fails, the outcome says so."""
    if outcome.run_id is None:
        return outcome
    run_id, ended = outcome.run_id, status or outcome.status
    reach("finishing")
    try:
        session.run(lambda conn: ledger.finish_run(conn, run_id, ended, cleanup=outcome.cleanup, error=outcome.error))
    except AutonamaError as error:
        return replace(outcome, notes=(*outcome.notes, f"The end of run {run_id} could not be recorded: {error}"))
    return outcome


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


def _known(result_set: ResultSet, status: SetStatus, known: dict[str, tuple[int, int]]) -> SetOutcome:
    """The outcome of a set that the ledger holds: nothing was done to it."""
    first = min(known, key=lambda sha256: known[sha256])
    done = "Published" if status == "already_published" else "Refused with the same bytes and rules"
    note = f"{done} by run {known[first][1]}."
    files, counts, alerts = result_set.files, RowCounts(), AlertCounts()
    return SetOutcome(result_set.name, first, status, files, counts, alerts, no_issues(), None, (note,))


def _options(job: Job) -> dict[str, Any]:
    """What the ledger keeps of how a run was asked for."""
    return {
        "paths": [os.fsencode(path).decode("utf-8", "backslashreplace") for path in job.paths],
        "every": job.every,
        "allow_stale": job.allow_stale,
        "strict": job.settings.validation.strict_mode,
        "vectorbtpro": vectorbt_pro(),
    }


def _max_bytes(settings: Settings) -> int:
    return int(settings.max_file_size_mb * 1024 * 1024)


def _reported(sets: Sequence[ResultSet], progress: Progress) -> Iterable[ResultSet]:
    for done, result_set in enumerate(sets):
        progress(done, len(sets), result_set.name)
        yield result_set
    progress(len(sets), len(sets), "")
