"""The files of a real engine: every field is the file's own text."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autonama.engines.vectorbt import ENGINE
from autonama.ingestion.read import read

RESULTS = Path(__file__).parents[3] / "shared" / "data" / "results"
pytestmark = pytest.mark.skipif(not RESULTS.is_dir(), reason="no real result files here")

FILES = sorted(RESULTS.glob("*")) if RESULTS.is_dir() else []


def exact(text: str) -> Any:
    """JSON with every number as the decimal of its digits."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".csv"], ids=lambda path: path.name)
def test_every_csv_field_is_its_text(path: Path) -> None:
    """What Python's csv module finds in a field is what the frame holds, and `raw` is the line."""
    source = read(path, ENGINE, max_bytes=1 << 30)
    lines = path.read_text().splitlines()
    assert source.issues.is_empty()
    assert source.frame["raw"].to_list() == lines[1:]
    for row, expected in zip(source.frame.iter_rows(named=True), csv.DictReader(lines), strict=True):
        assert all(row[column.name] == expected[column.path] for column in ENGINE.columns if column.stored)
        assert row["line"] == row["row"] + 1


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".json"], ids=lambda path: path.name)
def test_every_json_value_is_its_text(path: Path) -> None:
    """Numbers equal the decimals that Python's json module finds, and every row's slice is that row."""
    source = read(path, ENGINE, max_bytes=1 << 30)
    assert source.issues.is_empty()
    text = path.read_text()
    lines = text.splitlines()
    for row, expected in zip(source.frame.iter_rows(named=True), exact(text), strict=True):
        assert repr(exact(row["raw"])) == repr(expected)
        assert lines[row["line"] - 1].strip().startswith(row["raw"].splitlines()[0])
        for column in filter(lambda one: one.stored, ENGINE.columns):
            value = expected[column.path]
            assert row[column.name] == value if isinstance(value, str) else str(Decimal(row[column.name])) == str(value)
