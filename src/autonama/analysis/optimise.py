"""Walk-forward optimisation: parameters chosen on one window are judged on the bars that follow it.

The bars after the longest look-back are cut, from the last bar backwards, into test windows that touch each other; each
has the training window before it. In every training window each combination of the grid trades from a flat start, and
the one with the highest Sharpe ratio (of equals the first of the grid) gives the orders of the test window. One
portfolio follows these orders through all test windows: its metrics are out-of-sample, and they are what is reported.
The bands of today are those that the last training window, which ends at the last bar, chooses.
"""

from dataclasses import dataclass

import numpy as np

from autonama.analysis.backtest import Costs, Orders, backtest
from autonama.analysis.bands import Floats
from autonama.analysis.follow import Follow, follow
from autonama.analysis.grid import Grid, Parameters, orders
from autonama.analysis.metrics import Metrics, sharpe
from autonama.analysis.sharpe import expected_best, probabilistic_sharpe


class NotEnough(ValueError):
    """The candles of a symbol do not suffice; the message is the reason that the user reads."""


@dataclass(frozen=True)
class Windows:
    """Bars of a training and of a test window."""

    train: int = 180
    test: int = 60

    def folds(self, bars: int, lookback: int) -> list[tuple[int, int, int]]:
        """(first of training, first of test, one past test) of each fold, oldest first.

        The first bar that can trade is `lookback`: its order comes of the bar before, the first with a full look-back.
        """
        starts = range(bars - self.test - self.train, lookback - 1, -self.test)
        return [(start, start + self.train, start + self.train + self.test) for start in reversed(starts)]


@dataclass(frozen=True)
class Judgement:
    """How parameters were found and what they are worth.

    reported: out-of-sample where there are folds, else over all bars after the look-back; one trial.
    in_sample: of the chosen parameters in the last training window, or the same as `reported`.
    trials: combinations tried on each training window. folds: test windows; 0 without optimisation.
    probabilistic_sharpe: PSR(0) of the reported returns. deflated_sharpe: DSR of the in-sample returns, from which the
        parameters were chosen, over all trials.
    """

    parameters: Parameters
    reported: Metrics
    in_sample: Metrics
    trials: int
    folds: int
    probabilistic_sharpe: float
    deflated_sharpe: float


@dataclass(frozen=True)
class Market:
    """The candles of one symbol as the trials see them: opening, close (bars,)."""

    opening: Floats
    close: Floats
    bars_a_year: float


def judge(market: Market, parameters: Parameters, costs: Costs, follow: Follow = follow) -> Judgement:
    """Given parameters, over all bars after their look-back. NotEnough where fewer than two bars are left."""
    if len(market.close) < parameters.lookback + 2:
        raise NotEnough(f"{len(market.close)} candles; a look-back of {parameters.lookback} needs two more than it.")
    grid = Grid((parameters.degree,), (parameters.kstd,), (parameters.lookback,))
    [(_, ordered)] = orders(market.close, grid)
    metrics, returns = _followed(market, ordered, parameters.lookback, len(ordered), costs, follow)
    worth = probabilistic_sharpe(returns)
    return Judgement(parameters, metrics, metrics, 1, 0, worth, worth)


def optimise(market: Market, grid: Grid, windows: Windows, costs: Costs, follow: Follow = follow) -> Judgement:
    """The best parameters of the grid, judged out-of-sample. `follow` gives the figures that are reported.

    Look-backs that leave no room for a training and a test window are left out of the trials. NotEnough where none
    does, or where nothing in the last training window has a Sharpe ratio.
    """
    bars = len(market.close)
    room = bars - windows.train - windows.test
    grid = grid.up_to(room)
    if not len(grid):
        raise NotEnough(
            f"{bars} candles; training on {windows.train} and testing on {windows.test} leaves {max(room, 0)} for the "
            "look-back."
        )
    folds = windows.folds(bars, grid.lookbacks[-1])
    trains = [(start, middle) for start, middle, _ in folds] + [(bars - windows.train, bars)]
    trials = _try_all(market, grid, trains, costs)
    best = [_best(row) for row in trials.sharpes]
    if best[-1] is None:
        raise NotEnough("no combination of the grid traded in the last training window.")
    stitched = _stitch(trials.orders, folds, best)
    reported, outside = _followed(market, stitched, folds[0][1], bars, costs, follow)
    chosen = trials.orders[:, best[-1], None]
    in_sample, inside = _followed(market, chosen, bars - windows.train, bars, costs, follow)
    return Judgement(
        parameters=trials.parameters[best[-1]],
        reported=reported,
        in_sample=in_sample,
        trials=len(grid),
        folds=len(folds),
        probabilistic_sharpe=probabilistic_sharpe(outside),
        deflated_sharpe=_deflated(inside, trials.sharpes[-1], market.bars_a_year),
    )


@dataclass(frozen=True)
class _Trials:
    """parameters (trials); orders (bars, trials); sharpes (training windows, trials)."""

    parameters: list[Parameters]
    orders: Orders
    sharpes: Floats


def _try_all(market: Market, grid: Grid, trains: list[tuple[int, int]], costs: Costs) -> _Trials:
    parameters: list[Parameters] = []
    ordered, sharpes = [], []
    for some, part in orders(market.close, grid):
        parameters += some
        ordered.append(part)
        sharpes.append([_train(market, part, first, end, costs) for first, end in trains])
    return _Trials(parameters, np.concatenate(ordered, axis=1), np.concatenate(sharpes, axis=1))


def _train(market: Market, ordered: Orders, first: int, end: int, costs: Costs) -> Floats:
    course = backtest(market.opening[first:end], market.close[first:end], ordered[first:end], costs)
    return sharpe(course.growth, market.bars_a_year)


def _best(sharpes: Floats) -> int | None:
    return None if np.isnan(sharpes).all() else int(np.nanargmax(sharpes))


def _stitch(ordered: Orders, folds: list[tuple[int, int, int]], best: list[int | None]) -> Orders:
    """(bars, 1): in each test window the orders of its best trial; where there was none, to sell what is held."""
    stitched = np.zeros((len(ordered), 1), dtype=np.int8)
    for (_, first, end), trial in zip(folds, best, strict=False):
        stitched[first:end, 0] = -1 if trial is None else ordered[first:end, trial]
    return stitched


def _followed(
    market: Market, ordered: Orders, first: int, end: int, costs: Costs, follow: Follow
) -> tuple[Metrics, Floats]:
    """The metrics of one trial (bars, 1) from a flat start at `first`, and its returns (bars,)."""
    part = slice(first, end)
    return follow(market.opening[part], market.close[part], ordered[part], costs, market.bars_a_year)


def _deflated(returns: Floats, sharpes: Floats, bars_a_year: float) -> float:
    defined = sharpes[np.isfinite(sharpes)]
    variance = float(defined.var(ddof=1)) / bars_a_year if len(defined) > 1 else 0.0
    return probabilistic_sharpe(returns, expected_best(variance, len(sharpes)))
