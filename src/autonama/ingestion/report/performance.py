"""How the strategies of a result set did: signals, quantiles, the best, the worst and the flagged."""

from collections.abc import Mapping, Sequence
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


def performance(rows: pl.LazyFrame | pl.DataFrame | None, issues: pl.DataFrame) -> Performance | None:
    """The performance analysis of a set's good rows, or None where there is no row. Any column may be absent."""
    if rows is None:
        return None
    lazy = rows.lazy()
    names = lazy.collect_schema().names()
    height = lazy.select(pl.len()).collect().item() if names else 0
    if not height:
        return None
    since, until = _span(lazy, names)
    flagged_rows, flagged = _flagged(lazy, names, issues)
    return Performance(
        rows=height,
        since=since,
        until=until,
        signals=_signals(lazy, names),
        spreads={name: found for name in UNITS if name in names and (found := _spread(lazy, name)) is not None},
        best=_ranked(lazy, names, descending=True),
        worst=_ranked(lazy, names, descending=False),
        flagged_rows=flagged_rows,
        flagged=flagged,
    )


def values_of(rows: pl.LazyFrame | pl.DataFrame, metric: str) -> pl.Series:
    """A metric's defined values, as doubles: one column in memory at a time."""
    lazy = rows.lazy()
    quick = f"{metric}=float"
    value = pl.col(quick if quick in lazy.collect_schema().names() else metric)
    return lazy.select(value.cast(pl.Float64).drop_nulls()).collect().to_series()


def _span(rows: pl.LazyFrame, names: Sequence[str]) -> tuple[datetime | None, datetime | None]:
    if "analysis_date" not in names:
        return None, None
    first, last = rows.select(pl.min("analysis_date"), pl.max("analysis_date").alias("last")).collect().row(0)
    return first, last


def _signals(rows: pl.LazyFrame, names: Sequence[str]) -> dict[str, int]:
    if "signal" not in names:
        return {}
    counts = rows.select(pl.col("signal").drop_nulls()).group_by("signal").len().sort("signal")
    found: dict[str, int] = dict(counts.collect().iter_rows())
    known = {signal: found.pop(signal) for signal in SIGNALS if signal in found}
    return known | found


def _spread(rows: pl.LazyFrame, metric: str) -> Spread | None:
    values = values_of(rows, metric).sort()
    if values.is_empty():
        return None
    quantiles = {name: values.quantile(share, "linear") for name, share in QUANTILES.items()}
    return Spread(len(values), {name: value for name, value in quantiles.items() if value is not None})


def _ranked(rows: pl.LazyFrame, names: Sequence[str], *, descending: bool) -> tuple[Result, ...]:
    if "total_return" not in names:
        return ()
    present = rows.filter(pl.col("total_return").is_not_null())
    # Equal returns stand in the file's order.
    order = present.bottom_k(RANKED, by=["total_return", "row"], reverse=[descending, False])
    columns = [pl.col(name) if name in names else pl.lit(None).alias(name) for name in _RESULT]
    found = order.sort("total_return", "row", descending=[descending, False]).select(columns)
    return tuple(Result(*values) for values in found.collect().iter_rows())


def _flagged(rows: pl.LazyFrame, names: Sequence[str], issues: pl.DataFrame) -> tuple[int, tuple[Flagged, ...]]:
    symbol = pl.col("symbol") if "symbol" in names else pl.lit(None, pl.String).alias("symbol")
    good = rows.select(pl.col("row").cast(pl.UInt32), symbol)
    warnings = issues.lazy().filter(pl.col("severity") == "warning")
    single = warnings.filter(pl.col("row").is_not_null()).select("code", "row")
    several = warnings.select("code", pl.col("rows").alias("row")).explode("row", empty_as_null=True).drop_nulls()
    marked = pl.concat([single, several]).group_by("row").agg(pl.col("code").unique().sort())
    flagged = good.join(marked, on="row", how="inner").sort("row").collect()
    first = flagged.head(FLAGGED).select("row", "symbol", "code").iter_rows()
    return flagged.height, tuple(Flagged(row, name, tuple(codes)) for row, name, codes in first)
