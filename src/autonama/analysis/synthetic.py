"""Candles made from a seed, for the demo and for trying out: no market data in them, nothing is claimed of any coin.

The logarithm of a price is the sum of two walks: a trend, whose daily drift changes slowly, and a distance from it, of
which a part is taken back every day. Where the distance is large beside the steps of the trend, the bands of a
regression find something to trade; where it is not, they do not, as in a market.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from autonama.analysis.bands import Floats
from autonama.analysis.candles import DAY, Candles

SEED = 4
"""Of a handful the one whose last day has both signals, flips, gains and losses."""

PRICES: Mapping[str, float] = {
    "BTCUSDT": 60_000.0, "ETHUSDT": 3_300.0, "BNBUSDT": 690.0, "SOLUSDT": 190.0, "LTCUSDT": 105.0, "AVAXUSDT": 37.0,
    "ETCUSDT": 26.0, "LINKUSDT": 21.0, "UNIUSDT": 13.0, "APTUSDT": 9.0, "DOTUSDT": 6.8, "ATOMUSDT": 6.4,
    "FILUSDT": 5.3, "NEARUSDT": 5.1, "XRPUSDT": 2.4, "ADAUSDT": 0.95, "ALGOUSDT": 0.37, "DOGEUSDT": 0.34,
    "TRXUSDT": 0.24, "VETUSDT": 0.047, "FLOKIUSDT": 0.00016, "BONKUSDT": 0.00003, "SHIBUSDT": 0.000022,
    "PEPEUSDT": 0.00001, "TIAUSDT": 4.4,
}  # fmt: skip
"""Round numbers of the right size, so that tables look as they will; the walks end near them."""

YOUNG: Mapping[str, int] = {"APTUSDT": 106, "TIAUSDT": 40}
"""Bars of symbols that are listed for so long only: one has hardly traded, the other is too short to be analysed."""

DIGITS, DECIMALS = 6, 8
"""Significant digits of a price, and its decimals at the most, as an exchange quotes it."""

TURNOVER = 2e7
"""Value traded in a day, roughly, in the quote asset."""


def market(end: datetime, bars: int, *, seed: int = SEED) -> list[Candles]:
    """Daily candles of every symbol of PRICES, up to the last one that has closed at `end`.

    The numbers depend on `bars` and the seed alone: on another day the same walks end there.
    """
    last = int(end.timestamp() * 1000) // DAY * DAY
    return [
        _candles(symbol, price, last, min(bars, YOUNG.get(symbol, bars)), np.random.default_rng([seed, nth]))
        for nth, (symbol, price) in enumerate(PRICES.items())
    ]


def frame(market: Sequence[Candles]) -> pl.DataFrame:
    """The candles as the columns that `--source FILE` reads; open_time in UTC."""
    names = ("open", "high", "low", "close", "volume")
    columns = ({name: pl.Series(values) for name, values in zip(names, one.values, strict=True)} for one in market)
    times = (pl.Series(one.open_time).cast(pl.Datetime("ms", "UTC")) for one in market)
    return pl.concat(
        pl.DataFrame({"symbol": [one.symbol] * len(one), "open_time": time, **values})
        for one, time, values in zip(market, times, columns, strict=True)
    )


def _candles(symbol: str, price: float, last: int, bars: int, rng: np.random.Generator) -> Candles:
    times: NDArray[np.int64] = last - DAY * np.arange(bars, 0, -1, dtype=np.int64)
    digits = min(DECIMALS, DIGITS - 1 - math.floor(math.log10(price)))
    close = np.round(price * np.exp(_walk(bars, rng)), digits)
    opening = np.round(np.concatenate((close[:1], close[:-1])) * np.exp(rng.normal(0, 0.001, bars)), digits)
    above, below = np.exp(np.abs(rng.normal(0, 0.008, (2, bars))))
    high = np.round(np.maximum(opening, close) * above, digits)
    low = np.round(np.minimum(opening, close) / below, digits)
    volume = np.round(TURNOVER / price * np.exp(rng.normal(0, 0.4, bars)), 2)
    return Candles(symbol, "1d", times, opening, high, low, close, volume).checked()


def _walk(bars: int, rng: np.random.Generator) -> Floats:
    """(bars,): logarithm of the close over the price that the trend ends at."""
    drift, trend, apart = rng.normal(0, 0.001), 0.0, 0.0
    kept, swing, step = rng.uniform(0.6, 0.85), rng.uniform(0.02, 0.035), rng.uniform(0.002, 0.01)
    walk = np.empty(bars)
    for bar in range(bars):
        drift = 0.98 * drift + rng.normal(0, 0.0004)
        trend += drift + rng.normal(0, step)
        apart = kept * apart + rng.normal(0, swing)
        walk[bar] = trend + apart
    return walk - trend
