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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from autonama.database import embedded, migrate

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

PLANS = {
    "the board's order": "SELECT id FROM trading.board ORDER BY analysis_date DESC, symbol",
    "a page's rows": "SELECT * FROM trading.alert_history WHERE id IN (SELECT id FROM trading.alerts LIMIT 50)",
}


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
    plans = parser.parse_args().plans
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
                    for name, query in PLANS.items() if plans else ():
                        print(f"\n{name}:")
                        print(
                            "\n".join(
                                line for (line,) in conn.execute(f"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) {query}")
                            )
                        )
        finally:
            embedded.stop(Path(directory))


if __name__ == "__main__":
    main()
