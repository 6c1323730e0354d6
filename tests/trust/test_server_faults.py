"""Whatever the server does in the middle of a run, the database holds the undisturbed state or nothing of it."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from _pytest.mark import ParameterSet
from breaking import (
    NOTHING,
    REFUSED_SET,
    Breakable,
    Run,
    arrive,
    assert_plain,
    assert_same,
    repaired,
    terminate,
    told,
    wait_until,
)
from test_crash_matrix import REFUSED, State, state
from wire import wire_to

from autonama.faults import STEPS
from writing import many, write_csv


def steps(*few: str) -> list[ParameterSet]:
    """Every step of a run; those beside the few are for `make test-full`. Retention is a case of its own."""
    others = [step for step in STEPS if step not in (*few, "cleaning")]
    return [*map(pytest.param, few), *(pytest.param(step, marks=pytest.mark.full) for step in others)]


# The connection is cut

LONELY = ("validated", "counted", "refusing")


@pytest.mark.parametrize("step", steps("copying", "counted"))
def test_a_terminated_connection_is_survived(step: str, url: str, sets: Path, calm: State) -> None:
    """pg_terminate_backend at the step: the run connects again, does the set again, and ends as if nothing had been."""
    with Run(sets, url, step) as run:
        run.pause()
        assert terminate(url) == 1
        ended = run.end()
    assert ended.code == REFUSED_SET, ended.said
    assert_plain(ended.said)
    assert state(url) == calm
    repaired(url, sets, calm)


@pytest.mark.full
def test_a_connection_lost_before_the_cleanup_is_survived(url: str, sets: Path) -> None:
    """Retention meets a dead connection: it connects again and deletes what is old."""
    (sets / REFUSED).unlink()
    arrive(url, *sets.glob("*_a.*"))
    with psycopg.connect(url) as conn:
        conn.execute("UPDATE trading.alerts SET created_at = now() - interval '40 days' WHERE symbol LIKE 'S2_USDT'")
    with Run(sets, url, "cleaning") as run:
        run.pause()
        terminate(url)
        ended = run.end()
    assert ended.code == 0, ended.said
    assert_plain(ended.said)
    with psycopg.connect(url) as conn:
        query = "SELECT count(*), count(*) FILTER (WHERE symbol LIKE 'S2_USDT') FROM trading.alerts"
        assert conn.execute(query).fetchone() == (20, 0)


@pytest.mark.parametrize("step", ["validated", pytest.param("merged", marks=pytest.mark.full)])
def test_a_server_that_cuts_idle_connections_is_survived(
    step: str, breakable: Breakable, database: str, url: str, sets: Path, calm: State
) -> None:
    """idle_session_timeout, or the one within a transaction, strikes while the run is busy with itself: it goes on."""
    breakable.execute(f"ALTER DATABASE {database} SET idle_session_timeout = '300ms'")
    breakable.execute(f"ALTER DATABASE {database} SET idle_in_transaction_session_timeout = '300ms'")
    with Run(sets, url, step) as run:
        run.pause()
        time.sleep(0.6)
        ended = run.end()
    assert_plain(ended.said)
    assert ended.code == REFUSED_SET, ended.said
    assert state(url) == calm


@pytest.mark.parametrize("step", ["copying", *(pytest.param(step, marks=pytest.mark.full) for step in LONELY)])
def test_a_connection_that_only_the_run_lost_is_survived(
    step: str, breakable: Breakable, database: str, url: str, sets: Path, tmp_path: Path
) -> None:
    """The server does not notice: the run is not locked out by what it lost, and no other run takes it for dead."""
    other = tmp_path / "other"
    other.mkdir()
    write_csv(other, many(1, interval="4h"), "vectorbt_analysis_results_other.csv")
    with wire_to(breakable.port) as wire:
        through = breakable.tcp_url(database).replace(f":{breakable.port}/", f":{wire.port}/")
        with Run(sets, through, step) as run:
            run.pause()
            wire.sever()
            run.resume()
            run.pause()  # on a connection of its own again: at the same set, or at the next
            wire.let_go()
            assert arrive(url, other).exit_code == 0
            with psycopg.connect(url) as conn:
                statuses = conn.execute("SELECT status FROM ingestion.runs ORDER BY id").fetchall()
            ended = run.end()
    assert statuses == [("running",), ("published",)]
    assert ended.code == REFUSED_SET, ended.said
    assert_plain(ended.said)
    with psycopg.connect(url) as conn:
        query = "SELECT count(*), count(*) FILTER (WHERE interval = '4h') FROM trading.vectorbt_analysis"
        assert conn.execute(query).fetchone() == (31, 1)


# The server is away


@pytest.mark.parametrize("step", steps("copying"))
def test_a_server_that_is_restarted_is_survived(
    step: str, breakable: Breakable, url: str, sets: Path, calm: State
) -> None:
    """Stopped as by a power cut at the step and started a second later: the run waits, and ends as ever."""
    with Run(sets, url, step) as run:
        run.pause()
        breakable.stop()
        run.resume()
        time.sleep(1)
        breakable.start()
        ended = run.end()
    assert ended.code == REFUSED_SET, ended.said
    assert_plain(ended.said)
    assert state(url) == calm
    repaired(url, sets, calm)


@pytest.mark.parametrize("seconds", [1, pytest.param(5, marks=pytest.mark.full)])
def test_a_server_that_comes_up_later_is_waited_for(
    seconds: int, breakable: Breakable, database: str, url: str, sets: Path, calm: State
) -> None:
    """Nobody answers at the start, on the socket or over TCP; seconds later the server is there."""
    breakable.stop()
    with Run(sets, url) as over_socket, Run(sets, breakable.tcp_url(database)) as over_tcp:
        time.sleep(seconds)
        breakable.start()
        ended = [over_socket.end(), over_tcp.end()]
    assert {run.code for run in ended} <= {0, REFUSED_SET}, ended
    repaired(url, sets, calm)


@pytest.mark.full
def test_a_server_that_stays_away_is_not_waited_for_for_ever(
    breakable: Breakable, url: str, sets: Path, calm: State
) -> None:
    """Gone in mid-COPY and not coming back: within half a minute the run says so, and a later one repairs all."""
    with Run(sets, url, "copying") as run:
        run.pause()
        breakable.stop()
        began = time.monotonic()
        try:
            ended = run.end()
        finally:
            breakable.start()
    assert time.monotonic() - began < 30
    told(ended, "No PostgreSQL answers|takes no connections|was lost")
    repaired(url, sets, calm)


# The server refuses


def test_a_read_only_server_is_told(breakable: Breakable, database: str, url: str, sets: Path, calm: State) -> None:
    """default_transaction_read_only: exit code 3 and a sentence; nothing is stored."""
    breakable.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with Run(sets, url) as run:
        told(run.end(), "The database is read-only")
    assert state(url) == NOTHING
    breakable.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    repaired(url, sets, calm)


@pytest.fixture
def small_disk(breakable: Breakable) -> Iterator[Path]:
    """A file system of one megabyte in the server's reach."""
    disk = breakable.directory / "small"
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root alone")
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"this machine lets nobody mount a small file system: {mounted.stderr.strip()}")
    breakable.account.own(disk)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told(breakable: Breakable, database: str, url: str, small_disk: Path, tmp_path: Path) -> None:
    """The disk fills in mid-COPY: exit code 3, the sets before it stay, nothing of its set; with room it goes in."""
    small, large = tmp_path / "a", tmp_path / "b"
    small.mkdir()
    large.mkdir()
    write_csv(small, many(10, interval="1h"))
    write_csv(large, many(10_000))
    breakable.execute(f"CREATE TABLESPACE tiny LOCATION '{small_disk}'")
    breakable.execute("ALTER TABLE trading.vectorbt_analysis SET TABLESPACE tiny", database)
    arrive(url, small)
    before = state(url)
    with Run(large, url) as run:
        told(run.end(), "disk is full")
    assert state(url) == before
    breakable.execute("ALTER TABLE trading.vectorbt_analysis SET TABLESPACE pg_default", database)
    breakable.execute("DROP TABLESPACE tiny")
    assert arrive(url, large).sets[0].counts.inserted == 10_000


