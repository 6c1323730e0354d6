"""Rows -> database, in one transaction: the rows, the alerts, the findings and the ledger's entry, or nothing."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import polars as pl
import psycopg
from psycopg import sql

from autonama.database import ledger
from autonama.database.ledger import FileEntry
from autonama.database.queries import load
from autonama.engines.contract import Column, Engine
from autonama.faults import reach
from autonama.ingestion.counts import AlertCounts, RowCounts
from autonama.ingestion.read import SourceFile
from autonama.ingestion.validate import Verdict

CHUNK = 1 << 20
"""Bytes handed to COPY at a time: between two of them an interrupt is heard."""

LINEAGE = ("engine", "file_id", "row_number")
ALERT_COLUMNS = (
    "symbol", "interval", "signal", "current_price", "upper_band", "lower_band", "potential_return", "total_return",
    "sharpe_ratio", "max_drawdown", "degree", "kstd", "analysis_date",
)  # fmt: skip


@dataclass(frozen=True)
class Publication:
    """One set as it goes to the database.

    sources: the files to enter in the ledger; the first is the one whose rows are published.
    verdict: of that first file, with the set's findings in it.
    """

    run_id: int
    engine: Engine
    set_name: str
    sources: tuple[SourceFile, ...]
    verdict: Verdict
    ruleset: str


@dataclass(frozen=True)
class Published:
    """What publishing did. `file_id` is None where the ledger already held every file."""

    file_id: int | None
    rows: RowCounts
    alerts: AlertCounts


def publish(conn: psycopg.Connection[Any], publication: Publication) -> Published:
    """Publish a set's good rows and put its bad ones into quarantine; exactly once for the same bytes.

    psycopg.Error leaves the database as it was.
    """
    began = time.perf_counter()
    first, *others = publication.sources
    with conn.transaction():
        known = _already_published(conn, publication)
        reach("locked")
        if first.sha256 in known:
            file_id, run_id = known[first.sha256]
            _enter_companions(conn, publication, others, known, file_id)
            return _told(conn, file_id) if run_id == publication.run_id else Published(None, RowCounts(), AlertCounts())
        file_id = ledger.insert_file(conn, _entry(publication, first, "published"))
        _enter_companions(conn, publication, others, known, file_id)
        ledger.copy_issues(conn, file_id, publication.verdict.issues.iter_rows())
        ledger.copy_quarantine(conn, file_id, publication.verdict.bad.iter_rows())
        reach("entered")
        rows, alerts = _store_rows(conn, file_id, publication)
        seconds = time.perf_counter() - began
        ledger.count_file(conn, file_id, rows=asdict(rows), alerts=asdict(alerts), elapsed_s=seconds)
        ledger.notify(conn, f"published {file_id}")
        reach("counted")
    reach("committed")
    return Published(file_id, rows, alerts)


def add_rows(
    conn: psycopg.Connection[Any], file_id: int, engine: Engine, good: pl.DataFrame
) -> tuple[int, AlertCounts, dict[int, str]]:
    """Store those of the rows whose key is free, and raise their alerts; a stored row is never overwritten.

    Returns how many were inserted, what became of the alerts, and, by number, the rows whose key is held by other
    values, with the place that those came from. A row that is stored with the same values is not among them.
    """
    columns = [column for column in engine.columns if column.stored]
    names, values = [*(column.name for column in columns), *LINEAGE], [column.name for column in columns]
    table, incoming = _table(engine.table), sql.Identifier("pg_temp", "incoming")
    conn.execute(_compose("stage", table=table, columns=_list(names)))
    _copy(conn, incoming, names, _csv(good.sort(engine.key), columns, engine, file_id))
    key = {"key": _list(engine.key), "keys": _list(("engine", *engine.key))}
    inserted = conn.execute(_compose("add", table=table, columns=_list(names), **key)).rowcount
    values = [name for name in values if name not in engine.key]
    stored = {"stored_values": _list(values, "stored"), "staged_values": _list(values, "staged")}
    held = dict(conn.execute(_compose("held", table=table, **key, **stored), {"file_id": file_id}).fetchall())
    conn.execute(_compose("unstage"), {"rows": list(held)})
    reach("merged")
    alerts = _raise_alerts(conn, incoming, file_id, engine) if engine.alerts else AlertCounts()
    reach("alerted")
    return inserted, alerts, held


def may_be_replaced(conn: psycopg.Connection[Any], engine: Engine, file_id: int, days: int) -> bool:
    """Whether rows of a published file may have been replaced since; a quick look, for `replaced` to settle.

    days: after so many retention takes rows away, and nothing can be said.
    """
    query = _compose("may_be_replaced", table=_table(engine.table))
    return bool(_row(conn.execute(query, {"file_id": file_id, "days": days}))[0])


def replaced(
    conn: psycopg.Connection[Any], engine: Engine, file_id: int, good: pl.DataFrame
) -> list[tuple[str, int, int]]:
    """What stands with other values under the keys of these rows: set, run and number of rows, most rows first."""
    columns = [column for column in engine.columns if column.stored]
    names, values = [*(column.name for column in columns), *LINEAGE], [column.name for column in columns]
    table, incoming = _table(engine.table), sql.Identifier("pg_temp", "incoming")
    values = [name for name in values if name not in engine.key]
    parts = {"stored_values": _list(values, "stored"), "staged_values": _list(values, "staged")}
    with conn.transaction(force_rollback=True):
        conn.execute(_compose("stage", table=table, columns=_list(names)))
        _copy(conn, incoming, names, _csv(good, columns, engine, file_id))
        query = _compose("replaced", table=table, keys=_list(("engine", *engine.key)), **parts)
        return [(str(name), int(run_id), int(rows)) for name, run_id, rows in conn.execute(query)]


def record_rejection(conn: psycopg.Connection[Any], publication: Publication) -> int:
    """Enter a refused set with its findings, in a transaction of its own. Returns the file's id."""
    with conn.transaction():
        first, *others = publication.sources
        entry = _entry(publication, first, "rejected")
        if (entered := ledger.refused_by_run(conn, entry)) is not None:
            return entered
        file_id = ledger.insert_file(conn, entry)
        for source in others:
            ledger.insert_file(conn, _entry(publication, source, "rejected", file_id))
        ledger.copy_issues(conn, file_id, publication.verdict.issues.iter_rows())
        ledger.notify(conn, f"rejected {file_id}")
        reach("refusing")
    reach("refused")
    return file_id


