"""The ledger: what was ingested, when, from which bytes, with which outcome. Its tables are the schema `ingestion`."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from autonama import __version__
from autonama.database.queries import load

RUN_LOCKS = zlib.crc32(b"autonama.run") & 0x7FFFFFFF
"""The first half of the advisory lock that a living run holds; the second is its id."""

BadRow = tuple[int, int | None, str, list[str]]
"""row, line, original text, reasons."""


@dataclass(frozen=True)
class FileEntry:
    """What the ledger keeps of a file. `sha256` is of its content, after decompression.

    header: of a CSV file, as it stands there.
    replay_of: the file whose quarantined rows these are, where they are judged again.
    """

    run_id: int
    engine: str
    set_name: str
    name: str
    path: str
    format: str
    sha256: str
    size: int
    modified_at: datetime
    status: Literal["published", "companion", "rejected"]
    ruleset: str
    rows_read: int
    issue_counts: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    primary_id: int | None = None
    elapsed_s: float | None = None
    header: str | None = None
    replay_of: int | None = None


@dataclass(frozen=True)
class Refusal:
    """An earlier refusal of the same bytes: by which run, and its issues by code."""

    run_id: int
    issue_counts: Mapping[str, int]


def start_run(conn: psycopg.Connection[Any], engine: str, options: Mapping[str, object]) -> int:
    """Enter a run, hold its lock on this connection, and close the runs whose process died. Returns its id."""
    sql = load("ledger")
    values = {"engine": engine, "package_version": __version__, "options": Jsonb(dict(options))}
    with conn.transaction():
        (run_id,) = _one(conn.execute(sql["start_run"], values))
        hold_run(conn, run_id)
        conn.execute(sql["close_interrupted"], {"run_id": run_id, "space": RUN_LOCKS})
    return int(run_id)


def run_began(conn: psycopg.Connection[Any], run_id: int) -> datetime | None:
    """When a run began, UTC; None where there is none of this id under way."""
    row = conn.execute(load("ledger")["run_began"], {"run_id": run_id}).fetchone()
    return None if row is None else row[0]


def hold_run(conn: psycopg.Connection[Any], run_id: int) -> None:
    """Show on this connection that the run is alive: after a reconnection its lock has to be taken again.

    The connection that was lost may live on at the server, for hours, and with it the transaction that it was in.
    """
    values = {"run_id": run_id, "space": RUN_LOCKS}
    conn.execute(load("ledger")["end_predecessor"], values)
    conn.execute(load("ledger")["hold_run"], values)


def finish_run(
    conn: psycopg.Connection[Any], run_id: int, status: str, *, cleanup: Mapping[str, int], error: str | None
) -> None:
    """Note how a run ended."""
    values = {"run_id": run_id, "status": status, "cleanup": Jsonb(dict(cleanup)), "error": error}
    conn.execute(load("ledger")["finish_run"], values)


def published(conn: psycopg.Connection[Any], engine: str, contents: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Of these SHA-256 sums, those that are published: sum -> (file id, run id)."""
    rows = conn.execute(load("ledger")["published"], {"engine": engine, "sha256": list(contents)})
    return {sha256: (file_id, run_id) for sha256, file_id, run_id in rows}


def refused(conn: psycopg.Connection[Any], engine: str, contents: Iterable[str], ruleset: str) -> Refusal | None:
    """The first refusal of a set of exactly these SHA-256 sums by this very rule set."""
    values = {"engine": engine, "sha256": sorted(set(contents)), "ruleset": ruleset}
    row = conn.execute(load("ledger")["refused"], values).fetchone()
    return None if row is None else Refusal(*row)


def refused_by_run(conn: psycopg.Connection[Any], entry: FileEntry) -> int | None:
    """The id under which this run entered the same refusal before: its commit came through, its answer did not."""
    values = {"run_id": entry.run_id, "engine": entry.engine, "sha256": entry.sha256, "set_name": entry.set_name}
    row = conn.execute(load("ledger")["refused_by_run"], values).fetchone()
    return None if row is None else int(row[0])


def counts(conn: psycopg.Connection[Any], file_id: int) -> tuple[int, ...]:
    """Of a published file: rows read, inserted, updated, unchanged, quarantined; alerts inserted, updated, same."""
    return _one(conn.execute(load("ledger")["counts"], {"file_id": file_id}))


def lock_contents(conn: psycopg.Connection[Any], engine: str, contents: Iterable[str]) -> None:
    """Wait until no other transaction publishes any of these bytes. Sorted, so that two processes cannot deadlock."""
    # The session's lock_timeout is for locks that nobody should hold long; another publisher is waited for.
    (patience,) = _one(conn.execute("SELECT current_setting('lock_timeout')"))
    conn.execute("SELECT set_config('lock_timeout', '0', true)")
    for sha256 in sorted(set(contents)):
        conn.execute(load("ledger")["lock_content"], {"engine": engine, "sha256": sha256})
    conn.execute("SELECT set_config('lock_timeout', %s, true)", [patience])


