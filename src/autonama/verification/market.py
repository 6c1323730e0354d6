"""The candles that rows have to be reproduced from: fetched once for a symbol and interval, never read past a row."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from autonama.analysis.analyze import CLOSING, Source
from autonama.analysis.candles import DAY, INTERVALS, BadCandles, Candles
from autonama.analysis.workers import in_threads
from autonama.verification.claims import Claim

OpenSource = Callable[[str], AbstractContextManager[Source]]
"""The source of the candles of an interval."""

Series = tuple[str, str]
"""A symbol and its interval."""

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
"""Before the first exchange of today: no row has candles from before, whatever it states."""


class NotChecked(ValueError):
    """A row that cannot be compared; the message is the reason that the user reads."""


def fetch(
    claims: Sequence[tuple[Claim, datetime]], open_source: OpenSource, now: datetime
) -> dict[Series, Candles | NotChecked]:
    """The closed candles of every symbol and interval; where there are none, the reason.

    claims: with the time since when each needs candles. MarketDataError where the source fails as a whole.
    """
    since: dict[Series, datetime] = {}
    for claim, first in claims:
        series = (claim.symbol, claim.interval)
        since[series] = max(min(since.get(series, first), first), EARLIEST)
    found: dict[Series, Candles | NotChecked] = {}
    for interval in dict.fromkeys(interval for _, interval in since):
        symbols = [symbol for symbol, its in since if its == interval]
        if interval not in INTERVALS:
            reason = NotChecked(f"the interval {interval} cannot be computed, only {' '.join(INTERVALS)}")
            found |= dict.fromkeys([(symbol, interval) for symbol in symbols], reason)
            continue
        with open_source(interval) as source:
            fetched = in_threads(_fetching(source, interval, since, now), symbols, source.at_once)
            found |= {(symbol, interval): one for symbol, one in zip(symbols, fetched, strict=True)}
    return found


def _fetching(
    source: Source, interval: str, since: Mapping[Series, datetime], now: datetime
) -> Callable[[str], Candles | NotChecked]:
    def fetched(symbol: str) -> Candles | NotChecked:
        days = (now - since[symbol, interval]) // timedelta(days=1) + 2
        try:
            candles = source.candles(symbol, max(days, 2), now)
        except BadCandles as reason:
            return NotChecked(f"the candles of {symbol} cannot be used: {str(reason).rstrip('.')}")
        return candles if len(candles) else NotChecked(f"the source has no candles of {symbol} at {interval}")

    return fetched


def known_at(candles: Candles, at: datetime) -> Candles:
    """The candles that had closed by then. NotChecked where the last of these is not the newest there was."""
    closed = candles.closed_by(at + CLOSING)
    if not len(closed):
        raise NotChecked(f"the candles of {candles.symbol} begin after {_told(at)}")
    if at >= closed.close_time + timedelta(milliseconds=INTERVALS[candles.interval]):
        raise NotChecked(
            f"the date {_told(at)} is not in the candles of {candles.symbol}: the last one before it closed at "
            f"{_told(closed.close_time)}"
        )
    return closed


def running_at(candles: Candles, at: datetime) -> Candles | None:
    """The candle that had begun and not closed by then; None where the source does not have it."""
    now = int(at.timestamp() * 1000)
    running = candles[(candles.open_time <= now) & (candles.open_time + INTERVALS[candles.interval] > now + 1)]
    return running if len(running) else None


def lasting(bars: int, interval: str) -> timedelta:
    """How long so many bars last; a day where the interval has no length of its own."""
    return timedelta(milliseconds=bars * INTERVALS.get(interval, DAY))


def _told(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
