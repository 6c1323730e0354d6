"""Quarantined rows judged again, by today's rules or as a person corrected them; what passes is published, once."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import psycopg

from autonama.config import Settings
from autonama.database import ledger, migrate, quarantine
from autonama.database.connect import conninfo
from autonama.database.session import Session
from autonama.engines import Engine, load_engine
from autonama.errors import ConfigError, FilesError
from autonama.faults import reach
from autonama.ingestion.corrections import read_back, to_correct
from autonama.ingestion.outcome import RunOutcome, SetOutcome, SetStatus
from autonama.ingestion.recorded import recorded
from autonama.ingestion.rejudge import Bench, rejudge, reread
from autonama.ingestion.rules import rules_for
from autonama.ingestion.selection import Ranges, Target, corrected_rows, kept_rows


@dataclass(frozen=True)
class ReplayJob:
    """What to replay.

    file_id: the ledger's file whose rows are taken; without one all of the engine.
    rows: first and last numbers of the rows to take of that file; empty: all.
    corrected: the file that a person gave back; it names its rows itself.
    dry_run: do everything, and take all of it back.
    """

    engine: str
    settings: Settings
    file_id: int | None = None
    rows: Ranges = ()
    corrected: Path | None = None
    dry_run: bool = False


def replay(job: ReplayJob) -> RunOutcome:
    """Judge quarantined rows again and publish those that pass: of each file in one transaction.

    An error of the database ends the run: it is in the outcome, and what was published before it stays published.
    """
    began = time.perf_counter()
    bench = _bench(job)
    with Session(job.settings) as session:
        notes = session.run(lambda conn: migrate.upgrade(conn, conninfo(job.settings)))
        targets, told = _chosen(job, session, bench.engine)
        if not (targets or told):
            notes += session.run(lambda conn: _elsewhere(conn, bench.engine))
        run = RunOutcome(None, bench.engine.name, "nothing_new", job.dry_run, (), notes=tuple(notes), replay=True)
        if targets and not job.dry_run:
            run_id = session.run(lambda conn: ledger.start_run(conn, bench.engine.name, _options(job)))
            session.on_connect = lambda conn: ledger.hold_run(conn, run_id)
            run = replace(run, run_id=run_id)

        def work(outcomes: list[SetOutcome]) -> dict[str, int]:
            outcomes += [told] if told else []
            for target in targets:
                outcomes.append(_replay_file(job, session, run.run_id, bench, target))
            return {}

        return recorded(session, run, began, work)


def export(job: ReplayJob, path: Path) -> int:
    """Write the chosen rows as CSV to a new file, ready to be corrected. Returns how many; none make no file.

    ConfigError where the file exists: it may hold somebody's corrections. FilesError where it cannot be written.
    """
    engine = load_engine(job.engine)
    with Session(job.settings) as session:
        session.run(lambda conn: migrate.upgrade(conn, conninfo(job.settings)))
        frames = session.run(lambda conn: [_to_correct(conn, target, engine) for target in _kept(conn, job, engine)])
    if not frames:
        return 0
    frame = pl.concat(frames)
    text = frame.write_csv(separator=engine.delimiter)
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} exists, and may hold corrections: name another file.") from None
    except OSError as error:
        raise FilesError(f"{path} cannot be written: {error.strerror}.") from None
    return frame.height


def _bench(job: ReplayJob) -> Bench:
    """Rules of rows, and of rows among each other; what needs the whole file was said when it was whole."""
    engine = load_engine(job.engine)
    rules = rules_for(engine, job.settings, now=datetime.now(UTC))
    kept = tuple(rule for rule in rules.rules if not rule.summary and (rule.level == "row" or rule.same))
    return Bench(engine, replace(rules, rules=kept), ZoneInfo(job.settings.engine_timezone))


def _chosen(job: ReplayJob, session: Session, engine: Engine) -> tuple[list[Target], SetOutcome | None]:
    if job.corrected is None:
        return session.run(lambda conn: _kept(conn, job, engine)), None
    limit = int(job.settings.max_file_size_mb * 1024 * 1024)
    corrections = read_back(job.corrected, engine, max_bytes=limit)
    return session.run(lambda conn: corrected_rows(conn, engine.name, corrections))


def _kept(conn: psycopg.Connection[Any], job: ReplayJob, engine: Engine) -> list[Target]:
    return kept_rows(conn, engine.name, job.file_id, job.rows)


def _to_correct(conn: psycopg.Connection[Any], target: Target, engine: Engine) -> pl.DataFrame:
    rows = quarantine.open_rows(conn, target.file.id, target.rows)
    frame = reread(target.file, rows, engine).frame
    return to_correct(target.file.id, frame, [row.reasons for row in rows], engine)


def _replay_file(job: ReplayJob, session: Session, run_id: int | None, bench: Bench, target: Target) -> SetOutcome:
    def work(conn: psycopg.Connection[Any]) -> SetOutcome:
        with conn.transaction(force_rollback=job.dry_run):
            entered = ledger.start_run(conn, bench.engine.name, _options(job)) if run_id is None else run_id
            return rejudge(conn, entered, bench, target, corrected_in=job.corrected)

    outcome = session.run(work)
    reach("committed")
    if not job.dry_run:
        return outcome
    would: SetStatus = "valid" if outcome.status == "published" else outcome.status
    counts = replace(outcome.counts, inserted=0, updated=0, unchanged=0)
    return replace(outcome, status=would, counts=counts, alerts=type(outcome.alerts)())


def _elsewhere(conn: psycopg.Connection[Any], engine: Engine) -> list[str]:
    """Where the rows are, if they are another engine's."""
    return [
        f"Engine {name} has {count:,} there: add --engine {name}."
        for name, count in quarantine.open_by_engine(conn).items()
        if name != engine.name
    ]


def _options(job: ReplayJob) -> dict[str, Any]:
    """What the ledger keeps of how a replay was asked for."""
    return {
        "replay": True,
        "file": job.file_id,
        "rows": [list(pair) for pair in job.rows],
        "corrected": str(job.corrected).encode("utf-8", "backslashreplace").decode() if job.corrected else None,
    }
