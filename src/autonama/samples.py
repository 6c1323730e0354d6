"""Synthetic result files for the demo and for trying out: made from a seed, no market data in them.

`good_rows` is a set without a fault. `FAULTS` breaks it, one row a fault, so that every rule on rows has something to
find; the set that they make is said to be faulty in its name's time stamp alone, as real ones are.
"""

import csv
import io
import json
import math
import random
from collections.abc import Callable, Iterator
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


HISTORY_DAYS = 60
"""Days of the walk, the last one included."""


def good_rows(analysed: datetime, *, seed: int = SEED) -> list[Row]:
    """Rows in which every rule of the catalogue holds: the last day of the walk. analysed: UTC; the last row's time."""
    return list(days(analysed, seed=seed))[-1]


def days(analysed: datetime, *, seed: int = SEED) -> Iterator[list[Row]]:
    """The good rows of HISTORY_DAYS days in a row, the last of them at `analysed`.

    Prices are a random walk, and their place between the bands swings, so that signals flip now and then.
    """
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    walks = {symbol: _Walk(middle * rng.uniform(0.9, 1.1), rng) for symbol, middle in MIDDLE_PRICES.items()}
    for back in range(HISTORY_DAYS - 1, -1, -1):
        first = analysed - timedelta(days=back, seconds=len(walks) - 1)
        yield [walk.row(symbol, first + timedelta(seconds=nth)) for nth, (symbol, walk) in enumerate(walks.items())]


class _Walk:
    """One symbol's way through the days."""

    def __init__(self, middle: float, rng: random.Random) -> None:
        self._rng, self._middle = rng, middle
        self._swing = rng.uniform(-0.7, 0.7)
        self._width = rng.uniform(0.05, 0.4)
        self._total = rng.uniform(-30, 180)
        self._sharpe = rng.uniform(0.8, 1.5)
        self._degree, self._kstd = rng.randint(1, 6), rng.randint(10, 30) / 10

    def row(self, base: str, time: datetime) -> Row:
        """The next day."""
        rng = self._rng
        self._middle *= math.exp(rng.gauss(0, 0.02))
        self._swing = min(max(0.8 * self._swing + rng.gauss(0, 0.25), -0.9), 0.9)
        self._total = min(max(self._total + rng.gauss(0, 4), -60), 400)
        lower, upper = self._middle * (1 - self._width / 2), self._middle * (1 + self._width / 2)
        price = float(f"{self._middle * (1 + self._swing * self._width):.6g}")
        return {
            "symbol": f"{base}USDT",
            "interval": "1d",
            "current_price": price,
            "lower_band": lower,
            "upper_band": upper,
            "signal": "BUY" if price < lower else "SELL" if price > upper else "HOLD",
            "potential_return": (upper - lower) / lower * 100,
            "total_return": self._total,
            "sharpe_ratio": self._total / 40 + self._sharpe,
            "max_drawdown": max(-self._total, 0) + 5 + 15 * self._width,
            "degree": self._degree,
            "kstd": self._kstd,
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
