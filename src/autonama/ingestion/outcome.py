"""What a run did, as values: what the terminal, `--json` and the HTML report are made from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

SetStatus = Literal["published", "rejected", "already_published", "quarantined", "valid"]
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


@dataclass(frozen=True)
class RunOutcome:
    """A whole run. `error` is the sentence of what ended it, or None."""

    run_id: int | None
    engine: str
    status: RunStatus
    validate_only: bool
    sets: tuple[SetOutcome, ...]
    cleanup: dict[str, int] = field(default_factory=dict)
    elapsed_s: float = 0.0
    error: str | None = None
    notes: tuple[str, ...] = ()
