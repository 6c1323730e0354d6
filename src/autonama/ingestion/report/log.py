"""A run in the log: one line a set with its counts, one a warning or error."""

import logging

from autonama.ingestion.outcome import RunOutcome, SetOutcome

LINES_PER_RULE = 1_000
"""Findings of one rule that a set may write: a sweep with a million contradictory rows must not push everything else
out of a rotated log. The ledger and `--json` have them all."""

logger = logging.getLogger("autonama.ingestion")


def log_run(run: RunOutcome) -> None:
    """Write what the run did to the log."""
    for outcome in run.sets:
        _log_issues(outcome)
        _log_set(run, outcome)
    for note in run.notes:
        logger.info("%s", note)
    if run.error is not None:
        logger.error("Run %s failed: %s", run.run_id, run.error)


def _log_set(run: RunOutcome, outcome: SetOutcome) -> None:
    counts = outcome.counts
    level = logging.ERROR if outcome.status == "rejected" else logging.INFO
    logger.log(
        level,
        "%s: %s; read %d, inserted %d, updated %d, unchanged %d, quarantined %d; %d issues; run %s",
        outcome.name,
        outcome.status.replace("_", " "),
        counts.read,
        counts.inserted,
        counts.updated,
        counts.unchanged,
        counts.quarantined,
        outcome.issues.height,
        run.run_id if run.run_id is not None else "none",
    )


def _log_issues(outcome: SetOutcome) -> None:
    written: dict[str, int] = {}
    for code, severity, message in outcome.issues.select("code", "severity", "message").iter_rows():
        written[code] = written.get(code, 0) + 1
        if written[code] <= LINES_PER_RULE:
            level = logging.ERROR if severity == "error" else logging.WARNING
            logger.log(level, "%s: %s: %s", outcome.name, code, message)
    for code, count in written.items():
        if count > LINES_PER_RULE:
            logger.warning("%s: %s: and %d more findings", outcome.name, code, count - LINES_PER_RULE)
