"""A cleanup of ten million alerts of which each thirtieth is old: how long, under which locks, who waits for it."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from benchmarks.server import Server
from benchmarks.server_side_bloat import FILES
from benchmarks.server_side_rows import days, payload, store, unchecked
from benchmarks.server_side_table import brief, show
from psycopg import sql

from autonama.database import retention
from autonama.database.queries import load

DAYS, TODAY = 30, 31
TABLE = sql.Identifier("trading", "alerts")
BATCHES = (10_000, 1_000, 100_000, 10_000_000)
"""The one in use first. Each of them has a day of its own to delete."""

READ = "SELECT * FROM trading.alerts WHERE symbol = %s"
PUBLISHED = 1_000
"""Rows of a publication beside it."""

AGAIN = """
    INSERT INTO trading.alerts AS stored (engine, symbol, interval, signal, analysis_date)
    SELECT engine, symbol, interval, 'BUY', analysis_date FROM trading.alerts
    WHERE file_id = %(day)s AND row_number %% 500 = %(part)s AND interval = '1d'
    ON CONFLICT (engine, symbol, interval, ((analysis_date AT TIME ZONE 'UTC')::date))
    DO UPDATE SET signal = excluded.signal"""
"""Somebody publishes, of the very day that goes, every 500th symbol again."""

LOCKS = """
    SELECT mode FROM pg_locks
    WHERE pid = %(pid)s AND granted AND (relation = 'trading.alerts'::regclass OR locktype = 'advisory')"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE %(pid)s = ANY (pg_blocking_pids(pid))"


def measure(server: Server, rows: int) -> dict[str, Any]:
    """All of it, printed as it comes."""
    conn, daily = server.conn, rows // DAYS // 400 * 400
    conn.execute("ALTER SYSTEM SET autovacuum = off")
    conn.execute("SELECT pg_reload_conf()")
    conn.execute(FILES)  # type: ignore[arg-type]
    fill(conn, daily)
    size = conn.execute("SELECT pg_table_size('trading.alerts'), pg_indexes_size('trading.alerts')").fetchone()
    print(f"\n{daily * DAYS:,} alerts, {daily:,} of them old; table and indexes of (bytes): {size}", flush=True)
    found = plans(conn)
    show("Plans", found)
    quiet, _ = beside(server, lambda: time.sleep(5), DAYS)
    waits = [{"beside": "nothing", **quiet}]
    taken, locks = [], []
    for place, batch in enumerate(BATCHES):
        began = time.perf_counter()
        # The first day goes first: of it, retention keeps no more than so many days.
        work: Callable[[], object] = lambda place=place, batch=batch: retention.cleanup(conn, DAYS - place, batch=batch)  # noqa: E731
        waited, seen = beside(server, work, place + 1)
        taken.append({"batch": batch, "s": time.perf_counter() - began, "deleted": _deleted(conn, place + 1)})
        waits.append({"beside": f"batches of {batch:,}", **waited})
        locks += [{"batch": batch, "locks": ", ".join(sorted(seen))}]
        show(f"Batches of {batch:,}", [{**taken[-1], **waited}])
    began = time.perf_counter()
    conn.execute("VACUUM trading.alerts")
    vacuum_s = time.perf_counter() - began
    show("Retention", taken)
    show("Latency beside it", waits)
    show("Locks of it on the table", locks)
    print(f"\nVACUUM afterwards: {vacuum_s:.1f} s", flush=True)
    return {"rows": daily * DAYS, "plans": found, "runs": taken, "waits": waits, "locks": locks, "vacuum_s": vacuum_s}


def fill(conn: psycopg.Connection, daily: int) -> None:
    """A day after the other, the indexes afterwards."""
    indexes = conn.execute("SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
                           "WHERE indrelid = 'trading.alerts'::regclass AND NOT indisprimary").fetchall()  # fmt: skip
    conn.execute("SET maintenance_work_mem = '512MB'")
    with unchecked(conn):
        for name, _ in indexes:
            conn.execute(f"DROP INDEX {name}".encode())
        for day in range(1, DAYS + 1):
            store(conn, "alerts", days("alerts", day, day, daily, TODAY))
        for _, definition in indexes:
            conn.execute(definition.encode())
    conn.execute("VACUUM ANALYZE trading.alerts")
    conn.execute("RESET maintenance_work_mem")


