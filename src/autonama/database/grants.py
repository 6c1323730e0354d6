"""Two roles with least rights, as SQL: a writer for ingestion, and a reader for dashboards and people."""

from typing import Any

import psycopg
from psycopg import sql

from autonama.database import migrate
from autonama.database.connect import translated
from autonama.database.queries import load
from autonama.errors import ConfigError, DatabaseError

WRITER, READER = "autonama_writer", "autonama_reader"

NAME_LIMIT = 63
"""Bytes of a role's name. PostgreSQL cuts a longer one off, and two roles could become one."""


def statements(conn: psycopg.Connection[Any], writer: str, reader: str) -> str:
    """SQL that makes the roles where they are not there, and grants; nothing is changed by asking for it.

    It may be run again at any time. No password is in it.

    Raises ConfigError for a name that no role can have, or of a role that rights do not limit; DatabaseError where the
    database has not the schema of this package.
    """
    for flag, name in (("--writer", writer), ("--reader", reader)):
        _refuse_name(flag, name)
    if writer == reader:
        raise ConfigError(f"The writer and the reader are both {writer}. Name two roles: a reader may not write.")
    with translated(conn):
        _refuse_schema(migrate.current(conn))
        queries = load("grants")
        found = conn.execute(queries["owners"], {"roles": [writer, reader]}).fetchall()
        if found:
            raise ConfigError(
                f"{found[0][0]} owns Autonama's tables or is a superuser, whom no GRANT limits. Name another role."
            )
        ((owner,),) = conn.execute(queries["owner"]).fetchall()
    names = {"writer": writer, "reader": reader, "owner": owner, "database": conn.info.dbname}
    made = sql.SQL(queries["grants"]).format(
        make_writer=_make(conn, writer, sql.SQL("")),
        make_reader=_make(conn, reader, sql.SQL(" " + queries["read_only"]).format(role=sql.Identifier(reader))),
        **{key: sql.Identifier(name) for key, name in names.items()},
    )
    return made.as_string(conn) + "\n"


def _make(conn: psycopg.Connection[Any], role: str, option: sql.Composable) -> sql.Composed:
    """A DO block that makes the role unless it is there. Its body is a literal: no name can end a `$$` early."""
    body = sql.SQL(load("grants")["make_role"]).format(name=sql.Literal(role), role=sql.Identifier(role), option=option)
    return sql.SQL("DO {}").format(sql.Literal(body.as_string(conn)))


def _refuse_name(flag: str, name: str) -> None:
    fits = 0 < len(name.encode()) <= NAME_LIMIT and name.isprintable()
    if not fits or name.startswith("pg_") or name in ("public", "none"):
        raise ConfigError(
            f"{flag} has to be a name that a role can have: 1 to {NAME_LIMIT} bytes without control characters, "
            "not public or none, and not beginning with pg_."
        )


def _refuse_schema(version: str | None) -> None:
    if version is None:
        raise DatabaseError("This database has no Autonama schema yet. `autonama db init` makes it.")
    if version != migrate.HEAD:
        raise DatabaseError(
            f"The schema is at version {version}, and this package has {migrate.HEAD}. Run autonama db upgrade, and "
            "then this again."
        )
