"""Result sets for runs that take several at once, and what such a run leaves."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from writing import good, many, write_csv, write_json

PASSWORD = "swordfish-0815"
"""Of the test server's TCP door."""

State = dict[str, list[tuple[Any, ...]]]

STATE = {
    "analysis": """SELECT symbol, interval, analysis_date, current_price, lower_band, upper_band, signal,
                   potential_return, total_return, sharpe_ratio, max_drawdown, degree, kstd, row_number, f.set_name,
                   f.sha256
                   FROM trading.vectorbt_analysis a JOIN ingestion.files f ON f.id = a.file_id ORDER BY 1, 2, 3""",
    "alerts": """SELECT symbol, interval, analysis_date, current_price, signal, degree, kstd, row_number, f.set_name,
                 f.sha256
                 FROM trading.alerts a JOIN ingestion.files f ON f.id = a.file_id ORDER BY 1, 2, 3""",
    "files": """SELECT name, sha256, status, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_quarantined,
                alerts_inserted, alerts_updated, alerts_unchanged, issue_counts::text, ruleset
                FROM ingestion.files ORDER BY name, sha256, status""",
    "issues": """SELECT f.sha256, i.code, i.row_number, i.message FROM ingestion.issues i
                 JOIN ingestion.files f ON f.id = i.file_id ORDER BY 1, 2, 3, 4""",
    "quarantine": """SELECT f.sha256, q.row_number, q.original, q.reasons FROM ingestion.quarantine q
                     JOIN ingestion.files f ON f.id = q.file_id ORDER BY 1, 2""",
    "runs": "SELECT status, cleanup::text, error FROM ingestion.runs ORDER BY id",
}
"""All that a run is answerable for; ids and times of storing aside."""

DAYS = 8
ROWS = 25


def write_sets(directory: Path, days: int = DAYS) -> Path:
    """A set a day, one of them in two formats, one with a row for quarantine, one refused; and a copy of the first."""
    directory.mkdir()
    for day in range(days):
        write_csv(directory, rows_of(day), name_of(day))
    write_json(directory, rows_of(1), name_of(1).replace(".csv", ".json"))
    write_csv(directory, [good(symbol="BTC"), *rows_of(2)], name_of(2))
    write_csv(directory, [good(symbol="BTC"), good(symbol="ETH")], name_of(3))
    (directory / name_of(days)).write_bytes((directory / name_of(0)).read_bytes())
    return directory


def rows_of(day: int) -> list[dict[str, object]]:
    """The rows of a day, which no other day has."""
    return many(ROWS, analysis_date=(datetime(2026, 1, 15, 10, tzinfo=UTC) + timedelta(days=day)).isoformat())


def name_of(day: int) -> str:
    """The file of a day, whose name sorts as the days do."""
    return f"vectorbt_analysis_results_202601{15 + day}_103000.csv"


def command(directory: Path, *more: str) -> tuple[str, ...]:
    """`autonama ingest DIRECTORY --all`, lenient, whatever the files' age."""
    given = (str(directory), "--all", "--allow-stale", "--lenient", *more)
    return (sys.executable, "-m", "autonama", "ingest", *given)


def ingest(directory: Path, url: str, *more: str, env: Mapping[str, str] | None = None) -> Any:
    """The command in a process of its own, to its end."""
    given = {**os.environ, "HOME": str(directory.parent), "AUTONAMA_DATABASE_URL": url, **(env or {})}
    return subprocess.run(
        command(directory, *more), env=given, cwd=directory.parent, capture_output=True, text=True, timeout=90,
        check=False,
    )  # fmt: skip


def state(url: str) -> State:
    """Everything in the database that runs are answerable for."""
    with psycopg.connect(url, options="-c TimeZone=UTC") as conn:
        return {name: conn.execute(query).fetchall() for name, query in STATE.items()}  # type: ignore[arg-type]
