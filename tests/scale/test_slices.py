"""A huge Parquet file whose slices go to workers ends as it would if this process had judged it by itself."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from cluster import Cluster, free_port
from courier import Courier
from sets import State, state

from autonama.config import load_settings
from autonama.engines import load_engine
from autonama.errors import FileChanging
from autonama.ingestion import pipeline, slices
from autonama.ingestion.discover import discover
from autonama.ingestion.errand import Errand
from autonama.ingestion.formats import parquet_texts
from autonama.ingestion.judge import max_bytes
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job
from autonama.ingestion.read import Fingerprint, fingerprint
from autonama.ingestion.rules import rules_for
from autonama.ingestion.scheduler import workers_of
from autonama.ingestion.slices import Slices, judge_slice
from autonama.ingestion.streamed import Streamed
from writing import Row, good, many

ENGINE = load_engine("vectorbt")
NAME = "vectorbt_analysis_results_20260115_103000.parquet"
MORNING = datetime(2026, 1, 15, 10, tzinfo=UTC).isoformat()


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any Parquet file is long and huge; a slice has 25 rows, which are decoded in three blocks."""
    monkeypatch.setattr(slices, "HUGE", 1)
    monkeypatch.setattr(slices, "ROWS", 25)
    monkeypatch.setattr(parquet_texts, "SLICE", 10)


def odd_rows() -> list[Row]:
    """Rows of four slices: keys of the first stand again in the second and last, others are wrong by themselves."""
    rows = many(80, analysis_date=MORNING)
    rows[30] = dict(rows[3])
    rows[79] = {**rows[5], "total_return": "7"}
    rows[40] = good(symbol="BTC", analysis_date=MORNING)
    rows[26] = {**rows[26], "sharpe_ratio": ""}
    rows[60] = {**rows[60], "signal": "BU\0Y"}
    rows[61] = {**rows[61], "analysis_date": "2026-01-15 10:00:00"}
    return rows


def write(directory: Path, rows: list[Row], name: str = NAME) -> Path:
    """The rows as a Parquet file of texts, larger than what is read at once."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    padding = pl.Series([os.urandom(8_000).hex() for _ in rows])
    pl.DataFrame(rows).with_columns(padding=padding).write_parquet(path, compression="uncompressed")
    return path


def streamed(path: Path, strict: bool, courier: Courier | None) -> Streamed:
    """The file on its way to a verdict, with its slices handed out or not."""
    made = load_settings(validation={"strict_mode": strict, "max_quarantine_share": 0.5})
    now = datetime.now(UTC)
    rules = rules_for(ENGINE, made, now=now, allow_stale=True)
    (result_set,) = discover([path], ENGINE.patterns, zone=UTC)
    errand = Errand(Job("vectorbt", made, allow_stale=True), rules.version, now)
    given_out = None if courier is None else Slices(courier, errand)
    return Streamed(result_set, ENGINE, rules, made, fingerprint(path, max_bytes=max_bytes(made)), slices=given_out)


@pytest.mark.parametrize("strict", [pytest.param(True, marks=pytest.mark.full), False])
def test_the_verdict_is_that_of_one_process(strict: bool, tmp_path: Path) -> None:
    """Faults within slices and across them: the same findings, good rows, bad rows and their texts."""
    path = write(tmp_path, odd_rows())
    courier = Courier()
    here, there = streamed(path, strict, None), streamed(path, strict, courier)
    rows_here, rows_there = (list(one.blocks()) for one in (here, there))
    assert len(courier.sent) == 4
    ours, theirs = here.judged(), there.judged()
    assert theirs.accepted == ours.accepted == (not strict)
    assert theirs.verdict.read == ours.verdict.read == 80
    assert theirs.verdict.issues.rows() == ours.verdict.issues.rows()
    assert {"duplicate_key", "symbol_format", "file_encoding"} <= set(ours.verdict.issues["code"])
    assert theirs.verdict.notes == ours.verdict.notes != ()
    assert theirs.verdict.kept.lazy().collect().rows() == ours.verdict.kept.lazy().collect().rows()
    assert (there.late(), there.originals().rows()) == (here.late(), here.originals().rows())
    if not strict:
        assert pl.concat(rows_there).rows() == pl.concat(rows_here).rows()


@pytest.fixture
def address(server: Any, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database's address for machines, in the environment of whoever works."""
    made = str(server.tcp_url(dict(part.split("=") for part in database_url.split())["dbname"]))
    monkeypatch.setenv("AUTONAMA_DATABASE_URL", made)
    return made


def ingest(directory: Path, executor: Executor | None) -> RunOutcome:
    """All sets of the directory, lenient."""
    made = load_settings(validation={"strict_mode": False})
    return pipeline.ingest(Job("vectorbt", made, (directory,), every=True, allow_stale=True, executor=executor))


