"""A connection that comes back: work that met a passing fault is done again, on a new connection where needed."""

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
import stamina

from autonama.config import Settings
from autonama.database.connect import connect, is_transient, translate
from autonama.errors import DatabaseError

ATTEMPTS = 5
"""Tries at one piece of work. With the waits below they span about 10 s: a restart of PostgreSQL takes one or two,
and a fault that lasts longer is better told than waited for."""

WAIT_INITIAL_S, WAIT_MAX_S = 0.2, 5.0

CANCEL_S = 5.0
"""How long asking a server to cancel may take; one that does not answer rolls back when the connection is gone."""

T = TypeVar("T")


class Session:
    """Connects on first use. `work` given to `run` has to be one transaction, so that doing it again is safe.

    on_connect: called with every new connection, the first one too.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._conn: psycopg.Connection[Any] | None = None
        self.on_connect: Callable[[psycopg.Connection[Any]], None] = lambda _conn: None

    def run(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """The result of `work(connection)`. DatabaseError, in the user's words, where it does not succeed."""
        try:
            for attempt in stamina.retry_context(
                on=_passing, attempts=ATTEMPTS, wait_initial=WAIT_INITIAL_S, wait_max=WAIT_MAX_S, timeout=None
            ):
                with attempt:
                    return work(self._connection())
        except psycopg.Error as error:
            raise translate(error, user=self._user) from error
        raise AssertionError("the last attempt returns or raises")

    def _connection(self) -> psycopg.Connection[Any]:
        if self._conn is None or self._conn.closed:
            self._conn = connect(self._settings)
            self.on_connect(self._conn)
        return self._conn

    @property
    def _user(self) -> str | None:
        return None if self._conn is None or self._conn.closed else self._conn.info.user

    def cancel(self) -> None:
        """From another thread: cancel the statement under way, if there is one. Its work fails, and is not retried."""
        conn = self._conn
        # A server that cannot be asked is none that could still commit: the work fails by itself.
        with suppress(psycopg.Error):
            if conn is not None and not conn.closed:
                conn.cancel_safe(timeout=CANCEL_S)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._conn is not None:
            self._conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()


def _passing(error: Exception) -> bool:
    cause = error.__cause__ if isinstance(error, DatabaseError) else error  # the work may have translated it already
    return isinstance(cause, psycopg.Error) and is_transient(cause)
