"""The candles of one symbol, and what has to be true of them."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from autonama.analysis.bands import Bools, Floats
from autonama.errors import ConfigError, FilesError

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

INTERVALS: dict[str, int] = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
}
"""The exchange's intervals in milliseconds, but for those of NOT_ANALYSED."""


class MarketDataError(FilesError):
    """Candles could not be had, or are not what candles are."""


class BadCandles(ValueError):
    """The candles of one symbol break an invariant; the message is the reason that the user reads."""


NOT_ANALYSED = {
    "1s": "two years of seconds are 63 million candles, more than the exchange gives away. The shortest is 1m",
    "1M": "months are not of equal length, and a regression needs equal steps. The longest is 1w",
}
"""Intervals of the exchange that result files may have, and why there is no analysis at them."""


def interval_ms(interval: str) -> int:
    """Milliseconds of an interval. ConfigError for one that cannot be analysed."""
    if interval in NOT_ANALYSED:
        raise ConfigError(f"The interval {interval} cannot be analysed: {NOT_ANALYSED[interval]}.")
    if interval not in INTERVALS:
        raise ConfigError(f"The interval is {interval}, and has to be one of {' '.join(INTERVALS)}.")
    return INTERVALS[interval]


@dataclass(frozen=True)
class Candles:
    """Closed candles, oldest first. All arrays (bars,); open_time in ms since 1970 UTC, volume in the base asset."""

    symbol: str
    interval: str
    open_time: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.open_time)

    def __getitem__(self, part: "slice | Bools") -> "Candles":
        return Candles(self.symbol, self.interval, self.open_time[part], *(column[part] for column in self.values))

    @property
    def values(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Open, high, low, close and volume."""
        return self.open, self.high, self.low, self.close, self.volume

    @property
    def close_time(self) -> datetime:
        """Of the last candle: the exchange's last millisecond, which still lies on the candle's own day. UTC."""
        return moment(int(self.open_time[-1]) + INTERVALS[self.interval] - 1)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """(first, last) open_time that is missing, of each gap."""
        step = INTERVALS[self.interval]
        after = np.flatnonzero(np.diff(self.open_time) > step)
        return [(int(self.open_time[at]) + step, int(self.open_time[at + 1]) - step) for at in after]

    def checked(self) -> "Candles":
        """The same candles. BadCandles names the first that breaks an invariant."""
        self._check_times()
        prices = np.stack((self.open, self.high, self.low, self.close))
        with np.errstate(invalid="ignore"):
            high, low = prices.max(axis=0) > self.high, prices.min(axis=0) < self.low
        sound = (np.isfinite(prices) & (prices > 0)).min(axis=0)
        self._refuse(~sound, "has a price that is no number above 0")
        self._refuse(high, "has a high below another of its prices")
        self._refuse(low, "has a low above another of its prices")
        self._refuse(~(self.volume >= 0) | np.isinf(self.volume), "has a volume that is no number from 0 on")
        return self

    def closed_by(self, now: datetime) -> "Candles":
        """Those whose interval is over."""
        return self[self.open_time + INTERVALS[self.interval] <= int(now.timestamp() * 1000)]

    def after_last_gap(self) -> "Candles":
        """The stretch that ends with the last candle and misses none: a regression needs equal steps."""
        gaps = self.gaps
        return self[self.open_time > gaps[-1][1]] if gaps else self

    def _check_times(self) -> None:
        step = INTERVALS[self.interval]
        between = np.diff(self.open_time, prepend=self.open_time[:1] - step)
        self._refuse(between == 0, "is there twice")
        self._refuse(between < 0, "is older than the one before it")
        self._refuse(between % step != 0, f"does not stand at a multiple of {self.interval} after the one before it")

    def _refuse(self, bad: Bools, what: str) -> None:
        if bad.any():
            raise BadCandles(f"the candle of {moment(int(self.open_time[np.argmax(bad)])):%Y-%m-%d %H:%M} UTC {what}.")


def moment(milliseconds: int) -> datetime:
    """A time of the exchange, aware."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