def _told(conn: psycopg.Connection[Any], file_id: int) -> Published:
    """What this run published already: the commit came through, only its answer was lost on the way."""
    counts = ledger.counts(conn, file_id)
    return Published(file_id, RowCounts(*counts[:5]), AlertCounts(*counts[5:]))


def _already_published(conn: psycopg.Connection[Any], publication: Publication) -> dict[str, tuple[int, int]]:
    contents = [source.sha256 for source in publication.sources]
    ledger.lock_contents(conn, publication.engine.name, contents)
    return ledger.published(conn, publication.engine.name, contents)


def _enter_companions(
    conn: psycopg.Connection[Any],
    publication: Publication,
    others: Iterable[SourceFile],
    known: Mapping[str, tuple[int, int]],
    primary_id: int,
) -> None:
    """Enter the set's other files, so that their bytes, too, are known: they agreed with the first."""
    entered = {publication.sources[0].sha256, *known}
    for source in others:
        if source.sha256 not in entered:
            entered.add(source.sha256)
            ledger.insert_file(conn, _entry(publication, source, "companion", primary_id))


def _entry(
    publication: Publication,
    source: SourceFile,
    status: Literal["published", "companion", "rejected"],
    primary_id: int | None = None,
) -> FileEntry:
    return FileEntry(
        run_id=publication.run_id,
        engine=publication.engine.name,
        set_name=_text(publication.set_name),
        name=_text(source.path.name),
        path=_text(str(source.path.absolute())),
        format=source.format or "",
        sha256=source.sha256,
        size=source.size,
        modified_at=source.modified_at,
        status=status,
        ruleset=publication.ruleset,
        rows_read=source.frame.height,
        issue_counts={} if primary_id else issue_counts(publication.verdict.issues),
        notes=() if primary_id else publication.verdict.notes,
        primary_id=primary_id,
        header=source.header,
    )


def _text(name: str) -> str:
    """A file name may hold bytes that are no UTF-8; they are kept readable instead of failing the ledger."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _store_rows(conn: psycopg.Connection[Any], file_id: int, publication: Publication) -> tuple[RowCounts, AlertCounts]:
    engine, verdict = publication.engine, publication.verdict
    good = verdict.good.sort(engine.key)
    table = _table(engine.table)
    read, quarantined = verdict.read, verdict.bad.height
    if good.is_empty():
        inserted, updated, alerts = 0, 0, AlertCounts()
    else:
        columns = [column for column in engine.columns if column.stored]
        payload = _csv(good, columns, engine, file_id)
        inserted, updated, source = _load(conn, payload, columns, engine, table, good)
        reach("merged")
        alerts = _raise_alerts(conn, source, file_id, engine) if engine.alerts else AlertCounts()
    reach("alerted")
    if engine.summary is not None and verdict.summary is not None:
        _store_summary(conn, file_id, engine, verdict.summary)
    rows = RowCounts(read, inserted, updated, read - quarantined - inserted - updated, quarantined)
    return rows, alerts


def _csv(good: pl.DataFrame, columns: Iterable[Column], engine: Engine, file_id: int) -> bytes:
    """The rows as COPY reads them: every number is the file's own text, an unquoted blank is NULL."""
    named = [pl.col(f"{column.name}=text").alias(column.name) for column in columns]
    lineage = (pl.lit(engine.name).alias("engine"), pl.lit(file_id).alias("file_id"), pl.col("row").alias("row_number"))
    return good.select(*named, *lineage).write_csv(include_header=False).encode()


