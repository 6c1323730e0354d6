"""Our backtest against vectorbt's Portfolio on the same signals of real candles, where vectorbt is installed."""

import numpy as np
import pytest

from autonama.analysis.backtest import Costs, backtest
from autonama.analysis.grid import Grid, orders
from autonama.analysis.metrics import measure

pytestmark = pytest.mark.filterwarnings("ignore")  # vectorbt's own, about pandas and numba


def test_agrees_with_from_signals(real_bitcoin: tuple[np.ndarray, np.ndarray]) -> None:
    """Equity, return, Sharpe, drawdown, trades, win rate and exposure are vectorbt's to 1e-9, for 1,008 trials."""
    vectorbt = pytest.importorskip("vectorbt", exc_type=ImportError)
    pandas = pytest.importorskip("pandas")
    opening, close = real_bitcoin
    grid = Grid(lookbacks=(50, 90, 130, 170, 210, 250, 290, 350))
    ordered = np.concatenate([part for _, part in orders(close, grid)], axis=1)
    index = pandas.date_range("2023-08-26", periods=len(close), freq="D")

    def frame(column: np.ndarray) -> object:
        return pandas.DataFrame(np.repeat(column[:, None], ordered.shape[1], axis=1), index=index)

    theirs = vectorbt.Portfolio.from_signals(
        frame(close),
        pandas.DataFrame(ordered > 0, index=index),
        pandas.DataFrame(ordered < 0, index=index),
        price=frame(opening),
        fees=0.0015,
        slippage=0.0005,
        init_cash=100_000.0,
        freq="1D",
    )
    course = backtest(opening, close, ordered, Costs())
    found = measure(course, 365)
    np.testing.assert_allclose(course.equity * 100_000, theirs.value().to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(found.total_return, theirs.total_return().to_numpy() * 100, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.max_drawdown, -theirs.max_drawdown().to_numpy() * 100, rtol=1e-9, atol=1e-9)
    traded = course.held.any(axis=0)
    assert traded.sum() > 500
    sharpe = theirs.sharpe_ratio(year_freq="365 days").to_numpy()
    np.testing.assert_allclose(found.sharpe_ratio[traded], sharpe[traded], rtol=1e-9, atol=1e-12)
    assert np.isnan(found.sharpe_ratio[~traded]).all()
    np.testing.assert_array_equal(found.trades, theirs.trades.closed.count().to_numpy())
    closed = found.trades > 0
    np.testing.assert_allclose(found.win_rate[closed], theirs.trades.closed.win_rate().to_numpy()[closed] * 100)
    held = (theirs.assets() > 0).mean().to_numpy() * 100
    np.testing.assert_allclose(found.exposure, held, rtol=1e-9)
