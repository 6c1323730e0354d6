"""Every index of trading and ingestion: which query goes through it, what it holds, what it costs a COPY."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from benchmarks.measure import TICK
from benchmarks.server_side_queries import Asked, asked
from benchmarks.server_side_rows import RESULTS, days, ledger, names, payload, store, unchecked
from benchmarks.server_side_table import brief, nodes, show
from psycopg import sql

DAYS = 25
"""Days that are stored, each with a 25th of the rows."""

LONGEST_S = 30
"""Seconds after which a query without its index is given up."""

LISTED = """
    SELECT c.relname AS index, t.relname AS table, n.nspname AS schema, am.amname AS kind, x.indisunique AS key,
           pg_relation_size(c.oid) AS bytes, s.n_live_tup AS rows
    FROM pg_index AS x
    JOIN pg_class AS c ON c.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_am AS am ON am.oid = c.relam
    JOIN pg_stat_user_tables AS s ON s.relid = t.oid
    WHERE n.nspname IN ('trading', 'ingestion') AND t.relname NOT IN ('alembic_version', 'adopted_rows')
    ORDER BY n.nspname DESC, t.relname, x.indisunique DESC, c.relname"""


FINDINGS = {
    "issues": """
        SELECT last.id AS file_id, code, severity, n AS row_number, message
        FROM ingestion.issues AS i, generate_series(1, {rows}) AS n,
             (SELECT max(id) AS id FROM ingestion.files) AS last
        WHERE i.id = 1""",
    "quarantine": """
        SELECT last.id AS file_id, n AS row_number, original, reasons
        FROM ingestion.quarantine AS q, generate_series(1, {rows}) AS n,
             (SELECT max(id) AS id FROM ingestion.files) AS last
        WHERE q.id = 1""",
}
"""What a file with a finding, or a reason for quarantine, in every row brings."""


@dataclass(frozen=True)
class Use:
    """A query that goes through an index. without_ms: its time where the index is not there; None for a key."""

    query: str
    ms: float
    without_ms: float | None
    plan: str


@dataclass(frozen=True)
class Copied:
    """What one COPY took."""

    wall_s: float
    cpu_s: float
    wal_bytes: int


def fill(conn: psycopg.Connection, rows: int) -> None:
    """So many rows in every table."""
    with unchecked(conn):
        for table in RESULTS:
            store(conn, table, days(table, 1, DAYS, rows // DAYS, DAYS))
    ledger(conn, rows)
    conn.execute("VACUUM ANALYZE")


def measure(conn: psycopg.Connection, rows: int, runs: int) -> dict[str, Any]:
    """All of it, printed as it comes."""
    fill(conn, rows)
    listed = _listed(conn)
    used, slowest = uses(conn, rows // DAYS, listed)
    show(f"Indexes at {rows:,} rows", [_summary(index, used[index["index"]]) for index in listed])
    show("Queries that take more than 100 ms", slowest)
    conn.execute("VACUUM")
    costs = list(copy_costs(conn, rows // 5, runs, listed))
    show(f"COPY of {rows // 5:,} rows into {rows:,}, without one index", costs)
    return {
        "rows": rows,
        "indexes": [{**index, "uses": [vars(use) for use in used[index["index"]]]} for index in listed],
        "slow": slowest,
        "copy": costs,
    }


def _listed(conn: psycopg.Connection) -> list[dict[str, Any]]:
    cursor = conn.execute(LISTED)
    assert cursor.description is not None
    return [dict(zip([column.name for column in cursor.description], row, strict=True)) for row in cursor]


def _summary(index: Mapping[str, Any], found: Sequence[Use]) -> Mapping[str, Any]:
    most = max(found, key=_times, default=None)
    return {
        "index": index["index"] + (" (key)" if index["key"] else "") + (" BRIN" if index["kind"] == "brin" else ""),
        "bytes a row": index["bytes"] / max(index["rows"], 1),
        "queries": len(found),
        "that needs it most": most.query if most else "none",
        "ms": most.ms if most else None,
        "without, ms": most.without_ms if most else None,
        "plan": most.plan if most else "",
    }


def _times(use: Use) -> float:
    return use.without_ms / use.ms if use.without_ms else 0


def uses(
    conn: psycopg.Connection, rows: int, listed: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, list[Use]], list[dict[str, Any]]]:
    """Of each index the queries that go through it, and the queries that are slow as it is."""
    found: dict[str, list[Use]] = {index["index"]: [] for index in listed}
    slow = []
    droppable = {
        index["index"]: sql.Identifier(index["schema"], index["index"]) for index in listed if not index["key"]
    }
    for query in list(asked(conn, rows, DAYS)):
        ms, plan = explained(conn, query)
        if ms > 100:
            slow.append({"query": query.name, "ms": ms, "plan": brief(plan)})
        for name in _through(plan) & found.keys():
            without = explained(conn, query, droppable[name])[0] if name in droppable else None
            found[name].append(Use(query.name, ms, without, brief(plan)))
    return found, slow


def _through(plan: Mapping[str, Any]) -> set[str]:
    """The indexes of a plan; those by which a row's conflict is found, too."""
    arbiters = {name for node in nodes(plan) for name in node.get("Conflict Arbiter Indexes", ())}
    return arbiters | {node["Index Name"] for node in nodes(plan) if node.get("Actual Loops") and "Index Name" in node}