def _load(
    conn: psycopg.Connection[Any],
    payload: bytes,
    columns: Sequence[Column],
    engine: Engine,
    table: sql.Composable,
    good: pl.DataFrame,
) -> tuple[int, int, sql.Composable]:
    """Rows inserted and updated, and the table where this file's rows can be read back for the alerts."""
    names = [*(column.name for column in columns), *LINEAGE]
    if not _may_clash(conn, engine, table, good):
        try:
            with conn.transaction():
                _copy(conn, table, names, payload)
        except psycopg.errors.UniqueViolation:
            # Somebody published one of these keys between the look and the COPY: go the way that expects it.
            pass
        else:
            return good.height, 0, table
    conn.execute(_compose("stage", table=table, columns=_list(names)))
    incoming = sql.Identifier("pg_temp", "incoming")
    _copy(conn, incoming, names, payload)
    values = [column.name for column in columns if column.name not in engine.key]
    parts = {"table": table, **_upsert(names, values)}
    inserted, updated = _row(conn.execute(_compose("merge", key=_list(engine.key), **parts)))
    if inserted + updated < good.height:
        keys = {"stored_key": _list(engine.key, "stored"), "excluded_key": _list(engine.key, "excluded")}
        conn.execute(_compose("claim", **keys, **parts))
    return int(inserted), int(updated), incoming


def _may_clash(conn: psycopg.Connection[Any], engine: Engine, table: sql.Composable, good: pl.DataFrame) -> bool:
    dates = good["analysis_date"]
    values = {"engine": engine.name, "first": dates.min(), "last": dates.max()}
    return bool(_row(conn.execute(_compose("has_rows_between", table=table), values))[0])


def _copy(conn: psycopg.Connection[Any], table: sql.Composable, names: Sequence[str], payload: bytes) -> None:
    with conn.cursor() as cursor, cursor.copy(_compose("copy", table=table, columns=_list(names))) as copy:
        for start in range(0, len(payload), CHUNK):
            copy.write(payload[start : start + CHUNK])
            reach("copying")
    reach("copied")


def _raise_alerts(conn: psycopg.Connection[Any], source: sql.Composable, file_id: int, engine: Engine) -> AlertCounts:
    own = {column.name for column in engine.columns if column.stored}
    values = [name for name in ALERT_COLUMNS if name in own]
    names = [*values, *LINEAGE]
    changing = [name for name in values if name not in ("symbol", "interval")]
    query = _compose("raise_alerts", source=source, **_upsert(names, changing))
    inserted, updated, newest = _row(conn.execute(query, {"file_id": file_id}))
    return AlertCounts(int(inserted), int(updated), int(newest - inserted - updated))


def _store_summary(conn: psycopg.Connection[Any], file_id: int, engine: Engine, summary: pl.DataFrame) -> None:
    assert engine.summary is not None  # noqa: S101 - the caller looked
    columns = [column for column in engine.summary.columns if column.stored]
    named = [pl.col(f"{column.name}=text").alias(column.name) for column in columns]
    lineage = (pl.lit(engine.name).alias("engine"), pl.lit(file_id).alias("file_id"))
    payload = summary.select(*named, *lineage).write_csv(include_header=False).encode()
    names = [*(column.name for column in columns), "engine", "file_id"]
    _copy(conn, _table(engine.summary.table), names, payload)


def _upsert(names: Sequence[str], values: Sequence[str]) -> dict[str, sql.Composable]:
    """The parts of an upsert: what is written, and what has to differ for a row to count as updated."""
    return {
        "columns": _list(names),
        "excluded": _list(names, "excluded"),
        "stored_values": _list(values, "stored"),
        "excluded_values": _list(values, "excluded"),
    }


def _list(names: Iterable[str], relation: str | None = None) -> sql.Composable:
    qualified = [sql.Identifier(relation, name) if relation else sql.Identifier(name) for name in names]
    return sql.SQL(", ").join(qualified)


def table_of(engine: Engine) -> sql.Identifier:
    """The table of an engine's rows."""
    return _table(engine.table)


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def _compose(query: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(load("publish")[query]).format(**parts)


def _row(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "an aggregate yields one row"  # noqa: S101
    return tuple(row)


def issue_counts(issues: pl.DataFrame) -> Mapping[str, int]:
    """Issues by code, in the order of their first appearance."""
    return dict(issues.group_by("code", maintain_order=True).len().iter_rows())
