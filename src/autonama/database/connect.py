"""Connections to PostgreSQL, and its addresses with and without the password."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import psycopg
import stamina
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from autonama.database import embedded
from autonama.database.failures import is_starting, is_transient, translate
from autonama.errors import ConfigError, DatabaseError

if TYPE_CHECKING:
    from autonama.config import Settings

__all__ = ["address", "connect", "conninfo", "is_transient", "shown", "translate", "translated"]

EMBEDDED = "embedded"

HIDDEN = "***"
SECRETS = ("sslpassword", "oauth_client_secret")  # besides the password

CONNECT_TIMEOUT_S = 10
"""How long one attempt may take: without it a host that drops packets holds a command for minutes."""

SESSION = """
SELECT set_config('timezone', 'UTC', false),
       set_config('tcp_keepalives_idle', '60', false),
       set_config('tcp_keepalives_interval', '10', false),
       set_config('tcp_keepalives_count', '3', false),
       set_config('default_transaction_isolation', 'read committed', false),
       CASE current_setting('lock_timeout') WHEN '0' THEN set_config('lock_timeout', '30s', false) END
"""
"""Times are shown in UTC. A publication that waited for another's lock has to see what that one stored, which it would
not under a stricter isolation. A lock that somebody holds for half a minute is told rather than waited for, unless the
user, database or server has a limit of its own. The server notices within 90 s that a machine is gone whose run holds
locks; as Linux comes, that takes over two hours, in which nobody else could publish the same rows."""

KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3}
"""The same in the other direction: a command whose server is gone without a word ends."""

SLOW_S = 1.0
"""After so long a wait is told: a second is what a person takes for an answer that is on its way."""

waiting = logging.getLogger("autonama.waiting")
"""Heard by the command line, which passes it on to stderr."""

OLDEST_SERVER = 130000

logging.getLogger("stamina").addHandler(logging.NullHandler())  # else each retry is a line on the user's terminal


def conninfo(settings: "Settings") -> str:
    """Address of the database, password included; the embedded server is started if it is the one that is set."""
    if settings.database_url is not None:
        return make_conninfo(**{**_tls(settings), **_parsed(settings.database_url.get_secret_value())})
    if settings.database_host == EMBEDDED:
        return embedded.ensure_running(settings.data_dir)
    return make_conninfo(
        **_tls(settings),
        host=settings.database_host,
        port=settings.database_port,
        dbname=settings.database_name,
        user=settings.database_user,
        password=settings.database_password.get_secret_value(),
    )


def _tls(settings: "Settings") -> dict[str, str]:
    """The ssl settings in libpq's words. They hold for a database_url, too, in what it does not say itself."""
    given = {
        "sslmode": settings.database_sslmode,
        "sslrootcert": settings.database_sslrootcert,
        "sslcert": settings.database_sslcert,
        "sslkey": settings.database_sslkey,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def shown(settings: "Settings | str") -> str:
    """The address as a URL that may be shown: a password is `***`. Starts no server."""
    if isinstance(settings, str):
        return address(settings)
    if settings.database_url is None and settings.database_host == EMBEDDED:
        return f"embedded PostgreSQL in {settings.data_dir}"
    return address(conninfo(settings))


def address(conninfo: str, *, show_password: bool = False) -> str:
    """A conninfo as a URL, with `***` in the place of a password unless it shall be shown."""
    parts = {name: str(value) for name, value in _parsed(conninfo).items()}
    host, port = parts.pop("host", ""), parts.pop("port", "")
    user, secret = parts.pop("user", ""), parts.pop("password", "")
    database = quote(parts.pop("dbname", ""), safe="")
    if "/" in host or "," in host or ":" in host:  # a socket's directory, several hosts, IPv6: no plain URL has room
        parts = {"host": host, **({"port": port} if port else {}), **parts}
        host = port = ""
    if secret:
        secret = ":" + (quote(secret, safe="") if show_password else HIDDEN)
    who = f"{quote(user, safe='')}{secret}@" if user or secret else ""
    where = f"{quote(host, safe='')}{f':{port}' if port else ''}"
    if not show_password:
        parts |= {name: HIDDEN for name in SECRETS if name in parts}
    return f"postgresql://{who}{where}/{database}{'?' if parts else ''}{urlencode(parts, safe='/*', quote_via=quote)}"


def connect(settings: "Settings", *, wait_s: float = 10) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection: autocommit, UTC. A server that is starting, or not up yet, is waited for `wait_s` seconds.

    Raises DatabaseError, in whose message the password never stands.
    """
    try:
        conn = _patiently(settings, wait_s)
        conn.execute(SESSION)
    except psycopg.Error as error:
        raise translate(error, server=shown(settings)) from None
    if conn.info.server_version < OLDEST_SERVER:
        conn.close()
        raise DatabaseError(
            f"The server is PostgreSQL {conn.info.server_version // 10000}, and Autonama needs "
            f"{OLDEST_SERVER // 10000} or later. Upgrade the server, or name another."
        )
    return conn


@contextmanager
def translated(conn: psycopg.Connection[Any] | None = None) -> Iterator[None]:
    """Turn psycopg's errors into DatabaseError; `conn` lends the user's name to the advice."""
    user = conn.info.user if conn is not None and not conn.closed else None
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, user=user) from error


def _patiently(settings: "Settings", wait_s: float) -> psycopg.Connection[tuple[Any, ...]]:
    if wait_s <= 0:
        return _open(settings)
    with _told_when_slow(settings):
        for attempt in stamina.retry_context(
            on=is_starting, attempts=None, timeout=wait_s, wait_initial=0.1, wait_max=1, wait_jitter=0.2
        ):
            with attempt:
                return _open(settings)  # each time, so that an embedded server that just died is started again
    raise AssertionError("stamina re-raises the last error")


@contextmanager
def _told_when_slow(settings: "Settings") -> Iterator[None]:
    """Log a warning if a server lets itself be waited for; the embedded one has its first start to do."""
    if settings.database_url is None and settings.database_host == EMBEDDED:
        yield
        return
    timer = threading.Timer(SLOW_S, waiting.warning, ("Waiting for PostgreSQL at %s", shown(settings)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _open(settings: "Settings") -> psycopg.Connection[tuple[Any, ...]]:
    target = conninfo(settings)
    options: dict[str, Any] = {"application_name": "autonama", "client_encoding": "utf8"}
    named = _parsed(target)
    options |= {
        name: value for name, value in {"connect_timeout": CONNECT_TIMEOUT_S, **KEEPALIVES}.items() if name not in named
    }
    return psycopg.connect(target, autocommit=True, **options)


def _parsed(conninfo: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(conninfo)
    except psycopg.Error:
        raise ConfigError(
            "database_url cannot be read as a PostgreSQL address. Write postgresql://user:password@host:5432/database, "
            "with %40 for @, %3A for :, %2F for / and %25 for % inside the password."
        ) from None  # psycopg quotes the address, and with it the password
