"""The end of a run in the ledger, however it came about."""

import time
from collections.abc import Callable
from dataclasses import replace

from autonama.config import Settings
from autonama.database import ledger, migrate
from autonama.database.connect import conninfo
from autonama.database.session import Session
from autonama.errors import AutonamaError, DatabaseError
from autonama.faults import reach
from autonama.ingestion.outcome import Interrupted, RunOutcome, SetOutcome


def recorded(
    session: Session, run: RunOutcome, began: float, work: Callable[[list[SetOutcome]], dict[str, int]]
) -> RunOutcome:
    """Do the work, which adds its sets to the list and returns what was cleaned up, and note how it ended.

    An error that has a name is in the outcome; what was published before it stays. Interrupted carries the outcome.
    """
    sets: list[SetOutcome] = []
    try:
        try:
            if run.run_id is not None:
                reach("started")
            removed = work(sets)
        except AutonamaError as error:
            ended = run.ended(sets, began, error)
        else:
            ended = run.ended(sets, began, cleanup=removed)
        if run.run_id is not None:
            reach("finishing")
        return _remember(session, ended)
    except KeyboardInterrupt as ending:
        raise Interrupted(_remember(session, run.ended(sets, began, ending))) from ending
    except BaseException as ending:
        _remember(session, run.ended(sets, began, ending))
        raise


def failed_before(settings: Settings, engine: str, error: AutonamaError) -> RunOutcome:
    """A run that ended before it had a file to look at, as the ledger then has it, so that a dashboard shows it.

    Where the database is away, too, a note says that nothing was entered.
    """
    began = time.perf_counter()

    def work(_sets: list[SetOutcome]) -> dict[str, int]:
        raise error

    run = RunOutcome(None, engine, "failed", validate_only=False, sets=())
    try:
        with Session(settings) as session:
            notes = session.run(lambda conn: migrate.upgrade(conn, conninfo(settings)))
            run_id = session.run(lambda conn: ledger.start_run(conn, engine, {}))
            session.on_connect = lambda conn: ledger.hold_run(conn, run_id)
            return recorded(session, replace(run, run_id=run_id, notes=tuple(notes)), began, work)
    except DatabaseError as absent:
        return replace(run.broken_off(error), notes=(f"The ledger does not know of it: {absent}",))


def _remember(session: Session, run: RunOutcome) -> RunOutcome:
    """Note how the run ended; where even that fails, the outcome says so."""
    if run.run_id is None:
        return run
    run_id = run.run_id
    try:
        session.run(lambda conn: ledger.finish_run(conn, run_id, run.status, cleanup=run.cleanup, error=run.error))
    except AutonamaError as error:
        return replace(run, notes=(*run.notes, f"The end of run {run_id} could not be recorded: {error}"))
    return run
