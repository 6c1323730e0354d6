"""A server on 127.0.0.1 that speaks the exchange's klines, ticker and exchangeInfo, with its limits and its faults."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from autonama.analysis.candles import INTERVALS, Candles

WEIGHTS = {"/api/v3/klines": 2, "/api/v3/ticker/24hr": 80, "/api/v3/exchangeInfo": 20}


@dataclass
class Fault:
    """One answer that goes wrong. hang: seconds before anything is sent; cut: bytes of the body that are sent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    cut: int | None = None
    body: bytes | None = None


@dataclass
class Market:
    """What the server serves. All of it may be changed while it runs.

    info: status, base and quote asset, spot trading allowed, by symbol. clock: the server's time. hanging: how many
    requests wait for their answer, and most_hanging how many ever did at once.
    """

    clock: datetime
    candles: dict[str, Candles] = field(default_factory=dict)
    info: dict[str, tuple[str, str, str, bool]] = field(default_factory=dict)
    volumes: dict[str, float] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    weight_limit: int = 6000
    used: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    hanging: int = 0
    most_hanging: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        """Status and content of a request."""
        if path == "/api/v3/exchangeInfo":
            return 200, self._exchange_info()
        if path == "/api/v3/ticker/24hr":
            return 200, [{"symbol": name, "quoteVolume": str(value)} for name, value in self.volumes.items()]
        if path == "/api/v3/klines" and query["symbol"] in self.candles:
            return 200, self._klines(self.candles[query["symbol"]], int(query["startTime"]), int(query["limit"]))
        return 400, {"code": -1121, "msg": "Invalid symbol."}

    def _klines(self, candles: Candles, start: int, limit: int) -> list[list[object]]:
        now = int(self.clock.timestamp() * 1000)
        chosen = candles[(candles.open_time >= start) & (candles.open_time <= now)][slice(0, min(limit, 1000))]
        step = INTERVALS[candles.interval]
        return [
            [int(time), *(repr(float(value)) for value in row), int(time) + step - 1, "0", 1, "0", "0", "0"]
            for time, *row in zip(chosen.open_time, *chosen.values, strict=True)
        ]

    def _exchange_info(self) -> dict[str, object]:
        return {
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.weight_limit},
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
            ],
            "symbols": [
                {"symbol": name, "status": state, "baseAsset": base, "quoteAsset": quote, "isSpotTradingAllowed": spot}
                for name, (state, base, quote, spot) in self.info.items()
            ],
        }


@contextmanager
def serving(market: Market) -> Iterator[Market]:
    """The market, served at `market.url` as long as the block runs."""
    counting = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            market.requests.append((parts.path, query))
            market.used += WEIGHTS.get(parts.path, 1)
            fault = market.faults.popleft() if market.faults else Fault()
            with counting:
                market.hanging += 1
                market.most_hanging = max(market.most_hanging, market.hanging)
            market.stopping.wait(fault.hang)
            with counting:
                market.hanging -= 1
            status, content = market.answer(parts.path, query)
            body = json.dumps(content).encode() if fault.body is None else fault.body
            self.send_response_only(status if fault.status == 200 else fault.status)
            headers = {
                "Date": format_datetime(market.clock, usegmt=True),
                "X-MBX-USED-WEIGHT-1M": str(market.used),
                "Content-Length": str(len(body)),
                **fault.headers,
            }
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: fault.cut])
            self.close_connection = fault.cut is not None

        def log_message(self, *args: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # the client has given up waiting, as the test wants
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    market.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield market
    finally:
        market.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
