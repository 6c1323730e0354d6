"""What a database holds, for `autonama db status`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from autonama.database import migrate
from autonama.database.queries import load


@dataclass(frozen=True)
class Status:
    """One look at a database. `schema_version` is None where Autonama has never been; `rows` is by table."""

    server_version: str
    started_at: datetime
    size_bytes: int
    schema_version: str | None
    rows: dict[str, int]


def status(conn: psycopg.Connection[Any]) -> Status:
    """Look at the database; every row is counted."""
    queries = load("status")
    size, started_at = conn.execute(queries["database"]).fetchall()[0]
    tables = conn.execute(queries["tables"]).fetchall()
    return Status(
        server_version=conn.info.parameter_status("server_version") or "unknown",
        started_at=started_at,
        size_bytes=size,
        schema_version=migrate.current(conn),
        rows={f"{schema}.{table}": _count(conn, schema, table) for schema, table in tables},
    )


def _count(conn: psycopg.Connection[Any], schema: str, table: str) -> int:
    (rows,) = conn.execute(sql.SQL(load("status")["count"]).format(table=sql.Identifier(schema, table))).fetchall()[0]
    return int(rows)
