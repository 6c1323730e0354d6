"""Synthetic result files for the demo and for trying out: made from a seed, no market data in them.

`good_rows` is a set without a fault. `FAULTS` breaks it, one row a fault, so that every rule on rows has something to
find; the set that they make is said to be faulty in its name's time stamp alone, as real ones are.
"""

import csv
import io
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta

Row = dict[str, object]

SEED = 20260115
MIDDLE_PRICES = {
    "BTC": 95_000.0, "ETH": 3_300.0, "BNB": 690.0, "SOL": 190.0, "XRP": 2.4, "ADA": 0.95, "DOGE": 0.34, "TRX": 0.24,
    "LINK": 21.0, "DOT": 6.8, "LTC": 105.0, "AVAX": 37.0, "ATOM": 6.4, "NEAR": 5.1, "UNI": 13.0, "APT": 9.0,
    "FIL": 5.3, "ETC": 26.0, "ALGO": 0.37, "VET": 0.047, "PEPE": 0.000018, "SHIB": 0.000022, "BONK": 0.00003,
    "FLOKI": 0.00016,
}  # fmt: skip
"""Round numbers of the right size, so that the tables look as they will; nothing about these coins is claimed."""


def good_rows(analysed: datetime, *, seed: int = SEED) -> list[Row]:
    """Rows in which every rule of the catalogue holds. analysed: UTC; the last row's time."""
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    first = analysed - timedelta(seconds=len(MIDDLE_PRICES) - 1)
    return [_row(rng, symbol, first + timedelta(seconds=nth)) for nth, symbol in enumerate(MIDDLE_PRICES)]


def _row(rng: random.Random, base: str, time: datetime) -> Row:
    middle = MIDDLE_PRICES[base] * rng.uniform(0.9, 1.1)
    width = rng.uniform(0.05, 0.4)
    lower, upper = middle * (1 - width / 2), middle * (1 + width / 2)
    price = middle * (1 + rng.uniform(-0.7, 0.7) * width)
    total = rng.uniform(-30, 180)
    return {
        "symbol": f"{base}USDT",
        "interval": "1d",
        "current_price": float(f"{price:.6g}"),
        "lower_band": lower,
        "upper_band": upper,
        "signal": "BUY" if float(f"{price:.6g}") < lower else "SELL" if float(f"{price:.6g}") > upper else "HOLD",
        "potential_return": (upper - lower) / lower * 100,
        "total_return": total,
        "sharpe_ratio": total / 40 + rng.uniform(0.8, 1.5),
        "max_drawdown": max(-total, 0) + rng.uniform(1, 25),
        "degree": rng.randint(1, 6),
        "kstd": rng.randint(10, 30) / 10,
        "analysis_date": time.isoformat(),
    }


def _set(**values: object) -> Callable[[Row], None]:
    return lambda row: row.update(values)


def _scaled(column: str, by: float) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        value = row[column]
        assert isinstance(value, float)  # noqa: S101 - the columns of `_row`
        row[column] = value * by

    return change


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
    ("price_near_bands", _scaled("current_price", 9.0)),
    ("potential_return_consistent", _scaled("potential_return", 1.5)),
    ("lower_band_positive", _set(lower_band=-0.01)),
    ("total_return_realistic", _set(total_return=2500.0)),
    ("sharpe_realistic", _set(sharpe_ratio=14.2)),
    ("drawdown_realistic", _set(max_drawdown=140.0)),
    ("return_within_drawdown", _set(total_return=-55.0, max_drawdown=12.0)),
    ("undefined_metric", _set(sharpe_ratio="")),
)
"""Each fault by the code of the rule that finds it."""


def faulty_rows(analysed: datetime, *, seed: int = SEED + 1) -> list[Row]:
    """Good rows with one fault each, in the order of `FAULTS`; the last row repeats the one before it."""
    rows = good_rows(analysed, seed=seed)
    for (_, change), row in zip(FAULTS, rows, strict=False):
        change(row)
    return [*rows, dict(rows[-1])]


def as_csv(rows: list[Row]) -> str:
    """The rows as an engine's CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json(rows: list[Row]) -> str:
    """The rows as an engine's JSON file."""
    return json.dumps(rows, indent=2) + "\n"
