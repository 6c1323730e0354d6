"""From market data to result rows: the one place where the parts of the engine are joined."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from autonama.analysis.backtest import Costs
from autonama.analysis.candles import DAY, BadCandles, Candles, interval_ms, moment
from autonama.analysis.follow import Backend, follower
from autonama.analysis.grid import Grid, Parameters
from autonama.analysis.optimise import Judgement, Market, NotEnough, Windows, judge, optimise
from autonama.analysis.rows import Row, Unstorable, result_row
from autonama.analysis.stated import Terms, stated
from autonama.analysis.universe import base_of
from autonama.analysis.vectorbt_backend import required
from autonama.analysis.workers import Track, in_processes, in_threads, untracked

CLOSING = timedelta(milliseconds=1)
"""The exchange's close time is the last millisecond of a candle, which is over one later."""

log = logging.getLogger("autonama.analysis")


class Source(Protocol):
    """Where candles come from. at_once: how many symbols may be asked for at the same time."""

    at_once: int

    def top(self, count: int) -> list[str]:
        """The symbols with the greatest volume, greatest first."""

    def candles(self, symbol: str, days: int, now: datetime) -> Candles:
        """The closed candles of the last days. BadCandles with the reason where there are none, or unsound ones."""


@dataclass(frozen=True)
class Plan:
    """What to analyse, and how.

    parameters: taken as they are; None where the grid is searched by walk-forward.
    jobs: processes; the result does not depend on it.
    backend: whose backtest gives the reported figures; the search itself is ours.
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
    backend: Backend = "own"

    @property
    def bars_a_year(self) -> float:
        """Of 365 days: crypto markets do not close."""
        return 365 * DAY / interval_ms(self.interval)


@dataclass(frozen=True)
class Left:
    """A symbol that has no row, and why."""

    symbol: str
    reason: str


@dataclass(frozen=True)
class Gathered:
    """candles: in the order of the plan's symbols, all ending at the same time. left: symbols without any."""

    candles: tuple[Candles, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True)
class Analysis:
    """rows: in the order of the plan's symbols. left: symbols without one."""

    rows: tuple[Row, ...]
    left: tuple[Left, ...]


def gather(source: Source, plan: Plan, now: datetime, track: Track = untracked) -> Gathered:
    """The candles of the plan's symbols, several symbols at once where the source allows it.

    MarketDataError where the source fails; a symbol that fails alone is left out, with the reason.
    """
    interval_ms(plan.interval)
    symbols = tuple(dict.fromkeys(plan.symbols))
    asked = in_threads(partial(_candles, source, plan, now=now), symbols, source.at_once)
    found = _current(list(track(asked, "Candles", len(symbols))))
    return Gathered(
        tuple(one for one in found if isinstance(one, Candles)), tuple(one for one in found if isinstance(one, Left))
    )


def analyze(source: Source, plan: Plan, now: datetime, track: Track = untracked) -> Analysis:
    """One row for each symbol whose candles allow it. Raises what `gather` raises."""
    return judge_all(gather(source, plan, now, track), plan, track)


def judge_all(gathered: Gathered, plan: Plan, track: Track = untracked) -> Analysis:
    """One row for each symbol that has candles enough."""
    # One given combination takes less than a process to start.
    jobs = plan.jobs if plan.parameters is None else 1
    results = in_processes(partial(judged, plan=plan), gathered.candles, jobs)
    found = list(track(results, "Analysis", len(gathered.candles)))
    left = [*gathered.left, *(one for one in found if isinstance(one, Left))]
    for one in left:
        log.warning("%s is left out: %s", one.symbol, one.reason)
    return Analysis(tuple(one for one in found if isinstance(one, dict)), tuple(left))


def _candles(source: Source, plan: Plan, symbol: str, now: datetime) -> Candles | Left:
    if base_of(symbol, plan.quotes) is None:
        return Left(symbol, f"its name has to be capitals and end in {' or '.join(plan.quotes)}.")
    try:
        candles = source.candles(symbol, plan.days, now)
    except BadCandles as reason:
        return Left(symbol, str(reason))
    return candles if len(candles) else Left(symbol, f"no closed candle in the last {plan.days} days.")


def _current(found: Sequence[Candles | Left]) -> list[Candles | Left]:
    """A price of another time than the others' is not the current one.

    The time is that at which most symbols end, of several such the latest. Who ends before it is left out; who ends
    after it is cut there.
    """
    ends = Counter(one.close_time for one in found if isinstance(one, Candles))
    common = max(ends, key=lambda time: (ends[time], time), default=None)
    return [one if isinstance(one, Left) or common is None else _ending(one, common) for one in found]


def _ending(candles: Candles, common: datetime) -> Candles | Left:
    kept = candles.closed_by(common + CLOSING) if candles.close_time > common else candles
    if len(kept) and kept.close_time == common:
        if kept is not candles:
            log.warning("%s: candles after %s are not used, most symbols end there", candles.symbol, common)
        return kept
    last = kept.close_time if len(kept) else candles.close_time
    when = "%Y-%m-%d %H:%M"
    return Left(candles.symbol, f"its last candle closed at {last:{when}} UTC, those of most at {common:{when}}.")


def judged(candles: Candles, plan: Plan) -> Row | Left:
    """The row of one symbol's last candle, with what it was made of; where there is none, why."""
    gaps, whole = len(candles.gaps), candles.after_last_gap()
    terms = Terms(moment(int(candles.open_time[0])), plan.parameters, plan.costs, plan.grid, plan.windows)
    try:
        row = {**result_row(whole, _judgement(whole, plan), gaps), **stated(terms)}
    except (NotEnough, Unstorable) as reason:
        since = f" (counted from the last of {gaps} gaps on)" if gaps else ""
        return Left(candles.symbol, f"{reason}{since}")
    return row if plan.backend == "own" else {**row, "backend": str(required())}


def _judgement(candles: Candles, plan: Plan) -> Judgement:
    market, follow = Market(candles.open, candles.close, plan.bars_a_year), follower(plan.backend)
    if plan.parameters is not None:
        return judge(market, plan.parameters, plan.costs, follow)
    return optimise(market, plan.grid, plan.windows, plan.costs, follow)
