"""The end of a run: those whom the settings name are told, and the report says where that failed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from autonama.cli.edge import complain, shown
from autonama.errors import AutonamaError

if TYPE_CHECKING:
    from autonama.config import Settings
    from autonama.ingestion.outcome import RunOutcome
    from autonama.ingestion.pipeline import Job


def ingest_and_tell(job: Job) -> RunOutcome:
    """`pipeline.ingest`, and a message about it; also about a run that could not begin, whose error goes on."""
    from autonama.ingestion.outcome import RunOutcome
    from autonama.ingestion.pipeline import ingest

    try:
        run = ingest(job)
    except AutonamaError as error:
        failed = RunOutcome(None, job.engine, "failed", validate_only=False, sets=()).broken_off(error)
        for note in told(job.settings, failed).notes:
            logging.getLogger("autonama.notify").warning("%s", note)
            complain(f"Warning: {shown(note)}")
        raise
    return told(job.settings, run)


def told(settings: Settings, run: RunOutcome) -> RunOutcome:
    """The run, with a note for every notification that could not be sent."""
    if not settings.notify.urls:
        return run
    from autonama.notify import tell

    return replace(run, notes=(*run.notes, *tell(settings, run)))
