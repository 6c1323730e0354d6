"""Whose backtest follows the orders that are reported: our own, or that of an installed VectorBT."""

from collections.abc import Callable
from typing import Literal

from autonama.analysis.backtest import Costs, Orders, backtest
from autonama.analysis.bands import Floats
from autonama.analysis.metrics import Metrics, measure
from autonama.analysis.vectorbt_backend import follow_vectorbt

Backend = Literal["own", "vectorbt"]

Follow = Callable[[Floats, Floats, Orders, Costs, float], tuple[Metrics, Floats]]
"""From opening and close (bars,), orders of one trial (bars, 1), costs and bars a year: the trial's metrics and returns
(bars,), from a flat start."""


def follow(opening: Floats, close: Floats, orders: Orders, costs: Costs, bars_a_year: float) -> tuple[Metrics, Floats]:
    """Our own backtest."""
    course = backtest(opening, close, orders, costs)
    return measure(course, bars_a_year), course.growth[:, 0] - 1


def follower(backend: Backend) -> Follow:
    """The backtest of that name."""
    return follow if backend == "own" else follow_vectorbt
