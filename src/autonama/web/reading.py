"""The dashboard's connections: few, shared, and unable to write."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, scalar_row
from psycopg.types.datetime import TimestamptzLoader
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from autonama.config import Settings
from autonama.database.connect import conninfo, translate
from autonama.database.queries import load
from autonama.errors import DatabaseError

CONNECTIONS = 4
"""At most. Pages are read in milliseconds, so that a hundred open ones hardly ever wait; listening has one more."""

PATIENCE_S = 3.0
"""How long a page waits for a connection before it says that the database does not answer."""

OPTIONS = (
    "-c default_transaction_read_only=on -c timezone=UTC -c statement_timeout=30s -c lock_timeout=5s -c jit=off "
    "-c work_mem=32MB"
)
"""Compiling the board's queries takes longer than running them; 50,000 of its rows are sorted without a file."""

Row = dict[str, Any]


class Reader:
    """Asks the queries of `database/sql`. Every method raises DatabaseError where PostgreSQL does not answer.

    Each session begins all its transactions read-only; a superuser's also takes the role pg_read_all_data, which has no
    right to write anything.
    """

    def __init__(self, settings: Settings) -> None:
        self._pool = ConnectionPool(
            lambda: conninfo(settings),  # asked for each connection: an embedded server that died is started again
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "options": OPTIONS,
                "application_name": "autonama web",
            },
            configure=_configure,
            check=ConnectionPool.check_connection,
            min_size=0,
            max_size=CONNECTIONS,
            max_idle=60,
            timeout=PATIENCE_S,
            reconnect_timeout=PATIENCE_S,
            open=False,
            name="autonama web",
        )

    def open(self) -> None:
        """Allow connections; the first is made when it is needed."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def rows(
        self, file: str, query: str, values: Mapping[str, Any] | None = None, **parts: sql.Composable
    ) -> list[Row]:
        """The answer to one query; `parts` are the names and clauses in its braces."""
        statement = sql.SQL(load(file)[query])
        composed = statement.format(**parts) if parts else statement
        try:
            with self._pool.connection() as conn:
                return conn.execute(composed, values).fetchall()
        except (PoolTimeout, PoolClosed):
            raise DatabaseError("The database does not answer.") from None
        except psycopg.Error as error:
            raise translate(error) from None

    def row(self, file: str, query: str, values: Mapping[str, Any] | None = None, **parts: sql.Composable) -> Row:
        """The only row of an answer; an empty one where there is none."""
        found: Sequence[Row] = self.rows(file, query, values, **parts)
        return found[0] if found else {}


def give_up_rights(conn: psycopg.Connection[Any]) -> None:
    """Leave a superuser's session without the right to write."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        if cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = session_user").fetchone():
            cursor.execute("SET ROLE pg_read_all_data")


class _Moment(TimestamptzLoader):
    """A time; None for one that Python's calendar has not, such as the infinity that an adopted row may hold."""

    def load(self, data: Any) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return None


def _configure(conn: psycopg.Connection[Any]) -> None:
    give_up_rights(conn)
    conn.adapters.register_loader("timestamptz", _Moment)
