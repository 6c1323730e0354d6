"""Backtest of long-only orders: the signal of a closed bar trades at the open of the next.

One position a symbol, bought with the whole capital: size = cash / (price × (1 + fee)), as a fraction. The price of a
fill is the bar's open, moved against the trader by the slippage. Columns are independent trials of the same candles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonama.analysis.bands import Bools, Floats

Orders = NDArray[np.int8]
"""(bars, trials): 1 buys at that bar's open, -1 sells, 0 leaves things as they are."""


FEW_TRIALS = 100
"""So many are followed sooner all bars at once, one trial 2 ms sooner; more of them bar by bar."""


@dataclass(frozen=True)
class Costs:
    """Fee and slippage of each side, as shares of the price; capital in the quote asset."""

    fee: float = 0.0015
    slippage: float = 0.0005
    capital: float = 100_000.0


@dataclass(frozen=True)
class Course:
    """What became of the trials.

    growth: (bars, trials), value at a bar's close / value at the close before; of the first bar: / the capital.
    held: (bars, trials), whether the asset is held at the bar's close.
    """

    growth: Floats
    held: Bools

    @property
    def equity(self) -> Floats:
        """(bars, trials): value at each close, as a multiple of the capital."""
        return np.asarray(np.cumprod(self.growth, axis=0), dtype=np.float64)


def signals(close: Floats, lower: Floats, upper: Floats) -> Orders:
    """1 where the close is below the lower band, -1 where above the upper one, else 0; broadcasts.

    Bands without a width, or undefined, give no signal.
    """
    sound = lower < upper
    return ((close < lower) & sound).astype(np.int8) - ((close > upper) & sound).astype(np.int8)


def next_bar(signal: Orders) -> Orders:
    """The orders that signals (bars, trials) lead to: each one bar later, none in the first."""
    orders = np.zeros_like(signal)
    orders[1:] = signal[:-1]
    return orders


def backtest(opening: Floats, close: Floats, orders: Orders, costs: Costs) -> Course:
    """Follow the orders from a flat start.

    opening, close: (bars,); orders: (bars, trials). A buy while holding and a sell while flat do nothing.
    """
    held = _held(orders)
    before = np.zeros_like(held)
    before[1:] = held[:-1]
    last = np.concatenate((close[:1], close[:-1]))
    buying, selling = (1 + costs.slippage) * (1 + costs.fee), (1 - costs.slippage) * (1 - costs.fee)
    kinds = np.stack((np.ones_like(close), close / (opening * buying), opening * selling / last, close / last), axis=1)
    kind = before.view(np.int8) * 2 + held.view(np.int8)
    return Course(np.take_along_axis(kinds, kind.astype(np.intp), axis=1), held)


def _held(orders: Orders) -> Bools:
    """Held is what the last order said; nothing before the first."""
    if orders.shape[1] > FEW_TRIALS:
        held = np.zeros(orders.shape, dtype=np.bool_)
        state = np.zeros(orders.shape[1], dtype=np.bool_)
        for bar, order in enumerate(orders):
            state = (state | (order > 0)) & (order >= 0)
            held[bar] = state
        return held
    # An order is numbered by its bar, and odd where it buys: the largest number so far is the last order's.
    bars = 2 * np.arange(1, len(orders) + 1, dtype=np.int32)[:, None]
    numbers = np.where(orders != 0, bars + (orders > 0), 0)
    odd: Bools = np.maximum.accumulate(numbers, axis=0) % 2 == 1
    return odd
