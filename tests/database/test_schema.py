"""What the schema itself refuses, and what its views say."""

import re
from typing import Any

import psycopg
import pytest
from psycopg import errors

from autonama.database.queries import load

SHA = "a" * 64


def a_run(conn: psycopg.Connection) -> int:
    """Enter a run."""
    row = conn.execute(
        "INSERT INTO ingestion.runs (engine, status, package_version) VALUES ('vectorbt', 'running', '1') RETURNING id"
    ).fetchone()
    assert row is not None
    return int(row[0])


def a_file(conn: psycopg.Connection, **changes: Any) -> int:
    """Enter a file whose rows are accounted for."""
    values: dict[str, Any] = {
        "run_id": a_run(conn), "engine": "vectorbt", "set_name": "s", "name": "s.csv", "path": "/s.csv",
        "format": "csv", "sha256": SHA, "size": 1, "modified_at": "2026-01-15", "status": "published",
        "ruleset": "1", **changes,
    }  # fmt: skip
    marks = ", ".join(f"%({name})s" for name in values)
    row = conn.execute(
        f"INSERT INTO ingestion.files ({', '.join(values)}) VALUES ({marks}) RETURNING id", values
    ).fetchone()
    assert row is not None
    return int(row[0])


def an_alert(conn: psycopg.Connection, signal: str, date: str | None, **changes: Any) -> None:
    """Store an alert."""
    values = {"symbol": "BTCUSDT", "interval": "1d", "signal": signal, "analysis_date": date, **changes}
    marks = ", ".join(f"%({name})s" for name in values)
    conn.execute(f"INSERT INTO trading.alerts ({', '.join(values)}) VALUES ({marks})", values)


def test_conservation_holds_for_published_files(conn: psycopg.Connection) -> None:
    """A published file whose rows do not add up is refused, on entry and on change; a rejected one is not."""
    good = a_file(conn, rows_read=10, rows_inserted=4, rows_updated=3, rows_unchanged=2, rows_quarantined=1)
    with pytest.raises(errors.CheckViolation, match="conservation"):
        conn.execute("UPDATE ingestion.files SET rows_inserted = 5 WHERE id = %s", [good])
    with pytest.raises(errors.CheckViolation, match="conservation"):
        a_file(conn, sha256="b" * 64, rows_read=10, rows_inserted=9)
    a_file(conn, sha256="b" * 64, rows_read=10, status="rejected")


def test_the_same_bytes_are_published_once(conn: psycopg.Connection) -> None:
    """An engine publishes a content once, also as a companion; rejected it may come again, and for another engine."""
    first = a_file(conn)
    for status in ("published", "companion"):
        with pytest.raises(errors.UniqueViolation, match="files_once"):
            a_file(conn, status=status)
    a_file(conn, engine="enhanced")
    a_file(conn, status="rejected")
    a_file(conn, status="rejected")
    a_file(conn, sha256="c" * 64, status="companion", primary_id=first)


@pytest.mark.parametrize("sha256", ["", "A" * 64, "a" * 63, "a" * 65])
def test_a_content_is_named_by_a_whole_sha256(conn: psycopg.Connection, sha256: str) -> None:
    """What is no lower-case SHA-256 in hex cannot stand for a content."""
    with pytest.raises(errors.CheckViolation):
        a_file(conn, sha256=sha256)


def test_one_alert_a_utc_day(conn: psycopg.Connection) -> None:
    """The day of an alert is the UTC day, whatever the session's time zone; engine and interval are in the key."""
    conn.execute("SET timezone = 'Asia/Tokyo'")
    an_alert(conn, "BUY", "2026-01-15 00:30+00")
    with pytest.raises(errors.UniqueViolation, match="alerts_key"):
        an_alert(conn, "SELL", "2026-01-15 23:30+00")
    an_alert(conn, "SELL", "2026-01-16 00:30+00")
    an_alert(conn, "SELL", "2026-01-15 00:30+00", interval="4h")
    an_alert(conn, "SELL", "2026-01-15 00:30+00", engine="enhanced")


def test_no_number_is_nan_or_infinite(conn: psycopg.Connection) -> None:
    """Every NUMERIC column of the four tables refuses NaN and infinity, and takes NULL."""
    columns = conn.execute(
        "SELECT table_name, column_name FROM information_schema.columns JOIN pg_tables "
        "ON schemaname = table_schema AND tablename = table_name "
        "WHERE table_schema = 'trading' AND data_type = 'numeric' ORDER BY 1, 2"
    ).fetchall()
    assert len(columns) == 8 + 8 + 13 + 1
    file_id = a_file(conn)
    values = {
        "alerts": {"symbol": "A", "interval": "1d", "signal": "BUY"},
        "vectorbt_analysis": {"symbol": "A", "interval": "1d"},
        "enhanced_analysis": {
            "symbol": "A", "interval": "1d", "signal": "BUY", "analysis_date": "2026-01-15", "current_price": "1"
        },
        "analysis_summary": {"engine": "enhanced", "file_id": file_id},
    }  # fmt: skip
    for table, column in columns:
        for number in ("NaN", "Infinity", "-Infinity"):
            row = {**values[table], column: number}
            marks = ", ".join(f"%({name})s" for name in row)
            with pytest.raises((errors.CheckViolation, errors.NumericValueOutOfRange)):
                conn.execute(f"INSERT INTO trading.{table} ({', '.join(row)}) VALUES ({marks})", row)