def insert_file(conn: psycopg.Connection[Any], entry: FileEntry) -> int:
    """Enter a file; of a published one the counts and findings follow. Returns its id."""
    values = asdict(entry) | {"issue_counts": Jsonb(dict(entry.issue_counts)), "notes": Jsonb(list(entry.notes))}
    values["header"] = _storable(entry.header)
    (file_id,) = _one(conn.execute(load("ledger")["insert_file"], values))
    return int(file_id)


def count_file(
    conn: psycopg.Connection[Any], file_id: int, *, rows: Mapping[str, int], alerts: Mapping[str, int], elapsed_s: float
) -> None:
    """Settle where a file's rows and alerts went: keys inserted, updated, unchanged; of rows also quarantined."""
    values = {**rows, **{f"alerts_{key}": value for key, value in alerts.items()}}
    conn.execute(load("ledger")["count_file"], values | {"file_id": file_id, "elapsed_s": elapsed_s})


def settle_file(
    conn: psycopg.Connection[Any],
    file_id: int,
    *,
    issue_counts: Mapping[str, int],
    notes: Sequence[str],
    header: str | None,
) -> None:
    """Enter what was found in a file, once all of it is read."""
    values = {"issue_counts": Jsonb(dict(issue_counts)), "notes": Jsonb(list(notes)), "header": _storable(header)}
    conn.execute(load("ledger")["settle_file"], values | {"file_id": file_id})


def copy_issues(conn: psycopg.Connection[Any], findings: bytes) -> None:
    """Store the findings of a file, given as CSV of the columns that the query names."""
    with conn.cursor() as cursor, cursor.copy(load("ledger")["copy_issues"]) as copy:
        copy.write(findings)


def copy_quarantine(conn: psycopg.Connection[Any], file_id: int, rows: Iterable[BadRow]) -> None:
    """Store bad rows with their original text and the reasons."""
    with conn.cursor() as cursor, cursor.copy(load("ledger")["copy_quarantine"]) as copy:
        for row, line, original, reasons in rows:
            copy.write_row((file_id, row, line, _storable(original), [_storable(reason) for reason in reasons]))


def notify(conn: psycopg.Connection[Any], payload: str) -> None:
    """Send NOTIFY autonama; it is delivered when the transaction commits."""
    conn.execute(load("ledger")["notify"], {"payload": payload})


def runs(conn: psycopg.Connection[Any], limit: int, run_id: int | None = None) -> list[dict[str, Any]]:
    """The latest runs, newest first, with their counts; or the one of that id, if there is one."""
    return _rows(conn, "runs", {"limit": limit, "offset": 0, "status": None, "run_id": run_id})


def run_files(conn: psycopg.Connection[Any], run_id: int) -> list[dict[str, Any]]:
    """The files of one run."""
    return _rows(conn, "run_files", {"run_id": run_id})


def run_issues(conn: psycopg.Connection[Any], run_id: int, limit: int) -> list[dict[str, Any]]:
    """The findings of one run, errors first."""
    return _rows(conn, "run_issues", {"run_id": run_id, "limit": limit})


def why(
    conn: psycopg.Connection[Any], symbol: str, *, interval: str | None, day: date | None, limit: int
) -> list[dict[str, Any]]:
    """The alerts of a symbol with the file, row and run that they came from, newest first."""
    return _rows(conn, "why", {"symbol": symbol, "interval": interval, "day": day, "limit": limit})


def latest_alerts(conn: psycopg.Connection[Any], limit: int) -> list[dict[str, Any]]:
    """The newest alert of each symbol and interval."""
    return _rows(conn, "latest_alerts", {"limit": limit})


def known_symbols(conn: psycopg.Connection[Any]) -> list[str]:
    """Every symbol with an alert, by name."""
    return [row["symbol"] for row in _rows(conn, "known_symbols", {})]


def known_alerts(conn: psycopg.Connection[Any], symbol: str) -> dict[str, date | None]:
    """The intervals at which a symbol has alerts, with the day (UTC) of the newest."""
    return {row["interval"]: row["newest"] for row in _rows(conn, "known_alerts", {"symbol": symbol})}


def _rows(conn: psycopg.Connection[Any], query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load("ledger")[query], values).fetchall()


def _one(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "an INSERT ... RETURNING yields its row"  # noqa: S101
    return tuple(row)


def _storable(part: Any) -> Any:
    """PostgreSQL's text holds no NUL: a backslash and a zero stand for it."""
    return part.replace("\0", r"\0") if isinstance(part, str) else part
