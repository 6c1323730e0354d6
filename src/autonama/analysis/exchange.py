"""Requests to the exchange's public data host: its weight budget, its pauses, its faults.

Every answer says how much weight the last minute has used; the client stops at four fifths of the limit until the
minute is over. A 429 (too fast) or 418 (banned for a while) says in `Retry-After` how long to wait, and is obeyed, by
every thread: requests that are on their way count as used, and none begins while one waits.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from autonama import __version__
from autonama.analysis.candles import MarketDataError

PUBLIC_DATA = "https://data-api.binance.vision"
"""The exchange's host for market data: no account, no key."""

WEIGHT_LIMIT = 6000
"""A minute, until the exchange says another number."""

SHARE = 0.8
"""Of the limit: other programs behind the same address want some, too, and a ban lasts from minutes to days."""

LONGEST_PAUSE = 180
"""Seconds. Longer than a minute's limit ever asks for; a ban beyond it is told to the user."""

ATTEMPTS = 4

log = logging.getLogger("autonama.analysis")


class Unknown(MarketDataError):
    """The exchange refuses the request as wrong: it does not know the symbol, for example."""


@dataclass(frozen=True)
class Patience:
    """Seconds: for a connection to be made, for each wait on it, and after the first failed attempt (then doubled)."""

    connect: float = 5.0
    read: float = 20.0
    pause: float = 0.5


class Exchange:
    """A client of one base URL, as a context manager. Several threads may use it at once."""

    def __init__(self, base_url: str = PUBLIC_DATA, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        try:
            self._client = httpx.Client(
                base_url=base_url,
                timeout=httpx.Timeout(self._patience.read, connect=self._patience.connect),
                headers={"User-Agent": f"autonama/{__version__}"},
            )
        except httpx.InvalidURL as error:
            raise MarketDataError(f"The exchange's address {base_url} is no URL: {error}") from error
        self.weight_limit = WEIGHT_LIMIT
        self._budget, self._gate, self._closed = threading.Lock(), threading.Lock(), threading.Event()
        self._used = self._on_their_way = 0
        self._minute_ends = self._paused_until = 0.0
        self.server_time: float | None = None
        """Of the last answer, in seconds since 1970."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._client.close()

    def get(self, path: str, weight: int, **query: str | int) -> Any:
        """The JSON answer to a request of this weight.

        MarketDataError after the last attempt or where the exchange wants a longer pause; Unknown where it calls the
        request wrong.
        """
        failure = ""
        for attempt in range(ATTEMPTS):
            self._keep_budget(weight)
            try:
                answer = self._sent(path, weight, query)
                if answer.status_code in (418, 429):
                    failure = f"it answers {answer.status_code}, too many requests"
                    self._obey(answer)
                    continue
                if answer.status_code < 500:
                    return _content(answer)
                failure = f"it answers {answer.status_code}"
            except (httpx.TransportError, httpx.DecodingError, ValueError) as error:
                failure = f"{type(error).__name__}: {error}"
            log.warning("%s%s: %s (attempt %s of %s)", self._client.base_url, path, failure, attempt + 1, ATTEMPTS)
            self._wait(self._patience.pause * 2**attempt if attempt + 1 < ATTEMPTS else 0)
        raise MarketDataError(f"The exchange at {self._client.base_url} does not serve {path}: {failure}.")

    def _keep_budget(self, weight: int) -> None:
        """Wait until the request fits the budget, and enter it there. Who waits holds the gate, so that all wait."""
        with self._gate:
            while (pause := self._pause(weight)) > 0:
                log.info("Waiting %.0f s: the minute's weight is used up", pause)
                self._wait(pause)
            with self._budget:
                self._on_their_way += weight

    def _pause(self, weight: int) -> float:
        """Seconds until a request of this weight may begin."""
        with self._budget:
            now = time.monotonic()
            full = self._used + self._on_their_way + weight > SHARE * self.weight_limit
            return max(self._paused_until - now, self._minute_ends - now if full else 0.0)

    def _wait(self, seconds: float) -> None:
        """Sleep; a client that is closed, as by Ctrl-C, keeps no thread waiting."""
        if self._closed.wait(seconds):
            raise MarketDataError("The client of the exchange was closed.")

    def _sent(self, path: str, weight: int, query: Mapping[str, str | int]) -> httpx.Response:
        try:
            answer = self._client.get(path, params=query)
        finally:
            with self._budget:
                self._on_their_way -= weight
        with self._budget:
            self._note(answer)
        return answer

    def _note(self, answer: httpx.Response) -> None:
        """Read the used weight, and when the exchange's minute ends."""
        used, date = answer.headers.get("X-MBX-USED-WEIGHT-1M", "0"), answer.headers.get("Date")
        self._used = int(used) if used.isdigit() else 0
        second = 0
        if date is not None:
            told = parsedate_to_datetime(date)
            self.server_time, second = told.timestamp(), told.second
        self._minute_ends = time.monotonic() + 60 - second

    def _obey(self, answer: httpx.Response) -> None:
        told = answer.headers.get("Retry-After", "60")
        seconds = int(told) if told.isdigit() else 60
        if seconds > LONGEST_PAUSE:
            raise MarketDataError(
                f"The exchange answers {answer.status_code} and wants no request for {seconds} s. Run again after that."
            )
        log.warning("The exchange answers %s: waiting %s s", answer.status_code, seconds)
        with self._budget:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)


def _content(answer: httpx.Response) -> Any:
    """The decoded body. ValueError where it is no JSON; Unknown for a bad request, MarketDataError for a refusal."""
    if answer.is_redirect:
        raise MarketDataError(f"The exchange redirects {answer.url} elsewhere. Name the right address.")
    if answer.status_code == httpx.codes.BAD_REQUEST:
        content = answer.json()
        told = content.get("msg") if isinstance(content, dict) else None
        raise Unknown(f"the exchange refuses it: {told or answer.status_code}")
    if answer.is_client_error:
        raise MarketDataError(f"The exchange answers {answer.status_code} to {answer.url.path}. Is the address right?")
    return answer.json()
