"""`autonama db grants`: what its two roles can do, by doing it with the product, and what they cannot, by trying."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from autonama.config import load_settings
from autonama.database import connect, embedded, migrate
from autonama.database.queries import load
from autonama.errors import DatabaseError
from writing import good, many, write_csv, write_json

pytestmark = pytest.mark.full

Run = Callable[..., subprocess.CompletedProcess[str]]

PASSWORD = "p@ss 'w\"ord%20"

ODD = 'odd "na\'me" $$; DROP SCHEMA trading CASCADE; -- %s {} \\ ü'
"""Signs with which a name could leave its quotes, a dollar quote, a format, or a comment."""


@dataclass(frozen=True)
class Roles:
    """Two roles that `grants` made on the test's database, each with PASSWORD, and how to log in over TCP."""

    writer: str
    reader: str
    login: Callable[[str], str]

    def connect(self, role: str) -> psycopg.Connection[Any]:
        """A connection of that role, which may switch off whatever a role may switch off by itself."""
        conn = psycopg.connect(self.login(role), autocommit=True)
        conn.execute("SET default_transaction_read_only = off")
        return conn


@pytest.fixture
def roles(autonama: Run, conn: psycopg.Connection, server) -> Iterator[Roles]:
    """What `db grants --apply` makes, with the passwords that its last lines ask for."""
    database = conn.info.dbname
    writer, reader = f"{database}_w", f"{database}_r"
    done = autonama("db", "grants", "--apply", "--writer", writer, "--reader", reader)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{writer} may write and {reader} may read.")
    for role in (writer, reader):
        conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD)))

    def login(role: str) -> str:
        parts = {"user": role, "password": PASSWORD, "dbname": database, "host": "127.0.0.1", "port": server.port}
        return connect.address(psycopg.conninfo.make_conninfo(**parts), show_password=True)

    yield Roles(writer, reader, login)
    for role in (writer, reader):
        conn.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_the_writer_runs_every_command_of_the_day(
    autonama: Run, roles: Roles, conn: psycopg.Connection, tmp_path: Path
) -> None:
    """Ingest of every kind, replay, runs, why, cleanup, status, doctor: the writer's rights are enough for each."""
    url = {"AUTONAMA_DATABASE_URL": roles.login(roles.writer)}
    first = write_csv(tmp_path, [good(), *many(30)], "vectorbt_analysis_results_20260115_103000.csv")
    changed = write_csv(
        tmp_path, [good(current_price="106"), *many(30)], "vectorbt_analysis_results_20260115_113000.csv"
    )
    bad = write_csv(tmp_path, [good(symbol="BTCEUR"), *many(30)], "vectorbt_analysis_results_20260115_123000.csv")

    def run(*words: object, code: int = 0) -> str:
        done = autonama(*words, **url)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    for file in (first, changed):
        run("ingest", file)
    run("ingest", bad, code=1)
    run("ingest", "--lenient", bad)
    run("validate", first)
    run("replay", code=1)
    url["AUTONAMA_QUOTE_ASSETS"] = "USDT,EUR"
    run("replay")
    run("why", "BTCEUR")
    run("runs")
    run("runs", "1")
    run("why", "BTCUSDT")
    run("rules")
    run("db", "status")
    conn.execute("UPDATE trading.vectorbt_analysis SET created_at = now() - interval '40 days'")
    assert "trading.vectorbt_analysis: 32 rows older than 30 days deleted" in run("cleanup")
    conn.execute("UPDATE trading.alerts SET created_at = now() - interval '40 days'")
    run("ingest", write_json(tmp_path, [good(symbol="ETHUSDT")], "vectorbt_analysis_results_20260116_103000.json"))
    assert conn.execute("SELECT count(*), min(symbol) FROM trading.alerts").fetchall() == [(1, "ETHUSDT")]
    assert "ok       database" in autonama("doctor", **url).stdout
    assert "ok       schema" in autonama("doctor", **url).stdout


