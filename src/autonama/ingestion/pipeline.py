"""The whole job: discover, read and validate each set, publish it, clean up; the ledger remembers all of it.

What a job takes is settled in `plan`, the way of one set through its stages in `one_set`, many at once in `at_once`.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from autonama.database import ledger, migrate, retention
from autonama.database.connect import conninfo
from autonama.database.session import Session
from autonama.engines import Engine, engine_tables, vectorbt_pro
from autonama.faults import reach
from autonama.ingestion.at_once import ingest_at_once
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.one_set import check_set, ingest_set
from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.plan import Job, Progress, plan
from autonama.ingestion.recorded import recorded
from autonama.ingestion.rules import RuleSet

__all__ = ["Job", "Progress", "check", "ingest", "select"]


def check(job: Job) -> RunOutcome:
    """Discover, read, validate; no database is touched."""
    began = time.perf_counter()
    planned = plan(job)
    judged = [check_set(planned, result_set) for result_set in planned.sets_in_turn()]
    return RunOutcome(None, planned.engine.name, "nothing_new", validate_only=True, sets=()).ended(judged, began)


def ingest(job: Job) -> RunOutcome:
    """Discover, read, validate, publish, clean up; the ledger remembers all of it.

    An error of the database ends the run: it is in the outcome, and what was published before it stays published.
    """
    began = time.perf_counter()
    planned = plan(job)
    engine = planned.engine.name
    with Session(job.settings) as session:
        notes = session.run(lambda conn: migrate.upgrade(conn, conninfo(job.settings)))
        run_id = session.run(lambda conn: ledger.start_run(conn, engine, _options(job)))
        session.on_connect = lambda conn: ledger.hold_run(conn, run_id)

        def work(outcomes: list[SetOutcome]) -> dict[str, int]:
            # Asked once, before the first publication, and not at all where all is known.
            old = cache(lambda: session.run(lambda conn: retention.look(conn, job.settings.cleanup_days)))
            if job.executor is not None or (job.workers > 1 and len(planned.sets) > 1):
                old()
                ingest_at_once(planned, session, run_id, outcomes)
            else:
                for result_set in planned.sets_in_turn():
                    outcomes.append(ingest_set(planned, session, run_id, result_set, before=old))
            return _clean_up(job, session, outcomes, old)

        run = RunOutcome(run_id, engine, "nothing_new", validate_only=False, sets=(), notes=tuple(notes))
        return recorded(session, run, began, work)


def select(job: Job) -> tuple[Engine, RuleSet, Sequence[ResultSet]]:
    """A job's engine, what its files are judged by, and the sets that it takes, oldest first; nothing is read."""
    planned = plan(job)
    return planned.engine, planned.rules, planned.sets


def _clean_up(
    job: Job, session: Session, outcomes: Sequence[SetOutcome], old: Callable[[], Mapping[str, retention.Old]]
) -> dict[str, int]:
    """Retention follows good news only: while an engine is broken or silent, its last good rows stay."""
    statuses = {outcome.status for outcome in outcomes}
    if "rejected" in statuses or not (job.clean_up or statuses & {"published", "quarantined"}):
        return {}
    reach("cleaning")
    days, tables = job.settings.cleanup_days, engine_tables()
    found = old()
    return session.run(lambda conn: retention.cleanup(conn, days, tables=tables, found=found))


def _options(job: Job) -> dict[str, Any]:
    """What the ledger keeps of how a run was asked for."""
    return {
        "paths": [os.fsencode(path).decode("utf-8", "backslashreplace") for path in job.paths],
        "every": job.every,
        "allow_stale": job.allow_stale,
        "strict": job.settings.validation.strict_mode,
        "vectorbtpro": vectorbt_pro(),
    }
