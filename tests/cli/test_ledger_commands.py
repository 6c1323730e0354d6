"""`runs`, `why` and `cleanup`: the ledger as a user asks it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import good, many, write_csv


@pytest.fixture
def published(autonama: Any, tmp_path: Path) -> Path:
    """A published set of which row 2 has a warning."""
    path = write_csv(tmp_path, [good(), good(symbol="ETHUSDT", sharpe_ratio="12")])
    assert autonama("ingest", path).returncode == 0
    return path


def test_why_names_file_row_run_and_findings(autonama: Any, published: Path) -> None:
    """From a symbol back to its file, row, run, and what was found wrong with it."""
    done = autonama("why", "ETHUSDT")
    assert done.returncode == 0
    assert f"{published}, row 2" in done.stdout
    assert "run   1," in done.stdout
    assert "sharpe_realistic: Row 2: sharpe_ratio 12 is not realistic" in done.stdout
    alert = json.loads(autonama("why", "ETHUSDT", "1d", "--json").stdout)["alerts"][0]
    assert (alert["row_number"], alert["run_id"], alert["current_price"]) == (2, 1, "105.50000000")


def test_why_of_nothing_helps(autonama: Any, published: Path) -> None:
    """No such alert: exit code 1, similar symbols; a bad date is a usage error."""
    done = autonama("why", "ETHBTC")
    assert done.returncode == 1
    assert "ETHUSDT" in done.stderr
    assert autonama("why", "ETHUSDT", "4h").returncode == 1
    assert autonama("why", "ETHUSDT", "1d", "2020-01-01").returncode == 1
    assert autonama("why", "ETHUSDT", "1d", "yesterday").returncode == 2


def test_runs_lists_and_shows_one(autonama: Any, published: Path, tmp_path: Path) -> None:
    """The list has both runs, newest first; one in full has its files and findings; an unknown one is an error."""
    write_csv(tmp_path, [good(symbol="BTC")], "other.csv")
    autonama("ingest", tmp_path / "other.csv")
    listed = json.loads(autonama("runs", "--json").stdout)["runs"]
    assert [(run["id"], run["status"]) for run in listed] == [(2, "rejected"), (1, "published")]
    shown = autonama("runs", "2")
    assert "other.csv" in shown.stdout
    assert "Invalid symbol format: BTC" in shown.stdout
    assert autonama("runs", "99").returncode == 1


def test_commands_before_the_first_ingest_say_what_to_do(autonama: Any, empty_database_url: str) -> None:
    """Without a schema: exit code 3 and the command that makes it."""
    for words in (("runs",), ("why", "BTCUSDT")):
        done = autonama(*words, AUTONAMA_DATABASE_URL=empty_database_url)
        assert done.returncode == 3
        assert "autonama db init" in done.stderr


def test_cleanup_deletes_by_created_at_and_keeps_the_ledger(
    autonama: Any, published: Path, conn: psycopg.Connection[Any]
) -> None:
    """A dry run counts; the real one deletes; the file stays known and is not published again; 0 days are refused."""
    conn.execute("UPDATE trading.vectorbt_analysis SET created_at = now() - interval '31 days'")
    dry = json.loads(autonama("cleanup", "--dry-run", "--json").stdout)
    assert dry["rows"]["vectorbt_analysis"] == 2
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (2,)
    assert autonama("cleanup").returncode == 0
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (0,)
    again = json.loads(autonama("ingest", published, "--json").stdout)
    assert again["status"] == "nothing_new"
    for days in ("0", "-3"):
        assert autonama("cleanup", "--days", days).returncode == 2


def test_ingest_cleans_up_after_good_news_only(
    autonama: Any, published: Path, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """A refused set leaves old rows alone; the next good one lets them go, and says how many."""
    conn.execute("UPDATE trading.vectorbt_analysis SET created_at = now() - interval '31 days'")
    write_csv(tmp_path, [good(symbol="BTC")], "bad.csv")
    autonama("ingest", tmp_path / "bad.csv")
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (2,)
    write_csv(tmp_path, many(1), "good.csv")
    outcome = json.loads(autonama("ingest", tmp_path / "good.csv", "--json").stdout)
    assert outcome["cleanup"]["vectorbt_analysis"] == 2
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (1,)
