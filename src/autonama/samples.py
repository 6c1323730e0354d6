"""A faulty result set, for the demo and for trying out: true rows of the open engine, then broken, one row a fault.

`FAULTS` has something for every rule on rows to find. The set is said to be faulty nowhere in it, as real ones are.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

Row = dict[str, object]

COLUMNS = (
    "symbol", "interval", "current_price", "lower_band", "upper_band", "signal", "potential_return", "total_return",
    "sharpe_ratio", "max_drawdown", "degree", "kstd", "analysis_date",
)  # fmt: skip
"""The documented ones alone: as an engine writes that knows no more."""


def _set(**values: object) -> Callable[[Row], None]:
    return lambda row: row.update(values)


def _scaled(column: str, by: float) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        value = row[column]
        assert isinstance(value, float)  # noqa: S101 - the columns of COLUMNS that hold prices and metrics
        row[column] = value * by

    return change


def _far_above(row: Row) -> None:
    _scaled("current_price", 9.0)(row)
    row["signal"] = "SELL"


def _swap_bands(row: Row) -> None:
    row["lower_band"], row["upper_band"] = row["upper_band"], row["lower_band"]


def _flip_signal(row: Row) -> None:
    row["signal"] = "BUY" if row["signal"] != "BUY" else "SELL"


FAULTS: tuple[tuple[str, Callable[[Row], None]], ...] = (
    ("symbol_format", _set(symbol="BTC")),
    ("missing_current_price", _set(current_price="")),
    ("invalid_lower_band", _set(lower_band="n.a.")),
    ("out_of_range_kstd", _set(kstd=1000.0)),
    ("interval_valid", _set(interval="7d")),
    ("signal_valid", _set(signal="STRONG_BUY")),
    ("price_positive", _set(current_price=-1.5, signal="BUY")),
    ("bands_ordered", _swap_bands),
    ("invalid_degree", _set(degree=2.5)),
    ("invalid_analysis_date", _set(analysis_date="15/01/2026 10:30")),
    ("analysis_date_valid", _set(analysis_date="2126-01-15T10:30:00")),
    ("signal_matches_bands", _flip_signal),
    ("price_near_bands", _far_above),
    ("potential_return_consistent", _scaled("potential_return", 1.5)),
    ("lower_band_positive", _set(lower_band=-0.01)),
    ("total_return_realistic", _set(total_return=2500.0)),
    ("sharpe_realistic", _set(sharpe_ratio=14.2)),
    ("drawdown_realistic", _set(max_drawdown=140.0)),
    ("return_within_drawdown", _set(total_return=-55.0, max_drawdown=12.0)),
    ("undefined_metric", _set(sharpe_ratio="")),
)
"""Each fault by the code of the rule that finds it."""


def faulty_rows(rows: Sequence[Mapping[str, object]]) -> list[Row]:
    """The rows that have every metric with one fault each, in the order of `FAULTS`; the last is there twice."""
    whole = [{name: row[name] for name in COLUMNS} for row in rows]
    broken = [row for row in whole if None not in row.values()]
    for (_, change), row in zip(FAULTS, broken, strict=False):
        change(row)
    return [*broken, dict(broken[-1])]


def as_csv(rows: list[Row]) -> str:
    """The rows as an engine's CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
