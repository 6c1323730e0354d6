"""What 30 days leave behind: the same rows upserted again and again; new rows each day, and the oldest cleaned up.

A day is a minute or less here, so autovacuum itself would come too seldom: after each day the tables are vacuumed that
PostgreSQL's formula names, with the tables' own settings.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from benchmarks.server_side_queries import lists
from benchmarks.server_side_rows import days, store, unchecked
from benchmarks.server_side_table import brief, show
from psycopg import sql

from autonama.database import retention
from autonama.database.queries import load

DAYS = 30
TABLES = ("vectorbt_analysis", "alerts")
INCOMING = sql.Identifier("pg_temp", "incoming")

EARLY = ("autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, "
         "autovacuum_analyze_scale_factor = 0.02")  # fmt: skip
BRIN = """
    DROP INDEX IF EXISTS trading.{table}_file; DROP INDEX trading.{table}_created;
    CREATE INDEX {table}_created ON trading.{table} USING brin (created_at, file_id);"""
VARIANTS = {
    "as it is": "",
    "vacuum at 2 %": f"ALTER TABLE trading.{{table}} SET ({EARLY});",
    "fillfactor 70": "ALTER TABLE trading.{table} SET (fillfactor = 70);",
    "file_id in the BRIN": BRIN,
    "file_id in the BRIN, fillfactor 70": BRIN + "ALTER TABLE trading.{table} SET (fillfactor = 70);",
}

DUE = """
    SELECT s.relname,
           s.n_dead_tup > 50 + coalesce((options->>'autovacuum_vacuum_scale_factor')::float8, 0.2) * c.reltuples
           OR s.n_ins_since_vacuum > 1000 + coalesce((options->>'autovacuum_vacuum_insert_scale_factor')::float8, 0.2)
              * c.reltuples * (1 - c.relallfrozen / greatest(c.relpages, 1)::float8) AS vacuum,
           s.n_mod_since_analyze > 50 + coalesce((options->>'autovacuum_analyze_scale_factor')::float8, 0.1)
              * c.reltuples
    FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
    CROSS JOIN LATERAL (SELECT coalesce(jsonb_object_agg(split_part(o, '=', 1), split_part(o, '=', 2)), '{}') AS options
                        FROM unnest(c.reloptions) AS o) AS own
    WHERE s.schemaname = 'trading' AND s.relname = ANY (%s)"""

SIZES = """
    SELECT pg_table_size(c.oid) AS heap, pg_indexes_size(c.oid) AS indexes, s.n_dead_tup AS dead, s.n_live_tup AS live,
           s.n_tup_hot_upd::float8 / nullif(s.n_tup_upd, 0) AS hot
    FROM pg_class AS c JOIN pg_stat_user_tables AS s ON s.relid = c.oid WHERE c.oid = %s::regclass"""

STAGE = """
    CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS
    SELECT made.*, 'vectorbt'::varchar AS engine FROM ({}) AS made"""
CHANGE = "UPDATE incoming SET file_id = %(file)s, current_price = current_price + row_number %% 2 * %(file)s"

FILES = """
    INSERT INTO ingestion.runs (engine, status, package_version) VALUES ('vectorbt', 'published', '1');
    INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status,
                                 ruleset)
    SELECT (SELECT max(id) FROM ingestion.runs), 'vectorbt', 'set_' || lpad(n::text, 3, '0'), 's.csv', '/s.csv', 'csv',
           encode(sha256(n::text::bytea), 'hex'), 1, now(), 'published', '1'
    FROM generate_series(1, 100) AS n"""

LOOKUPS = {
    "rows of a file of the middle": "SELECT count(*) FROM {table} WHERE file_id = {middle}",
    "rows of the last file": "SELECT count(*) FROM {table} WHERE file_id = {last}",
    "retention.limits": load("retention")["limits"].replace("%(days)s", "{days}"),
}


@dataclass
class Story:
    """What happened so far."""

    day_s: list[float] = field(default_factory=list)
    vacuum_s: list[float] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)


def measure(conn: psycopg.Connection, rows: int, variant: str) -> list[dict[str, Any]]:
    """Both stories with the tables as this variant has them; their ends."""
    conn.execute("ALTER SYSTEM SET autovacuum = off")
    conn.execute("SELECT pg_reload_conf()")
    conn.execute(FILES)  # type: ignore[arg-type]
    for table in TABLES:
        conn.execute(VARIANTS[variant].replace("{table}", table).encode())
    found = []
    for story, tell in (("the same day again", _again), ("a new day, and the oldest goes", _on)):
        conn.execute("TRUNCATE trading.alerts, trading.vectorbt_analysis")
        conn.execute("SELECT pg_stat_reset()")
        so_far = Story()
        last = tell(conn, rows, so_far)
        found += [{"variant": variant, "story": story, **_end(conn, table, so_far, last)} for table in TABLES]
    show(f"{variant}: {DAYS} days of {rows:,} rows", [{k: v for k, v in one.items() if k != "plans"} for one in found])
    return found


def _again(conn: psycopg.Connection, rows: int, story: Story) -> int:
    """The rows of one day come 30 times more, half of them with another price, as sets with later names."""
    with unchecked(conn):
        for table in TABLES:
            store(conn, table, days(table, 1, 1, rows, DAYS))
    _vacuum_where_due(conn, Story())
    for day in range(2, DAYS + 2):
        _day(conn, story, lambda day=day: _upsert(conn, rows, day))
    return DAYS + 1


def _upsert(conn: psycopg.Connection, rows: int, file: int) -> None:
    publish, table = load("publish"), "vectorbt_analysis"
    parts = {"table": sql.Identifier("trading", table), **lists(conn, table, alerts=False, today=DAYS)}
    alerts = {"source": INCOMING, **lists(conn, table, alerts=True, today=DAYS)}
    with conn.transaction():
        conn.execute(sql.SQL(STAGE).format(days(table, 1, 1, rows, DAYS)))
        conn.execute(CHANGE, {"file": file})
        conn.execute(sql.SQL(publish["merge"]).format(**parts))
        conn.execute(sql.SQL(publish["claim"]).format(**parts))
        conn.execute(sql.SQL(publish["raise_alerts"]).format(**alerts), {"file_id": file})


def _on(conn: psycopg.Connection, rows: int, story: Story) -> int:
    """Thirty days are there; thirty more come, and each day the oldest goes."""
    last = 2 * DAYS
    with unchecked(conn):
        for table in TABLES:
            for first in range(1, DAYS + 1, 10):
                store(conn, table, days(table, first, first + 9, rows, last))
                _vacuum_where_due(conn, Story())
        for day in range(DAYS + 1, last + 1):
            _day(conn, story, lambda day=day: _new_day(conn, rows, day, last))
    return last


def _new_day(conn: psycopg.Connection, rows: int, day: int, last: int) -> None:
    for table in TABLES:
        store(conn, table, days(table, day, day, rows, last))
    retention.cleanup(conn, DAYS + last - day)


def _day(conn: psycopg.Connection, story: Story, work: Callable[[], None]) -> None:
    began = time.perf_counter()
    work()
    story.day_s.append(time.perf_counter() - began)
    for table in TABLES:
        size = _sizes(conn, table)
        story.most[table] = max(story.most.get(table, 0), size["heap"] + size["indexes"])
    _vacuum_where_due(conn, story)


def _vacuum_where_due(conn: psycopg.Connection, story: Story) -> None:
    conn.execute("SELECT pg_stat_force_next_flush()")
    for table, vacuum, analyze in conn.execute(DUE, [list(TABLES)]).fetchall():
        began = time.perf_counter()
        for word, wanted in (("VACUUM", vacuum), ("ANALYZE", analyze)):
            if wanted:
                conn.execute(f"{word} trading.{table}".encode())
        if vacuum:
            story.vacuum_s.append(time.perf_counter() - began)


def _sizes(conn: psycopg.Connection, table: str) -> dict[str, Any]:
    conn.execute("SELECT pg_stat_force_next_flush()")
    cursor = conn.execute(SIZES, [f"trading.{table}"])
    row = cursor.fetchone()
    assert row is not None
    assert cursor.description is not None
    return dict(zip([column.name for column in cursor.description], row, strict=True))


def _end(conn: psycopg.Connection, table: str, story: Story, last: int) -> dict[str, Any]:
    """Sizes as they are over sizes as a VACUUM FULL leaves them, and what the lookups took before it."""
    before, looked = _sizes(conn, table), dict(_lookups(conn, table, last))
    conn.execute(f"VACUUM FULL trading.{table}".encode())
    after = _sizes(conn, table)
    return {
        "table": table, "MB": (before["heap"] + before["indexes"]) / 1e6, "at most, MB": story.most[table] / 1e6,
        "table ÷ packed": before["heap"] / after["heap"], "indexes ÷ packed": before["indexes"] / after["indexes"],
        "dead": before["dead"], "HOT": before["hot"], "a day, s": statistics.median(story.day_s),
        "vacuums of both": len(story.vacuum_s), "vacuum, s": sum(story.vacuum_s),
        **{name: f"{ms:,.1f} ms, {pages:,} pages" for name, (ms, pages, _) in looked.items()},
        "plans": {name: plan for name, (_, _, plan) in looked.items()},
    }  # fmt: skip


def _lookups(conn: psycopg.Connection, table: str, last: int) -> Iterator[tuple[str, tuple[float, int, str]]]:
    for name, query in LOOKUPS.items():
        parts = {"table": sql.Identifier("trading", table), "middle": sql.Literal(last - DAYS // 2),
                 "last": sql.Literal(last), "days": sql.Literal(DAYS - 1)}  # fmt: skip
        explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + sql.SQL(query).format(**parts)  # type: ignore[arg-type]
        for _ in range(2):
            row = conn.execute(explain).fetchone()
        assert row is not None
        found: Mapping[str, Any] = row[0][0]
        pages = found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"]
        yield name, (found["Execution Time"], pages, brief(found["Plan"]))
