"""The grid of parameters, and what every one of its combinations would have ordered."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from autonama.analysis.backtest import Costs, Orders, backtest, next_bar, signals
from autonama.analysis.bands import Floats, rolling_fit
from autonama.analysis.metrics import Metrics, measure


@dataclass(frozen=True)
class Parameters:
    """One combination: degree of the polynomial, band width in residual deviations, look-back in bars."""

    degree: int
    kstd: float
    lookback: int


@dataclass(frozen=True)
class Grid:
    """Every combination of these; the default is the full grid of 3,906."""

    degrees: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    kstds: tuple[float, ...] = tuple(tenths / 10 for tenths in range(10, 31))
    lookbacks: tuple[int, ...] = tuple(range(50, 351, 10))

    def __len__(self) -> int:
        return len(self.degrees) * len(self.kstds) * len(self.lookbacks)

    def combinations(self, lookback: int) -> list[Parameters]:
        """Those of one look-back, in the order of the trials of `orders`."""
        return [Parameters(degree, kstd, lookback) for degree, kstd in product(self.degrees, self.kstds)]

    def up_to(self, lookback: int) -> "Grid":
        """The part of the grid whose look-backs are at most this."""
        return Grid(self.degrees, self.kstds, tuple(one for one in self.lookbacks if one <= lookback))


def orders(close: Floats, grid: Grid) -> Iterator[tuple[list[Parameters], Orders]]:
    """For each look-back its combinations, and their orders (bars, trials).

    One look-back at a time: its trials fit into the processor's cache, those of the whole grid do not.
    """
    for lookback in grid.lookbacks:
        fit = rolling_fit(close, lookback, grid.degrees)
        half = fit.deviation[:, None, :] * np.asarray(grid.kstds)[:, None]
        middle = fit.middle[:, None, :]
        signal = signals(close, middle - half, middle + half).reshape(-1, len(close))
        yield grid.combinations(lookback), next_bar(np.ascontiguousarray(signal.T))


def sweep(
    opening: Floats, close: Floats, grid: Grid, costs: Costs, bars_a_year: float
) -> Iterator[tuple[list[Parameters], Metrics]]:
    """Every combination followed over all bars, by look-back. In-sample: a record of trials, not a forecast."""
    for parameters, ordered in orders(close, grid):
        yield parameters, measure(backtest(opening, close, ordered, costs), bars_a_year)