@pytest.fixture
def alone(server: Any, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """What one process leaves of a file of odd rows and one of sound ones."""
    write(tmp_path / "results", odd_rows())
    write(tmp_path / "results", many(80, analysis_date=MORNING.replace("-15", "-16")), NAME.replace("0115", "0116"))
    server.execute(f"CREATE DATABASE lonely TEMPLATE {template}")
    with monkeypatch.context() as patched:
        patched.setenv("AUTONAMA_DATABASE_URL", server.tcp_url("lonely"))
        run = ingest(tmp_path / "results", None)
    assert [one.status for one in run.sets] == ["quarantined", "published"]
    assert [one.counts.read for one in run.sets] == [80, 80]
    yield state(server.url("lonely"))
    server.execute("DROP DATABASE lonely")


def test_the_database_is_that_of_one_process(tmp_path: Path, address: str, alone: State) -> None:
    """Rows, alerts, findings, quarantine and counts; what is known is not handed out again."""
    courier = Courier()
    ingest(tmp_path / "results", courier)
    assert state(address) == alone
    handed_out = len(courier.sent)
    assert handed_out >= 2 + 8  # each set is looked at and has four slices; the odd one is taken again, through a table
    again = ingest(tmp_path / "results", courier)
    assert [one.status for one in again.sets] == ["already_published"] * 2
    assert len(courier.sent) == handed_out + 2


class Deadly(Executor):
    """Hands work on; as the slices of a file are under way, one worker dies."""

    def __init__(self, inner: Executor, cluster: Cluster) -> None:
        self._inner, self._cluster, self._slices = inner, cluster, 0

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The work's future."""
        done = self._inner.submit(work, *args, **kwargs)
        if getattr(work, "func", None) is judge_slice:
            self._slices += 1
            if self._slices == 2:
                self._cluster.workers["mortal"].kill()
        return done


@contextmanager
def two_workers(directory: Path, address: str) -> Iterator[Cluster]:
    """A real cluster, of which one worker may be killed."""
    directory.mkdir()
    with Cluster(directory, free_port()) as made:
        for name in ("mortal", "other"):
            made.worker(name, {"AUTONAMA_DATABASE_URL": address})
        yield made.ready()


@pytest.mark.full
def test_a_worker_killed_amid_the_slices_leaves_what_one_process_leaves(
    tmp_path: Path, address: str, alone: State
) -> None:
    """Its slices are judged by the other one, and nothing is missing, doubled or out of its place."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -r requirements-dev.txt")
    with two_workers(tmp_path / "cluster", address) as cluster:
        with workers_of(cluster.address, load_settings()) as executor:
            run = ingest(tmp_path / "results", Deadly(executor, cluster))
        assert [one.status for one in run.sets] == ["quarantined", "published"], run.error
        assert cluster.workers["mortal"].wait(10)
        assert cluster.workers["other"].poll() is None
    assert state(address) == alone


def test_a_worker_that_sees_another_file_judges_nothing(tmp_path: Path, address: str) -> None:
    """It lies elsewhere, or was written anew: the set is left for the next look, and nothing of it is stored."""
    path = write(tmp_path / "results", many(80, analysis_date=MORNING))

    def meanwhile(number: int) -> None:
        if number == 3:
            write(tmp_path / "results", many(81, analysis_date=MORNING))

    run = ingest(tmp_path / "results", Courier(meanwhile))
    assert [one.status for one in run.sets] == ["changing"]
    assert "or than another machine sees it" in run.sets[0].notes[0]
    assert state(address)["analysis"] == state(address)["files"] == []
    gone = path.with_name("gone.parquet")
    seen = Fingerprint("", 0, datetime.now(UTC))
    with pytest.raises(FileChanging):
        judge_slice(Errand(Job("vectorbt", load_settings()), run_rules(), seen.modified_at), gone, seen, range(10))


def run_rules() -> str:
    """The version of the rules that a run judges by."""
    return rules_for(ENGINE, load_settings(), now=datetime.now(UTC), allow_stale=False).version


def test_a_worker_that_judges_otherwise_judges_no_slice(tmp_path: Path, address: str) -> None:
    """Another version there: the run ends with both named, and nothing is published."""

    class Other(Courier):
        def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            """The work of a run that judges by rules of which this machine knows nothing."""
            if work.func is judge_slice:
                object.__setattr__(work.args[0], "ruleset", "9.9.9+00000000")
            return super().submit(work, *args, **kwargs)

    write(tmp_path / "results", many(80, analysis_date=MORNING))
    run = ingest(tmp_path / "results", Other())
    assert (run.status, run.exit_code) == ("failed", 2)
    assert "Install the same version of Autonama" in (run.error or "")
    assert state(address)["analysis"] == []


def test_a_damaged_file_is_refused_as_by_one_process(tmp_path: Path, address: str, conn: psycopg.Connection) -> None:
    """Bytes of a column's pages are noise: the worker's finding is the set's, in a sentence."""
    path = write(tmp_path / "results", many(80, analysis_date=MORNING))
    data = bytearray(path.read_bytes())
    data[100:4000] = os.urandom(3900)
    path.write_bytes(data)
    run = ingest(tmp_path / "results", Courier())
    assert [one.status for one in run.sets] == ["rejected"]
    (found,) = conn.execute("SELECT code, message FROM ingestion.issues WHERE severity = 'error'").fetchall()
    assert found[0] == "file_format"
    assert "The Parquet file is damaged" in found[1]
