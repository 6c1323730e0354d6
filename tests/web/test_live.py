"""An open page hears of a publication at once, survives outages, and costs no database connection."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg
import pytest
from serving import Serve

from writing import good

Publish = Callable[..., Any]


def events(stream: httpx.Response) -> Iterator[tuple[str, str]]:
    """The events of a stream: name, data."""
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, line.removeprefix("data: ")


def until(found: Iterator[tuple[str, str]], wanted: str) -> str:
    """The data of the next event of that name."""
    return next(data for name, data in found if name == wanted)


def listening(client: httpx.Client) -> None:
    """Wait until the dashboard listens."""
    for _ in range(100):
        if "listening for publications" in client.get("/health").text:
            return
        time.sleep(0.05)
    pytest.fail("it does not listen")


def connections(url: str) -> int:
    """How many this database has, besides the one that asks."""
    with psycopg.connect(url) as conn:
        query = """SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name LIKE 'autonama web%'"""
        found = conn.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def test_a_publication_reaches_an_open_page_within_a_second(publish: Publish, client: httpx.Client) -> None:
    """Between the run's end and the event lies less than a second; the event says what the run did."""
    listening(client)
    with client.stream("GET", "/events") as stream:
        found = events(stream)
        assert json.loads(until(found, "hello")) == {"listening": True}
        ended: list[float] = []
        thread = threading.Thread(target=lambda: (publish([good()]), ended.append(time.monotonic())))
        thread.start()
        told = until(found, "published")
        heard = time.monotonic()
        thread.join()
    assert heard - ended[0] < 1
    assert told == "published 1"


def test_a_hundred_pages_hold_a_handful_of_connections(publish: Publish, serve: Serve, database_url: str) -> None:
    """A hundred open streams share one listening connection, and all hear."""
    client = serve()
    listening(client)
    with ExitStack() as stack:
        limits = httpx.Limits(max_connections=None)
        many = stack.enter_context(httpx.Client(base_url=client.base_url, limits=limits, timeout=20))
        pages = [events(stack.enter_context(many.stream("GET", "/events"))) for _ in range(100)]
        for page in pages:
            until(page, "hello")
        publish([good()])
        for page in pages:
            until(page, "published")
        assert connections(database_url) <= 5
        assert "100 open pages" in client.get("/health").text


def test_an_outage_is_told_and_ends_by_itself(serve: Serve, publish: Publish, database_url: str, server: Any) -> None:
    """A listener that loses its connection says so to every page, comes back, and hears again."""
    client = serve()
    listening(client)
    with client.stream("GET", "/events") as stream:
        found = events(stream)
        until(found, "hello")
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'autonama web listener'"
        )
        assert until(found, "lost") == "{}"
        assert until(found, "found") == "{}"
        publish([good()])
        assert until(found, "published") == "published 1"
