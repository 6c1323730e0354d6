"""`autonama web` and `autonama demo --serve` as a user starts and stops them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

import warm

EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is refused


@contextmanager
def started(directory: Path, *words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, running, and the address that it says."""
    env = {**os.environ, **environment}
    command = (sys.executable, "-m", "autonama", *words)
    process = subprocess.Popen(
        command, cwd=directory, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"Dashboard: (http://\S+/)", line):
                yield process, found[1]
                break
        else:
            pytest.fail(f"it says no address: {said}")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def refused(directory: Path, *words: str, **environment: str) -> str:
    """What the command says that ends with exit code 2."""
    done = warm.run("web", *words, cwd=directory, env={**os.environ, **environment}, timeout=60)
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(sign: signal.Signals, tmp_path: Path, empty_database_url: str) -> None:
    """It makes the schema, says its address, serves, and ends in order on Ctrl-C or SIGTERM, an open page or not."""
    with started(tmp_path, "web", "--port", "0", AUTONAMA_DATABASE_URL=empty_database_url) as (process, address):
        assert "No alerts yet" in httpx.get(address).text
        with httpx.stream("GET", f"{address}events", timeout=20) as stream:
            next(stream.iter_lines())
            process.send_signal(sign)
            assert process.wait(15) == 0


def test_errors_are_in_the_log_and_visits_are_not(
    tmp_path: Path, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """What fails is in the log file that the config names, with its traceback; visits are not, and the terminal not."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"logging": {"file": str(tmp_path / "kept" / "web.log")}}))
    conn.execute("ALTER TABLE ingestion.runs DROP CONSTRAINT runs_status_check")
    conn.execute("INSERT INTO ingestion.runs (engine, status, package_version) VALUES ('vectorbt', 'odd', '')")
    words = ("web", "--port", "0", "--config", str(config))
    with started(tmp_path, *words, AUTONAMA_DATABASE_URL=database_url) as (process, address):
        assert httpx.get(f"{address}health").status_code == 200
        assert httpx.get(f"{address}runs/1").status_code == 500
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)
    log = (tmp_path / "kept" / "web.log").read_text()
    assert "ERROR autonama.web: A page failed: /runs/1" in log
    assert "Traceback" in log
    assert "/health" not in log
    assert "Traceback" not in said


def test_an_open_host_wants_a_token(tmp_path: Path, database_url: str) -> None:
    """Another address than loopback is refused without one, and a short one is none."""
    assert "can be reached from other machines" in refused(
        tmp_path, "--host", EVERYWHERE, AUTONAMA_DATABASE_URL=database_url
    )
    assert "too short" in refused(
        tmp_path, "--host", EVERYWHERE, AUTONAMA_WEB_TOKEN="short", AUTONAMA_DATABASE_URL=database_url
    )


def test_the_token_of_the_environment_is_wanted(tmp_path: Path, database_url: str) -> None:
    """AUTONAMA_WEB_TOKEN locks the pages; it is printed nowhere."""
    token = "correct-horse-battery"
    with started(tmp_path, "web", "--port", "0", AUTONAMA_WEB_TOKEN=token, AUTONAMA_DATABASE_URL=database_url) as (
        _,
        address,
    ):
        assert httpx.get(address).headers["location"].startswith("/login")
        assert httpx.get(f"{address}api/v1/alerts", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_taken_port_is_told(tmp_path: Path, database_url: str) -> None:
    """Exit code 2, the port, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Cannot serve on 127.0.0.1:{port}" in refused(
            tmp_path, "--port", str(port), AUTONAMA_DATABASE_URL=database_url
        )


def test_the_demo_is_served(tmp_path: Path) -> None:
    """`demo --serve` shows its alerts on the board, with the refused set told above; its server ends with it."""
    with started(tmp_path, "demo", "--serve", "--port", "0") as (process, address):
        page = httpx.get(address).text
        assert "BTCUSDT" in page
        assert "the last run was refused" in page
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert not (tmp_path / ".demo" / "database" / "pgdata" / "postmaster.pid").exists()
