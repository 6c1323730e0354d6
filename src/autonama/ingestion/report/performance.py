"""How the strategies of a result set did: signals, quantiles, the best, the worst and the flagged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

UNITS = {"total_return": "%", "sharpe_ratio": "", "max_drawdown": "%", "potential_return": "%"}
"""The metrics that are analysed, with their units."""

SIGNALS = ("BUY", "SELL", "HOLD")
QUANTILES = {"min": 0.0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "max": 1.0}

RANKED = 5
FLAGGED = 10

_RESULT = ("symbol", "interval", "signal", "current_price", "total_return", "sharpe_ratio", "max_drawdown")


@dataclass(frozen=True)
class Spread:
    """How a metric spreads over the rows.

    defined: rows that have a value.
    quantiles: by the names of `QUANTILES`, interpolated between neighbours, in the metric's own unit.
    """

    defined: int
    quantiles: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """One row's strategy. Returns and drawdown in percent; None where the file has none."""

    symbol: str | None
    interval: str | None
    signal: str | None
    price: Decimal | None
    total_return: Decimal | None
    sharpe: Decimal | None
    drawdown: Decimal | None


@dataclass(frozen=True)
class Flagged:
    """A row that is stored with warnings."""

    row: int
    symbol: str | None
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Performance:
    """The performance analysis of one set's good rows.

    rows: how many rows it is made from.
    since, until: the first and the last analysis_date, UTC.
    signals: rows by signal, those of the three that occur first.
    spreads: by metric; a metric without a single value is left out.
    best, worst: by total_return, at most `RANKED` each, the most extreme first.
    flagged_rows: rows with at least one warning; `flagged` has the first `FLAGGED` of them.
    """

    rows: int
    since: datetime | None
    until: datetime | None
    signals: Mapping[str, int]
    spreads: Mapping[str, Spread]
    best: tuple[Result, ...]
    worst: tuple[Result, ...]
    flagged_rows: int
    flagged: tuple[Flagged, ...]


def performance(rows: pl.DataFrame | None, issues: pl.DataFrame) -> Performance | None:
    """The performance analysis of a set's good rows, or None where there is no row. Any column may be absent."""
    if rows is None or rows.is_empty():
        return None
    since, until = _span(rows)
    flagged_rows, flagged = _flagged(rows, issues)
    return Performance(
        rows=rows.height,
        since=since,
        until=until,
        signals=_signals(rows),
        spreads={name: spread for name in UNITS if (spread := _spread(rows, name)) is not None},
        best=_ranked(rows, descending=True),
        worst=_ranked(rows, descending=False),
        flagged_rows=flagged_rows,
        flagged=flagged,
    )


def _span(rows: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    if "analysis_date" not in rows.columns:
        return None, None
    first, last = rows.select(pl.min("analysis_date"), pl.max("analysis_date").alias("last")).row(0)
    return first, last


def _signals(rows: pl.DataFrame) -> dict[str, int]:
    if "signal" not in rows.columns:
        return {}
    found: dict[str, int] = dict(rows["signal"].drop_nulls().value_counts().sort("signal").iter_rows())
    known = {signal: found.pop(signal) for signal in SIGNALS if signal in found}
    return known | found


def _spread(rows: pl.DataFrame, metric: str) -> Spread | None:
    if metric not in rows.columns:
        return None
    values = rows[metric].drop_nulls().cast(pl.Float64)
    if values.is_empty():
        return None
    quantiles = {name: values.quantile(share, "linear") for name, share in QUANTILES.items()}
    return Spread(len(values), {name: value for name, value in quantiles.items() if value is not None})


def _ranked(rows: pl.DataFrame, *, descending: bool) -> tuple[Result, ...]:
    if "total_return" not in rows.columns:
        return ()
    present = rows.lazy().filter(pl.col("total_return").is_not_null())
    # Equal returns stand in the file's order.
    order = present.sort("total_return", "row", descending=[descending, False]).head(RANKED)
    columns = [pl.col(name) if name in rows.columns else pl.lit(None).alias(name) for name in _RESULT]
    return tuple(Result(*values) for values in order.select(columns).collect().iter_rows())


def _flagged(rows: pl.DataFrame, issues: pl.DataFrame) -> tuple[int, tuple[Flagged, ...]]:
    symbol = pl.col("symbol") if "symbol" in rows.columns else pl.lit(None, pl.String).alias("symbol")
    good = rows.lazy().select(pl.col("row").cast(pl.UInt32), symbol)
    warnings = issues.lazy().filter(pl.col("severity") == "warning")
    single = warnings.filter(pl.col("row").is_not_null()).select("code", "row")
    several = warnings.select("code", pl.col("rows").alias("row")).explode("row", empty_as_null=True).drop_nulls()
    marked = pl.concat([single, several]).group_by("row").agg(pl.col("code").unique().sort())
    flagged = good.join(marked, on="row", how="inner").sort("row").collect()
    first = flagged.head(FLAGGED).select("row", "symbol", "code").iter_rows()
    return flagged.height, tuple(Flagged(row, name, tuple(codes)) for row, name, codes in first)