def test_latest_alerts(conn: psycopg.Connection) -> None:
    """The view holds the newest alert of each engine, symbol and interval, with all its columns."""
    an_alert(conn, "BUY", "2026-01-15 10:00+00")
    an_alert(conn, "SELL", "2026-01-17 10:00+00")
    an_alert(conn, "HOLD", "2026-01-16 10:00+00")
    an_alert(conn, "BUY", "2026-01-14 10:00+00", interval="4h")
    an_alert(conn, "SELL", "2026-01-13 10:00+00", engine="enhanced")
    found = conn.execute("SELECT engine, interval, signal FROM trading.latest_alerts ORDER BY 1, 2").fetchall()
    assert found == [("enhanced", "1d", "SELL"), ("vectorbt", "1d", "SELL"), ("vectorbt", "4h", "BUY")]
    assert columns(conn, "latest_alerts") == columns(conn, "alerts")


def test_signal_flips(conn: psycopg.Connection) -> None:
    """The view holds alerts whose signal differs from the one before by date, in whatever order they were stored."""
    for signal, day in (("SELL", 17), ("BUY", 14), ("HOLD", 18), ("BUY", 15), ("HOLD", 19)):
        an_alert(conn, signal, f"2026-01-{day} 10:00+00")
    an_alert(conn, "BUY", None)
    an_alert(conn, "SELL", "2026-01-16 10:00+00", engine="enhanced")
    found = conn.execute(
        "SELECT previous_signal, signal, extract(day FROM analysis_date)::int, extract(day FROM previous_date)::int "
        "FROM trading.signal_flips ORDER BY analysis_date"
    ).fetchall()
    assert found == [("BUY", "SELL", 17, 15), ("SELL", "HOLD", 18, 17)]
    assert columns(conn, "signal_flips") == [*columns(conn, "alerts"), "previous_signal", "previous_date"]


def columns(conn: psycopg.Connection, relation: str) -> list[str]:
    """Names of a relation's columns."""
    described = conn.execute(f"SELECT * FROM trading.{relation} LIMIT 0").description
    assert described is not None
    return [column.name for column in described]


def test_issues_go_with_their_file_and_rows_stay(conn: psycopg.Connection) -> None:
    """Deleting a ledger entry takes its findings along, and is refused while stored rows point to it."""
    file_id = a_file(conn)
    conn.execute(
        "INSERT INTO ingestion.issues (file_id, code, severity, message) VALUES (%s, 'x', 'error', 'x')", [file_id]
    )
    an_alert(conn, "BUY", "2026-01-15", file_id=file_id)
    with pytest.raises(errors.ForeignKeyViolation):
        conn.execute("DELETE FROM ingestion.files")
    conn.execute("DELETE FROM trading.alerts")
    conn.execute("DELETE FROM ingestion.files")
    assert conn.execute("SELECT count(*) FROM ingestion.issues").fetchall() == [(0,)]


SERVED = [
    ("SELECT * FROM trading.alerts WHERE symbol = 'S7USDT'", "idx_alerts_symbol|alerts_key"),
    ("SELECT * FROM trading.alerts WHERE signal = 'BUY'", "idx_alerts_signal"),
    ("SELECT * FROM trading.alerts WHERE analysis_date >= '2026-01-19'", "idx_alerts_date"),
    ("SELECT * FROM trading.alerts WHERE file_id = 7", "alerts_file"),
    (load("retention")["count_old"], "alerts_created"),
    (load("retention")["limits"], "alerts_created"),
]


def test_indexes_serve_their_queries(conn: psycopg.Connection) -> None:
    """PostgreSQL's plan for the query that an index is there for uses it, on 100,000 alerts."""
    conn.execute(
        "INSERT INTO trading.alerts (symbol, interval, signal, analysis_date, created_at) "
        "SELECT 'S' || n % 1000 || 'USDT', '1d', CASE n % 50 WHEN 0 THEN 'BUY' ELSE 'HOLD' END, "
        "'2026-01-20'::timestamptz - n / 1000 * interval '1 day', now() - interval '70 days' + n * interval '1 minute' "
        "FROM generate_series(1, 100000) AS n"
    )
    conn.execute("ANALYZE trading.alerts")
    for query, index in SERVED:
        asked = query.replace("{table}", "trading.alerts").replace("%(days)s", "60")
        plan = "\n".join(line for (line,) in conn.execute(f"EXPLAIN {asked}".encode()))
        assert re.search(rf"(Index Scan using|Bitmap Index Scan on) ({index})\b", plan), plan