def explained(
    conn: psycopg.Connection, query: Asked, without: sql.Identifier | None = None
) -> tuple[float, Mapping[str, Any]]:
    """Milliseconds and plan of the second time that it is asked; what it changes is taken back."""
    explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + query.query
    found: dict[str, Any] = {}
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(f"SET LOCAL statement_timeout = '{LONGEST_S}s'")
            for statement in (*query.prepared, *((sql.SQL("DROP INDEX {}").format(without),) if without else ())):
                conn.execute(statement)
            for _ in range(2):
                with conn.transaction(force_rollback=True):
                    row = conn.execute(explain, query.values).fetchone()
                    assert row is not None
                    found = row[0][0]
    except psycopg.errors.QueryCanceled:
        return LONGEST_S * 1000.0, {"Node Type": "given up"}
    return found["Planning Time"] + found["Execution Time"], found["Plan"]


def copy_costs(
    conn: psycopg.Connection, rows: int, runs: int, listed: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Of each index that is no key: a COPY with it over one without it, medians, in turn; all is taken back."""
    for table in ("trading.alerts", "trading.vectorbt_analysis", "trading.enhanced_analysis", "trading.sweep_results",
                  "ingestion.issues", "ingestion.quarantine"):  # fmt: skip
        schema, name = table.split(".")
        droppable = [i["index"] for i in listed if (i["schema"], i["table"]) == (schema, name) and not i["key"]]
        ways: dict[str, list[str]] = {"": [], **{index: [f"DROP INDEX {schema}.{index}"] for index in droppable}}
        if name + "_created" in droppable:
            brin = f"CREATE INDEX ON {table} USING brin (created_at, file_id)"
            both = [f"DROP INDEX {schema}.{name}_{part}" for part in ("file", "created")]
            ways[f"{name}_file, as BRIN"] = [*both, brin]
        ways["all of them"] = [f"DROP INDEX {schema}.{index}" for index in droppable]
        copy, data = _statement(conn, schema, name, rows)
        conn.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        found: dict[str, list[Copied]] = {way: [] for way in ways}
        for turn in range(runs + 1):
            for way, statements in ways.items():
                taken = copied(conn, table, copy, data, statements)
                if turn:  # the first fills the free space that the others find
                    found[way].append(taken)
        conn.execute(f"ALTER TABLE {table} RESET (autovacuum_enabled)")
        yield from (_ratio(table, way, found) for way in ways if way)


def _ratio(table: str, way: str, found: Mapping[str, Sequence[Copied]]) -> dict[str, Any]:
    whole, less = (
        {field: statistics.median(getattr(one, field) for one in found[name]) for field in vars(found[name][0])}
        for name in ("", way)
    )
    return {
        "table": table, "without": way, "COPY, s": whole["wall_s"], "time ÷": whole["wall_s"] / less["wall_s"],
        "processor ÷": whole["cpu_s"] / less["cpu_s"], "WAL ÷": whole["wal_bytes"] / less["wal_bytes"],
    }  # fmt: skip


def _statement(conn: psycopg.Connection, schema: str, table: str, rows: int) -> tuple[sql.Composed, bytes]:
    """A COPY and its rows: of five more days, or of findings in one more file."""
    if schema == "trading":
        query = days(table, DAYS + 1, DAYS + 5, rows // 5, DAYS)
    else:
        query = sql.SQL(FINDINGS[table]).format(rows=sql.Literal(rows))
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(schema, table), names(conn, query))
    return copy, payload(conn, query)


def copied(conn: psycopg.Connection, table: str, copy: sql.Composed, data: bytes, statements: Sequence[str]) -> Copied:
    """The COPY as a daily run meets the table: no page of it written since the last checkpoint."""
    with conn.transaction(force_rollback=True):
        for statement in statements:
            conn.execute(statement.encode())
        conn.execute("CHECKPOINT")
        before, cpu, began = _wal(conn), _cpu(conn), time.perf_counter()
        with conn.cursor() as cursor, cursor.copy(copy) as streaming:
            streaming.write(data)
        taken = Copied(time.perf_counter() - began, _cpu(conn) - cpu, _wal(conn) - before)
    conn.execute(f"VACUUM {table}".encode())
    return taken


def _wal(conn: psycopg.Connection) -> int:
    row = conn.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])


def _cpu(conn: psycopg.Connection) -> float:
    """Seconds of processor time of the backend that serves the connection."""
    fields = Path(f"/proc/{conn.info.backend_pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
