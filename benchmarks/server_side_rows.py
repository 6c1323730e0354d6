"""Rows for the measurements of the server: made by the server itself, as a daily run would have stored them.

A day's rows come in the order of the key, all from one file, whose id is the number of the day.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

RESULTS = ("alerts", "vectorbt_analysis", "enhanced_analysis", "sweep_results")
"""The tables of schema trading that hold rows by the million."""

INTERVALS = ("15m", "1h", "1d", "4h")

RESULT = """
    'S' || s || 'USDT' AS symbol, i AS interval, (ARRAY['BUY', 'SELL', 'HOLD', 'HOLD', 'HOLD'])[1 + (s * 7 + d) % 5]
    AS signal, 85 + (s + d) % 30 + 0.25 AS current_price, 90.5 AS lower_band, 110.5 AS upper_band,
    22.2222 AS potential_return, 1 + (s + d) % 6 AS degree, 1 + s % 20 / 10.0 AS kstd,
    timestamptz '2026-01-01 06:00Z' + d * interval '1 day' AS analysis_date, d::bigint AS file_id, s AS row_number,
    now() - ({today} - d) * interval '1 day' AS created_at"""

METRICS = """
    , (s + d) % 300 - 50.5 AS total_return, (s * 13 + d) % 500 / 100.0 AS sharpe_ratio, 12.5 AS max_drawdown"""
COLUMNS = {
    "alerts": METRICS,
    "vectorbt_analysis": METRICS,
    "enhanced_analysis": """, 1.5 AS price_change_24h, 0.02 AS volatility, 'UP' AS trend, 88.5 AS support_level,
        115.5 AS resistance_level, 1.1 AS volume_ratio, 100.5 AS regression_line, 50.5 AS signal_strength,
        'LOW' AS risk_level, 20 AS band_width, 720 AS data_points, 30 AS analysis_period_days,
        '{{"rsi": 55.1, "macd": 0.2, "sma_20": 99.5}}'::jsonb AS technical_indicators""",
}  # fmt: skip

DAYS = """
    SELECT {columns} FROM generate_series({first}, {last}) AS d, generate_series(1, {rows} / 4) AS s,
           unnest({intervals}::text[]) AS i
    ORDER BY file_id, symbol, interval"""

SWEEPS = """
    SELECT 'S' || s || 'USDT' AS symbol, '1d' AS interval, timestamptz '2026-01-01 06:00Z' + d * interval '1 day'
           AS analysis_date, degree, 1 + k / 10.0 AS kstd, lookback, 5 AS trades, 720 AS data_points,
           (s + d) % 300 - 50.5 AS total_return, (s * 13 + k) % 500 / 100.0 AS sharpe_ratio, 12.5 AS max_drawdown,
           55.5 AS win_rate, 40.5 AS exposure, d::bigint AS file_id, s AS row_number,
           now() - ({today} - d) * interval '1 day' AS created_at
    FROM generate_series({first}, {last}) AS d, generate_series(1, {rows} / 400) AS s, generate_series(1, 4) AS degree,
         generate_series(0, 9) AS k, generate_series(50, 140, 10) AS lookback
    ORDER BY file_id, lookback, degree, kstd, symbol"""

LEDGER = """
    INSERT INTO ingestion.runs (engine, status, package_version, finished_at)
    SELECT 'vectorbt', 'published', '1', now() FROM generate_series(1, {rows} / 2);
    INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status,
                                 ruleset, recorded_at)
    SELECT (n + 1) / 2, 'vectorbt', 'set_' || n, 's.csv', '/results/s.csv', 'csv',
           encode(sha256(n::text::bytea), 'hex'), 1, now(), CASE n % 20 WHEN 0 THEN 'rejected' ELSE 'published' END,
           '1', now() - ({rows} - n) * interval '1 minute'
    FROM generate_series(1, {rows}) AS n;
    INSERT INTO ingestion.issues (file_id, code, severity, row_number, message)
    SELECT n, 'signal_matches_bands', 'warning', s, 'Row ' || s || ': the signal does not match the bands'
    FROM generate_series(1, {rows} / 1000) AS n, generate_series(1, 1000) AS s;
    INSERT INTO ingestion.quarantine (file_id, row_number, original, reasons, replayed_by, replayed_at)
    SELECT n, s, 'S1USDT,1d,BUY,100,90,110,22.2,1.5,12.5,2,2', '{{missing_symbol}}',
           CASE WHEN s > 10 THEN 1 END, CASE WHEN s > 10 THEN now() END
    FROM generate_series(1, {rows} / 1000) AS n, generate_series(1, 1000) AS s;
    INSERT INTO trading.analysis_summary (engine, file_id, total_assets_analyzed)
    SELECT 'enhanced', n, 100 FROM generate_series(1, {rows} / 100) AS n"""


def days(table: str, first: int, last: int, rows: int, today: int) -> sql.Composed:
    """The query for the rows of these days, `rows` a day (a multiple of 400). today: the day that was stored now."""
    query = SWEEPS if table == "sweep_results" else DAYS.replace("{columns}", RESULT + COLUMNS[table])
    values = {"first": first, "last": last, "rows": rows, "today": today, "intervals": list(INTERVALS)}
    return sql.SQL(query).format(**{name: sql.Literal(value) for name, value in values.items()})  # type: ignore[arg-type]


def names(conn: psycopg.Connection, query: sql.Composed) -> sql.Composed:
    """The columns that a query yields, for an INSERT or a COPY."""
    described = conn.execute(sql.SQL("SELECT * FROM ({}) AS made LIMIT 0").format(query)).description
    assert described is not None
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in described)


def store(conn: psycopg.Connection, table: str, query: sql.Composed) -> None:
    """Store what the query yields."""
    into = sql.SQL("INSERT INTO {} ({}) {}")
    conn.execute(into.format(sql.Identifier("trading", table), names(conn, query), query))


def payload(conn: psycopg.Connection, query: sql.Composed) -> bytes:
    """The same as COPY reads it."""
    with conn.cursor() as cursor, cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as copying:
        return b"".join(copying)


def ledger(conn: psycopg.Connection, rows: int) -> None:
    """As many files, findings and quarantined rows."""
    with unchecked(conn):
        conn.execute(sql.SQL(LEDGER).format(rows=sql.Literal(rows)))


@contextmanager
def unchecked(conn: psycopg.Connection) -> Iterator[None]:
    """Without triggers and foreign keys: what is stored here to measure on is right as it is."""
    conn.execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        conn.execute("SET session_replication_role = origin")
