"""A watcher whose database goes away and comes back."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from breaking import Breakable, wait_until

from watching import Watcher, names
from writing import many, write_csv


@contextmanager
def stopped(server: Breakable) -> Iterator[None]:
    """The server is down inside of the block, and up after it."""
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_an_outage_loses_nothing(breakable: Breakable, url: str, tmp_path: Path) -> None:
    """Sets that come while the database is down are kept, it is said once, and all are published when it is back."""
    results = tmp_path / "results"
    results.mkdir()
    with Watcher(results, url, settle=0.1) as watcher:
        write_csv(results, many(2), "vectorbt_analysis_results_1.csv")
        watcher.wait("published")
        with stopped(breakable):
            write_csv(results, many(3, interval="4h"), "vectorbt_analysis_results_2.csv")
            watcher.wait("waiting")
            write_csv(results, many(4, interval="1h"), "vectorbt_analysis_results_3.csv")
            time.sleep(2.5)
            assert len(watcher.of("waiting")) == 1
        watcher.wait("published", number=3)
        assert [line["event"] for line in watcher.lines] == [
            "watching", "published", "waiting", "back", "published", "published"
        ]  # fmt: skip
        assert len(names(watcher.of("published"))) == 3
        code, said = watcher.end(signal.SIGTERM)
        assert (code, said.count("Waiting"), "Traceback" in said) == (130, 0, False)
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (9,)


def test_a_server_that_stops_in_the_midst_of_a_set(breakable: Breakable, url: str, tmp_path: Path) -> None:
    """The set is rolled back with the server, and published whole by the run after."""
    results = tmp_path / "results"
    results.mkdir()
    slow = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END'"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(slow)
        conn.execute(
            "CREATE TRIGGER wait BEFORE INSERT ON trading.vectorbt_analysis FOR EACH ROW EXECUTE FUNCTION wait()"
        )
    write_csv(results, many(5))
    with Watcher(results, url, settle=0.1) as watcher:
        wait_until(url, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        with stopped(breakable):
            pass
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("DROP TRIGGER IF EXISTS wait ON trading.vectorbt_analysis")
        watcher.wait("published")
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (5,)
        assert conn.execute("SELECT count(*) FROM ingestion.files").fetchone() == (1,)


def test_a_database_that_comes_later_than_the_watcher(breakable: Breakable, url: str, tmp_path: Path) -> None:
    """A watcher may be started before its database: what lies there is published when that answers."""
    results = tmp_path / "results"
    results.mkdir()
    write_csv(results, many(2))
    with ExitStack() as down:
        down.enter_context(stopped(breakable))
        with Watcher(results, url, settle=0.1) as watcher:
            watcher.wait("waiting")
            down.close()
            watcher.wait("published")
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (2,)
