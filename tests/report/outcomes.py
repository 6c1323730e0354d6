"""Runs and sets made by hand, for what is printed of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from autonama.ingestion.issues import issue, issue_frame
from autonama.ingestion.outcome import AlertCounts, RowCounts, RunOutcome, RunStatus, SetOutcome, SetStatus

EXACT = pl.Decimal(38, 24)
DECIMALS = ("current_price", "lower_band", "upper_band", "potential_return", "total_return", "sharpe_ratio",
            "max_drawdown", "kstd")  # fmt: skip
SCHEMA: dict[str, Any] = {
    "row": pl.UInt32,
    "line": pl.UInt32,
    "symbol": pl.String,
    "interval": pl.String,
    "signal": pl.String,
    **dict.fromkeys(DECIMALS, EXACT),
    "analysis_date": pl.Datetime("us", "UTC"),
}
NAME = "vectorbt_analysis_results_20260115_103000"
BEGAN = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
HOSTILE = "[red]<script>alert(1)</script>[/red]\x1b[31m\nUSDT"


def result(row: int, **changes: Any) -> dict[str, Any]:
    """One typed row, whose total return is its number."""
    values: dict[str, Any] = {
        "row": row,
        "line": row + 1,
        "symbol": f"S{row}USDT",
        "interval": "1d",
        "signal": ("BUY", "SELL", "HOLD")[row % 3],
        "current_price": "105.5",
        "lower_band": "100",
        "upper_band": "110",
        "potential_return": "10",
        "total_return": str(row),
        "sharpe_ratio": str(row / 10),
        "max_drawdown": "8.75",
        "kstd": "1.5",
        "analysis_date": BEGAN + timedelta(seconds=row),
    }
    values |= changes
    return {name: Decimal(value) if name in DECIMALS and value is not None else value for name, value in values.items()}


def results(*rows: dict[str, Any]) -> pl.DataFrame:
    """A frame of such rows, as validation leaves it."""
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def bad_symbol(row: int, value: str = "BTC", **changes: Any) -> dict[str, Any]:
    """An issue of symbol_format."""
    message = f"Row {row}: Invalid symbol format: {value}"
    return issue("symbol_format", message, row=row, line=row + 1, column="symbol", value=value, **changes)


def contradiction(row: int) -> dict[str, Any]:
    """A warning of signal_matches_bands."""
    message = f"Row {row}: signal BUY contradicts the bands: price 105.5, bands 100 to 110"
    return issue("signal_matches_bands", message, severity="warning", row=row, column="signal", value="BUY")


def a_set(
    status: SetStatus = "published",
    *,
    rows: pl.DataFrame | None = None,
    issues: list[dict[str, Any]] | None = None,
    counts: RowCounts | None = None,
    **changes: Any,
) -> SetOutcome:
    """A set of ten rows, published unless said otherwise."""
    good = results(*(result(row) for row in range(1, 11))) if rows is None else rows
    stored = good.height if status == "published" else 0
    values: dict[str, Any] = {
        "name": NAME,
        "sha256": "ab" * 32,
        "files": (Path(f"results/{NAME}.csv"), Path(f"results/{NAME}.json")),
        "counts": counts or RowCounts(read=good.height, inserted=stored),
        "alerts": AlertCounts(inserted=stored),
        "issues": issue_frame(issues or []),
        "rows": good,
    } | changes
    return SetOutcome(status=status, **values)


def a_run(*sets: SetOutcome, status: RunStatus = "published", **changes: Any) -> RunOutcome:
    """A run over these sets."""
    values: dict[str, Any] = {
        "run_id": 12,
        "engine": "vectorbt",
        "validate_only": False,
        "elapsed_s": 0.41234,
    } | changes
    return RunOutcome(status=status, sets=sets, **values)


def hostile_run() -> RunOutcome:
    """A refused run in which every text that may come from a file holds markup, control characters and a newline."""
    outcome = a_set(
        "rejected",
        rows=results(result(1, symbol=HOSTILE, interval=HOSTILE, signal=HOSTILE)),
        issues=[
            bad_symbol(2, HOSTILE),
            issue(f"custom_{HOSTILE}", HOSTILE, severity="warning", row=1, column=HOSTILE, value=HOSTILE),
        ],
        name=HOSTILE,
        files=(Path(f"{HOSTILE}.csv"),),
        notes=(HOSTILE,),
    )
    return a_run(outcome, status="rejected", error=HOSTILE, notes=(HOSTILE,), cleanup={HOSTILE: 3})


def every_kind() -> list[RunOutcome]:
    """One run of every status, and the shapes that are easy to forget."""
    refused = a_set("rejected", issues=[bad_symbol(row) for row in range(1, 6)])
    known, before = (a_set(s, rows=results(), counts=RowCounts()) for s in ("already_published", "already_refused"))
    aside = a_set("quarantined", issues=[bad_symbol(3)], counts=RowCounts(10, 6, 2, 1, 1))
    warned = a_set(issues=[contradiction(row) for row in range(1, 9)], notes=("Times without an offset: UTC.",))
    return [
        a_run(warned, cleanup={"alerts": 3, "vectorbt_analysis": 0}),
        a_run(refused, status="rejected"),
        a_run(a_set("rejected", rows=results(), issues=[issue("has_rows", "The file has no rows")]), status="rejected"),
        a_run(a_set("rejected", rows=None, issues=[issue("file_age", "Too old")]), status="rejected"),
        a_run(known, status="nothing_new"),
        a_run(known, before, status="nothing_new"),
        a_run(status="nothing_new"),
        a_run(a_set("valid"), status="valid", run_id=None, validate_only=True),
        a_run(aside, status="partial"),
        a_run(warned, refused, known, aside, status="partial"),
        a_run(status="failed", error="PostgreSQL at db.example did not answer. Check that it runs."),
        a_run(warned, status="failed", error="The connection was lost."),
        a_run(a_set(rows=results(result(1)))),
        a_run(a_set(rows=results(result(1, total_return=None, sharpe_ratio=None, symbol=None, signal=None)))),
        hostile_run(),
    ]
