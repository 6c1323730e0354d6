"""Several sets of a run at a time: in threads of this process, or by an executor's workers, perhaps elsewhere."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

from autonama.database import ledger
from autonama.database.session import Session
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.errand import RunErrand, require_same_rules, require_same_run, with_own_database
from autonama.ingestion.hands import Elsewhere, threads
from autonama.ingestion.judge import max_bytes
from autonama.ingestion.one_set import ingest_set
from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.plan import Plan, look, plan
from autonama.ingestion.spread import Hands, Seen, Turns, spread


def ingest_at_once(planned: Plan, session: Session, run_id: int, outcomes: list[SetOutcome]) -> None:
    """Several sets at a time, by threads of this process or by the job's executor."""

    def told(done: int, name: str) -> None:
        planned.job.progress(done, len(planned.sets), name)

    beat = partial(session.run, lambda conn: ledger.run_began(conn, run_id))
    turns = Turns(lambda one: ingest_set(planned, session, run_id, one), beat, told)
    with _hands(planned, session, run_id) as hands:
        spread(planned.sets, hands, turns, outcomes, planned.stays)


def _hands(planned: Plan, session: Session, run_id: int) -> AbstractContextManager[Hands]:
    job = planned.job
    if job.executor is None:

        def take(own: Session, result_set: ResultSet, seen: Seen) -> SetOutcome:
            return ingest_set(planned, own, run_id, result_set, seen)

        return threads(min(job.workers, len(planned.sets)), lambda: Session(job.settings), planned.look, take)
    began = session.run(lambda conn: ledger.run_began(conn, run_id))
    assert began is not None, "the run was entered a moment ago"  # noqa: S101
    errand = RunErrand(**vars(planned.errand()), run_id=run_id, started_at=began)
    look_there = partial(look, max_bytes(job.settings))
    return nullcontext(Elsewhere(job.executor, look_there, partial(ingest_elsewhere, errand)))


def ingest_elsewhere(errand: RunErrand, result_set: ResultSet, seen: Seen) -> SetOutcome:
    """Publish one set of a run that another process began, by this machine's own connection to the database.

    ConfigError where this machine would do otherwise than that process does.
    """
    job = replace(errand.job, settings=with_own_database(errand.job.settings))
    planned = plan(job, sets=(result_set,), now=errand.now)
    require_same_rules(errand, planned.rules.version)
    with Session(job.settings) as session:
        require_same_run(errand, session, job.settings)
        return ingest_set(planned, session, errand.run_id, result_set, seen).portable()
