"""What PostgreSQL believes of its tables may be of yesterday: how long loading takes must not depend on it."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from autonama.config import load_settings
from autonama.ingestion.replay import ReplayJob, replay
from writing import NOW, many, write_csv

ROWS = 9_000
TIMES = 8.0
"""The same rows again take 1.6 times as long as a first load; when all were compared with all, it was 29 times."""

WORST = ("enable_hashjoin", "enable_mergejoin", "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")


def test_rows_that_are_there_are_found_by_their_key(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """Where the planner would join only by comparing all with all, the same rows again take no longer than once."""
    (name,) = conn.execute("SELECT current_database()").fetchone() or ("",)
    for setting in WORST:
        conn.execute(f"ALTER DATABASE {name} SET {setting} = off".encode())
    rows = many(ROWS)
    first = write_csv(tmp_path, rows, "vectorbt_analysis_results_1.csv")
    began = time.monotonic()
    run_ingest(first)
    loaded = time.monotonic() - began
    again = write_csv(tmp_path, [{**row, "more": "x"} for row in rows], "vectorbt_analysis_results_2.csv")
    began = time.monotonic()
    run = run_ingest(again)
    assert time.monotonic() - began < TIMES * loaded
    assert (run.sets[0].counts.unchanged, run.sets[0].counts.updated) == (ROWS, 0)
    of_sets = "SELECT DISTINCT name FROM trading.vectorbt_analysis JOIN ingestion.files f ON f.id = file_id"
    assert conn.execute(of_sets).fetchall() == [("vectorbt_analysis_results_2.csv",)]


def believed_of_before(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """What PostgreSQL knows of the table is of when no two rows had one date, and of a far larger one."""
    dates = [(NOW - timedelta(hours=1, seconds=n)).isoformat() for n in range(500)]
    old = [{**row, "analysis_date": date} for row, date in zip(many(len(dates)), dates, strict=True)]
    run_ingest(write_csv(tmp_path, old, "vectorbt_analysis_results_0.csv"), allow_stale=True)
    conn.execute("ALTER TABLE trading.vectorbt_analysis SET (autovacuum_enabled = off)")
    conn.execute("ANALYZE trading.vectorbt_analysis")
    conn.execute("UPDATE pg_class SET reltuples = 10000000 WHERE oid = 'trading.vectorbt_analysis'::regclass")


def test_rows_that_were_replaced_are_found_by_their_key(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """A known file whose rows a later set replaced says so as quickly as it was loaded, whatever is believed."""
    believed_of_before(tmp_path, run_ingest, conn)
    rows = many(ROWS)
    first = write_csv(tmp_path, rows, "vectorbt_analysis_results_1.csv")
    began = time.monotonic()
    run_ingest(first)
    loaded = time.monotonic() - began
    later = [{**row, "current_price": "105.6"} for row in rows]
    run = run_ingest(write_csv(tmp_path, later, "vectorbt_analysis_results_2.csv"))
    assert run.sets[0].counts.updated == ROWS
    began = time.monotonic()
    run = run_ingest(first)
    assert time.monotonic() - began < TIMES * loaded
    assert any(f"{ROWS:,} of its rows were replaced since" in note for note in run.sets[0].notes)


def test_rows_whose_key_is_held_are_found_by_it(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any], database_url: str
) -> None:
    """Replayed rows whose keys other values hold by now are told as quickly as they were loaded."""
    believed_of_before(tmp_path, run_ingest, conn)
    rows = [{**row, "symbol": str(row["symbol"]).replace("USDT", "EUR")} for row in many(ROWS)]
    bad = write_csv(tmp_path, [*rows, *many(1)], "vectorbt_analysis_results_1.csv")
    began = time.monotonic()
    run = run_ingest(bad, validation={"strict_mode": False, "max_quarantine_share": 1.0})
    loaded = time.monotonic() - began
    assert run.sets[0].counts.quarantined == ROWS
    later = [{**row, "current_price": "105.6"} for row in rows]
    run_ingest(write_csv(tmp_path, later, "vectorbt_analysis_results_2.csv"), quote_assets=["USDT", "EUR"])
    settings = load_settings(database_url=database_url, quote_assets=["USDT", "EUR"])
    began = time.monotonic()
    run = replay(ReplayJob("vectorbt", settings))
    assert time.monotonic() - began < TIMES * loaded
    assert (run.sets[0].counts.inserted, run.sets[0].counts.quarantined) == (0, ROWS)
