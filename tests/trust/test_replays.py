"""Replays that are killed, and replays at once: nothing is published twice, nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonama.faults import STEPS
from writing import good, many, write_csv

pytestmark = pytest.mark.full

QUARANTINED = 6
SKIPPED = {"opened", "read", "refusing", "refused", "cleaning"}
"""Steps of an ingest that a replay does not have."""

ACTIVE = "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND "
PAUSED, WAITING = f"{ACTIVE} state = 'idle in transaction'", f"{ACTIVE} wait_event_type = 'Lock'"

STATE = """
SELECT a.symbol, a.row_number, a.current_price, f.replay_of, f.rows_read, f.rows_inserted, f.rows_quarantined
FROM trading.vectorbt_analysis a JOIN ingestion.files f ON f.id = a.file_id
UNION ALL
SELECT 'alert ' || symbol, row_number, current_price, NULL, NULL, NULL, NULL FROM trading.alerts
UNION ALL
SELECT 'quarantine', row_number, NULL, NULL, NULL, (replayed_by IS NULL)::int, cardinality(reasons)
FROM ingestion.quarantine
ORDER BY 1, 2
"""


def start(directory: Path, url: str, *words: object, fault: str = "") -> subprocess.Popen[str]:
    """`autonama WORDS`, with another quote asset allowed, but for the ingest that fills the quarantine."""
    env = {**os.environ, "AUTONAMA_DATABASE_URL": url, "AUTONAMA_VALIDATION__MAX_QUARANTINE_SHARE": "0.5"}
    env |= {"AUTONAMA_FAULT": fault} if fault else {}
    env |= {} if "--lenient" in words else {"AUTONAMA_QUOTE_ASSETS": '["USDT", "EUR"]'}
    command = (sys.executable, "-m", "autonama", *map(str, words))
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=env, cwd=directory, stdout=pipe, stderr=pipe, text=True)


Background = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def background(tmp_path: Path, database_url: str) -> Iterator[Background]:
    """`background(word, ..., fault=)`: a process on the test's database, which does not outlive the test."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*words: object, fault: str = "") -> subprocess.Popen[str]:
        processes.append(start(tmp_path, database_url, *words, fault=fault))
        return processes[-1]

    yield begin
    for process in processes:
        if process.stdout is not None and not process.stdout.closed:
            process.kill()
            process.communicate()


def run(directory: Path, url: str, *words: object, fault: str = "") -> int:
    """Its exit code, negative for a signal."""
    process = start(directory, url, *words, fault=fault)
    process.communicate(timeout=60)
    return process.returncode


def prepare(directory: Path, url: str) -> None:
    """Two files with rows in quarantine, of which all but one pass with another quote asset."""
    for name in ("a", "b"):
        rows = [*many(20), *(good(symbol=f"{name.upper()}{n}EUR") for n in range(QUARANTINED - 1)), good(symbol="BTC")]
        write_csv(directory, rows, f"vectorbt_analysis_results_{name}.csv")
    assert run(directory, url, "ingest", directory, "--all", "--lenient") == 0


def state(url: str) -> list[tuple[Any, ...]]:
    """What is stored, what is in quarantine, and how the ledger counts it."""
    with psycopg.connect(url) as conn:
        return conn.execute(STATE).fetchall()


