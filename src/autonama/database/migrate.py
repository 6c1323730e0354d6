"""The schema's version, and bringing a database to it. Alembic is imported only when there is something to do."""

from pathlib import Path
from typing import Any

import psycopg

from autonama.database.connect import translated
from autonama.database.queries import load
from autonama.errors import DatabaseError

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every revision that this package knows, oldest first."""

HEAD = REVISIONS[-1]

UPGRADE_LOCK = 0x6175746F
"""Advisory lock of an upgrade ('auto'): a second process waits, and then finds the work done."""

PREPARE = """
SET LOCAL lock_timeout = '30s';
SET LOCAL statement_timeout = 0;
SET LOCAL timezone = 'UTC';
DO $$
BEGIN
    -- IF NOT EXISTS would ask for the right to create even where a schema is there.
    IF to_regnamespace('ingestion') IS NULL THEN
        CREATE SCHEMA ingestion;
    END IF;
    IF to_regnamespace('trading') IS NULL THEN
        CREATE SCHEMA trading;
    END IF;
END
$$
"""


def current(conn: psycopg.Connection[Any]) -> str | None:
    """Revision of the database, or None where Autonama has never been."""
    found = conn.execute("SELECT to_regclass('ingestion.alembic_version')").fetchone()
    if found is None or found[0] is None:
        return None
    row = conn.execute("SELECT version_num FROM ingestion.alembic_version").fetchone()
    return None if row is None else str(row[0])


def is_current(conn: psycopg.Connection[Any]) -> bool:
    """Whether the database has the schema of this package."""
    return current(conn) == HEAD


def upgrade(conn: psycopg.Connection[Any], conninfo: str) -> list[str]:
    """Bring the database to HEAD, all or nothing; sentences that say what was done, none if nothing was to do."""
    with translated(conn):
        before = current(conn)
        if before == HEAD:
            return []
        if before is None:
            return _run_alembic(conninfo)
        if before in REVISIONS:
            try:
                return _run_alembic(conninfo)
            except psycopg.errors.InsufficientPrivilege as refusal:
                raise DatabaseError(_whose_work(conn, before)) from refusal
    raise DatabaseError(
        f"The database has schema version {before}, and the latest that this package knows is {HEAD}: a newer Autonama "
        "made it. Upgrade this package (pip install --upgrade autonama)."
    )


def _whose_work(conn: psycopg.Connection[Any], before: str) -> str:
    """Who has to run the upgrade that this user may not."""
    ((owner,),) = conn.execute(load("grants")["owner"]).fetchall()
    return (
        f"The schema is at version {before}, this package needs {HEAD}, and the database user {conn.info.user} may not "
        f"change it. Its owner, {owner}, has to run: autonama db upgrade"
    )


def _run_alembic(conninfo: str) -> list[str]:
    from alembic import command  # noqa: PLC0415  0.4 s with SQLAlchemy
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    said: list[str] = []
    config = Config(attributes={"connection": None})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    # SQLAlchemy never sees the address: it could not spell every socket directory and password.
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connection(conninfo, said), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK])
            if is_current(driver):
                return []
            driver.execute(PREPARE)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise (error.orig if isinstance(error.orig, psycopg.Error) else error) from error
    return [f"The schema is at version {HEAD}.", *said]


def _connection(conninfo: str, said: list[str]) -> psycopg.Connection[Any]:
    """A connection of the upgrade's own, which hears what the SQL says with RAISE INFO."""

    def listen(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "INFO" and notice.message_primary:
            said.append(notice.message_primary)

    conn = psycopg.connect(conninfo, application_name="autonama", client_encoding="utf8", connect_timeout=10)
    conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # to see, after the lock, what its last holder did
    conn.add_notice_handler(listen)
    return conn
