"""Market data over HTTP: what is asked, how limits and faults are met, and what the cache saves."""

import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from exchange_server import Fault, Market, serving
from making import FIRST_MS, after, candles

from autonama.analysis.analyze import Plan, gather
from autonama.analysis.binance import Binance
from autonama.analysis.cache import Cache
from autonama.analysis.candles import DAY, BadCandles, Candles, MarketDataError
from autonama.analysis.exchange import Exchange, Patience
from autonama.analysis.grid import Parameters

IMPATIENT = Patience(connect=2, read=0.4, pause=0.05)


@pytest.fixture
def market() -> Iterator[Market]:
    """A served market at an hour after the 400th daily candle of BTCUSDT closed; the 401st is open."""
    with serving(Market(clock=after(400), candles={"BTCUSDT": candles(bars=500)})) as served:
        yield served


@contextmanager
def source(market: Market, cache: Path, interval: str = "1d", patience: Patience = IMPATIENT) -> Iterator[Binance]:
    """The exchange through a cache."""
    with Exchange(market.url, patience) as exchange:
        yield Binance(exchange, Cache(cache), interval, ("USDT",))


def fetched(market: Market, cache: Path, now: datetime, days: int = 400) -> Candles:
    """BTCUSDT as one run sees it."""
    market.clock = now
    with source(market, cache) as found:
        return found.candles("BTCUSDT", days, now)


