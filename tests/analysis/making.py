"""Market data for tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from autonama.analysis.candles import DAY, Candles

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
FIRST_MS = int(FIRST.timestamp() * 1000)


def walk(bars: int, *, seed: int = 1, start: float = 100.0, step: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """Opens and closes of a random walk."""
    close = start * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, step, bars)))
    return np.concatenate(([start], close[:-1])) * 1.001, close


def candles(symbol: str = "BTCUSDT", bars: int = 400, *, seed: int = 1, start: float = 100.0) -> Candles:
    """Daily candles from 2024 on that keep every invariant."""
    opening, close = walk(bars, seed=seed, start=start)
    times = FIRST_MS + DAY * np.arange(bars, dtype=np.int64)
    high, low = np.maximum(opening, close) * 1.01, np.minimum(opening, close) * 0.99
    return Candles(symbol, "1d", times, opening, high, low, close, np.full(bars, 10.0 + seed))


def frame(*every: Candles) -> pl.DataFrame:
    """The candles as the documented columns of a file; open_time in ms."""
    return pl.concat(
        pl.DataFrame({
            "symbol": [one.symbol] * len(one),
            "open_time": one.open_time,
            **dict(zip(("open", "high", "low", "close", "volume"), one.values, strict=True)),
        })
        for one in every
    )  # fmt: skip


def after(bars: int) -> datetime:
    """An hour after that many of `candles` have closed."""
    return FIRST + timedelta(days=bars, hours=1)
