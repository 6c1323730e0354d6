"""Rows into their tables: COPY, merge, alerts. Everything here is part of a transaction that the caller holds."""

import io
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from autonama.database.queries import load
from autonama.engines.contract import Column, Engine
from autonama.faults import reach
from autonama.ingestion.ahead import ahead
from autonama.ingestion.counts import AlertCounts

CHUNK = 1 << 20
"""Bytes handed to COPY at a time: between two of them an interrupt is heard."""

LINEAGE = ("engine", "file_id", "row_number")
ALERT_COLUMNS = (
    "symbol", "interval", "signal", "current_price", "upper_band", "lower_band", "potential_return", "total_return",
    "sharpe_ratio", "max_drawdown", "degree", "kstd", "analysis_date",
)  # fmt: skip

ALERTS = sql.Identifier("trading", "alerts")
INCOMING = sql.Identifier("pg_temp", "incoming")


class Loader:
    """The rows of one file on their way into their engine's table.

    Where no stored row has a date of theirs, COPY goes straight into the table, and `UniqueViolation` says that
    somebody published one of their keys meanwhile: `staged` is the way that expects it, through a table of its own.
    """

    def __init__(self, conn: psycopg.Connection[Any], engine: Engine, file_id: int, *, staged: bool = False) -> None:
        self._conn, self._engine, self.file_id = conn, engine, file_id
        self._columns = [column for column in engine.columns if column.stored]
        self._names = [*(column.name for column in self._columns), *LINEAGE]
        self._table = table_of(engine)
        self._staged = staged
        self._days: tuple[datetime, datetime] | None = None
        self._rows = 0

    def take(self, blocks: Iterable[pl.DataFrame]) -> None:
        """All rows, block after block: while PostgreSQL copies one, the next is made ready."""
        for first, last, rows, payload in ahead(self._ready(blocks)):
            if self._days is None:
                self._staged = self._staged or _has_rows(self._conn, self._table, self._engine, first, last)
                if self._staged:
                    stage(self._conn, self._table, self._names)
                self._days = first, last
            self._days = min(first, self._days[0]), max(last, self._days[1])
            copy(self._conn, INCOMING if self._staged else self._table, self._names, payload)
            self._rows += rows

    def _ready(self, blocks: Iterable[pl.DataFrame]) -> Generator[tuple[datetime, datetime, int, bytes]]:
        """First and last date of each block, its number of rows, and the rows themselves."""
        for good in blocks:
            if good.is_empty():
                continue
            first, last = good["analysis_date"].min(), good["analysis_date"].max()
            assert isinstance(first, datetime)  # noqa: S101 - a key's column has no null in a good row
            assert isinstance(last, datetime)  # noqa: S101
            yield first, last, good.height, as_csv(good, self._columns, self._engine, self.file_id)

    def remove(self, numbers: Sequence[int]) -> None:
        """Take these rows of the file out again."""
        if not numbers:
            return
        query = compose("unstage" if self._staged else "uncopy", table=self._table)
        self._rows -= self._conn.execute(query, {"rows": list(numbers), "file_id": self.file_id}).rowcount

    def finish(self) -> tuple[int, int]:
        """Rows inserted and updated, all in their table now."""
        if not self._staged:
            return self._rows, 0
        values = [column.name for column in self._columns if column.name not in self._engine.key]
        parts = {"table": self._table, "key": listed(self._engine.key), **upsert(self._names, values)}
        inserted, updated = one_row(self._conn.execute(compose("merge", **parts)))
        if inserted + updated < self._rows:
            self._conn.execute(compose("claim", **parts))
        return int(inserted), int(updated)

    def raise_alerts(self) -> AlertCounts:
        """The alerts that these rows raise."""
        if self._days is None:
            return AlertCounts()
        source = INCOMING if self._staged else self._table
        first, last = self._days
        begin, end = datetime.combine(first, time.min, UTC), datetime.combine(last, time.max, UTC)
        if not _has_rows(self._conn, ALERTS, self._engine, begin, end):
            try:
                with self._conn.transaction():
                    query = compose("new_alerts", source=source, columns=listed(_alert_names(self._engine)))
                    return AlertCounts(self._conn.execute(query, {"file_id": self.file_id}).rowcount)
            except psycopg.errors.UniqueViolation:
                pass  # two rows of a symbol on one day, or somebody else's alert: go the way that expects it
        return raise_alerts(self._conn, source, self.file_id, self._engine)


