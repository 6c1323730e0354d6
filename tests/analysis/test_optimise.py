"""Walk-forward: what is reported never saw the bars it was chosen on, and is the same every time."""

from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest
from making import walk

from autonama.analysis.backtest import Costs, backtest
from autonama.analysis.grid import Grid, Parameters, orders, sweep
from autonama.analysis.metrics import Metrics, measure
from autonama.analysis.optimise import Judgement, Market, NotEnough, Windows, judge, optimise
from autonama.analysis.sharpe import expected_best, probabilistic_sharpe

GRID = Grid((1, 3), (1.0, 1.5, 2.0), (20, 30))
WINDOWS = Windows(train=60, test=20)


def market(bars: int = 200, seed: int = 1) -> Market:
    """A random walk."""
    return Market(*walk(bars, seed=seed), 365.0)


def numbers(judgement: Judgement) -> bytes:
    """All of a judgement, bit by bit."""
    return repr([np.asarray(part).tolist() for part in astuple(judgement)]).encode()


def test_the_full_grid_has_3906_combinations() -> None:
    """Degree 1–6, kstd 1.0–3.0 by 0.1, look-back 50–350 by 10."""
    grid = Grid()
    assert len(grid) == 3906
    assert (grid.kstds[0], grid.kstds[-1], grid.kstds[2], grid.lookbacks[-1]) == (1.0, 3.0, 1.2, 350)


def test_test_windows_follow_their_training_and_touch_each_other() -> None:
    """The folds end at the last bar, each test window begins where its training ends, and none trades too early."""
    for bars in range(110, 260):
        folds = WINDOWS.folds(bars, 30)
        assert folds[-1][2] == bars
        assert 30 <= folds[0][0] < 50
        assert all(test - train == 60 and end - test == 20 for train, test, end in folds)
        assert all(one[2] == following[1] for one, following in pairwise(folds))
    assert WINDOWS.folds(109, 30) == []


def test_reported_figures_follow_by_hand() -> None:
    """Choosing by Sharpe in each training window and trading the test windows one after another gives the report."""
    made = market()
    parts = list(orders(made.close, GRID))
    ordered = np.concatenate([part for _, part in parts], axis=1)
    parameters = [one for some, _ in parts for one in some]
    stitched = np.zeros((200, 1), dtype=np.int8)

    def measured(first: int, end: int) -> Metrics:
        return measure(backtest(made.opening[first:end], made.close[first:end], ordered[first:end], Costs()), 365)

    for train, test, end in WINDOWS.folds(200, 30):
        best = int(np.nanargmax(measured(train, test).sharpe_ratio))
        stitched[test:end, 0] = ordered[test:end, best]
    first = WINDOWS.folds(200, 30)[0][1]
    expected = measure(backtest(made.opening[first:], made.close[first:], stitched[first:], Costs()), 365)
    found = optimise(made, GRID, WINDOWS, Costs())
    assert astuple(found.reported) == astuple(expected)
    last = measured(140, 200)
    best = int(np.nanargmax(last.sharpe_ratio))
    assert found.parameters == parameters[best]
    assert found.in_sample.sharpe_ratio[0] == pytest.approx(last.sharpe_ratio[best], rel=1e-12)
    assert found.in_sample.total_return[0] == pytest.approx(last.total_return[best], rel=1e-12)
    assert (found.trials, found.folds) == (12, 5)
    course = backtest(made.opening[first:], made.close[first:], stitched[first:], Costs())
    assert found.probabilistic_sharpe == probabilistic_sharpe(course.growth[:, 0] - 1)
    luck = expected_best(np.nanvar(last.sharpe_ratio, ddof=1) / 365, 12)
    inside = backtest(made.opening[140:], made.close[140:], ordered[140:, best, None], Costs()).growth[:, 0] - 1
    assert found.deflated_sharpe == pytest.approx(probabilistic_sharpe(inside, luck), rel=1e-12)


def test_noise_shows_the_selection_bias() -> None:
    """On 40 random walks the mean in-sample Sharpe is far above the out-of-sample one, and DSR far below PSR."""
    found = [optimise(market(260, seed), GRID, WINDOWS, Costs()) for seed in range(40)]
    inside = np.mean([one.in_sample.sharpe_ratio[0] for one in found])
    outside = np.nanmean([one.reported.sharpe_ratio[0] for one in found])
    assert inside > outside + 1
    assert np.mean([one.deflated_sharpe for one in found]) < 0.8


def test_the_same_candles_give_the_same_bytes() -> None:
    """Twice the same candles, twice the same judgement to the last bit."""
    assert numbers(optimise(market(), GRID, WINDOWS, Costs())) == numbers(optimise(market(), GRID, WINDOWS, Costs()))


def test_long_look_backs_are_left_out_where_there_is_no_room() -> None:
    """With room for the shorter look-back only, the trials are those of the shorter one, and counted so."""
    assert optimise(market(105), GRID, WINDOWS, Costs()).trials == 6


def test_too_few_candles_are_told() -> None:
    """The reason names the candles and what they would have to hold."""
    with pytest.raises(NotEnough, match=r"90 candles; training on 60 and testing on 20 leaves 10 for the look-back"):
        optimise(market(90), GRID, WINDOWS, Costs())
    with pytest.raises(NotEnough, match=r"31 candles; a look-back of 30 needs two more"):
        judge(market(31), Parameters(1, 1.0, 30), Costs())


def test_a_constant_price_is_no_choice() -> None:
    """Where nothing trades in training there is nothing to choose by, and no row."""
    constant = Market(np.full(200, 5.0), np.full(200, 5.0), 365.0)
    with pytest.raises(NotEnough, match="traded in the last training window"):
        optimise(constant, GRID, WINDOWS, Costs())


def test_given_parameters_are_one_trial() -> None:
    """Without a search there are no folds, one trial, and nothing to deflate."""
    found = judge(market(), Parameters(3, 1.5, 30), Costs())
    assert (found.trials, found.folds) == (1, 0)
    assert found.in_sample is found.reported
    assert found.deflated_sharpe == found.probabilistic_sharpe


def test_the_sweep_measures_every_combination() -> None:
    """Each combination of a sweep has the metrics that it has alone over the bars after its look-back."""
    made = market()
    swept = {one: (metrics, at) for some, metrics in sweep(made.opening, made.close, GRID, Costs(), 365)
             for at, one in enumerate(some)}  # fmt: skip
    assert len(swept) == len(GRID)
    for one, (metrics, at) in swept.items():
        [(_, ordered)] = orders(made.close, Grid((one.degree,), (one.kstd,), (one.lookback,)))
        after = slice(one.lookback, None)
        alone = measure(backtest(made.opening[after], made.close[after], ordered[after], Costs()), 365)
        assert (metrics.total_return[at], metrics.trades[at]) == (alone.total_return[0], alone.trades[0])
