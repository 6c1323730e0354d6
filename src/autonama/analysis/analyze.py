"""From market data to result rows: the one place where the parts of the engine are joined."""

import logging
import signal
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from typing import Protocol

from autonama.analysis.backtest import Costs
from autonama.analysis.candles import DAY, BadCandles, Candles, interval_ms
from autonama.analysis.grid import Grid, Parameters
from autonama.analysis.optimise import Judgement, Market, NotEnough, Windows, judge, optimise
from autonama.analysis.rows import Row, Unstorable, result_row
from autonama.analysis.universe import base_of

log = logging.getLogger("autonama.analysis")


class Source(Protocol):
    """Where candles come from."""

    def top(self, count: int) -> list[str]:
        """The symbols with the greatest volume, greatest first."""

    def candles(self, symbol: str, days: int, now: datetime) -> Candles:
        """The closed candles of the last days. BadCandles with the reason where there are none, or unsound ones."""


@dataclass(frozen=True)
class Plan:
    """What to analyse, and how.

    parameters: taken as they are; None where the grid is searched by walk-forward.
    jobs: processes; the result does not depend on it.
    """

    symbols: tuple[str, ...]
    interval: str = "1d"
    days: int = 720
    parameters: Parameters | None = None
    grid: Grid = field(default_factory=Grid)
    windows: Windows = field(default_factory=Windows)
    costs: Costs = field(default_factory=Costs)
    quotes: tuple[str, ...] = ("USDT",)
    jobs: int = 1


@dataclass(frozen=True)
class Left:
    """A symbol that has no row, and why."""

    symbol: str
    reason: str


@dataclass(frozen=True)
class Analysis:
    """rows: in the order of the plan's symbols. left: symbols without one."""

    rows: tuple[Row, ...]
    left: tuple[Left, ...]


def analyze(source: Source, plan: Plan, now: datetime) -> Analysis:
    """One row for each symbol whose candles allow it.

    MarketDataError where the source fails; a symbol that fails alone is left out, with the reason.
    """
    interval_ms(plan.interval)
    found = [_candles(source, plan, symbol, now) for symbol in dict.fromkeys(plan.symbols)]
    candles = _current([one for one in found if isinstance(one, Candles)])
    judged = _in_processes(candles, plan)
    left = [one for one in (*found, *judged) if isinstance(one, Left)]
    for one in left:
        log.warning("%s is left out: %s", one.symbol, one.reason)
    return Analysis(tuple(one for one in judged if isinstance(one, dict)), tuple(left))


def _candles(source: Source, plan: Plan, symbol: str, now: datetime) -> Candles | Left:
    if base_of(symbol, plan.quotes) is None:
        return Left(symbol, f"its name has to be capitals and end in {' or '.join(plan.quotes)}.")
    try:
        candles = source.candles(symbol, plan.days, now)
    except BadCandles as reason:
        return Left(symbol, str(reason))
    return candles if len(candles) else Left(symbol, f"no closed candle in the last {plan.days} days.")


def _current(candles: Sequence[Candles]) -> list[Candles | Left]:
    """A price of another day than the others' is not the current one: its symbol is left out."""
    newest = max((one.close_time for one in candles), default=None)
    return [
        one
        if one.close_time == newest
        else Left(one.symbol, f"its last candle closed at {one.close_time:%Y-%m-%d %H:%M} UTC, others are newer.")
        for one in candles
    ]


def _in_processes(candles: Collection[Candles | Left], plan: Plan) -> list[Row | Left]:
    work = partial(_judged, plan=plan)
    jobs = min(plan.jobs, len(candles))
    if jobs < 2 or plan.parameters is not None:  # one given combination takes less than a process to start
        return [work(one) for one in candles]
    # A forked child would inherit locks that polars' threads hold. Ctrl-C is for the parent, which ends the others.
    quiet = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(jobs, get_context("spawn"), signal.signal, quiet) as pool:
        return list(pool.map(work, candles))


def _judged(candles: Candles | Left, plan: Plan) -> Row | Left:
    if isinstance(candles, Left):
        return candles
    gaps, whole = len(candles.gaps), candles.after_last_gap()
    try:
        return result_row(whole, _judgement(whole, plan), gaps)
    except (NotEnough, Unstorable) as reason:
        since = f" (counted from the last of {gaps} gaps on)" if gaps else ""
        return Left(candles.symbol, f"{reason}{since}")


def _judgement(candles: Candles, plan: Plan) -> Judgement:
    market = Market(candles.open, candles.close, 365 * DAY / interval_ms(candles.interval))
    if plan.parameters is not None:
        return judge(market, plan.parameters, plan.costs)
    return optimise(market, plan.grid, plan.windows, plan.costs)
