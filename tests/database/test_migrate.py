"""The schema's version: what `upgrade` does to an empty, a current, a newer and a contested database."""

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from autonama.database import migrate
from autonama.errors import DatabaseError


def test_head_is_alembics_head() -> None:
    """HEAD, which is asked for without importing Alembic, is the last revision that Alembic finds, REVISIONS all."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [migrate.HEAD]
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == migrate.REVISIONS


def test_upgrade_makes_an_empty_database_current(empty_database_url: str) -> None:
    """An empty database has no version; after an upgrade it has HEAD, and a second upgrade has nothing to say."""
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        assert migrate.current(conn) is None
        assert not migrate.is_current(conn)
        assert migrate.upgrade(conn, empty_database_url) == [f"The schema is at version {migrate.HEAD}."]
        assert migrate.is_current(conn)
        assert migrate.upgrade(conn, empty_database_url) == []


def test_alembic_is_not_imported_for_a_current_database(database_url: str) -> None:
    """Asking a current database costs neither Alembic nor SQLAlchemy."""
    script = (
        "import sys, psycopg\n"
        "from autonama.database import migrate\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as conn:\n"
        "    assert migrate.upgrade(conn, sys.argv[1]) == []\n"
        "print([name for name in ('alembic', 'sqlalchemy') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, database_url], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_newer_database_is_refused(conn: psycopg.Connection, database_url: str) -> None:
    """A revision that this package does not know means that a newer one made it: the message says to upgrade."""
    conn.execute("UPDATE ingestion.alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match=r"version 9999.*newer Autonama.*pip install --upgrade"):
        migrate.upgrade(conn, database_url)


def test_two_upgrades_at_once(empty_database_url: str) -> None:
    """Two at once end with one schema: the second waits for the first, finds its work, and says nothing."""
    said: list[list[str]] = []
    together = threading.Barrier(2)

    def upgrade() -> None:
        with psycopg.connect(empty_database_url, autocommit=True) as conn:
            together.wait()
            said.append(migrate.upgrade(conn, empty_database_url))

    threads = [threading.Thread(target=upgrade) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [[], [f"The schema is at version {migrate.HEAD}."]]


def test_a_failed_upgrade_changes_nothing(empty_database_url: str) -> None:
    """An upgrade that fails at its last statements takes its first ones back, the version's table included."""
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA trading")
        conn.execute("CREATE TABLE trading.signal_flips (mine TEXT)")
        with pytest.raises(DatabaseError, match=r"under a name that Autonama needs.*signal_flips.*Rename it"):
            migrate.upgrade(conn, empty_database_url)
        left = conn.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace IN "
            "(SELECT oid FROM pg_namespace WHERE nspname IN ('trading', 'ingestion'))"
        ).fetchall()
        assert left == [("signal_flips",)]
        assert conn.execute("SELECT to_regnamespace('ingestion')").fetchall() == [(None,)]


def test_passwords_and_sockets_with_odd_characters(empty_database_url: str, server) -> None:
    """An upgrade reaches the database through an address with signs that a URL would have to escape."""
    database = empty_database_url.rpartition("=")[2]
    server.execute(f"CREATE ROLE \"{database} o'dd\" SUPERUSER LOGIN PASSWORD 'p@ss:w/rd%20 ''\"'")
    address = psycopg.conninfo.make_conninfo(
        host="127.0.0.1", port=server.port, dbname=database, user=f"{database} o'dd", password="p@ss:w/rd%20 '\""
    )
    with psycopg.connect(address, autocommit=True) as conn:
        migrate.upgrade(conn, address)
        assert migrate.is_current(conn)
        conn.execute("DROP SCHEMA trading, ingestion CASCADE")
    server.execute(f'DROP ROLE "{database} o\'dd"')


def test_an_owner_without_the_right_to_create_is_told(empty_database_url: str, server) -> None:
    """A user who may not make schemas gets the GRANT that is missing, with the names filled in."""
    database = empty_database_url.rpartition("=")[2]
    server.execute(f"CREATE ROLE {database}_reader LOGIN")
    address = empty_database_url.replace("user=postgres", f"user={database}_reader")
    with (
        psycopg.connect(address, autocommit=True) as conn,
        pytest.raises(DatabaseError, match=f"GRANT CREATE ON DATABASE {database} TO {database}_reader;"),
    ):
        migrate.upgrade(conn, address)
    server.execute(f"DROP ROLE {database}_reader")


def test_no_way_back_is_offered() -> None:
    """There is no downgrade: it would drop rows that nothing else holds."""
    revisions = (Path(migrate.__file__).parent / "migrations" / "versions").glob("v*.py")
    assert not any("downgrade" in path.read_text() for path in revisions)
    assert not hasattr(migrate, "downgrade")
