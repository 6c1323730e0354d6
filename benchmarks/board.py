"""Times of the dashboard's pages at 1,000, 50,000 and 1,000,000 alerts, and with --plans the plans that serve them.

A temporary embedded server with its default settings, `autonama web` in a process of its own, HTTP over loopback. Each
page is asked for 7 times; the table has the medians. "first" is the look after a publication, nothing being remembered.

    python benchmarks/board.py [--plans]
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
from psycopg import sql

from autonama.config import load_settings
from autonama.database import embedded, migrate
from autonama.database.queries import load
from autonama.web.board import Board
from autonama.web.filters import BoardQuery
from autonama.web.reading import Reader

SIZES = ((1_000, 1), (50_000, 1), (500, 100), (5_000, 200), (50_000, 20))
"""Symbols, days."""

TRIES = 7

FILL = """
    WITH run AS (
        INSERT INTO ingestion.runs (engine, status, package_version) VALUES ('vectorbt', 'published', '0') RETURNING id
    ), file AS (
        INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status,
                                     ruleset)
        SELECT id, 'vectorbt', 's', 's.csv', 's.csv', 'csv', encode(sha256(id::text::bytea), 'hex'), 1, now(),
               'published', ''
        FROM run RETURNING id
    ), alerts AS (
        INSERT INTO trading.alerts (symbol, interval, signal, current_price, lower_band, upper_band, potential_return,
                                    total_return, sharpe_ratio, max_drawdown, degree, kstd, analysis_date, file_id,
                                    row_number)
        SELECT 'S' || s || 'USDT', '1d', (ARRAY['BUY', 'SELL', 'HOLD'])[1 + (s * 7 + d * 11) %% 17 %% 3],
               85 + (s + d) %% 30, 90, 110, 22.2222, (s + d) %% 300 - 50, (s * 13 + d) %% 500 / 100.0,
               1 + (s + d) %% 60, 1 + s %% 6,
               1 + s %% 20 / 10.0, date_trunc('day', now()) - d * interval '1 day', file.id, s
        FROM file, generate_series(1, %(symbols)s) AS s, generate_series(0, %(days)s - 1) AS d
    )
    INSERT INTO ingestion.issues (file_id, code, severity, row_number, message)
    SELECT file.id, 'signal_matches_bands', 'warning', s, 'Row ' || s
    FROM file, generate_series(1, %(symbols)s, 5) AS s"""

TOUCH = """
    INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status,
                                 ruleset)
    SELECT run_id, engine, set_name, name, path, format, '', size, now(), 'rejected', '' FROM ingestion.files LIMIT 1"""

PAGES = {
    "first": "/",
    "again": "/",
    "next page": "/?page=2",
    "flips": "/?flip=1",
    "warned, by Sharpe": "/?flag=any&sort=-sharpe_ratio",
    "find": "/?q=S77",
    "symbol": "/symbol/S77USDT",
    "parameters": "/parameters",
}

ORDER = "flags"
"""The plan of this sort is shown: it needs all that is known of an alert."""


def plans(url: str, conn: psycopg.Connection) -> Iterator[tuple[str, list[str]]]:
    """The plans of the board's queries, each with the nodes alone: both ways of the look, a view, a page."""
    reader = Reader(load_settings(database_url=url))
    reader.open()
    try:
        board = Board(reader)
        known, ids = board.newest().known, board.ids(BoardQuery())[:50].tolist()
    finally:
        reader.close()
    queries, view = load("board"), BoardQuery(flag=("any",), sort=ORDER)
    for way in ("jumping", "passing"):
        yield f"look, {way}", _nodes(conn, sql.SQL(queries["newest"]).format(latest=sql.SQL(queries[way])), {})
    order = sql.SQL(queries["ids"]).format(order=view.order)
    yield "a view's order", _nodes(conn, order, {**view.values, **known})
    yield "a page's rows", _nodes(conn, sql.SQL(queries["rows"]), {"ids": ids})


def _nodes(conn: psycopg.Connection, query: sql.Composable, values: Mapping[str, object]) -> list[str]:
    """The nodes that scan, join or sort, indented, with rows and loops; the last line is the whole time."""
    explain = sql.SQL("EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF, TIMING OFF) ") + query
    conn.execute("SET jit = off; SET work_mem = '32MB'")
    lines = [line for (line,) in conn.execute(explain, values)]
    wanted = re.compile(r"Execution Time|CTE|SubPlan|Scan|Join|Loop|Sort \(|Union|Unique|WindowAgg|Hash \(")
    return [re.sub(r"actual rows=(\d+)\.00", r"rows=\1", line) for line in lines if wanted.search(line)
            if not re.search(r"Cond:|Searches|Filter:|Key:|never executed", line)]  # fmt: skip


@contextmanager
def dashboard(url: str) -> Iterator[httpx.Client]:
    """A client of a dashboard in a process of its own."""
    command = (sys.executable, "-m", "autonama", "web", "--port", "0", "--database-url", url)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        address = next(found[1] for line in process.stderr if (found := re.search(r"Dashboard: (\S+)/ ", line)))
        with httpx.Client(base_url=address, timeout=120) as client:
            yield client
    finally:
        process.terminate()
        process.wait(10)


def milliseconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measured(url: str, conn: psycopg.Connection) -> list[float]:
    """The median of each page. For "first" a row is touched before each look, as a publication would."""
    medians = []
    with dashboard(url) as client:
        for name, address in PAGES.items():
            times = []
            for _ in range(TRIES):
                if name == "first":
                    conn.execute(TOUCH)
                times.append(milliseconds(lambda address=address: client.get(address).raise_for_status()))
            medians.append(statistics.median(times))
    return medians


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", action="store_true", help="print the plans, too")
    shown = parser.parse_args().plans
    with tempfile.TemporaryDirectory() as directory:
        url = embedded.ensure_running(Path(directory))
        try:
            with psycopg.connect(url, autocommit=True) as conn:
                migrate.upgrade(conn, url)
                print("| alerts | symbols × days |", " | ".join(f"{name}, ms" for name in PAGES), "|")
                print("| ---: | ---: |", " | ".join("---:" for _ in PAGES), "|")
                for symbols, days in SIZES:
                    conn.execute("TRUNCATE trading.alerts, ingestion.runs CASCADE")
                    conn.execute(FILL, {"symbols": symbols, "days": days})
                    conn.execute("VACUUM ANALYZE")
                    cells = " | ".join(f"{value:,.0f}" for value in measured(url, conn))
                    print(f"| {symbols * days:,} | {symbols:,} × {days} | {cells} |", flush=True)
                    for name, lines in plans(url, conn) if shown else ():
                        print(f"\n{name}, {symbols * days:,} alerts:\n", *lines, sep="\n")
        finally:
            embedded.stop(Path(directory))


if __name__ == "__main__":
    main()
