"""The end of a run in the ledger, however it came about."""

from dataclasses import replace

from autonama.database import ledger
from autonama.database.session import Session
from autonama.errors import AutonamaError
from autonama.faults import reach
from autonama.ingestion.outcome import RunOutcome


def remember(session: Session, outcome: RunOutcome, ending: BaseException | None = None) -> RunOutcome:
    """Note how the run ended; where even that fails, the outcome says so.

    ending: what broke the run off and is about to be raised again. An interrupt is not a failure.
    """
    if outcome.run_id is None:
        return outcome
    run_id = outcome.run_id
    status = "interrupted" if isinstance(ending, KeyboardInterrupt) else outcome.status
    reach("finishing")
    try:
        session.run(lambda conn: ledger.finish_run(conn, run_id, status, cleanup=outcome.cleanup, error=outcome.error))
    except AutonamaError as error:
        return replace(outcome, notes=(*outcome.notes, f"The end of run {run_id} could not be recorded: {error}"))
    return outcome