def test_the_writer_publishes_the_enhanced_engine(autonama: Run, roles: Roles, tmp_path: Path) -> None:
    """Its tables, the summary and their sequences are the writer's to fill, too."""
    from datetime import UTC, datetime

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    result = {
        "symbol": "BTCUSDT", "interval": "1d", "current_price": 105.5, "lower_band": 100, "upper_band": 110,
        "signal": "HOLD", "potential_return": 10, "degree": 3, "kstd": 1.5, "analysis_date": now,
    }  # fmt: skip
    document = {"summary": {"total_assets_analyzed": 1, "analysis_timestamp": now}, "results": [result]}
    file = write_json(tmp_path, document, "enhanced_analysis_results_20260115_103000.json")
    done = autonama("ingest", "--engine", "enhanced", file, AUTONAMA_DATABASE_URL=roles.login(roles.writer))
    assert done.returncode in (0, 1), (done.stdout, done.stderr)
    assert "lacks a right" not in done.stderr
    with roles.connect(roles.writer) as writer:
        rights = writer.execute(
            "SELECT has_table_privilege('trading.enhanced_analysis', 'INSERT'), "
            "has_table_privilege('trading.analysis_summary', 'INSERT'), "
            "has_sequence_privilege('trading.analysis_summary_id_seq', 'USAGE')"
        ).fetchall()
    assert rights == [(True, True, True)]


def relations(conn: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Every table and view of ours, with its kind."""
    return conn.execute(
        "SELECT format('%I.%I', nspname, relname), CASE relkind WHEN 'r' THEN 'TABLE' ELSE 'VIEW' END "
        "FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname IN ('trading', 'ingestion') AND relkind IN ('r', 'v') ORDER BY 1"
    ).fetchall()


def refused(conn: psycopg.Connection[Any], statement: str) -> None:
    """PostgreSQL refuses the statement for a right that is missing, and for nothing else."""
    with pytest.raises(errors.InsufficientPrivilege):
        conn.execute(statement.encode(), prepare=False)


def test_the_reader_reads_everything_and_writes_nothing(roles: Roles, conn: psycopg.Connection) -> None:
    """Every table and view answers the reader, and every way to change one is refused, its own read-only mode off."""
    with roles.connect(roles.reader) as reader:
        found = relations(conn)
        assert len(found) >= 11
        for name, kind in found:
            reader.execute(f"SELECT count(*) FROM {name}")
            column = conn.execute(f"SELECT * FROM {name} LIMIT 0").description[0].name
            if kind == "TABLE":
                refused(reader, f"INSERT INTO {name} DEFAULT VALUES")
                refused(reader, f"UPDATE {name} SET {column} = DEFAULT")
                refused(reader, f"DELETE FROM {name}")
                refused(reader, f"TRUNCATE {name}")
                refused(reader, f"SELECT FROM {name} FOR UPDATE")
                refused(reader, f"DO 'BEGIN LOCK TABLE {name} IN EXCLUSIVE MODE; END'")
                refused(reader, f"COPY {name} FROM STDIN")
            refused(reader, f"DROP {kind} {name}")
            refused(reader, f"ALTER {kind} {name} RENAME TO mine")
        refused(reader, "SELECT nextval('trading.alerts_id_seq')")
        refused(reader, "SELECT setval('trading.alerts_id_seq', 1)")
        _refused_elsewhere(reader, roles)


def test_the_writer_drops_truncates_and_alters_nothing(roles: Roles, conn: psycopg.Connection) -> None:
    """What ingestion does not need is refused: DDL of every kind, deleting from the ledger, writing the version."""
    ledger = [name for name, _ in relations(conn) if name.startswith("ingestion.")]
    with roles.connect(roles.writer) as writer:
        for name, kind in relations(conn):
            refused(writer, f"DROP {kind} {name}")
            refused(writer, f"ALTER {kind} {name} RENAME TO mine")
            refused(writer, f"ALTER {kind} {name} SET SCHEMA public")
            if kind == "TABLE":
                refused(writer, f"TRUNCATE {name}")
                refused(writer, f"ALTER TABLE {name} ADD COLUMN mine TEXT")
                refused(writer, f"ALTER TABLE {name} DISABLE TRIGGER ALL")
                refused(
                    writer,
                    f"CREATE TRIGGER mine BEFORE INSERT ON {name} EXECUTE FUNCTION tsvector_update_trigger()",
                )
                refused(writer, f"CREATE INDEX ON {name} ((1))")
        for name in ledger:
            refused(writer, f"DELETE FROM {name}")
        for name in ("ingestion.adopted_rows", "ingestion.alembic_version"):
            refused(writer, f"INSERT INTO {name} DEFAULT VALUES")
        refused(writer, "UPDATE ingestion.alembic_version SET version_num = '9999'")
        refused(writer, "UPDATE ingestion.issues SET message = ''")
        refused(writer, "SELECT setval('trading.alerts_id_seq', 1)")
        refused(writer, "ALTER SEQUENCE trading.alerts_id_seq RESTART")
        refused(writer, "ALTER TABLE trading.alerts DROP CONSTRAINT alerts_numbers")
        refused(writer, "DROP INDEX trading.alerts_key")
        _refused_elsewhere(writer, roles)


def _refused_elsewhere(conn: psycopg.Connection[Any], roles: Roles) -> None:
    """What neither role may do to schemas, database and roles."""
    for schema in ("trading", "ingestion"):
        refused(conn, f"CREATE TABLE {schema}.mine ()")
        refused(conn, f"CREATE VIEW {schema}.mine AS SELECT 1 AS one")
        refused(conn, f"CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        refused(conn, f"DROP SCHEMA {schema} CASCADE")
        refused(conn, f"ALTER SCHEMA {schema} RENAME TO mine")
    refused(conn, "CREATE SCHEMA mine")
    refused(conn, f"ALTER DATABASE {conn.info.dbname} SET timezone = 'UTC'")
    refused(conn, "CREATE ROLE mine")
    refused(conn, "CREATE DATABASE mine")
    refused(conn, f"GRANT {roles.writer} TO {roles.reader}")
    refused(conn, "SET ROLE postgres")
    refused(conn, "COPY trading.alerts TO PROGRAM 'true'")
    refused(conn, "SELECT pg_read_file('PG_VERSION')")


def test_the_reader_begins_read_only(roles: Roles) -> None:
    """A session of the reader's refuses even what every role may do, such as a temporary table."""
    with psycopg.connect(roles.login(roles.reader)) as reader, pytest.raises(errors.ReadOnlySqlTransaction):
        reader.execute("CREATE TEMPORARY TABLE mine ()")


def test_the_reader_can_look_and_dump(autonama: Run, roles: Roles, tmp_path: Path) -> None:
    """The reader's rights are enough for runs, status and a backup; an ingest is refused with exit code 3."""
    url = {"AUTONAMA_DATABASE_URL": roles.login(roles.reader)}
    for words in (("runs",), ("db", "status"), ("db", "dump", "x.dump")):
        done = autonama(*words, **url)
        assert (done.returncode, done.stderr) == (0, ""), words
    done = autonama("ingest", write_csv(tmp_path, [good()]), **url)
    assert done.returncode == 3
    assert "read-only" in done.stderr or "lacks a right" in done.stderr
    assert PASSWORD not in done.stderr


def test_a_schema_that_is_behind_names_its_owner(
    autonama: Run, roles: Roles, conn: psycopg.Connection, tmp_path: Path
) -> None:
    """Where the schema is behind, the writer's ingest ends in one sentence that says who has to run db upgrade."""
    conn.execute("UPDATE ingestion.alembic_version SET version_num = '0001'")
    done = autonama("ingest", write_csv(tmp_path, [good()]), AUTONAMA_DATABASE_URL=roles.login(roles.writer))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"Error: The schema is at version 0001, this package needs {migrate.HEAD}, and the database user "
        f"{roles.writer} may not change it. Its owner, postgres, has to run: autonama db upgrade\n"
    )
    assert autonama("db", "grants").stderr.startswith("Error: The schema is at version 0001, and this package has ")