def same(found: Candles, expected: Candles) -> None:
    """Both hold the same candles, number by number."""
    for one, other in zip((found.open_time, *found.values), (expected.open_time, *expected.values), strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_closed_candles(market: Market, tmp_path: Path) -> None:
    """The candle that is still open is not taken, though the exchange sends it."""
    found = fetched(market, tmp_path / "cache", after(400))
    same(found, candles(bars=400))
    assert found.close_time == after(400).replace(hour=0) - timedelta(milliseconds=1)


def test_a_clock_that_is_fast_takes_no_open_candle(market: Market, tmp_path: Path) -> None:
    """Where this machine's clock says a day more than the exchange's, the exchange's is believed."""
    with source(market, tmp_path / "cache") as found:
        assert len(found.candles("BTCUSDT", 401, after(401))) == 400


def test_long_histories_come_in_pages(market: Market, tmp_path: Path) -> None:
    """2,500 hourly candles are three requests of at most 1,000, joined without a seam."""
    hours = replace(candles(bars=2500), interval="1h", open_time=FIRST_MS + 3_600_000 * np.arange(2500, dtype=np.int64))
    market.candles["BTCUSDT"] = hours
    market.clock = now = after(0) + timedelta(hours=2499, minutes=1)
    with source(market, tmp_path / "cache", "1h") as found:
        same(found.candles("BTCUSDT", 200, now), hours)
    assert [query["limit"] for _, query in market.requests] == ["1000"] * 3


def test_the_cache_is_fresh_until_a_candle_closes(market: Market, tmp_path: Path) -> None:
    """Within the day nothing is asked again."""
    cache = tmp_path / "cache"
    first = fetched(market, cache, after(400))
    same(fetched(market, cache, after(400) + timedelta(hours=20)), first)
    assert len(market.requests) == 1


def test_only_news_are_fetched(market: Market, tmp_path: Path) -> None:
    """A day later the request begins at the third newest cached candle."""
    cache = tmp_path / "cache"
    fetched(market, cache, after(400))
    same(fetched(market, cache, after(401)), candles(bars=401)[slice(1, None)])
    assert int(market.requests[1][1]["startTime"]) == FIRST_MS + 397 * DAY


def test_after_24_hours_the_exchange_is_asked_again(market: Market, tmp_path: Path) -> None:
    """A weekly candle lasts longer than the cache's 24 hours: the exchange is asked although none can be new."""
    weeks = replace(candles(bars=60), interval="1w", open_time=FIRST_MS + 7 * DAY * np.arange(60, dtype=np.int64))
    market.candles["BTCUSDT"] = weeks
    start = after(7 * 50)
    for hours, requests in ((0, 1), (23, 1), (25, 2), (48, 2)):
        market.clock = start + timedelta(hours=hours)
        with source(market, tmp_path / "cache", "1w") as found:
            assert len(found.candles("BTCUSDT", 400, market.clock)) == 50
        assert len(market.requests) == requests, hours


def test_a_longer_history_is_fetched(market: Market, tmp_path: Path) -> None:
    """A cache of 100 days does not pass for 400; one of 400 days serves 100."""
    cache = tmp_path / "cache"
    assert len(fetched(market, cache, after(400), 100)) == 100
    assert len(fetched(market, cache, after(400), 400)) == 400
    assert len(fetched(market, cache, after(400), 100)) == 100
    assert len(market.requests) == 2


def test_corrected_candles_replace_the_cache(market: Market, tmp_path: Path) -> None:
    """Where the exchange's candle differs from the cached one, the whole history is fetched anew."""
    cache = tmp_path / "cache"
    fetched(market, cache, after(400))
    corrected = candles(bars=500)
    for column in (corrected.open, corrected.high, corrected.low, corrected.close):
        column[:] *= 2
    market.candles["BTCUSDT"] = corrected
    same(fetched(market, cache, after(401)), corrected[slice(1, 401)])
    assert [int(query["startTime"]) for _, query in market.requests[1:]] == [FIRST_MS + 397 * DAY, FIRST_MS]


def test_gaps_are_recorded_and_not_filled(market: Market, tmp_path: Path) -> None:
    """Missing candles stay missing and are in the cache's list, until the exchange has them, a day later."""
    whole, cache = candles(bars=500), tmp_path / "cache"
    missing = (whole.open_time >= whole.open_time[50]) & (whole.open_time <= whole.open_time[52])
    market.candles["BTCUSDT"] = whole[~missing]
    assert len(fetched(market, cache, after(400))) == 397
    gap = (int(whole.open_time[50]), int(whole.open_time[52]))
    assert Cache(cache).gaps("BTCUSDT", "1d") == [gap]
    market.candles["BTCUSDT"] = whole
    assert len(fetched(market, cache, after(400) + timedelta(hours=22))) == 397
    same(fetched(market, cache, after(401), 401), whole[slice(0, 401)])
    assert Cache(cache).gaps("BTCUSDT", "1d") == []


def test_unsound_candles_are_not_kept(market: Market, tmp_path: Path) -> None:
    """A candle whose low is above its close is refused by its time, and the cache holds nothing of it."""
    unsound = candles(bars=500)
    unsound.low[3] = unsound.high[3]
    market.candles["BTCUSDT"] = unsound
    with pytest.raises(BadCandles, match="2024-01-04 00:00 UTC has a low above another"):
        fetched(market, tmp_path / "cache", after(400))
    assert Cache(tmp_path / "cache").history("BTCUSDT", "1d") is None


def test_an_unknown_symbol_is_its_own_failure(market: Market, tmp_path: Path) -> None:
    """The exchange's own words come back as the reason of that symbol; nothing is tried twice."""
    with source(market, tmp_path / "cache") as found, pytest.raises(BadCandles, match=r"Invalid symbol\."):
        found.candles("NONEUSDT", 10, after(400))
    assert len(market.requests) == 1


@pytest.mark.parametrize("status", [429, 418])
def test_retry_after_is_obeyed(market: Market, tmp_path: Path, status: int) -> None:
    """Told to wait a second, the client asks again after a second and not before."""
    market.faults.append(Fault(status, {"Retry-After": "1"}))
    began = time.monotonic()
    assert len(fetched(market, tmp_path / "cache", after(400))) == 400
    assert 1.0 <= time.monotonic() - began < 30
    assert len(market.requests) == 2


def test_a_long_ban_is_told(market: Market, tmp_path: Path) -> None:
    """A ban of an hour is not slept through: the message says how long it lasts, and nothing more is asked."""
    market.faults.append(Fault(418, {"Retry-After": "3600"}))
    with pytest.raises(MarketDataError, match="418 and wants no request for 3600 s"):
        fetched(market, tmp_path / "cache", after(400))
    assert len(market.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault(503), Fault(hang=1.5), Fault(cut=100), Fault(body=b"[[1, 2"), Fault(body=b"<html>")],
    ids=["503", "time-out", "cut", "half JSON", "HTML"],
)
def test_passing_faults_are_tried_again(market: Market, tmp_path: Path, fault: Fault) -> None:
    """A server error, silence, a cut answer and a body that is no JSON each cost one more request, and no candle."""
    market.faults.append(fault)
    same(fetched(market, tmp_path / "cache", after(400)), candles(bars=400))
    assert len(market.requests) == 2


