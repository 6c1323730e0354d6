"""A dashboard that is served for real, on a free port of loopback."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from autonama.config import load_settings
from autonama.database import migrate
from autonama.web.app import create_app

Serve = Callable[..., httpx.Client]


@contextmanager
def served(url: str, **more: Any) -> Iterator[str]:
    """The address of a dashboard over that database."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        app = create_app(load_settings(database_url=url), schema=migrate.HEAD, **more)
        config = uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server ended before it began"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(15)
            assert not thread.is_alive(), "the server does not end"
