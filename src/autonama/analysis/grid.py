"""The grid of parameters, and what every one of its combinations would have ordered."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from random import Random

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
    """Every combination of these; the default is the full grid of 3,906.

    lot: how many of them chance draws, and its seed; None for all.
    """

    degrees: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    kstds: tuple[float, ...] = tuple(tenths / 10 for tenths in range(10, 31))
    lookbacks: tuple[int, ...] = tuple(range(50, 351, 10))
    lot: tuple[int, int] | None = None
    drawn: frozenset[Parameters] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return sum(len(self.combinations(lookback)) for lookback in self.lookbacks)

    def combinations(self, lookback: int) -> list[Parameters]:
        """Those of one look-back, in the order of the trials of `orders`."""
        every = self._every(lookback)
        return every if self.drawn is None else [one for one in every if one in self.drawn]

    def places(self, lookback: int) -> list[int]:
        """Where the drawn ones of a look-back stand among all its combinations."""
        return [at for at, one in enumerate(self._every(lookback)) if self.drawn is None or one in self.drawn]

    def up_to(self, lookback: int) -> "Grid":
        """The part of the grid whose look-backs are at most this."""
        return replace(self, lookbacks=tuple(one for one in self.lookbacks if one <= lookback))

    def draw(self, trials: int, seed: int) -> "Grid":
        """Only so many of the combinations, drawn at random; all where there are no more. One seed draws one grid."""
        chance = Random(seed)  # noqa: S311 - of its methods only random() gives the same numbers in every Python
        every = [one for lookback in self.lookbacks for one in self.combinations(lookback)]
        lots = [chance.random() for _ in every]
        drawn = frozenset(one for _, one in sorted(zip(lots, every, strict=True), key=lambda pair: pair[0])[:trials])
        return replace(self, lot=(trials, seed), drawn=drawn)

    def _every(self, lookback: int) -> list[Parameters]:
        return [Parameters(degree, kstd, lookback) for degree, kstd in product(self.degrees, self.kstds)]


def orders(close: Floats, grid: Grid) -> Iterator[tuple[list[Parameters], Orders]]:
    """For each look-back its combinations, and their orders (bars, trials).

    One look-back at a time: its trials fit into the processor's cache, those of the whole grid do not.
    """
    for lookback in grid.lookbacks:
        if not (combinations := grid.combinations(lookback)):
            continue
        fit = rolling_fit(close, lookback, grid.degrees)
        half = fit.deviation[:, None, :] * np.asarray(grid.kstds)[:, None]
        middle = fit.middle[:, None, :]
        signal = signals(close, middle - half, middle + half).reshape(-1, len(close))
        drawn = signal if grid.drawn is None else signal[grid.places(lookback)]
        yield combinations, next_bar(np.ascontiguousarray(drawn.T))


def sweep(
    opening: Floats, close: Floats, grid: Grid, costs: Costs, bars_a_year: float
) -> Iterator[tuple[list[Parameters], Metrics]]:
    """Every combination followed over the bars after its look-back, by look-back, as `optimise.judge` follows one.

    In-sample: a record of trials, not a forecast. Look-backs have to leave two bars.
    """
    for parameters, ordered in orders(close, grid):
        traded = slice(parameters[0].lookback, None)
        yield parameters, measure(backtest(opening[traded], close[traded], ordered[traded], costs), bars_a_year)