def test_lasting_faults_are_told(market: Market, tmp_path: Path) -> None:
    """After four attempts the message names the address and the fault; the cache is as it was."""
    market.faults.extend([Fault(500)] * 4)
    with pytest.raises(MarketDataError, match=r"127\.0\.0\.1.* does not serve /api/v3/klines: it answers 500"):
        fetched(market, tmp_path / "cache", after(400))
    assert len(market.requests) == 4
    assert Cache(tmp_path / "cache").history("BTCUSDT", "1d") is None


@pytest.mark.parametrize("body", [b'{"a": 1}', b'[["x", 1, 2, 3, 4, 5]]', b"[[1, 2]]", b"[[0, 1, 1, 1, 1, 1]]"])
def test_strange_candles_are_told(market: Market, tmp_path: Path, body: bytes) -> None:
    """Valid JSON that is no list of candles, or not of those that were asked for, is no data."""
    market.faults.append(Fault(body=body))
    with pytest.raises(MarketDataError, match="candles of BTCUSDT are not"):
        fetched(market, tmp_path / "cache", after(400))


@pytest.mark.parametrize("status", [403, 404, 451])
def test_a_refusal_of_everything_ends_the_run(market: Market, tmp_path: Path, status: int) -> None:
    """A door that is closed for all, with a page of HTML behind it, is told once and not blamed on the symbol."""
    market.faults.append(Fault(status, body=b"<html>"))
    with pytest.raises(MarketDataError, match=f"answers {status} to /api/v3/klines"):
        fetched(market, tmp_path / "cache", after(400))
    assert len(market.requests) == 1


def test_no_server_is_told() -> None:
    """A port at which nobody listens is named, after the attempts."""
    with serving(Market(clock=after(1))) as stopped:
        url = stopped.url
    with Exchange(url, IMPATIENT) as exchange, pytest.raises(MarketDataError, match="does not serve /x: ConnectError"):
        exchange.get("/x", 1)


def test_a_redirect_is_not_followed(market: Market) -> None:
    """Data of another host than the named one is not taken."""
    market.faults.append(Fault(302, {"Location": "http://127.0.0.1:1/"}))
    with Exchange(market.url) as exchange, pytest.raises(MarketDataError, match="redirects"):
        exchange.get("/api/v3/exchangeInfo", 20)


def test_the_weight_budget_is_kept(market: Market) -> None:
    """At four fifths of the minute's weight the client waits for the exchange's next minute, read from Date."""
    market.clock = after(400).replace(second=59)
    market.weight_limit, market.used = 100, 50
    with Exchange(market.url) as exchange:
        exchange.weight_limit = 100
        exchange.get("/api/v3/exchangeInfo", 20)
        began = time.monotonic()
        market.used = 0
        exchange.get("/api/v3/exchangeInfo", 20)
        assert 0.9 < time.monotonic() - began < 30  # a whole minute is too long
        began = time.monotonic()
        exchange.get("/api/v3/exchangeInfo", 20)
        assert time.monotonic() - began < 0.9


def test_several_symbols_at_once_keep_the_budget(market: Market, tmp_path: Path) -> None:
    """Eight symbols are asked for side by side, come back in order, and nobody begins while the budget is used up."""
    names = [f"S{nth}USDT" for nth in range(8)]
    market.candles = {name: candles(name, 400, seed=nth) for nth, name in enumerate(names)}
    market.faults.extend(Fault(hang=0.3) for _ in names)
    with source(market, tmp_path / "cache", patience=Patience(read=2)) as found:
        plan = Plan(tuple(names), days=400, parameters=Parameters(1, 1.0, 50))
        gathered = gather(found, plan, after(400))
    assert [one.symbol for one in gathered.candles] == names
    for nth, one in enumerate(gathered.candles):
        same(one, candles(names[nth], 400, seed=nth))
    assert market.most_hanging > 1
    market.clock = after(400).replace(second=58)
    market.used, market.weight_limit = 70, 100
    with Exchange(market.url, IMPATIENT) as exchange:
        exchange.weight_limit = 100
        exchange.get("/api/v3/exchangeInfo", 20)
        market.used, before = 0, len(market.requests)
        began = time.monotonic()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: exchange.get("/api/v3/exchangeInfo", 20), range(3)))
        assert (len(market.requests) - before, time.monotonic() - began > 1.8) == (3, True)