def test_a_new_table_can_be_read_and_written_the_day_it_comes(roles: Roles, conn: psycopg.Connection) -> None:
    """What a later upgrade makes is readable for both and writable for the writer, without running the SQL again."""
    conn.execute("CREATE TABLE trading.later (id SERIAL, n INTEGER)")
    conn.execute("CREATE TABLE ingestion.later (n INTEGER)")
    conn.execute("CREATE VIEW trading.later_view AS SELECT * FROM trading.later")
    with roles.connect(roles.writer) as writer, roles.connect(roles.reader) as reader:
        writer.execute("INSERT INTO trading.later (n) VALUES (1)")
        writer.execute("INSERT INTO ingestion.later VALUES (1)")
        assert reader.execute("SELECT n FROM trading.later_view, ingestion.later AS l (m)").fetchall() == [(1,)]
        for name in ("trading.later", "ingestion.later"):
            refused(reader, f"DELETE FROM {name}")
            refused(writer, f"DROP TABLE {name}")


def test_every_table_is_decided_about(conn: psycopg.Connection) -> None:
    """A table that a migration adds has to be named in the SQL, so that somebody decides what the writer may do."""
    text = load("grants")["grants"]
    assert [name for name, kind in relations(conn) if kind == "TABLE" and name not in text] == []


