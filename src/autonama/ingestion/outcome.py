"""What a run did, as values: what the terminal, `--json` and the HTML report are made from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

SetStatus = Literal["published", "rejected", "already_published", "already_refused", "quarantined", "valid", "changing"]
RunStatus = Literal["published", "rejected", "partial", "nothing_new", "failed", "valid"]


@dataclass(frozen=True)
class RowCounts:
    """Where every row that was read went: `read = inserted + updated + unchanged + quarantined` once published."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class AlertCounts:
    """What publishing did to `trading.alerts`. A row older than the stored alert counts as unchanged."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class SetOutcome:
    """One result set's way through the pipeline.

    issues: frame with the columns of `issues.ISSUE_SCHEMA`, messages rendered, in the order of rows.
    rows: the typed frame of good rows (`row`, `line` and the contract's columns), for the performance analysis.
    notes: sentences that are no finding, such as the time zone in which naive times were read.
    replay_of: the ledger's file whose quarantined rows these are, in a replay.
    """

    name: str
    sha256: str
    status: SetStatus
    files: tuple[Path, ...]
    counts: RowCounts
    alerts: AlertCounts
    issues: pl.DataFrame
    rows: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()
    elapsed_s: float = 0.0
    replay_of: int | None = None


@dataclass(frozen=True)
class RunOutcome:
    """A whole run, or a replay. `error` is the sentence of what ended it, or None."""

    run_id: int | None
    engine: str
    status: RunStatus
    validate_only: bool
    sets: tuple[SetOutcome, ...]
    cleanup: dict[str, int] = field(default_factory=dict)
    elapsed_s: float = 0.0
    error: str | None = None
    notes: tuple[str, ...] = ()
    failure_code: int = 0
    replay: bool = False

    @property
    def exit_code(self) -> int:
        """0 done, 1 a set was refused, 4 a file could not be read, or is still being written, else the error's."""
        if self.error is not None:
            return self.failure_code or 1
        refused = [outcome for outcome in self.sets if outcome.status == "rejected"]
        unread = pl.col("code").is_in(["file_exists", "file_readable"]) & (pl.col("severity") == "error")
        if any(not outcome.issues.filter(unread).is_empty() for outcome in refused):
            return 4
        if not refused and any(outcome.status == "changing" for outcome in self.sets):
            return 4
        return 1 if refused else 0


def run_status(sets: tuple[SetOutcome, ...]) -> RunStatus:
    """What a run's sets come to: partial as soon as some rows or sets went in and others did not."""
    statuses = {outcome.status for outcome in sets} - {"already_published", "already_refused", "changing"}
    if not statuses:
        return "nothing_new"
    if len(statuses) > 1 or statuses == {"quarantined"}:
        return "partial"
    (status,) = statuses
    return "published" if status == "published" else "valid" if status == "valid" else "rejected"
