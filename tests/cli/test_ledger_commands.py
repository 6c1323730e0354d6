"""`runs`, `why` and `cleanup`: the ledger as a user asks it."""

import json
import re
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
    assert "Did you mean ETHUSDT?" in autonama("why", "ethusdt").stderr
    assert "Did you mean ETHUSDT?" in autonama("why", "EHTUSDT").stderr
    elsewhere = autonama("why", "ETHUSDT", "4h")
    assert elsewhere.returncode == 1
    assert re.search(r"ETHUSDT has alerts at 1d \(the newest of \d{4}-\d\d-\d\d\)", elsewhere.stderr)
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


@pytest.mark.parametrize("columns", [40, 80, 100, 120])
def test_runs_never_cuts_a_number_or_a_heading(
    autonama: Any, conn: psycopg.Connection[Any], published: Path, columns: int
) -> None:
    """Counts of six and of nine digits stand whole at every width; from 80 columns on no line is longer than it."""
    conn.execute("UPDATE ingestion.files SET rows_read = 987654, rows_inserted = 876543, rows_updated = 111111, "
                 "rows_unchanged = 0, rows_quarantined = 0")  # fmt: skip
    for words in (("runs",), ("runs", "1")):
        lines = autonama(*words, COLUMNS=str(columns)).stdout.splitlines()
        if columns >= 80:
            assert max(map(len, lines)) <= columns
        assert "…" not in "".join(lines)
        (counts,) = (line for line in lines if "vectorbt  " in line and "published" in line)
        assert {"987,654", "876,543"} <= set(counts.split())
        assert "Status" in lines[0]
    whole = autonama("runs", COLUMNS="120").stdout
    assert {"987,654", "876,543", "111,111", "0"} <= set(whole.split())
    conn.execute("UPDATE ingestion.files SET rows_read = 100000001, rows_inserted = 100000001, rows_updated = 0")
    assert "100,000,001" in autonama("runs", COLUMNS="80").stdout.split()


def test_a_finding_of_a_run_names_its_file_row_and_column(autonama: Any, tmp_path: Path) -> None:
    """Below its file's name each finding has its row and column; what --limit hides is counted."""
    write_csv(tmp_path, [good(), good(symbol="BTC"), good(symbol="ETH")], "vectorbt_analysis_results_1.csv")
    write_csv(tmp_path, [good(symbol="ETHUSDT", sharpe_ratio="12")], "vectorbt_analysis_results_2.csv")
    autonama("ingest", tmp_path, "--all")
    lines = autonama("runs", "1").stdout.splitlines()
    first, second = (lines.index(f"vectorbt_analysis_results_{n}.csv") for n in (1, 2))
    assert "error       2  symbol  symbol_format: Invalid symbol format: BTC" in lines[first:second]
    assert any(line.startswith("warning     1  sharpe_ratio  sharpe_realistic:") for line in lines[second:])
    assert "2 more findings: `autonama runs 1 --limit 3`" in autonama("runs", "1", "--limit", "1").stdout
    found = json.loads(autonama("runs", "1", "--json").stdout)["issues"]
    assert [one["file"] for one in found] == [f"vectorbt_analysis_results_{n}.csv" for n in (1, 1, 2)]


def test_an_unknown_run_is_said(autonama: Any, published: Path) -> None:
    """A number that no run has: exit code 1 and a sentence; one that no run can have: exit code 2."""
    done = autonama("runs", "99")
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no run 99" in done.stderr
    assert autonama("runs", str(2**63)).returncode == 2


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


def test_content_that_was_replaced_is_told_so_when_it_returns(tmp_path: Path, autonama: Any) -> None:
    """On the terminal and in the JSON object the note is there; exit code 0, for nothing is wrong with the file."""
    first = write_csv(tmp_path, many(1), "vectorbt_analysis_results_1.csv")
    autonama("ingest", first)
    autonama("ingest", write_csv(tmp_path, [{**many(1)[0], "kstd": "2"}], "vectorbt_analysis_results_2.csv"))
    done = autonama("ingest", first)
    assert done.returncode == 0
    assert "1 of its rows was replaced since by vectorbt_analysis_results_2 (run 2)" in " ".join(done.stdout.split())
    assert len(json.loads(autonama("ingest", first, "--json").stdout)["sets"][0]["notes"]) == 2
