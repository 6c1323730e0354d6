"""`autonama db dump` and `restore`: every row comes back, and whatever breaks, nothing is changed."""

import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonama.database import embedded, migrate
from writing import good, many, write_csv, write_json

pytestmark = pytest.mark.full

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAMS = ("pg_dump", "pg_restore", "psql")


@pytest.fixture
def filled(autonama: Run, conn: psycopg.Connection, tmp_path: Path) -> Path:
    """Results that were ingested: one set of two files, one with bad rows in quarantine, and one that was refused."""
    rows = [good(symbol='=HYPERLINK("x")'), good(lower_band="1e-7"), *many(40)]
    results = tmp_path / "results"
    results.mkdir()
    write_csv(results, rows, "vectorbt_analysis_results_20260115_103000.csv")
    write_csv(results, [good(), *many(11)], "vectorbt_analysis_results_20260116_103000.csv")
    write_json(results, [good(), *many(11)], "vectorbt_analysis_results_20260116_103000.json")
    assert autonama("ingest", results, "--all", "--lenient", "--allow-stale").returncode == 0
    write_csv(results, [good(symbol="BTC")], "vectorbt_analysis_results_20260117_103000.csv")
    assert autonama("ingest", results, "--all", "--allow-stale").returncode == 1
    conn.execute("INSERT INTO ingestion.adopted_rows (table_name, reason, row_data) VALUES ('x', 'y', '{\"n\": 1.10}')")
    return results


def contents(address: str) -> dict[str, list[Any]]:
    """Every row of every table as PostgreSQL's own text, and where every sequence stands."""
    with psycopg.connect(address) as conn:
        found = conn.execute(
            "SELECT format('%I.%I', nspname, relname), relkind FROM pg_class "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE nspname IN ('trading', 'ingestion') AND relkind IN ('r', 'S') ORDER BY 1"
        ).fetchall()
        return {
            name: conn.execute(f"SELECT t::text FROM {name} AS t ORDER BY 1").fetchall()
            if kind == "r"
            else conn.execute(f"SELECT last_value, is_called FROM {name}").fetchall()
            for name, kind in found
        }


def schema(server, address: str) -> list[str]:
    """pg_dump's picture of the schema, without the random key that each dump bears.

    A CHECK of `a BETWEEN b AND c AND …` is written with parentheses, which reading it back takes away once: those of
    ANDs within ANDs, which mean nothing, are left out.
    """
    lines = server.run("pg_dump", "--schema-only", "--dbname", address).splitlines()
    lines = [line for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))]
    only_ands = [" CHECK (" in line and " OR " not in line for line in lines]
    return [re.sub("[()]", "", line) if plain else line for line, plain in zip(lines, only_ands, strict=True)]


def test_every_row_comes_back(
    autonama: Run, filled: Path, database_url: str, empty_database_url: str, server, tmp_path: Path
) -> None:
    """In an empty database a dump makes the same tables with the same rows, and known bytes are nothing new there."""
    done = autonama("db", "dump", "a.dump")
    assert (done.returncode, done.stderr) == (0, "")
    file = tmp_path / "a.dump"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"{file.stat().st_size:,} bytes, schema version {migrate.HEAD}." in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    before = contents(database_url)
    assert len(before["trading.alerts"]) > 40
    for table in ("trading.vectorbt_analysis", "ingestion.quarantine", "ingestion.issues", "ingestion.adopted_rows"):
        assert before[table], table

    url = {"AUTONAMA_DATABASE_URL": empty_database_url}
    done = autonama("db", "restore", "a.dump", **url)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Restored from a.dump. The schema is at version {migrate.HEAD}, the latest." in done.stdout
    assert contents(empty_database_url) == before
    assert schema(server, empty_database_url) == schema(server, database_url)

    again = autonama("ingest", filled, "--all", "--allow-stale", "--json", **url)
    assert (again.returncode, '"status": "nothing_new"' in again.stdout) == (0, True), again.stdout
    changed = {name for name, rows in contents(empty_database_url).items() if rows != before[name]}
    assert changed <= {"ingestion.runs", "ingestion.runs_id_seq"}