@pytest.fixture(scope="module")
def undisturbed(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The state after a replay that nothing disturbed."""
    server.execute(f"CREATE DATABASE undisturbed_replay TEMPLATE {template}")
    url, directory = server.url("undisturbed_replay"), tmp_path_factory.mktemp("undisturbed")
    prepare(directory, url)
    assert run(directory, url, "replay") == 0
    return state(url)


@pytest.mark.parametrize("step", [step for step in STEPS if step not in SKIPPED])
def test_killed_at_any_step_the_next_replay_repairs_it(
    step: str, tmp_path: Path, database_url: str, undisturbed: list[tuple[Any, ...]]
) -> None:
    """SIGKILL at the step, then one more replay: row for row the undisturbed state, and no run left open."""
    prepare(tmp_path, database_url)
    assert run(tmp_path, database_url, "replay", fault=f"SIGKILL@{step}") == -signal.SIGKILL
    with psycopg.connect(database_url) as conn:
        half = conn.execute(
            "SELECT file_id FROM ingestion.quarantine GROUP BY file_id HAVING count(replayed_by) NOT IN (0, %s)",
            [QUARANTINED - 1],
        ).fetchall()
    assert half == [], "a file was replayed in part"
    assert run(tmp_path, database_url, "replay") in (0, 1)
    found = state(database_url)
    assert [row[:3] for row in found] == [row[:3] for row in undisturbed]
    assert [row for row in found if row[0] == "quarantine"] == [row for row in undisturbed if row[0] == "quarantine"]
    with psycopg.connect(database_url) as conn:
        statuses = [status for (status,) in conn.execute("SELECT status FROM ingestion.runs ORDER BY id")]
    assert statuses[1] == "interrupted"
    assert "running" not in statuses


def test_told_to_stop_it_ends_with_130(tmp_path: Path, database_url: str) -> None:
    """SIGTERM in the middle: 130, nothing of the file published, the run `interrupted`."""
    prepare(tmp_path, database_url)
    assert run(tmp_path, database_url, "replay", fault="SIGTERM@counted") == 130
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT count(replayed_by) FROM ingestion.quarantine").fetchone() == (0,)
        assert conn.execute("SELECT status FROM ingestion.runs ORDER BY id DESC LIMIT 1").fetchone() == ("interrupted",)


def test_replays_at_once_publish_each_row_once(tmp_path: Path, database_url: str, background: Background) -> None:
    """Six replays at once, some of single rows: each row stored and closed by one, and the counts add up."""
    prepare(tmp_path, database_url)
    commands = [("replay",), ("replay",), ("replay", "--file", "1"), ("replay", "--file", "2", "--rows", "21-24")]
    processes = [background(*words) for words in (*commands, *commands[:2])]
    for process in processes:
        _, complaint = process.communicate(timeout=120)
        # 1: it found only the row that never passes, or the rows that it had named gone.
        assert process.returncode in (0, 1), complaint
        assert "Traceback" not in complaint
    with psycopg.connect(database_url) as conn:
        stored = conn.execute(
            "SELECT symbol FROM trading.vectorbt_analysis WHERE symbol LIKE '%EUR' ORDER BY 1"
        ).fetchall()
        assert stored == sorted((f"{name}{n}EUR",) for name in "AB" for n in range(QUARANTINED - 1))
        counted = conn.execute(
            "SELECT sum(rows_inserted), sum(rows_unchanged) FROM ingestion.files "
            "WHERE replay_of IS NOT NULL AND status = 'published'"
        ).fetchone()
        assert counted == (2 * (QUARANTINED - 1), 0)


def test_a_replay_waits_for_another_of_the_same_file(tmp_path: Path, database_url: str, background: Background) -> None:
    """While one is paused in its transaction, the other waits, and then finds only what the first left."""
    prepare(tmp_path, database_url)
    first = background("replay", "--file", "1", fault="SIGSTOP@counted")
    with psycopg.connect(database_url, autocommit=True) as conn:
        until(conn, PAUSED)
        second = background("replay", "--file", "1")
        until(conn, WAITING)
        assert conn.execute("SELECT count(replayed_by) FROM ingestion.quarantine").fetchone() == (0,)
        os.kill(first.pid, signal.SIGCONT)
        for process, code in ((first, 0), (second, 1)):
            process.communicate(timeout=60)
            assert process.returncode == code
        assert conn.execute(
            "SELECT count(DISTINCT replayed_by), count(replayed_by) FROM ingestion.quarantine"
        ).fetchone() == (1, 5)


@pytest.mark.parametrize("late", ["ingest", "replay"])
def test_an_ingest_of_the_same_key_meets_a_replay(
    late: str, tmp_path: Path, database_url: str, background: Background
) -> None:
    """A result file brings the key of a quarantined row meanwhile: one row, and the values of the result file."""
    prepare(tmp_path, database_url)
    write_csv(tmp_path, [good(symbol="A0EUR", current_price="104")], "vectorbt_analysis_results_new.csv")
    work: dict[str, tuple[object, ...]] = {
        "ingest": ("ingest", tmp_path / "vectorbt_analysis_results_new.csv"),
        "replay": ("replay", "--file", 1),
    }
    early = "replay" if late == "ingest" else "ingest"
    first = background(*work[early], fault="SIGSTOP@counted")
    with psycopg.connect(database_url, autocommit=True) as conn:
        until(conn, PAUSED)
        second = background(*work[late])
        until(conn, WAITING)
        os.kill(first.pid, signal.SIGCONT)
        for process in (first, second):
            _, complaint = process.communicate(timeout=60)
            assert process.returncode == 0, complaint
        for table in ("alerts", "vectorbt_analysis"):
            found = conn.execute(f"SELECT current_price FROM trading.{table} WHERE symbol = 'A0EUR'").fetchall()
            assert found == [(104,)]
        row = conn.execute("SELECT replayed_by IS NULL, reasons[1] FROM ingestion.quarantine ORDER BY id").fetchone()
        assert row is not None
        assert row[0] == (late == "replay")
        assert row[1].startswith("stored_row_kept" if late == "replay" else "symbol_format")


def until(conn: psycopg.Connection[Any], question: str) -> None:
    """Wait until the server answers yes."""
    for _ in range(200):
        if conn.execute(question.encode()).fetchone() == (True,):
            return
        time.sleep(0.05)
    pytest.fail(f"never came: {question}")
