"""Every query of src/autonama/database/sql with values that a user's day would bring, and those that are documented."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from benchmarks.server_side_rows import days
from psycopg import sql

from autonama.database.queries import load
from autonama.ingestion.load import ALERT_COLUMNS, LINEAGE, listed, upsert

FILES = ("board", "health", "ledger", "notify", "parameters", "publish", "quarantine", "retention", "runs", "symbol")

LEFT_OUT = {
    "ledger": ("start_run", "end_predecessor", "hold_run", "lock_content", "insert_file", "copy_issues",
               "copy_quarantine", "notify"),
    "notify": ("be_brief",), "publish": ("stage", "copy"), "board": ("jumping", "passing"),
    "health": ("alive",), "parameters": ("exists",), "retention": ("has_age",),
}  # fmt: skip
"""They look nothing up: settings, locks, plain INSERT and COPY; and the parts that `board.newest` is made of."""

OWNERS = {"vectorbt_analysis": "vectorbt", "enhanced_analysis": "enhanced", "sweep_results": "sweep"}
KEYS = {
    "vectorbt_analysis": ("symbol", "interval", "analysis_date"),
    "enhanced_analysis": ("symbol", "interval", "analysis_date"),
    "sweep_results": ("analysis_date", "interval", "lookback", "degree", "kstd", "symbol"),
}

DOCUMENTED = {
    "one symbol": "SELECT * FROM {table} WHERE symbol = %(symbol)s",
    "the alerts that say BUY": "SELECT * FROM {table} WHERE signal = 'BUY' AND analysis_date > %(day)s",
    "all that ever said BUY": "SELECT * FROM {table} WHERE signal = 'BUY'",
    "the last day": "SELECT * FROM {table} WHERE analysis_date > %(day)s",
}
"""What a web application of one's own asks: by the columns that the documentation describes."""


@dataclass(frozen=True)
class Asked:
    """A query as it is asked. prepared: what has to be there in the same transaction."""

    name: str
    query: sql.Composable
    values: Mapping[str, Any]
    prepared: tuple[sql.Composable, ...] = field(default=())


def values(conn: psycopg.Connection, today: int) -> dict[str, Any]:
    """What the queries' names stand for. today: the day, and the file, that was stored last."""
    row = conn.execute(
        "SELECT run_id, ARRAY[sha256], timestamptz '2026-01-01 06:00Z' + %(today)s * interval '1 day', "
        "timestamptz '2026-01-01 06:00Z' + (%(today)s + 1) * interval '1 day' "
        "FROM ingestion.files WHERE id = %(today)s",
        {"today": today}
    ).fetchone()  # fmt: skip
    assert row is not None
    run, sha256, day, next_day = row
    ids = [id_ for (id_,) in conn.execute("SELECT id FROM trading.alerts WHERE file_id = %s LIMIT 50", [today])]
    nothing = ("clean", "code", "degree", "engines", "flags", "intervals", "kstd", "lookback", "older", "severity",
               "sharpe", "signals", "symbols", "text", "files", "error", "header")  # fmt: skip
    return {
        **dict.fromkeys(nothing), "clean": False, "flip": False, "new": False, "flagged": False, "run_id": run,
        "sha256": sha256, "symbol": "S77USDT", "interval": "1d", "limit": 50, "offset": 0, "file_id": today,
        "day": day.replace(hour=0), "date": day, "first": next_day, "last": next_day, "ids": ids,
        "rows": [1, 2, 3], "row": 1,
        "flips_of": [False] * len(ids), "new_of": [False] * len(ids), "flags_of": [""] * len(ids), "hours": 24,
        "days": today - 1, "status": "published", "ruleset": "1", "space": 1, "issue_counts": "{}", "notes": "[]",
        "cleanup": "{}", "read": 0, "inserted": 0, "updated": 0, "unchanged": 0, "quarantined": 0, "elapsed_s": 0.0,
        "alerts_inserted": 0, "alerts_updated": 0, "alerts_unchanged": 0, "set_name": "set_20", "replay": today,
        "reasons": ["missing_symbol"], "after": 0, "batch": 10_000,
    }  # fmt: skip


