"""What the schema itself refuses, and what its views say."""

import re
from typing import Any

import psycopg
import pytest
from psycopg import errors

from autonama.database.queries import load

SHA = "a" * 64

TRIAL: dict[str, Any] = {
    "symbol": "BTCUSDT", "interval": "1d", "analysis_date": "2026-01-15", "degree": 3, "kstd": "2", "lookback": 100,
    "trades": 0, "data_points": 720,
}  # fmt: skip
"""A row of a sweep."""


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
    """Every NUMERIC column of the tables refuses NaN and infinity, and takes NULL."""
    columns = conn.execute(
        "SELECT table_name, column_name FROM information_schema.columns JOIN pg_tables "
        "ON schemaname = table_schema AND tablename = table_name "
        "WHERE table_schema = 'trading' AND data_type = 'numeric' ORDER BY 1, 2"
    ).fetchall()
    assert len(columns) == 8 + 8 + 13 + 1 + 6
    file_id = a_file(conn)
    values = {
        "alerts": {"symbol": "A", "interval": "1d", "signal": "BUY"},
        "vectorbt_analysis": {"symbol": "A", "interval": "1d"},
        "enhanced_analysis": {
            "symbol": "A", "interval": "1d", "signal": "BUY", "analysis_date": "2026-01-15", "current_price": "1"
        },
        "analysis_summary": {"engine": "enhanced", "file_id": file_id},
        "sweep_results": TRIAL,
    }  # fmt: skip
    for table, column in columns:
        for number in ("NaN", "Infinity", "-Infinity"):
            row = {**values[table], column: number}
            marks = ", ".join(f"%({name})s" for name in row)
            with pytest.raises((errors.CheckViolation, errors.NumericValueOutOfRange)):
                conn.execute(f"INSERT INTO trading.{table} ({', '.join(row)}) VALUES ({marks})", row)


def a_trial(conn: psycopg.Connection, **changes: Any) -> None:
    """Store a row of a sweep."""
    values = {**TRIAL, **changes}
    marks = ", ".join(f"%({name})s" for name in values)
    conn.execute(f"INSERT INTO trading.sweep_results ({', '.join(values)}) VALUES ({marks})", values)


def test_a_trial_stands_once(conn: psycopg.Connection) -> None:
    """A sweep's key has its parameters, kstd as it is stored; every part of it makes another row."""
    a_trial(conn)
    with pytest.raises(errors.UniqueViolation, match="sweep_results_key"):
        a_trial(conn, kstd="2.004")
    others = {"symbol": "ETHUSDT", "interval": "4h", "analysis_date": "2026-01-16", "degree": 4, "kstd": "2.1"}
    for name, value in {**others, "lookback": 110, "engine": "mine"}.items():
        a_trial(conn, **{name: value})
    assert conn.execute("SELECT count(*) FROM trading.sweep_results").fetchall() == [(8,)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("degree", 0), ("kstd", "0"), ("kstd", "-1"), ("lookback", 4), ("trades", -1), ("win_rate", "100.5"),
     ("exposure", "-1"), ("data_points", 100)],
)  # fmt: skip
def test_senseless_trials_are_refused(conn: psycopg.Connection, name: str, value: object) -> None:
    """Whatever the rules of a run are, the table holds no row of a sweep that cannot be."""
    with pytest.raises(errors.CheckViolation):
        a_trial(conn, **{name: value})


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


@pytest.mark.parametrize("table", ["alerts", "vectorbt_analysis", "enhanced_analysis", "sweep_results"])
def test_rows_name_a_file_of_the_ledger(conn: psycopg.Connection, table: str) -> None:
    """No statement leaves a row that names a file which the ledger does not have, by whatever way."""
    given = {"degree": "1", "lookback": "50", "trades": "0", "data_points": "720", "kstd": "2"}
    names = ["symbol", "interval", "analysis_date", *(given if table == "sweep_results" else [])]
    if table != "sweep_results":
        names.append("signal")
    if table == "enhanced_analysis":
        names.append("current_price")
    values = ["'BTCUSDT'", "'1d'", "'2026-01-15Z'", *([] if table != "sweep_results" else given.values())]
    values += ["'BUY'"] * ("signal" in names) + ["1"] * ("current_price" in names)
    insert = f"INSERT INTO trading.{table} ({', '.join(names)}, file_id) VALUES ({', '.join(values)}, %s)"
    with pytest.raises(errors.ForeignKeyViolation, match="file_id 99 of trading"):
        conn.execute(insert, [99])
    file_id = a_file(conn)
    conn.execute(insert, [file_id])
    with pytest.raises(errors.ForeignKeyViolation, match="file_id 99 of trading"):
        conn.execute(f"UPDATE trading.{table} SET file_id = 99")
    with pytest.raises(errors.ForeignKeyViolation, match=f"rows of trading.{table} came from file {file_id}"):
        conn.execute("UPDATE ingestion.files SET id = DEFAULT")
    with pytest.raises(errors.ForeignKeyViolation, match=f"rows of trading.{table} came from file {file_id}"):
        conn.execute("TRUNCATE ingestion.files CASCADE")
    conn.execute(f"UPDATE trading.{table} SET file_id = NULL")
    conn.execute("TRUNCATE ingestion.files CASCADE")


