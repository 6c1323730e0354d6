"""What a course of equity is worth: return, Sharpe, drawdown, trades, exposure. Undefined is NaN, never infinite."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonama.analysis.backtest import Course
from autonama.analysis.bands import Floats

DAYS_A_YEAR = 365.0
"""Crypto markets do not close."""


@dataclass(frozen=True)
class Metrics:
    """One value a trial.

    total_return, max_drawdown, win_rate, exposure: %; the drawdown is positive, and counts from the capital on.
    sharpe_ratio: mean / standard deviation (ddof 1) of the bars' returns × sqrt(bars a year of 365 days); no
        risk-free rate. NaN where the returns do not vary.
    trades: positions bought and sold again. win_rate: of these, how many left more than was put in, costs included;
        NaN without trades. exposure: share of bars at whose close the asset was held.
    """

    total_return: Floats
    sharpe_ratio: Floats
    max_drawdown: Floats
    win_rate: Floats
    trades: NDArray[np.int64]
    exposure: Floats


def measure(course: Course, bars_a_year: float) -> Metrics:
    """All metrics of every trial."""
    equity = course.equity
    trades, wins = _trades(course, equity)
    with np.errstate(invalid="ignore"):
        win_rate = np.where(trades > 0, 100.0 * wins / np.maximum(trades, 1), np.nan)
    return Metrics(
        total_return=100.0 * (equity[-1] - 1),
        sharpe_ratio=sharpe(course.growth, bars_a_year),
        max_drawdown=_max_drawdown(equity),
        win_rate=win_rate,
        trades=trades,
        exposure=100.0 * course.held.mean(axis=0),
    )


def sharpe(growth: Floats, bars_a_year: float) -> Floats:
    """The annual Sharpe ratio of every trial; NaN where the returns do not vary or there are fewer than two."""
    if len(growth) < 2:
        return np.full(growth.shape[1], np.nan)
    returns = growth - 1  # before averaging: a mean near 1 would round away the digits of a mean return near 0
    mean, deviation = returns.mean(axis=0), returns.std(axis=0, ddof=1)
    varies = (growth != growth[0]).any(axis=0) & (deviation > 0)
    ratio = np.full(growth.shape[1], np.nan)
    np.divide(mean, deviation, out=ratio, where=varies)
    return np.asarray(ratio * np.sqrt(bars_a_year))


def _max_drawdown(equity: Floats) -> Floats:
    peak = np.maximum(np.maximum.accumulate(equity, axis=0), 1.0)
    return np.asarray(100.0 * (1 - (equity / peak).min(axis=0)))


def _trades(course: Course, equity: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many positions were closed, and how many of these gained.

    A trial's entries and exits take turns, so that the nth exit belongs to the nth entry.
    """
    change = np.diff(course.held.view(np.int8), axis=0, prepend=np.int8(0)).T
    put_in = np.concatenate((np.ones_like(equity[:1]), equity[:-1])).T
    exits = change < 0
    count = exits.sum(axis=1)
    bought = np.nonzero(change > 0)
    closed = _nth_in_row(bought[0]) < count[bought[0]]
    gained = equity.T[np.nonzero(exits)] > put_in[bought[0][closed], bought[1][closed]]
    wins = np.bincount(np.nonzero(exits)[0][gained], minlength=len(count))
    return count.astype(np.int64), wins.astype(np.int64)


def _nth_in_row(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """For sorted row numbers: the how manieth each is of its row, from 0."""
    return np.asarray(np.arange(len(rows)) - np.searchsorted(rows, rows))
