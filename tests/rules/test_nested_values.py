"""Objects and arrays where a text is expected, and texts that only look like them."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from autonama.config import load_settings
from autonama.engines.vectorbt import ENGINE
from autonama.ingestion.read import read
from autonama.ingestion.rules import rules_for
from autonama.ingestion.validate import validate
from writing import good, write_csv, write_json


def found(path: Path) -> list[tuple[str, str]]:
    """Code and message of the errors."""
    os.utime(path, (time.time() - 60,) * 2)
    rules = rules_for(ENGINE, load_settings(engine_results_dir="."), now=datetime.now(UTC))
    issues = validate(read(path, ENGINE, max_bytes=1 << 20), ENGINE, rules, UTC).issues.filter(severity="error")
    return issues.select("code", "message").rows()


@pytest.mark.parametrize("text", ["[BTC", "{", '{"a": 1}', "[1, 2]", " [BTC]"])
def test_a_csv_field_is_only_text(tmp_path: Path, text: str) -> None:
    """A CSV field that begins with a bracket is judged as the text that it is, also where it is valid JSON."""
    path = write_csv(tmp_path, [good(symbol=text)])
    assert found(path) == [("symbol_format", f"Row 1: Invalid symbol format: {text}")]


@pytest.mark.parametrize("column", ["symbol", "interval", "signal"])
@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], [], {}, [["BTCUSDT"]]])
def test_an_object_or_array_is_no_text(tmp_path: Path, column: str, value: object) -> None:
    """What JSON nests where a text belongs is called so, and gives one finding."""
    path = write_json(tmp_path, [good(**{column: value})])
    assert [code for code, _ in found(path)] == [f"invalid_{column}"]
    assert found(path)[0][1].endswith("is not plain text")


@pytest.mark.parametrize("text", ["[BTC", "{}}"])
def test_a_json_text_that_begins_with_a_bracket_is_text(tmp_path: Path, text: str) -> None:
    """A text of JSON that is no object and no array is judged as text."""
    path = write_json(tmp_path, [good(symbol=text)])
    assert found(path) == [("symbol_format", f"Row 1: Invalid symbol format: {text}")]


def test_a_struct_of_parquet_is_no_text(tmp_path: Path) -> None:
    """So is a struct or a list of Parquet."""
    path = tmp_path / "r.parquet"
    for value in ({"a": 1}, ["BTCUSDT"]):
        pl.DataFrame([good(symbol=value)]).write_parquet(path)
        assert [code for code, _ in found(path)] == ["invalid_symbol"]
