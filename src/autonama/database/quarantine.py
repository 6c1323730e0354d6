"""The rows that were put aside: which are there, and what became of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from autonama.database.queries import load


@dataclass(frozen=True)
class OpenFile:
    """A file with rows in quarantine. `header`: of a CSV file, where the ledger has kept it; `open`: how many rows."""

    id: int
    run_id: int
    set_name: str
    name: str
    path: str
    format: str
    header: str | None
    open: int


@dataclass(frozen=True)
class OpenRow:
    """A row in quarantine, with its own text and the reasons why it is there."""

    row_number: int
    line_number: int | None
    original: str
    reasons: list[str]


def open_files(conn: psycopg.Connection[Any], engine: str, files: Sequence[int] | None = None) -> list[OpenFile]:
    """The files of an engine with rows in quarantine, oldest first; of these ids only, where some are given."""
    with conn.cursor(row_factory=class_row(OpenFile)) as cursor:
        return cursor.execute(load("quarantine")["open_files"], {"engine": engine, "files": files}).fetchall()


def open_by_engine(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows are in quarantine, by engine; engines without any are not there."""
    return dict(conn.execute(load("quarantine")["open_by_engine"]).fetchall())


def engine_of(conn: psycopg.Connection[Any], file_id: int) -> str | None:
    """The engine of a file; None where the ledger has no such file."""
    row = conn.execute(load("quarantine")["engine_of"], {"file_id": file_id}).fetchone()
    return None if row is None else str(row[0])


def fates(conn: psycopg.Connection[Any], engine: str, files: Iterable[int]) -> dict[tuple[int, int], int | None]:
    """For each row that these files ever had in quarantine, by (file, row): the run that published it, or None."""
    rows = conn.execute(load("quarantine")["fates"], {"engine": engine, "files": list(files)})
    return {(file_id, row): run_id for file_id, row, run_id in rows}


def lock_file(conn: psycopg.Connection[Any], file_id: int) -> None:
    """Wait until no other transaction replays rows of this file."""
    conn.execute(load("quarantine")["lock_file"], {"file_id": file_id})


def open_rows(conn: psycopg.Connection[Any], file_id: int, rows: Sequence[int] | None = None) -> list[OpenRow]:
    """The rows of a file that are in quarantine, in its order; of these numbers only, where some are given."""
    with conn.cursor(row_factory=class_row(OpenRow)) as cursor:
        return cursor.execute(load("quarantine")["open_rows"], {"file_id": file_id, "rows": rows}).fetchall()


def published_beside(
    conn: psycopg.Connection[Any], table: sql.Composable, file_id: int, symbols: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Of these symbols, what stands in the table from that file or a replay of it: (symbol, interval) -> row."""
    query = sql.SQL(load("quarantine")["published_beside"]).format(table=table)
    rows = conn.execute(query, {"file_id": file_id, "symbols": symbols})
    return {(symbol, interval): row for symbol, interval, row in rows}


def close_rows(conn: psycopg.Connection[Any], file_id: int, rows: Sequence[int], replay: int) -> None:
    """Take rows out of quarantine, published by the ledger's entry `replay`."""
    conn.execute(load("quarantine")["close_rows"], {"file_id": file_id, "rows": rows, "replay": replay})


def renew_reasons(conn: psycopg.Connection[Any], file_id: int, reasons: Mapping[int, Sequence[str]]) -> None:
    """Say for each of these rows why it stays in quarantine."""
    with conn.cursor() as cursor:
        cursor.executemany(
            load("quarantine")["renew_reasons"],
            [{"file_id": file_id, "row": row, "reasons": list(told)} for row, told in reasons.items()],
        )


def settle_replay(conn: psycopg.Connection[Any], file_id: int, status: str, issue_counts: Mapping[str, int]) -> None:
    """Note how the ledger's entry of a replay ended."""
    values = {"file_id": file_id, "status": status, "issue_counts": Jsonb(dict(issue_counts))}
    conn.execute(load("quarantine")["settle_replay"], values)