def test_running_it_again_takes_back_what_was_given_by_hand(
    autonama: Run, roles: Roles, conn: psycopg.Connection
) -> None:
    """Rights that somebody added on the way are gone after the next run, and the passwords stay."""
    conn.execute(f"GRANT DELETE, TRUNCATE ON ingestion.files TO {roles.writer}, {roles.reader}")
    conn.execute(f"GRANT CREATE ON SCHEMA trading TO {roles.writer}, {roles.reader}")
    done = autonama("db", "grants", "--apply", "--writer", roles.writer, "--reader", roles.reader)
    assert done.returncode == 0, done.stderr
    for role in (roles.writer, roles.reader):
        with roles.connect(role) as again:
            refused(again, "DELETE FROM ingestion.files")
            refused(again, "TRUNCATE ingestion.files")
            refused(again, "CREATE TABLE trading.mine ()")


def test_piped_into_psql_any_name_is_only_a_name(autonama: Run, conn: psycopg.Connection, database_url: str) -> None:
    """Two runs of the printed SQL through psql make roles of exactly these names; no sign in them leaves its quotes."""
    psql = embedded.server_programs() / "psql"
    names = (ODD, f"{conn.info.dbname}_R'")
    for _ in range(2):
        printed = autonama("db", "grants", "--writer", names[0], "--reader", names[1])
        assert (printed.returncode, printed.stderr) == (0, "")
        fed = subprocess.run(
            (psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", database_url),
            input=printed.stdout, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert (fed.returncode, fed.stdout, fed.stderr) == (0, "", "")
    made = conn.execute("SELECT rolname, rolpassword IS NULL FROM pg_authid WHERE rolname = ANY (%s)", [list(names)])
    assert sorted(made) == sorted((name, True) for name in names)
    assert conn.execute("SELECT to_regclass('trading.alerts')").fetchall() != [(None,)]
    for name in names:
        for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
            conn.execute(sql.SQL(statement).format(sql.Identifier(name)))


def test_printing_changes_nothing_and_holds_no_password(autonama: Run, conn: psycopg.Connection, server) -> None:
    """Without --apply no role is made, the default names stand in the SQL, and a password only as three dots."""
    before = conn.execute("SELECT rolname FROM pg_roles ORDER BY 1").fetchall()
    url = server.tcp_url(conn.info.dbname)
    done = autonama("db", "grants", AUTONAMA_DATABASE_URL=url)
    assert conn.execute("SELECT rolname FROM pg_roles ORDER BY 1").fetchall() == before
    assert '"autonama_writer"' in done.stdout
    assert "-- ALTER ROLE \"autonama_reader\" PASSWORD '...';" in done.stdout
    assert str(conninfo_to_dict(url)["password"]) not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--writer", "pg_write_all_data"), "--writer has to be a name that a role can have"),
        (("--reader", "public"), "--reader has to be a name"),
        (("--reader", ""), "--reader has to be a name"),
        (("--writer", "x" * 64), "1 to 63 bytes"),
        (("--writer", "w\n; DROP SCHEMA trading CASCADE; --"), "without control characters"),
        (("--writer", "one", "--reader", "one"), "Name two roles"),
        (("--writer", "postgres"), "postgres owns Autonama's tables or is a superuser"),
    ],
)
def test_names_that_cannot_be(autonama: Run, conn: psycopg.Connection, flags: tuple[str, ...], told: str) -> None:
    """A name that no role can have, one role for both, and a role that rights do not limit end with exit code 2."""
    done = autonama("db", "grants", "--apply", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_without_the_schema(autonama: Run, empty_database_url: str) -> None:
    """There is nothing to grant on: the sentence names the command that makes the schema."""
    done = autonama("db", "grants", AUTONAMA_DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stdout) == (3, "")
    assert "autonama db init" in done.stderr


def test_without_the_right_to_make_roles(autonama: Run, roles: Roles) -> None:
    """The writer cannot give itself a companion: one sentence, exit code 3, nothing made."""
    url = roles.login(roles.writer)
    done = autonama("db", "grants", "--apply", "--writer", "mine", "--reader", "yours", AUTONAMA_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (3, "")
    assert "lacks a right: permission denied to create role" in done.stderr
    with pytest.raises(DatabaseError), connect.connect(load_settings(database_url=url.replace(roles.writer, "mine"))):
        pass
