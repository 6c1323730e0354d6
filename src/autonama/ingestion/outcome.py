"""What a run did, as values: what the terminal, `--json` and the HTML report are made from."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import polars as pl

from autonama.errors import INTERRUPTED
from autonama.ingestion.counts import AlertCounts, RowCounts
from autonama.ingestion.issues import no_issues
from autonama.ingestion.spill import Spill

if TYPE_CHECKING:
    from autonama.ingestion.discover import ResultSet
    from autonama.ingestion.judge import Judged
    from autonama.ingestion.validate import Verdict

SetStatus = Literal["published", "rejected", "already_published", "already_refused", "quarantined", "valid", "changing"]
RunStatus = Literal["published", "rejected", "partial", "nothing_new", "failed", "interrupted", "valid"]


REPORTED = (
    "symbol", "interval", "signal", "current_price", "analysis_date", "potential_return", "total_return",
    "sharpe_ratio", "max_drawdown", "potential_return=float", "total_return=float", "sharpe_ratio=float",
    "max_drawdown=float",
)  # fmt: skip
"""Columns of the rows that a report reads, where an engine has them."""

TRAVELS = 250_000
"""Rows of a set that are sent from a worker for its performance analysis: some 30 MB."""

INTERRUPTION = "Interrupted before its end. Nothing half-written was kept; the same command goes on where it stopped."


@dataclass(frozen=True)
class SetOutcome:
    """One result set's way through the pipeline.

    issues: frame with the columns of `issues.ISSUE_SCHEMA`, messages rendered, in the order of rows.
    rows: of the good rows `row`, `line` and those of `REPORTED` that the engine has, for the performance analysis.
    kept: what the rows are read from, which may be temporary files: they live as long as it does.
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
    rows: pl.LazyFrame | pl.DataFrame | None = None
    kept: Spill | None = field(default=None, repr=False, compare=False)
    notes: tuple[str, ...] = ()
    replay_of: int | None = None

    @classmethod
    def of(cls, judged: "Judged", status: SetStatus) -> Self:
        """The outcome of a judged set of which nothing is stored so far."""
        verdict = judged.verdict
        return cls(
            name=judged.result_set.name,
            sha256=judged.sources[0].sha256,
            status=status,
            files=judged.result_set.files,
            counts=RowCounts(read=verdict.read, quarantined=0 if status == "rejected" else verdict.bad.height),
            alerts=AlertCounts(),
            issues=verdict.issues,
            rows=reported(verdict),
            kept=verdict.kept,
            notes=verdict.notes,
        )

    @classmethod
    def untouched(cls, result_set: "ResultSet", status: SetStatus, *notes: str, sha256: str = "") -> Self:
        """The outcome of a set that was left alone, and why."""
        name, files = result_set.name, result_set.files
        return cls(name, sha256, status, files, RowCounts(), AlertCounts(), no_issues(), notes=notes)

    def portable(self) -> Self:
        """The outcome for another machine: without temporary files, and without more rows than `TRAVELS`."""
        if self.rows is None:
            return self
        if self.kept is not None and self.kept.height > TRAVELS:
            note = f"Its {self.counts.read:,} rows stayed where they were judged, so its performance is not shown here."
            return replace(self, rows=None, kept=None, notes=(*self.notes, note))
        rows = self.rows.lazy()
        wanted = [name for name in rows.collect_schema().names() if name in ("row", "line", *REPORTED)]
        return replace(self, rows=rows.select(wanted).collect(), kept=None)


def reported(verdict: "Verdict") -> pl.LazyFrame:
    """The good rows, as `SetOutcome.rows` has them."""
    rows, bad = verdict.kept.lazy(), verdict.bad
    return rows if bad.is_empty() else rows.join(bad.lazy(), on="row", how="anti", maintain_order="left")


@dataclass(frozen=True)
class RunOutcome:
    """A whole run, or a replay. `error`: the sentence of what ended it, or None; `failure_code`: its exit code."""

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

    def ended(
        self,
        sets: Sequence[SetOutcome],
        began: float,
        error: BaseException | None = None,
        *,
        cleanup: dict[str, int] | None = None,
    ) -> Self:
        """The run with what became of its sets. began: `time.perf_counter()` at its start."""
        return replace(
            replace(self, status=run_status(tuple(sets))) if error is None else self.broken_off(error),
            sets=tuple(sets),
            cleanup=cleanup or {},
            elapsed_s=time.perf_counter() - began,
        )

    def broken_off(self, error: BaseException) -> Self:
        """The run as this error ended it."""
        if isinstance(error, KeyboardInterrupt):
            return replace(self, status="interrupted", error=INTERRUPTION, failure_code=INTERRUPTED)
        code = getattr(error, "exit_code", 0)
        return replace(self, status="failed", error=str(error) or type(error).__name__, failure_code=code)

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


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or SIGTERM, with what the run had done until then."""

    def __init__(self, outcome: RunOutcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


def run_status(sets: tuple[SetOutcome, ...]) -> RunStatus:
    """What a run's sets come to: partial as soon as some rows or sets went in and others did not."""
    statuses = {outcome.status for outcome in sets} - {"already_published", "already_refused", "changing"}
    if not statuses:
        return "nothing_new"
    if len(statuses) > 1 or statuses == {"quarantined"}:
        return "partial"
    (status,) = statuses
    return "published" if status == "published" else "valid" if status == "valid" else "rejected"
