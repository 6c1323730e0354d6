"""Waiting and being interrupted: a line after a second, and a JSON object in any case."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import many, write_csv

COMMAND = (sys.executable, "-m", "autonama")


def dead_address() -> str:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"postgresql://me:hush-66@127.0.0.1:{probe.getsockname()[1]}/none"


def start(tmp_path: Path, url: str, *words: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    env = {**os.environ, "AUTONAMA_DATABASE_URL": url}
    pipe = subprocess.PIPE
    return subprocess.Popen((*COMMAND, *words), env=env, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("words", [("ingest", ".", "--json"), ("runs", "--json"), ("db", "status")])
def test_a_refused_connection_is_told_after_a_second(tmp_path: Path, words: tuple[str, ...]) -> None:
    """One line on stderr names the server that is waited for, without the password; stdout stays JSON's own."""
    write_csv(tmp_path, many(1))
    process = start(tmp_path, dead_address(), *words)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Waiting for PostgreSQL at postgresql://me:***@127.0.0.1:")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (stderr.count("Waiting"), "Traceback" in stderr) == (0, False)
    if words[0] == "ingest":
        told = json.loads(stdout)
        assert (told["status"], told["run_id"], told["sets"]) == ("interrupted", None, [])
        assert told["error"].startswith("Interrupted before its end.")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_it_did(
    tmp_path: Path, conn: psycopg.Connection[Any], database_url: str, number: signal.Signals
) -> None:
    """Ctrl-C in the second of two sets: the object holds the first, which stays, and the ledger's run says the same."""
    write_csv(tmp_path, many(3), "vectorbt_analysis_results_20260101_000000.csv")
    write_csv(tmp_path, many(3, interval="4h"), "vectorbt_analysis_results_20260102_000000.csv")
    conn.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'"
    )
    conn.execute("CREATE TRIGGER wait BEFORE INSERT ON trading.vectorbt_analysis FOR EACH ROW "
                 "WHEN (NEW.interval = '4h') EXECUTE FUNCTION wait()")  # fmt: skip
    process = start(tmp_path, database_url, "ingest", ".", "--all", "--allow-stale", "--json")
    for _ in range(200):
        asleep = conn.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone()
        if asleep != (0,):
            break
        time.sleep(0.1)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    told = json.loads(stdout)
    assert process.returncode == 130, stderr
    assert (told["status"], [one["status"] for one in told["sets"]]) == ("interrupted", ["published"])
    assert "KeyboardInterrupt" not in stdout + stderr
    kept = conn.execute("SELECT status, error FROM ingestion.runs").fetchall()
    assert kept == [("interrupted", told["error"])]
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (3,)