def test_the_embedded_database_comes_back(tmp_path: Path) -> None:
    """From one embedded server to another with the server's own programs; nothing on PATH is needed."""
    env = {**os.environ, "PATH": str(tmp_path), "AUTONAMA_DATA_DIR": str(tmp_path / "one")}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "autonama", *(str(word) for word in words))
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)

    try:
        run("ingest", write_csv(tmp_path, [good(), *many(20)]))
        run("db", "dump", "a.dump")
        first = contents(embedded.ensure_running(tmp_path / "one"))
        env["AUTONAMA_DATA_DIR"] = str(tmp_path / "two")
        run("db", "restore", "a.dump")
        assert contents(embedded.ensure_running(tmp_path / "two")) == first
        assert len(first["trading.alerts"]) == 21
    finally:
        for name in ("one", "two"):
            embedded.stop(tmp_path / name)


def test_a_file_that_is_there_is_kept(autonama: Run, tmp_path: Path) -> None:
    """An existing file, a link to nowhere too, is left alone with exit code 4; --force replaces it."""
    file = tmp_path / "a.dump"
    file.write_text("precious")
    file.chmod(0o644)
    done = autonama("db", "dump", "a.dump")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "Error: a.dump is there already. Name another file, or replace it with --force.\n"
    assert file.read_text() == "precious"
    assert autonama("db", "dump", "a.dump", "--force").returncode == 0
    assert file.read_bytes().startswith(b"PGDMP")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert autonama("db", "dump", "link").returncode == 4
    assert not (tmp_path / "nowhere").exists()


def test_a_dump_has_its_name_only_when_it_is_whole(autonama: Run, conn: psycopg.Connection, tmp_path: Path) -> None:
    """While rows are still awaited no file has the name; stopped then, nothing is left, and the exit code is 130."""
    with conn.transaction():
        conn.execute("LOCK TABLE trading.alerts IN ACCESS EXCLUSIVE MODE")
        with started(conn, tmp_path, "db", "dump", "a.dump") as process:
            wait_for_a_waiter(conn, process)
            assert not (tmp_path / "a.dump").exists()
            process.terminate()
            said = process.communicate(timeout=30)[0]
    assert (process.returncode, said.count("\n")) == (130, 1), said
    assert list(tmp_path.glob("*dump*")) == list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("place", ["missing/a.dump", "."])
def test_a_place_that_no_file_can_have(autonama: Run, place: str) -> None:
    """A directory that is not there, or a directory in the file's place, is exit code 4 and a sentence."""
    done = autonama("db", "dump", place)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)


def test_nothing_to_dump(autonama: Run, empty_database_url: str, tmp_path: Path) -> None:
    """A database without the schema gives exit code 3 and no file."""
    done = autonama("db", "dump", "a.dump", AUTONAMA_DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stdout) == (3, "")
    assert "has no Autonama schema" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_rows_that_are_there_are_kept(autonama: Run, filled: Path, database_url: str, conn: psycopg.Connection) -> None:
    """A database with rows is refused and stays as it was; --force puts the dump's rows in their place."""
    assert autonama("db", "dump", "a.dump").returncode == 0
    dumped = contents(database_url)
    conn.execute("DELETE FROM trading.alerts WHERE symbol <> 'BTCUSDT'")
    conn.execute("UPDATE trading.vectorbt_analysis SET current_price = 1")
    conn.execute("CREATE TABLE trading.later (n INTEGER)")
    changed = contents(database_url)
    done = autonama("db", "restore", "a.dump")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "Error: The dump was not restored: this database already holds rows in trading.alerts. Name an empty database, "
        "or replace all rows of Autonama here with --force. Nothing was changed.\n"
    )
    assert contents(database_url) == changed
    assert autonama("db", "restore", "a.dump", "--force").returncode == 0
    assert contents(database_url) == dumped


def test_a_database_with_an_empty_schema_is_empty(autonama: Run, filled: Path, server, database_url: str) -> None:
    """After `db init` and before the first ingest there is nothing to lose: no --force is needed."""
    assert autonama("db", "dump", "a.dump").returncode == 0
    before = contents(database_url)
    server.execute("CREATE DATABASE restored_here TEMPLATE migrated")
    try:
        assert autonama("db", "restore", "a.dump", AUTONAMA_DATABASE_URL=server.url("restored_here")).returncode == 0
        assert contents(server.url("restored_here")) == before
    finally:
        server.execute("DROP DATABASE restored_here WITH (FORCE)")


