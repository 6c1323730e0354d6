"""`autonama ingest --scheduler`: a real Dask cluster of separate processes leaves what a single process leaves."""

import importlib.util
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster, free_port, wait_for
from sets import PASSWORD, State, command, ingest, name_of, state, write_sets
from test_workers import BUSY, CONTENT_LOCK, sha256_of

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="Dask is not installed: pip install -r requirements-dev.txt",
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    directory = tmp_path / "cluster"
    directory.mkdir()
    with Cluster(directory, free_port()) as made:
        yield made


@pytest.fixture
def address(server: Any, database_url: str) -> str:
    """The database's address for machines: over TCP, with a password."""
    return str(server.tcp_url(dict(part.split("=") for part in database_url.split())["dbname"]))


def published(conn: psycopg.Connection) -> int:
    """Sets in the ledger."""
    row = conn.execute("SELECT count(*) FROM ingestion.files WHERE primary_id IS NULL").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("step", ["counted", pytest.param("committed", marks=pytest.mark.full)])
def test_a_worker_killed_amid_the_run_leaves_what_one_process_leaves(
    step: str, results: Path, address: str, alone: State, cluster: Cluster
) -> None:
    """One of two workers dies before, or right after, it commits: its set is taken again, and told as it went."""
    cluster.worker("mortal", {"AUTONAMA_DATABASE_URL": address, "AUTONAMA_FAULT": f"SIGKILL@{step}"})
    cluster.worker("other", {"AUTONAMA_DATABASE_URL": address})
    cluster.ready()
    done = ingest(results, address, "--scheduler", cluster.address, "--json")
    assert done.returncode == 1, done.stderr
    assert cluster.workers["mortal"].wait(10) == -signal.SIGKILL
    assert cluster.workers["other"].poll() is None
    assert state(address) == alone
    assert done.stdout.count('"status": "published"') == 6
    assert done.stdout.count('"status": "already_published"') == 1
    assert done.stderr == ""
    told = done.stdout + "".join(cluster.said(name) for name in ("scheduler", "mortal", "other"))
    assert PASSWORD not in told


@pytest.mark.full
def test_a_worker_of_another_database_takes_nothing(
    server: Any, template: str, tmp_path: Path, address: str, cluster: Cluster
) -> None:
    """It says so, and what to set; its own database stays empty, though there are runs in it, too."""
    server.execute(f"CREATE DATABASE elsewhere TEMPLATE {template}")
    results = write_sets(tmp_path / "results", days=4)
    other = server.tcp_url("elsewhere")
    cluster.worker("lost", {"AUTONAMA_DATABASE_URL": other})
    cluster.ready()
    done = ingest(results, address, "--scheduler", cluster.address)
    said = re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert done.returncode == 2, said
    assert "finds no run 1 under way in postgresql://postgres:***@127.0.0.1" in said
    assert "Set AUTONAMA_DATABASE_URL where the worker is started" in said
    assert not state(other)["files"]
    assert not state(address)["files"]


@pytest.mark.full
def test_a_worker_without_a_database_takes_nothing(tmp_path: Path, address: str, cluster: Cluster) -> None:
    """No address travels to it, so it has to have its own."""
    results = write_sets(tmp_path / "results", days=4)
    cluster.worker("bare", {})
    cluster.ready()
    done = ingest(results, address, "--scheduler", cluster.address)
    assert done.returncode == 2
    assert "knows no database. Set AUTONAMA_DATABASE_URL" in re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert not state(address)["files"]


@pytest.mark.full
@pytest.mark.parametrize("end", ["SIGINT", "SIGKILL"])
def test_told_to_stop_what_is_at_a_worker_comes_to_its_end(
    end: str, results: Path, address: str, alone: State, cluster: Cluster, conn: psycopg.Connection
) -> None:
    """Ctrl-C, or SIGKILL, for whom began the run: no set is begun any more, none is half in; the next run goes on."""
    cluster.worker("one", {"AUTONAMA_DATABASE_URL": address})
    cluster.ready()
    conn.execute(CONTENT_LOCK, [sha256_of(results / name_of(1))])
    env = {**os.environ, "HOME": str(results.parent), "AUTONAMA_DATABASE_URL": address}
    more = ("--scheduler", cluster.address)
    with subprocess.Popen(command(results, *more), env=env, cwd=results.parent, stdout=subprocess.DEVNULL) as run:
        wait_for(lambda: conn.execute(BUSY).fetchone() == (1,), "the worker that waits")
        run.send_signal(signal.Signals[end])
        assert run.wait(20) == (130 if end == "SIGINT" else -signal.SIGKILL)
    conn.execute("SELECT pg_advisory_unlock_all()")
    before = published(conn)
    wait_for(lambda: conn.execute(BUSY).fetchone() == (0,), "its turn")
    time.sleep(1)
    assert published(conn) - before <= 1
    ingest(results, address, *more)
    left = state(address)
    assert left.pop("runs")[0][0] == "interrupted"
    assert left == {name: rows for name, rows in alone.items() if name != "runs"}


@pytest.mark.full
def test_a_lost_scheduler_ends_the_run_with_a_sentence(
    results: Path, address: str, alone: State, cluster: Cluster, conn: psycopg.Connection
) -> None:
    """It is killed while a worker works: what was published stays, and the next run does the rest."""
    cluster.worker("one", {"AUTONAMA_DATABASE_URL": address})
    cluster.ready()
    conn.execute(CONTENT_LOCK, [sha256_of(results / name_of(4))])
    env = {**os.environ, "HOME": str(results.parent), "AUTONAMA_DATABASE_URL": address}
    more = ("--scheduler", cluster.address)
    with subprocess.Popen(
        command(results, *more), env=env, cwd=results.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        wait_for(lambda: conn.execute(BUSY).fetchone() == (1,), "the worker that waits")
        cluster.scheduler.kill()
        said, _ = run.communicate(timeout=60)
    assert run.returncode == 1, said
    assert "was lost. What was published stays" in re.sub(r"\s+", " ", said.decode()), said.decode()
    assert b"Traceback" not in said, said.decode()
    assert conn.execute("SELECT status FROM ingestion.runs").fetchall() == [("failed",)]
    conn.execute("SELECT pg_advisory_unlock_all()")
    ingest(results, address)
    left = state(address)
    left.pop("runs")
    assert left == {name: rows for name, rows in alone.items() if name != "runs"}


@pytest.mark.full
def test_a_scheduler_without_workers_is_told(tmp_path: Path, address: str, cluster: Cluster) -> None:
    """Within seconds, with what to start; no run is entered."""
    done = ingest(write_sets(tmp_path / "results", days=4), address, "--scheduler", cluster.address)
    assert done.returncode == 2
    assert "has no worker. Start some with dask worker" in done.stderr
    assert not state(address)["runs"]


@pytest.mark.full
def test_no_scheduler_is_told(tmp_path: Path, address: str) -> None:
    """Within seconds, with what to start; no run is entered, and nothing else is said."""
    done = ingest(write_sets(tmp_path / "results", days=4), address, "--scheduler", "tcp://127.0.0.1:1")
    assert done.returncode == 2
    assert re.fullmatch(r"Error: No Dask scheduler answers at .* within 5 seconds\. Start one .*\n", done.stderr)
    assert not state(address)["runs"]


def test_what_is_no_address_is_told(tmp_path: Path, address: str) -> None:
    """At once, with an example."""
    done = ingest(write_sets(tmp_path / "results", days=4), address, "--scheduler", "nowhere")
    assert done.returncode == 2
    assert done.stderr == "Error: --scheduler is nowhere, and has to be an address such as tcp://host:8786.\n"
