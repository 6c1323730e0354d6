"""The backtest: fills at the next open, costs on both sides, one position, metrics as defined."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import walk

from autonama.analysis.backtest import FEW_TRIALS, Costs, backtest, next_bar, signals
from autonama.analysis.bands import rolling_fit
from autonama.analysis.metrics import measure

FREE = Costs(fee=0, slippage=0)


def column(*orders: int) -> np.ndarray:
    """Orders of one trial."""
    return np.array(orders, dtype=np.int8)[:, None]


def by_hand(
    opening: np.ndarray, close: np.ndarray, orders: np.ndarray, costs: Costs
) -> tuple[list[float], list[float]]:
    """One trial bar by bar with cash and coins: the equity at each close, and each closed trade's gain."""
    cash, coins, put_in = costs.capital, 0.0, 0.0
    equity, gains = [], []
    for bar, order in enumerate(orders):
        if order > 0 and not coins:
            put_in, coins, cash = cash, cash / (opening[bar] * (1 + costs.slippage) * (1 + costs.fee)), 0.0
        elif order < 0 and coins:
            cash, coins = coins * opening[bar] * (1 - costs.slippage) * (1 - costs.fee), 0.0
            gains.append(cash - put_in)
        equity.append(cash + coins * close[bar])
    return equity, gains


def test_a_signal_trades_at_the_next_open() -> None:
    """A close below its band buys at the following bar's open, a close above sells likewise."""
    close = np.array([10.0, 5.0, 11.0, 20.0, 12.0])
    opening = np.array([10.0, 10.0, 6.0, 11.0, 18.0])
    signal = signals(close[:, None], np.full((5, 1), 8.0), np.full((5, 1), 15.0))
    assert signal[:, 0].tolist() == [0, 1, 0, -1, 0]
    course = backtest(opening, close, next_bar(signal), FREE)
    assert course.held[:, 0].tolist() == [False, False, True, True, False]
    np.testing.assert_allclose(course.equity[:, 0], [1, 1, 11 / 6, 20 / 6, 18 / 6])


def test_both_sides_pay_fee_and_slippage() -> None:
    """At an unmoved price a round trip costs (1 - fee)(1 - slippage) / ((1 + fee)(1 + slippage))."""
    flat = np.full(4, 50.0)
    course = backtest(flat, flat, column(1, 0, -1, 0), Costs())
    assert course.equity[-1, 0] == pytest.approx(0.9985 * 0.9995 / (1.0015 * 1.0005), rel=1e-15)
    found = measure(course, 365)
    assert (found.trades[0], found.win_rate[0], found.exposure[0]) == (1, 0.0, 50.0)


@settings(max_examples=60)
@given(data=st.data(), seed=st.integers(0, 10**6))
def test_agrees_with_a_ledger_of_cash_and_coins(data: st.DataObject, seed: int) -> None:
    """Any orders give the equity, trades, wins, drawdown and Sharpe of a trader who counts cash and coins."""
    bars = data.draw(st.integers(3, 40))
    opening, close = walk(bars, seed=seed)
    orders = np.array([data.draw(st.lists(st.integers(-1, 1), min_size=bars, max_size=bars)) for _ in range(3)]).T
    course = backtest(opening, close, orders.astype(np.int8), Costs())
    found = measure(course, 365)
    for trial in range(3):
        equity, gains = by_hand(opening, close, orders[:, trial], Costs())
        np.testing.assert_allclose(course.equity[:, trial] * 100_000, equity, rtol=1e-12)
        returns = np.diff([100_000.0, *equity]) / [100_000.0, *equity[:-1]]
        peak = np.maximum.accumulate([100_000.0, *equity])
        assert found.total_return[trial] == pytest.approx(equity[-1] / 1000 - 100, abs=1e-9)
        assert found.max_drawdown[trial] == pytest.approx(
            max(1 - np.array([100_000.0, *equity]) / peak) * 100, abs=1e-9
        )
        assert found.trades[trial] == len(gains)
        if gains:
            assert found.win_rate[trial] == pytest.approx(100 * sum(gain > 0 for gain in gains) / len(gains))
        if course.held[:, trial].any():
            expected = returns.mean() / returns.std(ddof=1) * math.sqrt(365)
            assert found.sharpe_ratio[trial] == pytest.approx(expected, rel=1e-8, abs=1e-12)


@given(st.integers(0, 10**6))
def test_a_trial_is_followed_among_many_as_by_itself(seed: int) -> None:
    """Many trials are followed bar by bar, few all bars at once: the same is held, and the equity is the same."""
    dice = np.random.default_rng(seed)
    bars = int(dice.integers(2, 60))
    opening, close = walk(bars, seed=seed)
    orders = dice.choice(np.array([-1, 0, 0, 0, 1], dtype=np.int8), (bars, 3))
    many = backtest(opening, close, np.tile(orders, FEW_TRIALS), Costs())
    for trial in range(3):
        alone = backtest(opening, close, orders[:, trial : trial + 1], Costs())
        for among in (many.held[:, trial::3], many.equity[:, trial::3]):
            assert (among == (alone.held if among.dtype == bool else alone.equity)).all()


def test_what_is_undefined_is_nan() -> None:
    """Without a trade there is neither a Sharpe nor a win rate; return, drawdown and exposure are zero."""
    opening, close = walk(10)
    found = measure(backtest(opening, close, column(*[0] * 10), Costs()), 365)
    assert math.isnan(found.sharpe_ratio[0])
    assert math.isnan(found.win_rate[0])
    assert (found.total_return[0], found.max_drawdown[0], found.trades[0], found.exposure[0]) == (0, 0, 0, 0)
    assert math.isnan(measure(backtest(opening[:1], close[:1], column(1), Costs()), 365).sharpe_ratio[0])


def test_the_capital_is_the_first_peak() -> None:
    """A loss from the very first bar is a drawdown, although no close was higher."""
    opening, close = np.array([10.0, 8.0]), np.array([9.0, 8.0])
    assert measure(backtest(opening, close, column(1, 0), FREE), 365).max_drawdown[0] == pytest.approx(20)


def test_bands_without_width_give_no_signal() -> None:
    """A constant price, and bars before the look-back, lead to no order."""
    close = np.full(80, 1.0001)
    fit = rolling_fit(close, 30, (1, 6))
    assert not signals(close, *fit.bands(1.0)).any()


def test_the_future_changes_no_past_equity() -> None:
    """Orders and equity up to a bar are the same to the last bit when the candles after it are left away."""
    opening, close = walk(200)

    def course(end: int) -> np.ndarray:
        fit = rolling_fit(close[:end], 30, (2,))
        signal = signals(close[:end], *fit.bands(1.0)).T
        return backtest(opening[:end], close[:end], next_bar(signal), Costs()).equity

    whole = course(200)
    assert len(np.unique(whole)) > 50
    for end in (40, 90, 150):
        np.testing.assert_array_equal(course(end), whole[:end])
