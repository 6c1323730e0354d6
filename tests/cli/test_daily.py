"""`autonama daily`: the whole day in one process, each way it can end, and two of them at once."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonama.analysis import synthetic
from autonama.analysis.candles import DAY
from writing import good, write_csv

BARS = 300
FLAGS = ("--source", "market", "--output", "results", "--kstd", "1.5")
COMMAND = (sys.executable, "-m", "autonama", "daily", *FLAGS)

Run = Callable[..., subprocess.CompletedProcess[str]]
Conn = psycopg.Connection[Any]


def write_market(directory: Path, *, until: int = 0) -> None:
    """Synthetic candles as the only file of `market`, without the last ones."""
    (directory / "market").mkdir(exist_ok=True)
    every = [one[: len(one) - until] for one in synthetic.market(datetime.now(UTC), BARS)]
    synthetic.frame(every).write_parquet(directory / "market" / "candles.parquet")


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A directory with candles up to the last closed day."""
    write_market(tmp_path)
    return tmp_path


def count(conn: Conn, table: str) -> int:
    """Rows of a table."""
    row = conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def dead_address() -> str:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_a_day_from_candles_to_alerts(autonama: Run, market: Path, conn: Conn) -> None:
    """One command analyses, publishes and cleans up, says all of it, and ends with what to do next."""
    conn.execute(
        "INSERT INTO trading.alerts (symbol, interval, signal, engine, analysis_date, created_at) "
        "VALUES ('OLDUSDT', '1d', 'BUY', 'vectorbt', now() - interval '40 days', now() - interval '40 days')"
    )
    done = autonama("daily", *FLAGS, "--cleanup-days", "30")
    assert (done.returncode, done.stderr) == (0, "")
    for told in (
        "✓ analysed  24 of 25 symbols",
        "TIAUSDT: 40 candles; a look-back of 100 needs two more than it.",
        "24 alerts",
        "nobody, notify.urls is empty",
        "✓ published",
        "24 read · 24 inserted",
        "1 row of alerts",
        "undefined_metric",
    ):
        assert told in done.stdout, done.stdout
    assert done.stdout.splitlines()[-1].startswith("See where an alert comes from with: autonama why ")
    assert (count(conn, "trading.alerts"), count(conn, "trading.vectorbt_analysis")) == (24, 24)


def test_flips_are_told_on_the_day_that_brings_them(autonama: Run, tmp_path: Path) -> None:
    """Yesterday's analysis, then today's: the flips are the signals that differ between their files."""
    write_market(tmp_path, until=1)
    first = json.loads(autonama("daily", *FLAGS, "--json").stdout)
    write_market(tmp_path)
    second = json.loads(autonama("daily", *FLAGS, "--json").stdout)
    before, now = (
        {row["symbol"]: row["signal"] for row in json.loads((tmp_path / told["analysis"]["files"][1]).read_text())}
        for told in (first, second)
    )
    changed = [
        {"symbol": name, "interval": "1d", "before": before[name], "now": now[name]}
        for name in sorted(now)
        if name in before and before[name] != now[name]
    ]
    assert (first["flips"], second["flips"]) == ([], changed)
    assert changed
    assert (second["status"], second["exit_code"], second["board"]["stale"]) == ("published", 0, False)
    assert second["analysis"]["signals"] == {
        name: list(now.values()).count(name) for name in dict.fromkeys(now.values())
    }


def test_the_same_day_again_is_nothing_new(autonama: Run, market: Path, conn: Conn) -> None:
    """The same candles give the same bytes: the second run publishes nothing and is no failure."""
    autonama("daily", *FLAGS)
    done = autonama("daily", *FLAGS)
    assert (done.returncode, "nothing new" in done.stdout) == (0, True), done.stdout
    assert count(conn, "trading.vectorbt_analysis") == 24