def plans(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Of the three queries; the first of them also where nothing helps to find the old rows."""
    queries, limits = load("retention"), {"days": DAYS}
    row = conn.execute(sql.SQL(queries["limits"]).format(table=TABLE), limits).fetchone()
    assert row is not None
    batch = {"moment": row[0], "after": row[1], "last": row[2], "batch": BATCHES[0]}
    return [
        _plan(conn, "count_old", queries["count_old"], limits),
        _plan(conn, "limits", queries["limits"], limits),
        _plan(conn, "limits, without alerts_created", queries["limits"], limits, "DROP INDEX trading.alerts_created"),
        _plan(conn, "delete_batch", queries["delete_batch"], batch),
    ]


def _plan(
    conn: psycopg.Connection, name: str, query: str, values: Mapping[str, Any], first: str = ""
) -> dict[str, Any]:
    explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + sql.SQL(query).format(table=TABLE)  # type: ignore[arg-type]
    with conn.transaction(force_rollback=True):
        if first:
            conn.execute(first.encode())
        row = conn.execute(explain, values).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return {"query": name, "ms": row[0][0]["Execution Time"], "pages": pages, "plan": brief(plan)}


def _deleted(conn: psycopg.Connection, day: int) -> str:
    row = conn.execute("SELECT count(*) FROM trading.alerts WHERE file_id = %s", [day]).fetchone()
    return f"all but {row[0]:,}" if row else ""


def beside(server: Server, work: Callable[[], object], day: int) -> tuple[dict[str, Any], set[str]]:
    """What a reader, a publisher and somebody who brings a row of that day again wait for while it is done."""
    pid, stop = server.conn.info.backend_pid, threading.Event()
    times: dict[str, list[float]] = {"reader": [], "publisher": [], "again": []}
    seen: set[str] = set()
    blocked: list[int] = []
    with psycopg.connect(server.url, autocommit=True) as made:
        copied = payload(made, days("alerts", TODAY, TODAY, PUBLISHED // 400 * 400, TODAY))
    tasks = (
        lambda: _repeat(
            server.url, stop, times["reader"], lambda conn, n: conn.execute(READ, [f"S{1 + n % 9999}USDT"])
        ),
        lambda: _repeat(server.url, stop, times["publisher"], lambda conn, _: _publish(conn, copied)),
        lambda: _repeat(
            server.url, stop, times["again"], lambda conn, n: conn.execute(AGAIN, {"day": day, "part": n % 500})
        ),
        lambda: _watch(server.url, stop, pid, seen, blocked),
    )
    with _running(tasks, stop):
        work()
    return {
        **{f"{name}, {what} ms": 1000 * of(taken or [0.0])
           for name, taken in times.items() for what, of in (("median", statistics.median), ("longest", max))},
        "seen waiting for it": sum(blocked),
    }, seen  # fmt: skip


@contextmanager
def _running(tasks: tuple[Callable[[], None], ...], stop: threading.Event) -> Iterator[None]:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _repeat(
    url: str, stop: threading.Event, times: list[float], work: Callable[[psycopg.Connection, int], object]
) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        number = 0
        while not stop.is_set():
            number += 1
            began = time.perf_counter()
            work(conn, number)
            times.append(time.perf_counter() - began)
            stop.wait(0.02)


def _publish(conn: psycopg.Connection, rows: bytes) -> None:
    """A small file into the table, and out again, so that the next may bring the same."""
    columns = ("symbol, interval, signal, current_price, lower_band, upper_band, potential_return, degree, kstd, "
               "analysis_date, file_id, row_number, created_at, total_return, sharpe_ratio, max_drawdown")  # fmt: skip
    copy = f"COPY trading.alerts ({columns}) FROM STDIN".encode()
    with (
        unchecked(conn),
        conn.transaction(force_rollback=True),
        conn.cursor() as cursor,
        cursor.copy(copy) as streaming,
    ):
        streaming.write(rows)


def _watch(url: str, stop: threading.Event, pid: int, seen: set[str], blocked: list[int]) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        while not stop.wait(0.01):
            seen |= {mode for (mode,) in conn.execute(LOCKS, {"pid": pid})}
            blocked.append(int(conn.execute(WAITING, {"pid": pid}).fetchall()[0][0]))
