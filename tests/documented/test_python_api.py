"""The documented Python API, its own examples run."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from autonama.errors import ConfigError
from writing import good, many, write_csv, write_json

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented module stands beside run_ingestion.py."""
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def db_config(database_url: str) -> dict[str, Any]:
    """The documented kind of mapping, for the test's database."""
    parts = conninfo_to_dict(database_url)
    names = {"host": "host", "port": "port", "database": "dbname", "user": "user"}
    return {**{ours: parts[theirs] for ours, theirs in names.items()}, "password": "unused"}


def test_the_validator_as_documented(tmp_path: Path) -> None:
    """`validate_csv_file` and `validate_json_file` give a truth value and the list of errors."""
    from vectorbt_ingestion import VectorBTIngestionValidator

    validator = VectorBTIngestionValidator()
    assert validator.validate_csv_file(str(write_csv(tmp_path, many(3)))) == (True, [])
    rows = [*many(4), good(symbol="BTC"), good(current_price="")]
    expected = ["Row 5: Invalid symbol format: BTC", "Row 6: Missing current_price"]
    assert validator.validate_csv_file(write_csv(tmp_path, rows)) == (False, expected)
    assert validator.validate_json_file(write_json(tmp_path, rows)) == (False, expected)


def test_the_validator_on_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there is an error in the list, not an exception."""
    from vectorbt_ingestion import VectorBTIngestionValidator

    is_valid, errors = VectorBTIngestionValidator().validate_csv_file(tmp_path / "none.csv")
    assert not is_valid
    assert len(errors) == 1
    assert "none.csv" in errors[0]


def test_warnings_do_not_make_a_file_invalid(tmp_path: Path) -> None:
    """Only errors are in the list."""
    from vectorbt_ingestion import VectorBTIngestionValidator

    validator = VectorBTIngestionValidator()
    assert validator.validate_csv_file(write_csv(tmp_path, [good(sharpe_ratio="14")])) == (True, [])


def test_the_processor_as_documented(tmp_path: Path, db_config: dict[str, Any], conn: psycopg.Connection[Any]) -> None:
    """`process_engine_results` publishes the newest set of a directory and returns what it did."""
    from vectorbt_ingestion import VectorBTIngestionProcessor

    write_csv(tmp_path, many(3))
    processor = VectorBTIngestionProcessor(db_config)
    results = processor.process_engine_results(str(tmp_path))
    assert results["success"] is True
    assert (results["total_results"], results["alerts_ingested"], results["analysis_ingested"]) == (3, 3, 3)
    assert results["validation_errors"] == []
    assert results["files_processed"] == [str(tmp_path / "vectorbt_analysis_results_now.csv")]
    assert conn.execute("SELECT count(*) FROM trading.alerts").fetchone() == (3,)


def test_the_processor_reports_what_went_wrong(tmp_path: Path, db_config: dict[str, Any]) -> None:
    """A refused set, an empty directory and a database that is not there are an `error` in the result."""
    from vectorbt_ingestion import VectorBTIngestionProcessor

    empty = VectorBTIngestionProcessor(db_config).process_engine_results(tmp_path)
    assert "vectorbt_analysis_results_*.csv" in empty["error"]
    path = write_csv(tmp_path, [good(symbol="BTC")])
    refused = VectorBTIngestionProcessor(db_config).process_engine_results(tmp_path)
    assert datetime.now(UTC) - datetime.fromisoformat(refused.pop("timestamp")) < timedelta(minutes=1)
    assert refused == {
        "success": False,
        "error": "Validation failed",
        "files_processed": [],
        "total_results": 0,
        "alerts_ingested": 0,
        "analysis_ingested": 0,
        "validation_errors": ["Row 1: Invalid symbol format: BTC"],
        "files_checked": [str(path)],
    }
    dead = VectorBTIngestionProcessor({**db_config, "database": "not_there", "password": "hush-55"})
    failed = dead.process_engine_results(tmp_path)
    error = failed["error"]
    assert (failed["success"], failed["alerts_ingested"], failed["validation_errors"]) == (False, 0, [])
    assert error.startswith("Database connection failed")
    assert "hush-55" not in error


def test_the_processor_refuses_an_unknown_key() -> None:
    """A typo in db_config is named at once."""
    from vectorbt_ingestion import VectorBTIngestionProcessor

    with pytest.raises(ConfigError, match="pasword"):
        VectorBTIngestionProcessor({"host": "localhost", "pasword": "x"})


def test_importing_it_does_nothing(tmp_path: Path) -> None:
    """The import prints nothing and writes no file, unlike the older module."""
    code = "import vectorbt_ingestion"
    done = subprocess.run(
        (sys.executable, "-c", code),
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr, list(tmp_path.iterdir())) == ("", "", [])
