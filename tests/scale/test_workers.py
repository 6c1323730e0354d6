"""`autonama ingest --workers N`: several sets at once, and the same database as one after the other."""

import os
import re
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cluster import wait_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sets import State, command, ingest, name_of, state, write_sets

from autonama.config import load_settings
from autonama.ingestion import pipeline
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job
from writing import good, write_csv

CONTENT_LOCK = "SELECT pg_advisory_lock(hashtextextended('vectorbt ' || %s, 0))"
BUSY = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def at_once(url: str, *paths: Path, workers: int = 4, strict: bool = False) -> RunOutcome:
    """Ingest all sets at these paths in this process."""
    made = load_settings(database_url=url, validation={"strict_mode": strict})
    return pipeline.ingest(Job("vectorbt", made, paths, every=True, allow_stale=True, workers=workers))


def test_two_workers_leave_what_one_process_leaves(results: Path, database_url: str, alone: State) -> None:
    """Row for row, count for count, finding for finding, the copy told as such; the exit code is the same."""
    done = ingest(results, database_url, "--workers", "2")
    assert done.returncode == 1, done.stderr
    assert state(database_url) == alone


def test_outcomes_stand_in_the_order_of_the_sets(results: Path, database_url: str) -> None:
    """Whoever is done first; and the set that holds a copy is told as what it is, by the run that has the content."""
    run = at_once(database_url, results)
    assert [outcome.name for outcome in run.sets] == [name_of(day).removesuffix(".csv") for day in range(9)]
    assert [outcome.status for outcome in run.sets] == [
        "published", "published", "quarantined", "rejected", *["published"] * 4, "already_published",
    ]  # fmt: skip
    assert run.sets[-1].notes == (f"Published by run {run.run_id}.",)
    assert sum(outcome.counts.inserted for outcome in run.sets) == 175


def test_progress_counts_every_set(results: Path, database_url: str) -> None:
    """From one to all, each with a name, however many are under way."""
    told = []
    made = load_settings(database_url=database_url)
    job = Job("vectorbt", made, (results,), every=True, workers=3, progress=lambda *step: told.append(step))
    pipeline.ingest(job)
    assert [(done, of) for done, of, _ in told] == [(number, 9) for number in range(1, 10)]
    assert {name for _, _, name in told} == {name_of(day).removesuffix(".csv") for day in range(9)}


HOURS = st.lists(st.tuples(st.integers(0, 3), st.integers(101, 109)), min_size=1, max_size=4, unique_by=lambda x: x[0])


