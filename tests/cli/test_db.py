"""`autonama db` and `autonama cleanup` from outside: what they print, and where."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from autonama.database.migrate import HEAD

Run = Callable[..., subprocess.CompletedProcess[str]]

SECRET = "Planted-S3cret"
REFUSING = f"postgresql://me:{SECRET}@127.0.0.1:1/autonama"


def test_status_of_a_ready_database(autonama: Run, conn: psycopg.Connection) -> None:
    """The screen names the server, the schema's version and every table with its rows."""
    conn.execute("INSERT INTO trading.alerts (symbol, interval, signal) VALUES ('BTCUSDT', '1d', 'BUY')")
    done = autonama("db", "status")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"PostgreSQL {conn.info.parameter_status('server_version')}, up since" in done.stdout
    assert f"version {HEAD}, the latest" in done.stdout
    assert "trading.alerts                1" in done.stdout


def test_status_as_json(autonama: Run) -> None:
    """`--json` prints one object with the same facts."""
    told = json.loads(autonama("db", "status", "--json").stdout)
    assert (told["schema_version"], told["head"]) == (HEAD, HEAD)
    assert told["rows"]["ingestion.files"] == 0
    assert told["size_bytes"] > 0


def test_init_then_status_then_upgrade(autonama: Run, empty_database_url: str) -> None:
    """On an empty database status says what makes the schema; init makes it once, and upgrade finds nothing to do."""
    url = {"AUTONAMA_DATABASE_URL": empty_database_url}
    assert f"none yet. `autonama db init` makes version {HEAD}." in autonama("db", "status", **url).stdout
    assert autonama("db", "init", **url).stdout.startswith(f"The schema is at version {HEAD}.\nReady: postgresql://")
    assert autonama("db", "upgrade", **url).stdout == f"Nothing to do: the schema is at version {HEAD}.\n"


def test_upgrade_says_what_it_adopted(autonama: Run, empty_database_url: str) -> None:
    """Where the older scripts left alerts, upgrade counts them."""
    with psycopg.connect(empty_database_url) as old:
        old.execute("CREATE SCHEMA trading")
        sql = Path(__file__).parents[2] / "src/autonama/database/migrations/versions/0001_trading.sql"
        documented = sql.read_text().split("CREATE TABLE IF NOT EXISTS ")[1]
        old.execute(f"CREATE TABLE {documented}".encode())
        old.execute("INSERT INTO trading.alerts (symbol, interval, signal) VALUES ('BTCUSDT', '1d', 'BUY')")
    done = autonama("db", "upgrade", AUTONAMA_DATABASE_URL=empty_database_url)
    assert done.stdout == f"The schema is at version {HEAD}.\ntrading.alerts: adopted 1 row\n"


def test_url_keeps_the_password_to_itself(autonama: Run) -> None:
    """The address is printed with three stars, and with the password only when that is asked for."""
    shown = autonama("db", "url", "--database-url", REFUSING)
    assert shown.stdout == "postgresql://me:***@127.0.0.1:1/autonama\n"
    assert SECRET not in shown.stdout + shown.stderr
    assert autonama("db", "url", "--show-password", "--database-url", REFUSING).stdout == f"{REFUSING}\n"


def test_an_unreachable_database_is_exit_3(autonama: Run, server) -> None:
    """A refused login ends in one sentence on stderr, nothing on stdout, no password anywhere, and exit code 3."""
    for command in (("db", "status"), ("db", "init"), ("cleanup",)):
        done = autonama(*command, "--database-url", server.tcp_url("postgres", password=SECRET))
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("Error: Wrong password or user: ")
        assert done.stderr.count("\n") == 1
        assert SECRET not in done.stderr


def test_embedded_server_from_url_to_stop(tmp_path: Path) -> None:
    """`db url` starts the embedded server and prints an address that works; `db stop` ends it, once."""
    env = {**os.environ, "AUTONAMA_DATA_DIR": str(tmp_path / "data")}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "autonama", "db", *words]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout.strip()

    try:
        with psycopg.connect(run("url")) as conn:
            assert conn.info.dbname == "autonama"
    finally:
        assert run("stop") == "The embedded PostgreSQL was stopped."
    assert run("stop") == "The embedded PostgreSQL was not running."


@pytest.fixture
def old_alerts(conn: psycopg.Connection) -> psycopg.Connection:
    """Alerts stored 40, 10 and 0 days ago."""
    for age in (40, 10, 0):
        conn.execute(
            "INSERT INTO trading.alerts (symbol, interval, signal, analysis_date, created_at) "
            f"VALUES ('BTCUSDT', '1d', 'BUY', now() - interval '{age} days', now() - interval '{age} days')"
        )
    return conn


def test_cleanup_takes_its_days_from_the_configuration(autonama: Run, old_alerts: psycopg.Connection) -> None:
    """Without --days it is the 30 of the configuration, and --dry-run deletes nothing."""
    done = autonama("cleanup", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "trading.alerts: 1 row older than 30 days would be deleted\n" in done.stdout
    assert autonama("cleanup", "--json").stdout == (
        '{"days": 30, "dry_run": false, "rows": {"alerts": 1, "vectorbt_analysis": 0, "enhanced_analysis": 0, '
        '"analysis_summary": 0, "sweep_results": 0}}\n'
    )
    assert old_alerts.execute("SELECT count(*) FROM trading.alerts").fetchall() == [(2,)]


def test_cleanup_days(autonama: Run, old_alerts: psycopg.Connection, private_home: Path) -> None:
    """--days wins over the configuration, and the log tells; zero is refused with exit code 2, and nothing goes."""
    assert "trading.alerts: 2 rows older than 7 days deleted\n" in autonama("cleanup", "--days", 7).stdout
    (log,) = private_home.rglob("ingestion.log")
    assert "Cleanup of rows older than 7 days: alerts 2, vectorbt_analysis 0" in log.read_text()
    refused = autonama("cleanup", "--days", 0)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "Error: Cleanup keeps at least 1 day and at most 36,500 days of results, not 0.\n"
    assert old_alerts.execute("SELECT count(*) FROM trading.alerts").fetchall() == [(1,)]