def test_two_days_at_once_publish_once(market: Path, database_url: str, conn: Conn) -> None:
    """Four processes in the same second: each ends well, each has files of its own, the rows are there once."""
    env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url}
    crowd = [
        subprocess.Popen((*COMMAND, "--json"), cwd=market, env=env, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    told = [json.loads(process.communicate(timeout=120)[0]) for process in crowd]
    assert [process.returncode for process in crowd] == [0] * 4
    assert len({file for one in told for file in one["analysis"]["files"]}) == 8
    assert sorted(one["status"] for one in told) == ["nothing_new"] * 3 + ["published"]
    assert (count(conn, "trading.alerts"), count(conn, "trading.vectorbt_analysis")) == (24, 24)
    assert not list((market / "results").glob(".*"))


def test_only_its_own_set_is_published(autonama: Run, market: Path, conn: Conn) -> None:
    """A faulty set of another engine in the same directory is neither judged nor published, however new its name."""
    (market / "results").mkdir()
    write_csv(market / "results", [good(symbol="BTC")], "vectorbt_analysis_results_20990101_000000.csv")
    done = json.loads(autonama("daily", *FLAGS, "--json").stdout)
    assert (done["exit_code"], len(done["ingestion"]["sets"])) == (0, 1)
    assert count(conn, "ingestion.files") == 2


def test_a_refused_set_is_the_days_exit_code(autonama: Run, market: Path, conn: Conn) -> None:
    """Where the configuration refuses what the analysis wrote, the day ends with 1 and nothing is stored."""
    (market / "config.json").write_text('{"validation": {"severity": {"undefined_metric": "error"}}}')
    done = autonama("daily", *FLAGS)
    assert done.returncode == 1
    assert "✓ analysed" in done.stdout
    assert "✗ rejected" in done.stdout
    assert count(conn, "trading.alerts") == 0


def test_no_symbol_at_all_is_an_error(autonama: Run, market: Path, conn: Conn) -> None:
    """Every symbol left out: exit code 4, each reason, no file; the ledger has the failed run."""
    done = autonama("daily", *FLAGS, "--symbols", "TIAUSDT,NONEUSDT", "--verbose")
    assert done.returncode == 4
    assert "✗ not analysed  0 of 2 symbols" in done.stdout
    assert "TIAUSDT: 40 candles" in done.stdout
    assert "No symbol could be analysed" in done.stdout
    assert not (market / "results").exists()
    runs = conn.execute("SELECT status, error FROM ingestion.runs").fetchall()
    assert runs == [("failed", "No symbol could be analysed, so there is nothing to publish.")]


def test_without_market_data_the_age_of_the_board_is_told(autonama: Run, tmp_path: Path, conn: Conn) -> None:
    """The exchange is away: exit code 4, what is stored stays and is called stale, the ledger has the failed run."""
    write_market(tmp_path, until=3)
    assert autonama("daily", *FLAGS).returncode == 0
    away = ("--exchange-url", f"http://{dead_address()}", "--symbols", "BTCUSDT")
    done = autonama("daily", *away, "--output", "results", AUTONAMA_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 4
    assert "does not serve" in done.stdout
    assert "24 alerts" in done.stdout
    assert "stale, more than 24 h" in done.stdout
    assert "run the same command again" in done.stdout
    assert conn.execute("SELECT status FROM ingestion.runs ORDER BY id").fetchall() == [("published",), ("failed",)]
    assert count(conn, "trading.alerts") == 24


@pytest.mark.full
def test_without_a_database_the_files_stay(market: Path, autonama: Run) -> None:
    """Exit code 3; the analysis is told, and its files wait for `autonama ingest`."""
    url = f"postgresql://me:hush-66@{dead_address()}/none"
    done = autonama("daily", *FLAGS, "--json", AUTONAMA_DATABASE_URL=url)
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], told["status"], told["board"]) == (3, 3, "failed", None)
    assert told["analysis"]["rows"] == 24
    assert all((market / file).exists() for file in told["analysis"]["files"])
    assert "hush-66" not in done.stdout + done.stderr


@pytest.mark.full
def test_neither_market_data_nor_a_database(market: Path, autonama: Run) -> None:
    """The first failure's exit code, and a note on the second."""
    url = f"postgresql://me:hush-66@{dead_address()}/none"
    done = autonama("daily", "--source", "nowhere", AUTONAMA_DATABASE_URL=url)
    assert done.returncode == 4
    assert "There is no file or directory nowhere" in done.stdout
    assert "The ledger does not know of it" in done.stdout


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--symbols", "BTCUSDT", "--top-100"), "only one can be given"),
        (("--interval", "7d"), "has to be one of 1m"),
        (("--format", "xlsx"), "xlsx"),
        (("--kstd", "1.005"), "at most two digits"),
    ],
)
def test_a_wrong_wish_is_no_run(autonama: Run, market: Path, conn: Conn, flags: tuple[str, ...], told: str) -> None:
    """Exit code 2 and one sentence; no run is entered, for nothing has begun."""
    done = autonama("daily", "--source", "market", "--json", *flags)
    assert (done.returncode, json.loads(done.stdout)["exit_code"], told in done.stderr) == (2, 2, True), done.stderr
    assert count(conn, "ingestion.runs") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_the_middle_of_publishing(
    market: Path, database_url: str, conn: Conn, number: signal.Signals
) -> None:
    """Exit code 130, one JSON object, no traceback, no row; the ledger's run is interrupted, the files are whole."""
    conn.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'"
    )
    conn.execute("CREATE TRIGGER wait BEFORE INSERT ON trading.alerts FOR EACH STATEMENT EXECUTE FUNCTION wait()")
    env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url}
    pipe = subprocess.PIPE
    process = subprocess.Popen((*COMMAND, "--json"), cwd=market, env=env, stdout=pipe, stderr=pipe, text=True)
    for _ in range(300):
        if conn.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone():
            break
        time.sleep(0.1)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    told = json.loads(stdout)
    assert (process.returncode, told["status"], told["exit_code"]) == (130, "interrupted", 130), stderr
    assert "Traceback" not in stderr
    assert count(conn, "trading.vectorbt_analysis") == 0
    assert conn.execute("SELECT status FROM ingestion.runs").fetchall() == [("interrupted",)]
    assert len(list((market / "results").iterdir())) == 2


