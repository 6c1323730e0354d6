"""The probabilistic and the deflated Sharpe ratio, against the papers and their limits."""

import math

import numpy as np
import pytest

from autonama.analysis.sharpe import expected_best, probabilistic_sharpe, psr


def test_the_example_of_the_deflated_sharpe_paper() -> None:
    """Bailey and López de Prado (2014): 2.5 a year over five years of 250 days, 100 trials, is true with 0.9004."""
    benchmark = expected_best(0.5 / 250, 100)
    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    assert psr(2.5 / math.sqrt(250), benchmark, 1250, -3, 10) == pytest.approx(0.9004, abs=5e-5)


def test_more_trials_deflate_more() -> None:
    """Of the same returns, the more trials there were the less probable is worth; one trial deflates nothing."""
    returns = np.random.default_rng(3).normal(0.002, 0.02, 300)
    worth = [probabilistic_sharpe(returns, expected_best(0.002, trials)) for trials in (1, 2, 10, 1000, 10**6)]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] == probabilistic_sharpe(returns)


def test_symmetric_returns_without_drift_are_even_odds() -> None:
    """A mean of zero is above zero with probability one half."""
    assert probabilistic_sharpe(np.array([0.01, -0.01] * 50)) == pytest.approx(0.5)


@pytest.mark.parametrize("returns", [[], [0.1], [0.1, 0.2], [0.0] * 50, [0.01] * 50])
def test_undefined_without_variation(returns: list[float]) -> None:
    """Too few returns, or returns that do not vary, have no probability."""
    assert math.isnan(probabilistic_sharpe(np.array(returns)))


def test_is_right_as_often_as_it_says() -> None:
    """Of 2,000 samples of normal returns without drift, 5 % ± 2 % have a probabilistic Sharpe ratio above 0.95."""
    samples = np.random.default_rng(11).normal(0, 0.02, (2000, 200))
    above = np.mean([probabilistic_sharpe(sample) > 0.95 for sample in samples])
    assert 0.03 < above < 0.07