@given(sets=st.lists(HOURS, min_size=2, max_size=6))
@settings(max_examples=settings.default.max_examples * 12 // 100, suppress_health_check=list(HealthCheck))
def test_sets_that_disagree_come_out_as_one_after_the_other(
    sets: list[list[tuple[int, int]]], conn: psycopg.Connection, database_url: str, tmp_path_factory: object
) -> None:
    """Sets over the same keys, with other values, at once: rows and alerts are those of the later set by name."""
    directory = tmp_path_factory.mktemp("disagree")  # type: ignore[attr-defined]
    midnight = datetime(2026, 1, 15, tzinfo=UTC)
    for number, hours in enumerate(sets):
        rows = [
            good(analysis_date=(midnight + timedelta(hours=hour)).isoformat(), current_price=str(price))
            for hour, price in hours
        ]
        write_csv(directory, rows, f"vectorbt_analysis_results_{number}.csv")
    found = []
    for workers in (1, 4):
        conn.execute("""TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.runs, ingestion.files
                        RESTART IDENTITY CASCADE""")
        assert at_once(database_url, directory, workers=workers).error is None
        found.append({name: rows for name, rows in state(database_url).items() if name in ("analysis", "alerts")})
    assert found[0] == found[1]


def sha256_of(path: Path) -> str:
    """Of the file's content."""
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", [pytest.param("SIGINT", marks=pytest.mark.full), "SIGTERM"])
def test_told_to_stop_it_breaks_off_what_is_under_way(
    name: str, results: Path, database_url: str, alone: State, conn: psycopg.Connection
) -> None:
    """Ctrl-C while one worker waits and others are done: 130 at once, nothing half-written; the next run goes on."""
    conn.execute(CONTENT_LOCK, [sha256_of(results / name_of(1))])
    env = {**os.environ, "HOME": str(results.parent), "AUTONAMA_DATABASE_URL": database_url}
    with subprocess.Popen(
        command(results, "--workers", "2", "--json"), env=env, cwd=results.parent, stdout=subprocess.PIPE
    ) as run:
        wait_for(lambda: conn.execute(BUSY).fetchone() == (1,), "the worker that waits")
        done = "SELECT count(*) = 7 FROM ingestion.files WHERE primary_id IS NULL"
        wait_for(lambda: conn.execute(done).fetchone() == (True,), "the others' end")
        began = time.monotonic()
        run.send_signal(signal.Signals[name])
        said, _ = run.communicate(timeout=30)
    assert run.returncode == 130
    assert time.monotonic() - began < 15
    assert said.count(b'"status": "published"') == 5
    assert conn.execute("SELECT status FROM ingestion.runs").fetchall() == [("interrupted",)]
    conn.execute("SELECT pg_advisory_unlock_all()")
    ingest(results, database_url, "--workers", "2")
    left = state(database_url)
    assert {**left, "runs": []} == {**alone, "runs": []}


@pytest.mark.parametrize("step", ["copying", "counted", pytest.param("committed", marks=pytest.mark.full)])
def test_killed_with_several_under_way_the_next_run_repairs_it(
    step: str, results: Path, database_url: str, alone: State
) -> None:
    """SIGKILL at the step, then one more run: the database of a single process."""
    assert ingest(results, database_url, "--workers", "2", env={"AUTONAMA_FAULT": f"SIGKILL@{step}"}).returncode == -9
    ingest(results, database_url, "--workers", "2")
    left = state(database_url)
    assert [status for status, _, _ in left.pop("runs")] == ["interrupted", "partial"]
    assert left == {name: rows for name, rows in alone.items() if name != "runs"}


def test_an_error_of_the_database_ends_the_run_and_keeps_the_rest(
    results: Path, database_url: str, conn: psycopg.Connection
) -> None:
    """One set's rows are refused by the server: exit code 3 and its sentence, and sets that were in stay in."""
    conn.execute("""ALTER TABLE trading.vectorbt_analysis ADD CONSTRAINT no_day_6
                    CHECK (analysis_date::date <> '2026-01-21') NOT VALID""")
    run = at_once(database_url, results, workers=2)
    assert (run.status, run.exit_code) == ("failed", 3)
    assert re.search("no_day_6", run.error or "")
    told = {outcome.name for outcome in run.sets if outcome.status in ("published", "quarantined")}
    stored = "SELECT DISTINCT set_name FROM ingestion.files WHERE status = 'published'"
    assert told == {name for (name,) in conn.execute(stored)}
    assert told
    assert name_of(6).removesuffix(".csv") not in told


@pytest.mark.full
def test_a_lost_connection_is_one_workers_affair(results: Path, database_url: str, alone: State) -> None:
    """Every connection of the run is terminated twice while it goes on: the database of a single process."""
    env = {**os.environ, "HOME": str(results.parent), "AUTONAMA_DATABASE_URL": database_url}
    with (
        psycopg.connect(database_url, autocommit=True) as conn,
        subprocess.Popen(
            command(results, "--workers", "3"), env=env, cwd=results.parent, stdout=subprocess.DEVNULL
        ) as run,
    ):
        conn.execute(CONTENT_LOCK, [sha256_of(results / name_of(4))])
        for _ in range(2):
            wait_for(lambda: conn.execute(BUSY).fetchone() == (1,), "the worker that waits")
            conn.execute("""SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                            AND datname = current_database() AND backend_type = 'client backend'""")
        conn.execute("SELECT pg_advisory_unlock_all()")
        assert run.wait(60) == 1
    assert state(database_url) == alone


@pytest.mark.full
def test_the_run_stays_alive_while_its_workers_work(results: Path, database_url: str, conn: psycopg.Connection) -> None:
    """The connection that shows its life is cut while all wait for a worker: it is back before the next run looks."""
    conn.execute(CONTENT_LOCK, [sha256_of(results / name_of(4))])
    held = """SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    env = {**os.environ, "HOME": str(results.parent), "AUTONAMA_DATABASE_URL": database_url}
    with subprocess.Popen(
        command(results, "--workers", "2"), env=env, cwd=results.parent, stdout=subprocess.DEVNULL
    ) as run:
        wait_for(lambda: conn.execute(BUSY).fetchone() == (1,), "the worker that waits")
        conn.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM ({held}) AS holder")
        wait_for(lambda: len(conn.execute(held).fetchall()) == 1, "the sign of life")
        assert at_once(database_url, results / name_of(0)).status == "nothing_new"
        assert conn.execute("SELECT status FROM ingestion.runs ORDER BY id").fetchone() == ("running",)
        conn.execute("SELECT pg_advisory_unlock_all()")
        assert run.wait(60) == 1
    assert conn.execute("SELECT count(*) FROM ingestion.runs WHERE status = 'interrupted'").fetchone() == (0,)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--workers", "2", "--validate-only"), "for publishing"),
        (("--scheduler", "tcp://127.0.0.1:1", "--validate-only"), "for publishing"),
        (("--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), "name one of them"),
        (("--workers", "0"), "Invalid value for '--workers'"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(
    more: tuple[str, ...], words: str, tmp_path: Path, database_url: str
) -> None:
    """A sentence, exit code 2, and nothing is done."""
    done = ingest(write_sets(tmp_path / "some", days=4), database_url, *more)
    assert done.returncode == 2
    assert words in re.sub(r"[\s│]+", " ", done.stderr)
    assert not state(database_url)["runs"]