def test_old_candles_are_published_and_called_stale(autonama: Run, tmp_path: Path) -> None:
    """The newest analysis, not the file's time, says how old the board is."""
    write_market(tmp_path, until=3)
    told = json.loads(autonama("daily", *FLAGS, "--json").stdout)
    age = (time.time() * 1000 % DAY) / 3_600_000 + 3 * 24
    assert (told["exit_code"], told["board"]["stale"], told["board"]["alerts"]) == (0, True, 24)
    assert abs(told["board"]["age_hours"] - age) < 1


def test_interrupted_while_candles_are_fetched(tmp_path: Path, database_url: str, conn: Conn) -> None:
    """The exchange hangs and the user has enough: exit code 130, one object, no traceback; no run was begun."""
    with socket.create_server(("127.0.0.1", 0)) as exchange:
        url = f"http://127.0.0.1:{exchange.getsockname()[1]}"
        command = (sys.executable, "-m", "autonama", "daily", "--exchange-url", url, "--symbols", "BTCUSDT", "--json")
        env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=pipe, stderr=pipe, text=True)
        exchange.settimeout(60)
        with exchange.accept()[0]:
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=30)
    told = json.loads(stdout)
    assert (process.returncode, told["status"], told["analysis"]) == (130, "interrupted", None), stderr
    assert ("Interrupted" in stderr, "Traceback" in stderr) == (True, False), stderr
    assert count(conn, "ingestion.runs") == 0
