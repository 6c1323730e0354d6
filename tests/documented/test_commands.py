"""The documented command lines of run_ingestion.py, run as they are written."""

import re
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import good, many, write_csv, write_json

COMMANDS = [
    "python run_ingestion.py --engine vectorbt --config config.json",
    "python run_ingestion.py --engine vectorbt --engine-results-dir /path/to/results",
    "python run_ingestion.py --engine vectorbt --validate-only",
    "python run_ingestion.py --engine vectorbt --skip-conda-check",
    "python run_ingestion.py --engine vectorbt",
    "python run_ingestion.py --engine vectorbt --config custom_config.json"
    " --engine-results-dir /custom/path/to/results",
    "python run_ingestion.py --engine vectorbt --cleanup-days 7",
]
DOCUMENTED = Path(__file__).parent.parent.parent.parent / "shared" / "DOCUMENTED.md"


def stored(conn: psycopg.Connection[Any]) -> tuple[int, int]:
    """Rows in the analysis table and in the alerts."""
    row = conn.execute(
        "SELECT (SELECT count(*) FROM trading.vectorbt_analysis), (SELECT count(*) FROM trading.alerts)"
    ).fetchone()
    assert row is not None
    return tuple(row)


def test_these_are_the_documented_commands() -> None:
    """The list above is what the documentation shows, line continuations joined."""
    if not DOCUMENTED.exists():
        pytest.skip("no ../shared/DOCUMENTED.md beside the project")
    text = re.sub(r"\\\n\s*", "", DOCUMENTED.read_text(encoding="utf-8"))
    assert set(re.findall(r"^python run_ingestion\.py.*$", text, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_publishes_as_documented(
    command: str, layout: Any, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """Each line succeeds, says so in the documented words, and stores the set, or nothing where it only validates."""
    for place in ("/path/to/results", "/custom/path/to/results"):
        if f" {place}" in command:
            shutil.copytree(layout.results, tmp_path / "elsewhere")
            shutil.rmtree(layout.results)
            command = command.replace(f" {place}", f" {tmp_path / 'elsewhere'}")
    done = layout.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    if "--validate-only" in command:
        assert "Validation completed successfully" in done.stdout
        assert stored(conn) == (0, 0)
    else:
        assert "Ingestion completed successfully" in done.stdout
        assert stored(conn) == (3, 3)


def test_only_this_door_insists_on_vectorbt_pro(layout: Any, conn: psycopg.Connection[Any]) -> None:
    """Without VectorBT PRO the documented sentence is said, nothing is done; --skip-conda-check goes on."""
    refused = layout.run(COMMANDS[0], vectorbt_pro=False)
    assert refused.returncode == 2
    assert "❌ VectorBTPro not found. Please activate the correct conda environment." in refused.stdout
    assert "   Run: conda activate autonama_vectorbt" in refused.stdout
    assert stored(conn) == (0, 0)
    assert layout.run(COMMANDS[3], vectorbt_pro=False).returncode == 0


def test_a_missing_directory_is_said_as_documented(layout: Any) -> None:
    """The documented sentence, and exit code 4."""
    shutil.rmtree(layout.results)
    done = layout.run(COMMANDS[0])
    assert done.returncode == 4
    assert "❌ Error: Engine results directory does not exist" in done.stdout


def test_validation_errors_are_listed_as_documented(layout: Any, conn: psycopg.Connection[Any]) -> None:
    """The documented heading and lines, exit code 1, and nothing stored."""
    rows = many(12)
    rows[4]["symbol"] = "BTC"
    rows[11]["current_price"] = ""
    write_csv(layout.results, rows)
    write_json(layout.results, rows)
    done = layout.run(COMMANDS[0])
    assert done.returncode == 1
    documented = """❌ Ingestion failed: Validation failed

🔍 VALIDATION ERRORS:
  - Row 5: Invalid symbol format: BTC
  - Row 12: Missing current_price
"""
    assert documented in done.stdout
    assert stored(conn) == (0, 0)


def test_an_unreachable_database_is_said_as_documented(layout: Any) -> None:
    """The documented sentence, exit code 3, no traceback; and a line that says what is waited for."""
    done = layout.run(COMMANDS[0], AUTONAMA_DATABASE_URL="postgresql://nobody:secret-77@127.0.0.1:1/autonama")
    assert done.returncode == 3
    assert "❌ Database connection failed" in done.stdout
    assert "secret-77" not in done.stdout + done.stderr
    assert done.stderr == "Waiting for PostgreSQL at postgresql://nobody:***@127.0.0.1:1/autonama\n"


def test_cleanup_days_keeps_only_those_days(layout: Any, conn: psycopg.Connection[Any]) -> None:
    """--cleanup-days 7 deletes what was stored more than seven days ago."""
    layout.run(COMMANDS[0])
    conn.execute("UPDATE trading.alerts SET created_at = now() - interval '8 days' WHERE symbol = 'S0USDT'")
    conn.execute("UPDATE trading.vectorbt_analysis SET created_at = now() - interval '6 days'")
    write_csv(layout.results, [good(symbol="NEWUSDT")], "vectorbt_analysis_results_later.csv")
    assert layout.run(COMMANDS[6]).returncode == 0
    assert stored(conn) == (4, 3)


def test_the_enhanced_engine_has_no_results_here(layout: Any) -> None:
    """--engine enhanced looks for its own files and says that none are there."""
    done = layout.run("python run_ingestion.py --engine enhanced")
    assert done.returncode == 4
    assert "enhanced_analysis_results_*.json" in done.stdout


def test_an_unknown_engine_is_a_usage_error(layout: Any) -> None:
    """An engine that is not installed: exit code 2, and the names of those that are."""
    done = layout.run("python run_ingestion.py --engine backtrader")
    assert done.returncode == 2
    assert "enhanced, sweep, vectorbt" in done.stdout + done.stderr