THEIRS = {
    "public.theirs": "CREATE VIEW public.theirs AS SELECT symbol FROM trading.alerts",
    "constraint theirs_id_fkey of public.theirs": "CREATE TABLE public.theirs (id INTEGER REFERENCES trading.alerts)",
    "column one of public.theirs": "CREATE TABLE public.theirs (one trading.alerts, two INTEGER)",
    "function theirs(trading.alerts)": (
        "CREATE FUNCTION public.theirs(trading.alerts) RETURNS TEXT LANGUAGE sql AS 'SELECT $1.symbol'"
    ),
}


@pytest.mark.parametrize("name", THEIRS)
def test_what_somebody_built_on_our_tables_is_not_dropped(
    autonama: Run, database_url: str, conn: psycopg.Connection, name: str
) -> None:
    """A view, key, column or function outside of our schemas that needs our tables stops even --force, by name."""
    assert autonama("db", "dump", "a.dump").returncode == 0
    conn.execute(THEIRS[name].encode())
    conn.execute("INSERT INTO trading.alerts (symbol, interval, signal) VALUES ('BTCUSDT', '1d', 'BUY')")
    before = contents(database_url)
    done = autonama("db", "restore", "a.dump", "--force")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"Error: The dump was not restored: {name} needs a table of Autonama, and would be lost. Drop it, and make it "
        "again afterwards. Nothing was changed.\n"
    )
    assert contents(database_url) == before