def test_a_lock_timeout_is_told(breakable: Breakable, database: str, url: str, sets: Path, calm: State) -> None:
    """The lock_timeout of the database is kept to; who waits longer is told to look for open transactions."""
    breakable.execute(f"ALTER DATABASE {database} SET lock_timeout = '300ms'")
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE trading.alerts")
        with Run(sets, url) as run:
            told(run.end(), "Somebody else holds a lock")
    assert state(url)["analysis"] == state(url)["files"] == []
    repaired(url, sets, calm)


def test_a_statement_timeout_is_told(breakable: Breakable, database: str, url: str, sets: Path, calm: State) -> None:
    """COPY takes longer than statement_timeout allows: told, and nothing of the set is stored."""
    breakable.execute(f"ALTER DATABASE {database} SET statement_timeout = '400ms'")
    with Run(sets, url, "copying") as run:
        run.pause()
        time.sleep(0.8)
        told(run.end(), "PostgreSQL stopped the statement")
    assert state(url) == NOTHING
    breakable.execute(f"ALTER DATABASE {database} RESET statement_timeout")
    repaired(url, sets, calm)


# Others work on the same rows


def test_a_deadlock_is_survived(breakable: Breakable, url: str, sets: Path, calm: State) -> None:
    """Another transaction holds an alert and wants an analysis that the run holds; the run gives way."""
    with psycopg.connect(url, autocommit=True) as conn, Run(sets, url, "merged") as run:
        run.pause()
        run.resume()
        run.pause()  # set a is committed, set b has updated its analyses
        with conn.transaction(force_rollback=True):
            conn.execute("SET LOCAL deadlock_timeout = '1min'")
            conn.execute("SELECT FROM trading.alerts WHERE symbol = 'S3USDT' FOR UPDATE")
            waiting = threading.Thread(
                target=conn.execute, args=["UPDATE trading.vectorbt_analysis SET degree = 5 WHERE symbol = 'S3USDT'"]
            )
            waiting.start()
            wait_until(url, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            run.resume()
            waiting.join()
        ended = run.end()
    assert deadlocks(url) == 1
    assert ended.code == REFUSED_SET, ended.said
    assert state(url) == calm


def deadlocks(url: str) -> int:
    """How many deadlocks the server has counted in this database, once its statistics are in."""
    for _ in range(50):
        with psycopg.connect(url) as conn:
            row = conn.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
        if row is not None and row[0]:
            break
        time.sleep(0.1)
    return int(row[0]) if row else 0


def test_a_serialization_failure_is_survived(breakable: Breakable, url: str, sets: Path, calm: State) -> None:
    """The server raises 40001 on the first two tries at a set: the third stores everything once."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("""
            CREATE SEQUENCE tries;
            CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('tries') <= 2 THEN
                    RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001';
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER fail AFTER INSERT ON trading.alerts EXECUTE FUNCTION fail_twice()""")
        assert arrive(url, sets).exit_code == REFUSED_SET
        assert conn.execute("SELECT last_value FROM tries").fetchone() == (4,)
    assert state(url) == calm


@pytest.mark.full
def test_a_serializable_database_is_no_hindrance(
    breakable: Breakable, database: str, url: str, sets: Path, calm: State
) -> None:
    """Under serializable by default, a run that waited for another's lock still sees what that stored."""
    breakable.execute(f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'")
    with ExitStack() as running, Run(sets, url, "counted") as first:
        first.pause()
        second = running.enter_context(Run(sets, url))
        wait_until(url, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        ended = [first.end(), second.end()]
    assert {run.code for run in ended} <= {0, REFUSED_SET}, ended
    assert_same(url, calm)