def test_requests_on_their_way_count(market: Market) -> None:
    """Two requests that would fit one by one do not begin together where the budget has room for one only."""
    market.clock = after(400).replace(second=59)
    market.faults.extend([Fault(), Fault(hang=0.3)])
    market.weight_limit = 100
    with Exchange(market.url, Patience(read=2)) as exchange, ThreadPoolExecutor(2) as pool:
        exchange.weight_limit = 100
        exchange.get("/api/v3/exchangeInfo", 20)
        first = pool.submit(exchange.get, "/x", 50)
        time.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(MarketDataError):
            exchange.get("/x", 50)
        assert time.monotonic() - began > 0.5
        assert isinstance(first.exception(), MarketDataError)


def test_a_closed_client_keeps_nobody_waiting(market: Market) -> None:
    """A thread that waits for the next minute ends as soon as the client is closed, as it is by Ctrl-C."""
    market.clock = after(400).replace(second=1)
    market.used = 100
    with ThreadPoolExecutor(1) as pool:
        with Exchange(market.url) as exchange:
            exchange.weight_limit = 100
            exchange.get("/api/v3/exchangeInfo", 20)
            waiting = pool.submit(exchange.get, "/api/v3/exchangeInfo", 20)
            time.sleep(0.2)
            assert not waiting.done()
        with pytest.raises(MarketDataError, match="closed"):
            waiting.result(2)


def test_the_top_is_by_volume_of_pairs_worth_analysing(market: Market, tmp_path: Path) -> None:
    """Greatest quote volume first; no stablecoins, halted pairs, pairs off the spot market, other quote assets."""
    market.info = {
        "AAAUSDT": ("TRADING", "AAA", "USDT", True),
        "BTCUSDT": ("TRADING", "BTC", "USDT", True),
        "USDCUSDT": ("TRADING", "USDC", "USDT", True),
        "OLDUSDT": ("BREAK", "OLD", "USDT", True),
        "OFFUSDT": ("TRADING", "OFF", "USDT", False),
        "ETHBTC": ("TRADING", "ETH", "BTC", True),
        "ÄÖUSDT": ("TRADING", "ÄÖ", "USDT", True),
        "NEWUSDT": ("TRADING", "NEW", "USDT", True),
        "BBBUSDT": ("TRADING", "BBB", "USDT", True),
    }
    market.volumes = {name: 1000.0 + at for at, name in enumerate(market.info) if name != "NEWUSDT"}
    market.weight_limit = 1234
    with Exchange(market.url) as exchange:
        found = Binance(exchange, Cache(tmp_path / "cache"), "1d", ("USDT",))
        assert found.top(2) == ["BBBUSDT", "BTCUSDT"]
        assert found.top(9) == ["BBBUSDT", "BTCUSDT", "AAAUSDT"]
        assert exchange.weight_limit == 1234


def _fetch_often(url: str, cache: str, rounds: int) -> None:
    for nth in range(rounds):
        with Exchange(url) as exchange:
            found = Binance(exchange, Cache(Path(cache)), "1d", ("USDT",))
            for symbol in ("BTCUSDT", "ETHUSDT"):
                got = found.candles(symbol, 100 + nth, after(400))
                expected = candles(symbol, 400, seed=1 if symbol == "BTCUSDT" else 2)[slice(300 - nth, 400)]
                same(got, expected)


def test_two_processes_share_a_cache(market: Market, tmp_path: Path) -> None:
    """Two processes that fetch and store the same symbols over and over each read whole, right histories."""
    market.candles["ETHUSDT"] = candles("ETHUSDT", 500, seed=2)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_fetch_often, args=(market.url, str(tmp_path / "cache"), 8)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(Cache(tmp_path / "cache").history("BTCUSDT", "1d").candles) >= 107


def test_a_file_that_is_no_cache_is_told(tmp_path: Path) -> None:
    """A file of other content is left alone, with its path and what to do; so is a directory in its place."""
    path = tmp_path / "cache"
    path.write_bytes(b"no database at all, but long enough to have a header " * 20)
    with pytest.raises(MarketDataError, match=r"cache cannot be used.* may be deleted"):
        Cache(path)
    with pytest.raises(MarketDataError, match="cannot be made"):
        Cache(path / "below")


class Refusing(sqlite3.Connection):
    """Answers twice as SQLite does one of two that open a new file together."""

    refused = 0

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Refuses to change the journal's mode, twice."""
        if "journal_mode" in sql and Refusing.refused < 2:
            Refusing.refused += 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return super().execute(sql, *values)


def test_who_opens_a_new_cache_beside_another_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite tells one of two that make the file that it is locked, without any wait: that is no error of ours."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Refusing))
    assert Cache(tmp_path / "cache").history("BTCUSDT", "1d") is None
    assert Refusing.refused == 2
