"""The end of a run in the ledger, however it came about."""

from collections.abc import Callable
from dataclasses import replace

from autonama.database import ledger
from autonama.database.session import Session
from autonama.errors import AutonamaError
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