def add_rows(
    conn: psycopg.Connection[Any], file_id: int, engine: Engine, good: pl.DataFrame
) -> tuple[int, AlertCounts, dict[int, str]]:
    """Store those of the rows whose key is free, and raise their alerts; a stored row is never overwritten.

    Returns how many were inserted, what became of the alerts, and, by number, the rows whose key is held by other
    values, with the place that those came from. A row that is stored with the same values is not among them.
    """
    columns = [column for column in engine.columns if column.stored]
    names, values = [*(column.name for column in columns), *LINEAGE], [column.name for column in columns]
    table = table_of(engine)
    stage(conn, table, names)
    copy(conn, INCOMING, names, as_csv(good, columns, engine, file_id))
    key = {"key": listed(engine.key), "keys": listed(("engine", *engine.key))}
    inserted = conn.execute(compose("add", table=table, columns=listed(names), **key)).rowcount
    values = [name for name in values if name not in engine.key]
    stored = {"stored_values": listed(values, "stored"), "staged_values": listed(values, "staged")}
    with _no_nested_loops(conn):
        held = dict(conn.execute(compose("held", table=table, **key, **stored), {"file_id": file_id}).fetchall())
    conn.execute(compose("unstage"), {"rows": list(held)})
    reach("merged")
    alerts = raise_alerts(conn, INCOMING, file_id, engine) if engine.alerts else AlertCounts()
    reach("alerted")
    return inserted, alerts, held


def may_be_replaced(conn: psycopg.Connection[Any], engine: Engine, file_id: int, days: int) -> bool:
    """Whether rows of a published file may have been replaced since; a quick look, for `replaced` to settle.

    days: after so many retention takes rows away, and nothing can be said.
    """
    query = compose("may_be_replaced", table=table_of(engine))
    return bool(one_row(conn.execute(query, {"file_id": file_id, "days": days}))[0])


def replaced(
    conn: psycopg.Connection[Any], engine: Engine, file_id: int, blocks: Iterable[pl.DataFrame]
) -> list[tuple[str, int, int]]:
    """What stands with other values under the keys of these rows: set, run and number of rows, most rows first."""
    columns = [column for column in engine.columns if column.stored]
    names, values = [*(column.name for column in columns), *LINEAGE], [column.name for column in columns]
    table = table_of(engine)
    values = [name for name in values if name not in engine.key]
    parts = {"stored_values": listed(values, "stored"), "staged_values": listed(values, "staged")}
    with _no_nested_loops(conn):
        stage(conn, table, names)
        for good in blocks:
            copy(conn, INCOMING, names, as_csv(good, columns, engine, file_id))
        query = compose("replaced", table=table, keys=listed(("engine", *engine.key)), **parts)
        return [(str(name), int(run_id), int(rows)) for name, run_id, rows in conn.execute(query)]


@contextmanager
def _no_nested_loops(conn: psycopg.Connection[Any]) -> Generator[None]:
    """A part of a transaction, taken back at its end, whose joins never compare all rows with all.

    By statistics of before, the planner looks each row up by an index of which it believes that it leads to one row,
    and which leads to all of them. A merge or a hash of all columns of the key is quick whatever is believed.
    """
    with conn.transaction(force_rollback=True):
        conn.execute("SET LOCAL enable_nestloop = off")
        yield


def store_summary(conn: psycopg.Connection[Any], file_id: int, engine: Engine, summary: pl.DataFrame) -> None:
    """The one row of a document's summary."""
    assert engine.summary is not None, "a summary is read only where the engine declares one"  # noqa: S101
    columns = [column for column in engine.summary.columns if column.stored]
    named = [pl.col(f"{column.name}=text").alias(column.name) for column in columns]
    lineage = (pl.lit(engine.name).alias("engine"), pl.lit(file_id).alias("file_id"))
    payload = summary.select(*named, *lineage).write_csv(include_header=False).encode()
    names = [*(column.name for column in columns), "engine", "file_id"]
    copy(conn, _table(engine.summary.table), names, payload)


