"""What PostgreSQL believes of its tables may be of yesterday: how long loading takes must not depend on it."""

import time
from pathlib import Path
from typing import Any

import psycopg

from writing import many, write_csv

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