def asked(conn: psycopg.Connection, rows: int, today: int) -> Iterator[Asked]:
    """Each of them, once for every table that it is asked of. rows: of a day."""
    known = values(conn, today)
    for file in FILES:
        for name, query in load(file).items():
            if name not in LEFT_OUT.get(file, ()):
                for table in _tables(file, name, query):
                    yield _asked(conn, f"{file}.{name}", query, known, table, rows, today)
    for name, query in DOCUMENTED.items():
        for table in ("alerts", *(["vectorbt_analysis"] if "signal" not in query else [])):
            asks = sql.SQL(query).format(table=sql.Identifier("trading", table))  # type: ignore[arg-type]
            yield Asked(f"documented: {name}, {table}", asks, known)


def _tables(file: str, name: str, query: str) -> tuple[str, ...]:
    if not re.search(r"\{(table|source)\}", query) and name != "unstage":
        return ("",)
    if file == "retention":
        return ("alerts", *OWNERS, "analysis_summary")
    if name == "has_rows_between":
        return ("alerts", *OWNERS)
    with_signals = file in ("symbol", "notify", "quarantine") or "{source}" in query
    return ("vectorbt_analysis", "enhanced_analysis") if with_signals else tuple(OWNERS)


def _asked(
    conn: psycopg.Connection, name: str, query: str, known: Mapping[str, Any], table: str, rows: int, today: int
) -> Asked:
    given = {**known, "engine": OWNERS.get(table, "vectorbt"), "symbols": None}
    if name == "quarantine.published_beside":
        given["symbols"] = ["S7USDT", "S77USDT"]
    if name == "quarantine.fates":
        given["files"] = [today]
    if name == "ledger.refused_by_run":
        given["sha256"] = known["sha256"][0]
    if name in ("ledger.runs", "ledger.why", "runs.issues", "runs.issue_count"):
        given |= {"status": None, "day": None, "run_id": None if name == "ledger.runs" else known["run_id"]}
    if name == "retention.delete_batch":
        given |= _limits(conn, table, today)
    prepared = [_incoming(table, rows, today)] if "pg_temp.incoming" in query else []
    if name == "publish.new_alerts":
        prepared.append(sql.SQL("DELETE FROM trading.alerts WHERE file_id = {}").format(sql.Literal(today)))
    return Asked(f"{name}, {table}" if table else name, _filled(conn, query, table, today), given, tuple(prepared))


def _limits(conn: psycopg.Connection, table: str, today: int) -> dict[str, Any]:
    query = sql.SQL(load("retention")["limits"]).format(table=sql.Identifier("trading", table))
    row = conn.execute(query, {"days": today - 1}).fetchone()
    assert row is not None
    return dict(zip(("moment", "after", "last"), row, strict=True))


def _incoming(table: str, rows: int, today: int) -> sql.Composable:
    """A file that comes in again with half of its values changed."""
    query = sql.SQL(
        "CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT made.*, {}::varchar AS engine FROM ({}) AS made"
    )
    return query.format(sql.Literal(OWNERS[table]), days(table, today, today, rows, today))


def _filled(conn: psycopg.Connection, query: str, table: str, today: int) -> sql.Composable:
    """The query with its names filled in."""
    wanted = set(re.findall(r"(?<!\{)\{(\w+)\}(?!\})", query))
    parts: dict[str, sql.Composable] = {}
    if "latest" in wanted:
        parts["latest"] = sql.SQL(load("board")["jumping"])
    if "order" in wanted:
        parts["order"] = sql.SQL("analysis_date DESC")
    if table:
        parts |= {"table": sql.Identifier("trading", table), "source": sql.Identifier("trading", table)}
    if table in KEYS:
        parts |= lists(conn, table, alerts="{source}" in query, today=today)
    return sql.SQL(query).format(**parts) if wanted else sql.SQL(query)  # type: ignore[arg-type]


def lists(conn: psycopg.Connection, table: str, *, alerts: bool, today: int) -> dict[str, sql.Composable]:
    """The lists of columns that a query of publish.sql takes; alerts: that an alert has."""
    described = conn.execute(
        sql.SQL("SELECT * FROM ({}) AS made LIMIT 0").format(days(table, 1, 1, 400, today))
    ).description
    assert described is not None
    own = [column.name for column in described if column.name not in ("created_at", *LINEAGE)]
    names = [name for name in ALERT_COLUMNS if name in own] if alerts else own
    key = KEYS[table]
    changing = [name for name in names if name not in (("symbol", "interval") if alerts else key)]
    return {
        **upsert([*names, *LINEAGE], changing),
        "key": listed(key), "keys": listed(("engine", *key)),
        "stored_key": listed(key, "stored"), "excluded_key": listed(key, "excluded"),
        "staged_values": listed(changing, "staged"),
    }  # fmt: skip
