"""What PostgreSQL's errors mean to the user: what is wrong, what to do next, and never a password."""

import re
from collections.abc import Mapping

import psycopg
from psycopg import errors

from autonama.errors import DatabaseError

STARTING = re.compile(
    r"the database system is (starting up|shutting down|in recovery mode|not yet accepting connections)|"
    r"Connection refused|failed: No such file or directory"
)
"""What a server says, or nobody says, shortly before it takes connections; a restart begins with shutting down, and
the server's socket is not there until it is up again."""

TRANSIENT = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleSessionTimeout,
    errors.IdleInTransactionSessionTimeout,
)

LOST = re.compile(
    r"server closed the connection|connection (?:is|was) (?:lost|closed)|Connection reset|Broken pipe|"
    r"SSL connection has been closed|terminating connection|no connection to the server|could not receive data|"
    r"could not send data|Connection timed out|SSL SYSCALL error"
)
"""libpq's words for a connection that broke; it gives no code with them."""


def is_starting(error: Exception) -> bool:
    """Whether the server is not up yet: worth another attempt in a moment."""
    return isinstance(error, psycopg.OperationalError) and STARTING.search(str(error)) is not None


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed when it is done again: nothing is wrong with the work itself."""
    if isinstance(error, TRANSIENT) or (isinstance(error, Exception) and is_starting(error)):
        return True
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return (error.sqlstate or "").startswith("08") or (error.sqlstate is None and LOST.search(str(error)) is not None)


def translate(error: psycopg.Error, *, user: str | None = None, server: str | None = None) -> DatabaseError:
    """The error in the user's words.

    user: the database's user, for the GRANT in the advice.
    server: where a connection was tried, to be named where the error does not know it.
    """
    words = _words(error)
    state = error.sqlstate
    if state is None:
        sentence = next((told for pattern, told in UNREACHED if re.search(pattern, words)), NOT_REACHED)
        return DatabaseError(sentence.format(**_attempt(error, server or "the server"), words=words))
    sentence = REFUSED.get(state) or REFUSED.get(state[:2]) or "PostgreSQL refused: {words} (SQLSTATE {state})."
    place = ".".join(part for part in (error.diag.schema_name, error.diag.table_name) if part)
    return DatabaseError(
        sentence.format(
            words=words,
            state=state,
            grant=_grant(words, user or "your_user"),
            broken=f"{error.diag.constraint_name or words}{f' of {place}' if place else ''}",
        )
    )


def _grant(words: str, user: str) -> str:
    """What gives the right that PostgreSQL misses in `permission denied for <kind> <name>`."""
    denied = re.search(r"permission denied for (\w+) (\S+)", words)
    kind, name = denied.groups() if denied else ("", "")
    statements = {
        "database": f"GRANT CREATE ON DATABASE {name} TO {user}",
        "schema": f"GRANT USAGE, CREATE ON SCHEMA {name} TO {user}",
        "table": f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA trading, ingestion TO {user}",
        "view": f"GRANT SELECT ON ALL TABLES IN SCHEMA trading TO {user}",
        "sequence": f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA trading, ingestion TO {user}",
    }
    if temporary := re.search(r"temporary tables in database \"(.+)\"", words):
        return f"Let the database's owner run: GRANT TEMPORARY ON DATABASE {temporary[1]} TO {user};"
    if kind in statements:
        return f"Let the database's owner run: {statements[kind]};"
    if "must be owner" in words:
        return "Run autonama db upgrade as the owner of the table."
    return "Ask the database's owner for it."


LOST_WORK = "The connection to PostgreSQL was lost: {words}. Nothing half-done was kept; run the command again."
BEHIND = "The schema is behind: {words}. Run: autonama db upgrade"
EXISTING = "The database holds something under a name that Autonama needs: {words}. Rename it, then try again."
IDLE = "PostgreSQL cut the connection for being idle: {words}. Raise that timeout for this user, and run again."
FULL_UP = "PostgreSQL has no connection left: {words}. Close others, or raise max_connections on the server."
NOT_REACHED = "PostgreSQL was not reached, or broke off: {words}."

REFUSED: Mapping[str, str] = {
    "AU001": (
        "The tables that are there cannot be adopted: {words}. Nothing was changed. Alter the column, or rename the "
        "table, and run autonama db upgrade again."
    ),
    "08": LOST_WORK,
    "22": "PostgreSQL refused a value: {words}. Nothing of its set was stored.",
    "23": "PostgreSQL refused a row: it breaks {broken}. Nothing of its set was stored.",
    "25006": (
        "The database is read-only: {words}. It may be a standby, or default_transaction_read_only is on; name the "
        "primary server."
    ),
    "25P03": IDLE,
    "40": "Other work on the same rows got in the way each time: {words}. Run the command again.",
    "42501": "The database user lacks a right: {words}. {grant}",
    "3F000": BEHIND,
    "42P01": BEHIND,
    "42703": BEHIND,
    "42P06": EXISTING,
    "42P07": EXISTING,
    "42710": EXISTING,
    "53100": "The database server's disk is full: {words}. Free space there, then run the command again.",
    "53200": "The database server is out of memory: {words}. Run the command again when it has more.",
    "53300": FULL_UP,
    "55P03": (
        "Somebody else holds a lock on the rows or tables: {words}. Look for open transactions in pg_stat_activity, "
        "then run the command again."
    ),
    "57014": (
        "PostgreSQL stopped the statement: {words}. Raise statement_timeout for this user, or run it when less is on."
    ),
    "57P05": IDLE,
    "58P01": (
        "The database server misses one of its own files: {words}. Where Autonama was installed anew while its "
        "embedded server ran: autonama db stop, then the command again."
    ),
    "57": "The database server was shut down: {words}. Run the command again when it is up.",
}
"""By SQLSTATE, or by its class, which is its first two characters."""


def _words(error: psycopg.Error) -> str:
    """What PostgreSQL said, on one line, without a password."""
    said = error.diag.message_primary or str(error).strip() or type(error).__name__
    said = re.sub(r"\s+", " ", said).rstrip(". ")
    said = re.sub(r"(postgres(?:ql)?://[^:@/\s]*):[^\s]*@", r"\1:***@", said)
    said = re.sub(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", r"\1***", said)
    for secret in _passwords(error):
        said = said.replace(secret, "***")
    return said


def _passwords(error: psycopg.Error) -> list[str]:
    """The password of the attempt that failed, as psycopg keeps it with its error, if it is no public name as well."""
    if error.pgconn is None:
        return []
    attempt = error.pgconn
    public = {b"", attempt.user, attempt.db, attempt.host}
    return [] if attempt.password in public else [attempt.password.decode(errors="replace")]


def _attempt(error: psycopg.Error, server: str) -> dict[str, str]:
    """Whom the attempt that failed wanted to reach."""
    attempt = error.pgconn
    if attempt is None:
        return {"server": server, "database": "?", "user": "?"}
    host, port = attempt.host.decode(errors="replace"), attempt.port.decode(errors="replace")
    return {
        "server": f"the socket {host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}",
        "database": attempt.db.decode(errors="replace"),
        "user": attempt.user.decode(errors="replace"),
    }


UNREACHED: tuple[tuple[str, str], ...] = (
    (
        r"connection info string|percent-encoded|URI query parameter|invalid connection option|invalid URI",
        "The database's address cannot be read. Write postgresql://user:password@host:5432/database, with %40 for @, "
        "%3A for :, %2F for / and %25 for % inside the password.",
    ),
    (
        r"password authentication failed|no password supplied|empty password returned",
        'Wrong password or user: {server} refused the login of "{user}". Check database_user and database_password '
        "(or AUTONAMA_DATABASE_PASSWORD).",
    ),
    (
        r'database ".*" does not exist',
        'The database "{database}" does not exist on {server}. Make it (createdb {database}), or set database_name.',
    ),
    (
        r'role ".*" does not exist',
        'The database user "{user}" does not exist on {server}. Make it (createuser {user}), or set database_user.',
    ),
    (
        r"no encryption|server does not support SSL|SSL required|weak sslmode",
        "Encryption (TLS) does not fit: {words}. Set database_sslmode (?sslmode= in a database_url): require where the "
        "server asks for it, disable where it has none.",
    ),
    (
        r"private key|valid client certificate|certificate required|alert unknown ca|could not (read|open) certificate "
        r"file|certificate present, but not",
        "The user's own certificate does not fit: {words}. Set database_sslcert to its file and database_sslkey to "
        "that of its private key (chmod 600).",
    ),
    (
        r"server certificate for .* does not match",
        "The server's certificate is for another host: {words}. Set database_host to the name in it; "
        'database_sslmode "verify-ca" goes without the comparison.',
    ),
    (
        r"certificate|SSL error",
        "The server's certificate was not accepted: {words}. Set database_sslrootcert to the file of the authority "
        "that signed it.",
    ),
    (
        r"no pg_hba.conf entry|Peer authentication failed|Ident authentication failed|pg_hba.conf rejects",
        "The server does not let this user or machine in: {words}. Its pg_hba.conf has to allow it.",
    ),
    (
        r"failed to resolve host|could not translate host name|Name or service not known",
        "The database's host name is unknown: {words}. Check database_host and the network.",
    ),
    (
        r"Connection refused|No such file or directory",
        "No PostgreSQL answers at {server}. Start it, or check database_host and database_port.",
    ),
    (
        r"too many clients|remaining connection slots|too many connections",
        FULL_UP,
    ),
    (
        r"starting up|not yet accepting|shutting down|in recovery mode",
        "PostgreSQL at {server} takes no connections yet: {words}. Run the command again in a moment.",
    ),
    (
        r"timeout expired|timed out",
        "PostgreSQL at {server} did not answer in time. Check database_host, the network and its firewall.",
    ),
    (r"Permission denied", "The socket of {server} may not be entered: run as the OS user who owns it."),
    (
        LOST.pattern + r"|the connection is closed",
        LOST_WORK,
    ),
)
"""Words, first match wins -> the sentence. The first must come first: libpq quotes the address, password included."""