def test_a_dump_that_is_cut_off_changes_nothing(
    autonama: Run, filled: Path, database_url: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    """At whatever byte a dump ends early, it is refused with exit code 4, even with --force, and no row is touched."""
    assert autonama("db", "dump", "a.dump").returncode == 0
    whole = (tmp_path / "a.dump").read_bytes()
    conn.execute("DELETE FROM trading.alerts WHERE symbol <> 'BTCUSDT'")
    before = contents(database_url)
    for size in (0, 3, 40, len(whole) // 3, len(whole) - 400, len(whole) - 1):
        (tmp_path / "cut.dump").write_bytes(whole[:size])
        done = autonama("db", "restore", "cut.dump", "--force")
        assert (done.returncode, done.stdout) == (4, ""), size
        assert done.stderr.startswith("Error: cut.dump is no whole dump: "), size
        assert done.stderr.endswith("Nothing was changed.\n"), size
    assert contents(database_url) == before


def test_what_is_no_dump_of_ours(autonama: Run, server, empty_database_url: str, tmp_path: Path) -> None:
    """A file that is not there, another kind of file, and a dump of another database are exit code 4."""
    assert "cannot be read: No such file" in autonama("db", "restore", "missing.dump").stderr
    (tmp_path / "text.dump").write_text("CREATE TABLE x ();\n")
    assert "text.dump is no whole dump: " in autonama("db", "restore", "text.dump").stderr
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute("CREATE TABLE x AS SELECT 1 AS n")
    other_dump = tmp_path / "other.dump"
    with other_dump.open("wb") as file:
        program = embedded.server_programs() / "pg_dump"
        subprocess.run((program, "--format=custom", "--dbname", empty_database_url), stdout=file, check=True)
    done = autonama("db", "restore", "other.dump")
    assert (done.returncode, "there is no ledger of Autonama in it" in done.stderr) == (4, True)


def test_a_dump_of_an_older_version_asks_for_the_upgrade(
    autonama: Run, conn: psycopg.Connection, empty_database_url: str
) -> None:
    """After the restore the version is looked at: behind, it names `db upgrade`; newer, the package's upgrade."""
    for version, told in (("0001", "Run: autonama db upgrade"), ("9999", "pip install --upgrade autonama")):
        conn.execute("UPDATE ingestion.alembic_version SET version_num = %s", [version])
        assert f"schema version {version}." in autonama("db", "dump", "a.dump", "--force").stdout
        done = autonama("db", "restore", "a.dump", AUTONAMA_DATABASE_URL=empty_database_url)
        assert (done.returncode, done.stderr) == (0, "")
        assert told in done.stdout


def test_a_restore_that_is_interrupted_changes_nothing(
    autonama: Run, filled: Path, database_url: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    """SIGTERM while the restore waits for a lock: exit code 130, and every row is as it was."""
    assert autonama("db", "dump", "a.dump").returncode == 0
    conn.execute("DELETE FROM trading.alerts WHERE symbol <> 'BTCUSDT'")
    before = contents(database_url)
    conn.execute("BEGIN; LOCK TABLE trading.vectorbt_analysis IN SHARE MODE")
    with started(conn, tmp_path, "db", "restore", "a.dump", "--force") as process:
        wait_for_a_waiter(conn, process)
        process.terminate()
        time.sleep(0.3)
        conn.execute("ROLLBACK")  # lets go of the lock: what waited for it could go on now
    assert process.returncode == 130
    assert contents(database_url) == before


def started(conn: psycopg.Connection, directory: Path, *words: str) -> subprocess.Popen[str]:
    """The command, running on the test's database."""
    env = {**os.environ, "AUTONAMA_DATABASE_URL": conn.info.dsn}
    command = (sys.executable, "-m", "autonama", *words)
    return subprocess.Popen(
        command, cwd=directory, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for_a_waiter(conn: psycopg.Connection, process: subprocess.Popen[str]) -> None:
    """Return once somebody waits for a lock in this database; without one the process is ended and the test fails."""
    waiting = "SELECT FROM pg_locks JOIN pg_database ON database = pg_database.oid "
    for _ in range(200):
        if conn.execute(f"{waiting} WHERE NOT granted AND datname = current_database()").fetchone() is not None:
            return
        time.sleep(0.05)
    process.kill()
    pytest.fail("nobody came to wait for the lock")


def programs(directory: Path, version: str, log: Path) -> Path:
    """Programs that say they are of this version and write their command lines and passwords' places to `log`."""
    directory.mkdir()
    for name in PROGRAMS:
        script = directory / name
        script.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) {version}" && exit\n'
            f'echo "$0 $*" >> "{log}"\nexec "{embedded.server_programs() / name}" "$@"\n'
        )
        script.chmod(0o755)
    return directory


def test_no_password_on_a_command_line(autonama: Run, conn: psycopg.Connection, server, tmp_path: Path) -> None:
    """Of the programs on PATH the newest that fit the server are taken; none is told the password where others look."""
    log = tmp_path / "log"
    places = [programs(tmp_path / name, name, log) for name in ("17.9", "18.1", "19.0")]
    (tmp_path / "20.0").mkdir()
    shutil.copy(programs(tmp_path / "20.1", "20.1", log) / "pg_dump", tmp_path / "20.0")  # psql is missing there
    path = os.pathsep.join(map(str, [*places, tmp_path / "20.0", os.environ["PATH"]]))
    url = {"AUTONAMA_DATABASE_URL": server.tcp_url(conn.info.dbname), "PATH": path}
    for words in (("db", "dump", "a.dump"), ("db", "restore", "a.dump")):
        done = autonama(*words, **url)
        assert (done.returncode, done.stderr) == (0, "")
    lines = log.read_text().splitlines()
    assert {line.split()[0].rpartition("/")[0] for line in lines} == {str(tmp_path / "19.0")}
    assert {line.split()[0].rpartition("/")[2] for line in lines} == set(PROGRAMS)
    assert any("host=127.0.0.1" in line for line in lines)
    for text in (log.read_text(), *(file.read_text() for file in Path(os.environ["HOME"]).rglob("*.log"))):
        assert "swordfish" not in text
    assert b"swordfish" not in (tmp_path / "a.dump").read_bytes()


def test_a_secret_that_cannot_be_hidden_is_refused(autonama: Run, database_url: str, tmp_path: Path) -> None:
    """A key's passphrase has no way to pg_dump but its command line: the sentence names it, and nothing is written."""
    done = autonama("db", "dump", "a.dump", AUTONAMA_DATABASE_URL=f"{database_url} sslpassword=Planted-S3cret")
    assert done.returncode == 3
    assert "sslpassword in the database's address cannot be handed to pg_dump" in done.stderr
    assert "Planted-S3cret" not in done.stderr
    assert not (tmp_path / "a.dump").exists()


def test_a_user_without_rights_leaves_no_file(
    autonama: Run, conn: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    """A dump that PostgreSQL refuses half-way ends with its words, exit code 3, and no file, nor a part of one."""
    role = f"{conn.info.dbname}_half"
    conn.execute(f"CREATE ROLE {role} LOGIN")
    conn.execute(f"GRANT USAGE ON SCHEMA trading, ingestion TO {role}")
    conn.execute(f"GRANT SELECT ON ingestion.alembic_version, trading.alerts TO {role}")
    done = autonama("db", "dump", "a.dump", AUTONAMA_DATABASE_URL=database_url.replace("user=postgres", f"user={role}"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "permission denied for table" in done.stderr
    assert list(tmp_path.iterdir()) == []
    conn.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
