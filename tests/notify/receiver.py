"""A service that notifications reach: an HTTP server of this machine that keeps what it is sent."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "Tok3n-Planted-77"


@dataclass
class Receiver:
    """messages: what came, in apprise's JSON. status: what is answered. drip: a byte of the answer every second."""

    port: int
    messages: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    drip: bool = False

    @property
    def url(self) -> str:
        """Its address, with a token in it."""
        return f"json://me:{TOKEN}@127.0.0.1:{self.port}/{TOKEN}/?token={TOKEN}"


@contextmanager
def listening() -> Iterator[Receiver]:
    """A service that takes everything, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if received.drip:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                for _ in range(60):
                    self.wfile.write(b"X-A: b\r\n")
                    time.sleep(1)
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the sender hangs up on a drip
    received = Receiver(server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield received
    server.shutdown()
    server.server_close()