def test_a_file_cannot_go_while_its_first_row_arrives(conn: psycopg.Connection, database_url: str) -> None:
    """Whoever deletes a file waits for a transaction that stores a row of it, and is refused then."""
    file_id = a_file(conn)
    with psycopg.connect(database_url) as writer, psycopg.connect(database_url, autocommit=True) as other:
        an_alert(writer, "BUY", "2026-01-15", file_id=file_id)
        other.execute("SET lock_timeout = '300ms'")
        with pytest.raises(errors.LockNotAvailable):
            other.execute("DELETE FROM ingestion.files")
        writer.commit()
        with pytest.raises(errors.ForeignKeyViolation):
            other.execute("DELETE FROM ingestion.files")


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


SWEEPS_SERVED = [
    (load("retention")["count_old"].replace("%(days)s", "8"), "sweep_results_arrival"),
    (load("retention")["limits"].replace("%(days)s", "8"), "sweep_results_arrival"),
    ("SELECT count(*) FROM {table} WHERE file_id = 7", "sweep_results_arrival"),
    (load("publish")["has_rows_between"].replace("%(first)s", "'2026-01-11'").replace("%(last)s", "'2026-01-12'")
     .replace("%(engine)s", "'sweep'"), "sweep_results_key"),
    *[(load("parameters")[name], "sweep_results_key") for name in ("sweeps", "sweep_lookbacks", "sweep_grid")],
    (load("parameters")["sweep_rows"], "sweep_results_key"),
]  # fmt: skip


def test_indexes_of_sweeps_serve_their_queries(conn: psycopg.Connection) -> None:
    """With its two indexes a look, a merge and a cleanup read a part of the sweeps, never all of the 126,000 rows."""
    conn.execute("SET session_replication_role = replica")  # the files need not be there
    conn.execute(
        "INSERT INTO trading.sweep_results (symbol, interval, analysis_date, degree, kstd, lookback, trades, "
        "data_points, sharpe_ratio, created_at, file_id) SELECT 'S' || s || 'USDT', '1d', date, degree, 1 + k / 10.0, "
        "lookback, 0, 720, s, now() - ('2026-01-10' - date), extract(day FROM date) "
        "FROM generate_series(1, 5) AS s, generate_series(1, 6) AS degree, "
        "generate_series(0, 20) AS k, generate_series(50, 240, 10) AS lookback, "
        "generate_series('2026-01-01'::timestamptz, '2026-01-10', '1 day') AS date "
        "ORDER BY date, lookback, degree, k, s"
    )
    conn.execute("VACUUM ANALYZE trading.sweep_results")
    values = {
        "engine": "'sweep'", "interval": "'1d'", "date": "'2026-01-05'", "lookback": "100", "symbol": "NULL",
        "degree": "NULL", "kstd": "NULL", "limit": "500",
    }  # fmt: skip
    for query, index in SWEEPS_SERVED:
        asked = query.replace("{table}", "trading.sweep_results")
        for name, value in values.items():
            asked = asked.replace(f"%({name})s", value)
        plan = "\n".join(line for (line,) in conn.execute(f"EXPLAIN {asked}".encode()))
        assert re.search(rf"(Index (Only )?Scan( Backward)? using|Bitmap Index Scan on) ({index})\b", plan), plan
        assert "Seq Scan" not in plan, plan


LEDGER_SERVED = [
    (load("ledger")["refused"], "files_refused"),
    (load("ledger")["close_interrupted"], "runs_running"),
    (load("publish")["has_rows_between"].replace("{table}", "trading.enhanced_analysis"), "enhanced_analysis_date"),
    (load("notify")["stale"].replace("{table}", "trading.enhanced_analysis"), "enhanced_analysis_date"),
]


@pytest.mark.parametrize(("query", "index"), LEDGER_SERVED, ids=["refused", "interrupted", "dates", "newest"])
def test_what_every_run_asks_reads_no_whole_table(conn: psycopg.Connection, query: str, index: str) -> None:
    """Beside 20,000 runs, files and enhanced analyses, what each run asks of them goes through an index."""
    conn.execute("INSERT INTO ingestion.runs (engine, status, package_version) "
                 "SELECT 'enhanced', 'published', '1' FROM generate_series(1, 20000)")  # fmt: skip
    conn.execute(
        "INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status, "
        "ruleset) SELECT id, 'enhanced', id, 's', '/s', 'json', encode(sha256(id::text::bytea), 'hex'), 1, now(), "
        "CASE id % 20 WHEN 0 THEN 'rejected' ELSE 'published' END, '1' FROM ingestion.runs"
    )
    conn.execute(
        "INSERT INTO trading.enhanced_analysis (symbol, interval, signal, current_price, analysis_date, file_id) "
        "SELECT 'S' || id % 1000 || 'USDT', '1d', 'BUY', 1, '2026-01-01'::timestamptz + id / 1000 * interval '1 day', "
        "id FROM ingestion.files"
    )
    conn.execute("VACUUM ANALYZE ingestion.runs, ingestion.files, trading.enhanced_analysis")
    values = {
        "engine": "enhanced", "sha256": [SHA], "ruleset": "1", "run_id": 20000, "space": 1, "hours": 24,
        "first": "2026-02-01", "last": "2026-02-01",
    }  # fmt: skip
    plan = "\n".join(line for (line,) in conn.execute(f"EXPLAIN {query}".encode(), values))
    assert re.search(rf"(Index (Only )?Scan( Backward)? using|Bitmap Index Scan on) {index}\b", plan), plan
    assert not re.search("Seq Scan on (runs|files|enhanced_analysis)", plan), plan
