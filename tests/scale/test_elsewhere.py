"""What travels to workers on other machines, and what they refuse: with an executor that stands for any of them."""

import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psycopg
import pytest
from courier import Courier
from sets import PASSWORD, State, name_of, state

from autonama.config import load_settings
from autonama.errors import ConfigError
from autonama.ingestion import pipeline
from autonama.ingestion.at_once import ingest_elsewhere
from autonama.ingestion.outcome import TRAVELS, RunOutcome
from autonama.ingestion.pipeline import Job
from autonama.ingestion.scheduler import workers_of
from writing import many, write_csv


@pytest.fixture
def address(server: Any, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database's address with a password, in the environment of whoever works."""
    made = str(server.tcp_url(dict(part.split("=") for part in database_url.split())["dbname"]))
    monkeypatch.setenv("AUTONAMA_DATABASE_URL", made)
    return made


def ingest(directory: Path, courier: Courier, **more: Any) -> RunOutcome:
    """All sets of the directory, lenient."""
    made = load_settings(validation={"strict_mode": False}, **more)
    return pipeline.ingest(Job("vectorbt", made, (directory,), every=True, allow_stale=True, executor=courier))


def test_no_secret_travels(results: Path, address: str, alone: State) -> None:
    """The password, keys and addresses of services stay where the run began; the workers have their own."""
    courier = Courier()
    secrets = {
        "binance_api_key": "key-4711", "binance_api_secret": "secret-4712", "database_password": "pass-4713",
        "notify": {"urls": ["json://user:token-4714@localhost"]},
    }  # fmt: skip
    run = ingest(results, courier, **secrets)
    assert run.status == "partial"
    assert state(address) == alone
    assert len(courier.sent) == 9 + 8
    for secret in (PASSWORD, "key-4711", "secret-4712", "pass-4713", "token-4714"):
        assert not any(secret.encode() in sent for sent in courier.sent), secret


def test_the_report_has_what_it_has_of_a_single_process(results: Path, address: str, tmp_path: Path) -> None:
    """Rows, findings and notes come back from the workers."""
    near = ingest(results, Courier(), database_url=address)
    assert near.sets[0].rows is not None
    rows = near.sets[0].rows.lazy().collect()
    assert rows.height == 25
    assert {"row", "symbol", "total_return", "sharpe_ratio=float"} <= set(rows.columns)
    assert near.sets[3].issues["code"].to_list()
    assert near.sets[3].status == "rejected"


def test_work_that_is_done_twice_is_told_as_done_once(results: Path, address: str, alone: State) -> None:
    """A scheduler gives a set to a second worker, as the first one's answer got lost: told with its own counts."""

    class Twice(Courier):
        def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            """The second answer."""
            super().submit(work, *args, **kwargs)
            return super().submit(work, *args, **kwargs)

    run = ingest(results, Twice())
    assert state(address) == alone
    assert [outcome.status for outcome in run.sets] == [
        "published", "published", "quarantined", "rejected", *["published"] * 4, "already_published",
    ]  # fmt: skip
    assert [outcome.counts.inserted for outcome in run.sets] == [25, 25, 25, 0, 25, 25, 25, 25, 0]


@pytest.mark.full
def test_a_set_with_very_many_rows_leaves_them_there(tmp_path: Path, address: str) -> None:
    """Its rows are stored and counted; that its performance is not shown is told."""
    import polars as pl

    path = write_csv(tmp_path, many(2))
    frame = pl.read_csv(path, infer_schema=False).head(1)
    more = pl.DataFrame({"symbol": [f"S{n}USDT" for n in range(TRAVELS + 1)]})
    frame.drop("symbol").join(more, how="cross").select(frame.columns).write_csv(path)
    (told,) = ingest(tmp_path, Courier()).sets
    assert (told.status, told.counts.inserted, told.rows) == ("published", TRAVELS + 1, None)
    assert told.notes[-1] == "Its 250,001 rows stayed where they were judged, so its performance is not shown here."


def test_a_file_that_a_worker_cannot_read_is_not_refused(results: Path, address: str) -> None:
    """A machine that lacks the file, or sees another, leaves the set for the next look; the ledger hears nothing."""
    gone, other = results / name_of(4), results / name_of(5)

    def meanwhile(number: int) -> None:
        if number == 10:
            gone.rename(gone.with_suffix(".away"))
            other.write_bytes((results / name_of(6)).read_bytes())

    run = ingest(results, Courier(meanwhile))
    assert [outcome.status for outcome in run.sets[4:7]] == ["changing", "changing", "published"]
    assert "or than another machine sees it" in run.sets[4].notes[0]
    names = {row[0] for row in state(address)["files"]}
    assert not {name_of(4), name_of(5)} & names


def test_a_worker_that_judges_otherwise_takes_nothing(results: Path, address: str) -> None:
    """Another version, or another plug-in: the run ends with both rule sets named, and nothing is published."""

    class Other(Courier):
        def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            """The work of a run that judges by rules of which this machine knows nothing."""
            if work.func is ingest_elsewhere:
                (errand,) = work.args
                object.__setattr__(errand, "ruleset", "9.9.9+00000000")
            return super().submit(work, *args, **kwargs)

    run = ingest(results, Other())
    assert (run.status, run.exit_code) == ("failed", 2)
    assert "Install the same version of Autonama" in (run.error or "")
    assert "9.9.9+00000000" in (run.error or "")
    assert not state(address)["files"]


def test_a_run_that_is_over_takes_nothing_more(results: Path, address: str, conn: psycopg.Connection) -> None:
    """Somebody has closed it: a worker that comes late publishes nothing."""

    def meanwhile(number: int) -> None:
        if number == 12:
            conn.execute("UPDATE ingestion.runs SET status = 'interrupted'")

    run = ingest(results, Courier(meanwhile))
    assert "it is another database, or the run is over" in (run.error or "")
    assert len({outcome.name for outcome in run.sets}) == 2
    assert len(state(address)["files"]) == 3


def test_the_embedded_database_is_for_this_machine(tmp_path: Path) -> None:
    """Workers would not reach it: refused before anything is started, with the remedy."""
    made = load_settings(data_dir=tmp_path)
    with pytest.raises(ConfigError, match="Name a server that they reach"), workers_of("tcp://127.0.0.1:1", made):
        pass


def test_dask_is_imported_by_its_users_only() -> None:
    """The command line, and a run without --scheduler, know nothing of it."""
    program = "import sys, autonama.cli.main, autonama.ingestion.pipeline, autonama.ingestion.scheduler as s; "
    program += "print([n for n in sys.modules if n.split('.')[0] in ('dask', 'distributed')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_dask_the_remedy_is_told(tmp_path: Path) -> None:
    """An environment without it: what to install."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'distributed' else find(name, *more)\n"
    )
    program = "from autonama.cli.main import app; app()"
    command = [sys.executable, "-c", program, "ingest", "--scheduler", "tcp://127.0.0.1:1"]
    env = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'autonama[scale]'" in done.stderr
