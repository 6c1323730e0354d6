"""A run killed at any step, and run again, leaves the database as if nothing had happened."""

import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

import warm
from autonama.faults import STEPS
from writing import good, many, write_csv, write_json

State = dict[str, list[tuple[Any, ...]]]

REFUSED = "vectorbt_analysis_results_c.csv"

STATE = {
    "analysis": """SELECT symbol, interval, analysis_date, current_price, lower_band, upper_band, signal,
                   potential_return, total_return, sharpe_ratio, max_drawdown, degree, kstd, row_number, f.sha256
                   FROM trading.vectorbt_analysis a JOIN ingestion.files f ON f.id = a.file_id ORDER BY 1, 2, 3""",
    "alerts": """SELECT symbol, interval, analysis_date, current_price, signal, degree, kstd, row_number, f.sha256
                 FROM trading.alerts a JOIN ingestion.files f ON f.id = a.file_id ORDER BY 1, 2, 3""",
    "files": """SELECT sha256, status, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_quarantined,
                alerts_inserted, alerts_updated, alerts_unchanged, issue_counts::text
                FROM ingestion.files ORDER BY sha256, status""",
    "issues": """SELECT f.sha256, i.code, i.row_number, i.message FROM ingestion.issues i
                 JOIN ingestion.files f ON f.id = i.file_id ORDER BY 1, 2, 3, 4""",
    "quarantine": """SELECT f.sha256, q.row_number, q.original, q.reasons FROM ingestion.quarantine q
                     JOIN ingestion.files f ON f.id = q.file_id ORDER BY 1, 2""",
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three sets: one in two formats; one that updates rows and has one row for quarantine; one that is refused."""
    return write_results(tmp_path / "results")


def write_results(directory: Path) -> Path:
    """Writes them; always the same bytes."""
    directory.mkdir()
    rows = many(30)
    write_csv(directory, rows, "vectorbt_analysis_results_a.csv")
    write_json(directory, rows, "vectorbt_analysis_results_a.json")
    changed = [{**row, "degree": "4"} for row in rows[:10]]
    write_csv(directory, [good(symbol="BTC"), *changed, *rows[10:]], "vectorbt_analysis_results_b.csv")
    write_csv(directory, [good(symbol="BTC")], REFUSED)
    return directory


def ingest(directory: Path, url: str, fault: str = "") -> int:
    """Exit code of `autonama ingest --all --lenient`, negative for a signal."""
    env = {**os.environ, "HOME": str(directory.parent), "AUTONAMA_DATABASE_URL": url} | (
        {"AUTONAMA_FAULT": fault} if fault else {}
    )
    return warm.run("ingest", directory, "--all", "--lenient", cwd=directory.parent, env=env, timeout=60).returncode


def state(url: str) -> State:
    """Everything in the database that a run is answerable for; ids and times of storing aside."""
    with psycopg.connect(url) as conn:
        return {name: conn.execute(query).fetchall() for name, query in STATE.items()}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def undisturbed(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> State:
    """The state after a run that nothing disturbed."""
    server.execute(f"CREATE DATABASE undisturbed TEMPLATE {template}")
    results = write_results(tmp_path_factory.mktemp("undisturbed") / "results")
    assert ingest(results, server.url("undisturbed")) == 1
    expected = state(server.url("undisturbed"))
    assert [len(expected[name]) for name in STATE] == [30, 30, 4, 3, 1]
    return expected


@pytest.mark.parametrize("step", [step for step in STEPS if step != "cleaning"])
def test_killed_at_any_step_a_second_run_repairs_it(
    step: str, results: Path, database_url: str, undisturbed: State
) -> None:
    """SIGKILL at the step, then one more run: row for row and count for count the undisturbed state."""
    assert ingest(results, database_url, f"SIGKILL@{step}") == -signal.SIGKILL
    assert set(state(database_url)["files"]) <= set(undisturbed["files"]), "an entry that is not final was seen"
    ingest(results, database_url)
    assert state(database_url) == undisturbed
    with psycopg.connect(database_url) as conn:
        statuses = [status for (status,) in conn.execute("SELECT status FROM ingestion.runs ORDER BY id")]
    assert statuses[0] == "interrupted"
    assert "running" not in statuses


def test_killed_before_the_cleanup_the_next_run_does_it(results: Path, database_url: str) -> None:
    """SIGKILL as retention begins: the next run deletes what is old, and nothing else."""
    (results / REFUSED).unlink()
    assert ingest(results, database_url) == 0
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("UPDATE trading.alerts SET created_at = now() - interval '40 days' WHERE degree = 4")
        write_csv(results, many(1, interval="4h"), "vectorbt_analysis_results_d.csv")
        assert ingest(results, database_url, "SIGKILL@cleaning") == -signal.SIGKILL
        write_csv(results, many(1, interval="2h"), "vectorbt_analysis_results_e.csv")
        assert conn.execute("SELECT count(*) FROM trading.alerts").fetchone() == (31,)
        assert ingest(results, database_url) == 0
        assert conn.execute("SELECT count(*), max(degree) FROM trading.alerts").fetchone() == (22, 3)


FEW = {("SIGINT", "validated"), ("SIGTERM", "copying"), ("SIGINT", "counted"), ("SIGTERM", "refusing")}


@pytest.mark.parametrize(
    ("name", "step"),
    [
        pytest.param(name, step, marks=() if (name, step) in FEW else pytest.mark.full)
        for name in ("SIGINT", "SIGTERM")
        for step in STEPS
        if step != "cleaning"
    ],
)
def test_told_to_stop_it_ends_with_130(
    name: str, step: str, results: Path, database_url: str, undisturbed: State
) -> None:
    """SIGTERM and Ctrl-C end the run with 130 and the entry `interrupted`; the next run repairs what is missing."""
    assert ingest(results, database_url, f"{name}@{step}") == 130
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT status FROM ingestion.runs").fetchall() == [("interrupted",)]
    ingest(results, database_url)
    assert state(database_url) == undisturbed
