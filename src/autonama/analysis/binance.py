"""Candles of Binance's spot market, through the cache."""

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any

import numpy as np

from autonama.analysis.cache import Cache, History, candles_of
from autonama.analysis.candles import DAY, BadCandles, Candles, MarketDataError, interval_ms
from autonama.analysis.exchange import Exchange, Unknown
from autonama.analysis.universe import worth

KLINES, TICKER, INFO = "/api/v3/klines", "/api/v3/ticker/24hr", "/api/v3/exchangeInfo"
WEIGHTS = {KLINES: 2, TICKER: 80, INFO: 20}
"""What the exchange charges for each; the ticker's is that of all symbols at once."""

PAGE = 1000
"""Candles in one answer, the exchange's maximum."""

OVERLAP = 3
"""Cached candles fetched again with the new ones: where one differs, the exchange has corrected its history."""

log = logging.getLogger("autonama.analysis")


class Binance:
    """The exchange as a source. Pairs of other quote assets are no candidates for `top`."""

    at_once = 4
    """A request takes a tenth of a second, nearly all of it the way there and back; the weight budget holds for all."""

    def __init__(self, exchange: Exchange, cache: Cache, interval: str, quotes: Collection[str]) -> None:
        self._exchange, self._cache, self._interval, self._quotes = exchange, cache, interval, quotes
        self._step = interval_ms(interval)

    def top(self, count: int) -> list[str]:
        """The trading pairs with the greatest 24 h volume in the quote asset; no stablecoin bases."""
        trading = self._trading()
        try:
            volumes = {one["symbol"]: float(one["quoteVolume"]) for one in self._get(TICKER)}
        except (KeyError, TypeError, ValueError) as error:
            raise MarketDataError(f"The exchange's ticker is not as expected: {error!r}") from error
        pairs = [symbol for symbol in trading if symbol in volumes and worth(symbol, self._quotes)]
        return sorted(pairs, key=lambda symbol: (-volumes[symbol], symbol))[:count]

    def candles(self, symbol: str, days: int, now: datetime) -> Candles:
        """The closed candles of the last `days` days; what the cache lacks is fetched and kept.

        BadCandles where the exchange does not know the symbol or has no sound candles of it.
        """
        clock = int(now.timestamp() * 1000)
        since = (clock - days * DAY) // self._step * self._step
        kept = self._cache.history(symbol, self._interval)
        candles = self._current(symbol, kept, clock, since)
        return candles[candles.open_time >= since]

    def _current(self, symbol: str, kept: History | None, clock: int, since: int) -> Candles:
        if kept is None or kept.asked_from > since or not len(kept.candles):
            return self._fetched(symbol, since, clock)
        if kept.fresh(clock):
            return kept.candles
        if kept.candles.gaps and not kept.recent(clock):  # perhaps the exchange has the missing ones now
            return self._fetched(symbol, kept.asked_from, clock)
        tail = kept.candles[-OVERLAP:]
        news = self._klines(symbol, int(tail.open_time[0]), clock)
        if not _same(tail, news[: len(tail)]):
            log.warning("%s: the exchange has corrected candles; its history is fetched anew", symbol)
            return self._fetched(symbol, kept.asked_from, clock)
        return self._kept(_joined(kept.candles, news[len(tail) :]), kept.asked_from, clock)

    def _fetched(self, symbol: str, since: int, clock: int) -> Candles:
        return self._kept(self._klines(symbol, since, clock), since, clock)

    def _kept(self, candles: Candles, asked_from: int, clock: int) -> Candles:
        self._cache.store(candles.checked(), fetched_at=clock, asked_from=asked_from)
        for first, last in candles.gaps:
            log.info("%s %s: the exchange has no candles from %s to %s", candles.symbol, self._interval, first, last)
        return candles

    def _klines(self, symbol: str, since: int, clock: int) -> Candles:
        """All closed candles since then, page by page. Closed by our clock and by the exchange's."""
        rows: list[tuple[float, ...]] = []
        start = since
        while start + self._step <= clock:
            page = self._page(symbol, start)
            rows += page
            if len(page) < PAGE:
                break
            start = int(page[-1][0]) + self._step
        limit = min(clock, int((self._exchange.server_time or clock) * 1000) + 999)
        return candles_of(symbol, self._interval, [row for row in rows if row[0] + self._step <= limit])

    def _page(self, symbol: str, start: int) -> list[tuple[float, ...]]:
        try:
            answer = self._get(KLINES, symbol=symbol, interval=self._interval, startTime=start, limit=PAGE)
            page = [(int(row[0]), *(float(value) for value in row[1:6])) for row in answer]
        except Unknown as error:
            raise BadCandles(str(error)) from error
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise MarketDataError(f"The exchange's candles of {symbol} are not as expected: {error!r}") from error
        if page and (page[0][0] < start or any(len(row) != 6 for row in page)):
            raise MarketDataError(f"The exchange's candles of {symbol} are not those that were asked for.")
        return page

    def _trading(self) -> list[str]:
        """The pairs that trade on the spot market now. Takes the weight limit from the same answer."""
        info = self._get(INFO)
        try:
            for limit in info["rateLimits"]:
                if limit["rateLimitType"] == "REQUEST_WEIGHT" and limit["interval"] == "MINUTE":
                    self._exchange.weight_limit = int(limit["limit"]) // int(limit["intervalNum"])
            return [
                one["symbol"]
                for one in info["symbols"]
                if one["status"] == "TRADING" and one["isSpotTradingAllowed"] and one["quoteAsset"] in self._quotes
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise MarketDataError(f"The exchange's list of symbols is not as expected: {error!r}") from error

    def _get(self, path: str, **query: str | int) -> Any:
        return self._exchange.get(path, WEIGHTS[path], **query)


def _same(left: Candles, right: Candles) -> bool:
    pairs = zip((left.open_time, *left.values), (right.open_time, *right.values), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def _joined(left: Candles, right: Candles) -> Candles:
    values = (np.concatenate(pair) for pair in zip(left.values, right.values, strict=True))
    return Candles(left.symbol, left.interval, np.concatenate((left.open_time, right.open_time)), *values)