def raise_alerts(conn: psycopg.Connection[Any], source: sql.Composable, file_id: int, engine: Engine) -> AlertCounts:
    """The newest row of a symbol, interval and day becomes its alert, unless a newer one stands there."""
    names = _alert_names(engine)
    changing = [name for name in names if name not in ("symbol", "interval", *LINEAGE)]
    query = compose("raise_alerts", source=source, **upsert(names, changing))
    inserted, updated, newest = one_row(conn.execute(query, {"file_id": file_id}))
    return AlertCounts(int(inserted), int(updated), int(newest - inserted - updated))


def _alert_names(engine: Engine) -> list[str]:
    own = {column.name for column in engine.columns if column.stored}
    return [*(name for name in ALERT_COLUMNS if name in own), *LINEAGE]


def _has_rows(
    conn: psycopg.Connection[Any], table: sql.Composable, engine: Engine, first: datetime, last: datetime
) -> bool:
    values = {"engine": engine.name, "first": first, "last": last}
    return bool(one_row(conn.execute(compose("has_rows_between", table=table), values))[0])


def stage(conn: psycopg.Connection[Any], table: sql.Composable, names: Sequence[str]) -> None:
    """Make the empty table `INCOMING`, gone with the transaction."""
    conn.execute(compose("stage", table=table, columns=listed(names)))


def copy(conn: psycopg.Connection[Any], table: sql.Composable, names: Sequence[str], payload: bytes) -> None:
    """Stream rows into a table."""
    with conn.cursor() as cursor, cursor.copy(compose("copy", table=table, columns=listed(names))) as streaming:
        for start in range(0, len(payload), CHUNK):
            streaming.write(payload[start : start + CHUNK])
            reach("copying")
    reach("copied")


def as_csv(good: pl.DataFrame, columns: Iterable[Column], engine: Engine, file_id: int) -> bytes:
    """The rows in the order of the key as COPY reads them: numbers as the file has them, an unquoted blank is NULL.

    In that order an index grows at one place: a quarter less time for PostgreSQL.
    """
    named = [pl.col(f"{column.name}=text").alias(column.name) for column in columns]
    lineage = (pl.lit(engine.name).alias("engine"), pl.lit(file_id).alias("file_id"), pl.col("row").alias("row_number"))
    keys = [pl.col(name).alias(f"key {name}") for name in engine.key]
    ordered = good.select(*named, *lineage, *keys).sort(pl.col("^key .*$"))  # without the flags: half the time
    file = io.BytesIO()  # written as bytes: a text to be encoded took a sixth of all
    ordered.drop(pl.selectors.starts_with("key ")).write_csv(file, include_header=False)
    return file.getvalue()


def upsert(names: Sequence[str], values: Sequence[str]) -> dict[str, sql.Composable]:
    """The parts of an upsert: what is written, and what has to differ for a row to count as updated."""
    return {
        "columns": listed(names),
        "excluded": listed(names, "excluded"),
        "stored_values": listed(values, "stored"),
        "excluded_values": listed(values, "excluded"),
    }


def listed(names: Iterable[str], relation: str | None = None) -> sql.Composable:
    """Names with commas between them."""
    qualified = [sql.Identifier(relation, name) if relation else sql.Identifier(name) for name in names]
    return sql.SQL(", ").join(qualified)


def table_of(engine: Engine) -> sql.Identifier:
    """The table of an engine's rows."""
    return _table(engine.table)


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def compose(query: str, **parts: sql.Composable) -> sql.Composed:
    """A query of publish.sql with its names filled in."""
    return sql.SQL(load("publish")[query]).format(**parts)


def one_row(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    """The row of a query that yields one."""
    row = cursor.fetchone()
    assert row is not None, "an aggregate yields one row"  # noqa: S101
    return tuple(row)
