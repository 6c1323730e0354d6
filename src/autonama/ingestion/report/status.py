"""How a status or severity is shown: a word, and a mark, so that nothing hangs on colour."""

from autonama.ingestion.outcome import SetOutcome

MARKS = {
    "published": "✓",
    "valid": "✓",
    "partial": "▲",
    "quarantined": "▲",
    "rejected": "✗",
    "failed": "✗",
    "interrupted": "✗",
    "nothing_new": "·",
    "already_published": "·",
    "already_refused": "✗",
    "changing": "·",
    "error": "✗",
    "warning": "▲",
}

STATUS_WORDS = {
    "published": "published",
    "valid": "valid",
    "partial": "partial",
    "quarantined": "quarantined",
    "rejected": "rejected",
    "failed": "failed",
    "interrupted": "interrupted",
    "nothing_new": "nothing new",
    "already_published": "in ledger",
    "already_refused": "refused before",
    "changing": "being written",
}

KNOWN = ("already_published", "already_refused", "changing")
"""What was not read to its end, because the ledger knows it or its engine is still writing: there are no counts."""


def stored_rows(outcome: SetOutcome) -> int:
    """Rows of the set that stand in the database because of this run, or stood there already and were met again."""
    return outcome.counts.inserted + outcome.counts.updated + outcome.counts.unchanged
