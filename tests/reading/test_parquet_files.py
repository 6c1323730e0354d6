"""Parquet: every value as exact text."""

import io
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from source_files import PAIR, Reading, findings, messages, places, texts

from autonama.engines.contract import Column, Engine, Text


def packed(frame: pl.DataFrame) -> bytes:
    """The frame as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def column(values: pl.Series, reading: Reading) -> list[str | None]:
    """The texts that a column of these values is read as."""
    engine = Engine("one", ("*",), (Column("a", Text()),))
    source = reading(packed(pl.DataFrame({"a": values})), "r.parquet", engine)
    assert findings(source) == []
    return source.frame["a"].to_list()


def test_floats_are_their_shortest_text(reading: Reading) -> None:
    """A float's text reads back to the same float; NaN and infinities are the words that JSON files use."""
    floats = [1.094e-05, 0.1, -0.0, 1e22, 5e-324, 123456789012.12345678]
    assert list(map(float, column(pl.Series(floats), reading))) == floats  # type: ignore[arg-type]
    odd = pl.Series([float("nan"), float("inf"), float("-inf"), None])
    assert column(odd, reading) == ["NaN", "Infinity", "-Infinity", None]
    assert column(pl.Series([0.1], dtype=pl.Float32), reading) == ["0.1"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([Decimal("1.10"), Decimal("-0.00000001")], dtype=pl.Decimal(20, 8)), ["1.10000000", "-0.00000001"]),
        (pl.Series([1, None, 2**63 - 1]), ["1", None, "9223372036854775807"]),
        (pl.Series([True, False, None]), ["true", "false", None]),
        (pl.Series(["NA", "", " x "]), ["NA", "", " x "]),
        (pl.Series(["u", "v"], dtype=pl.Categorical), ["u", "v"]),
        (pl.Series([b"BTCUSDT", b"\xff"]), ["BTCUSDT", "\\xff"]),
        (pl.Series([date(2026, 1, 15)]), ["2026-01-15"]),
        (pl.Series([datetime(2026, 1, 15, 10, 30), None]), ["2026-01-15T10:30:00", None]),
        (pl.Series([datetime(2026, 1, 15, 1, 2, 3, 456)]), ["2026-01-15T01:02:03.000456"]),
        (pl.Series([datetime(2026, 7, 1)]).dt.replace_time_zone("Europe/Berlin"), ["2026-07-01T00:00:00+02:00"]),
        (pl.Series([[1, 2], None]), ["[1,2]", None]),
        (pl.Series([None, None]), [None, None]),
    ],
)
def test_every_type_has_a_text(reading: Reading, values: pl.Series, expected: list[str | None]) -> None:
    """Decimals are exact, times are ISO 8601, nested values are JSON, null is null."""
    assert column(values, reading) == expected


def test_structs_are_reached_by_dotted_paths(reading: Reading) -> None:
    """A path leads into a struct; one that leads nowhere is a missing column."""
    columns = Column("low", Text(), source="bands.low"), Column("high", Text(), source="bands.high")
    frame = pl.DataFrame({"bands": [{"low": 1.5}, None], "x": [1, 2]})
    source = reading(packed(frame), "r.parquet", Engine("nested", ("*",), columns))
    assert texts(source) == [("1.5", None), (None, None)]
    assert messages(source) == ["The file lacks the column bands.high"]


def test_raw_is_the_row_as_json(reading: Reading) -> None:
    """Parquet has no lines: `line` is null, and `raw` is the whole row."""
    source = reading(packed(pl.DataFrame({"a": [1.5], "b": ["x"], "c": [None]})), "r.parquet")
    assert (source.frame["raw"].to_list(), places(source)) == (['{"a":"1.5","b":"x","c":null}'], [(1, None)])


def test_a_nul_costs_only_its_row(reading: Reading) -> None:
    """A NUL character is a finding of its row."""
    source = reading(packed(pl.DataFrame({"a": ["x", "\0"], "b": ["y", "z"]})), "r.parquet")
    assert (findings(source), texts(source)) == ([("file_encoding", 2, None)], [("x", "y"), (None, None)])


def test_no_rows(reading: Reading) -> None:
    """A table without rows is readable and has none."""
    frame = pl.DataFrame(schema={"a": pl.String, "b": pl.Float64})
    assert findings(reading(packed(frame), "r.parquet")) == [("has_rows", None, None)]


@pytest.mark.parametrize("size", [1, 3, 4, 11, 100, -1, -30])
def test_a_cut_file_is_named(reading: Reading, size: int) -> None:
    """A Parquet file that breaks off is a finding, wherever it breaks."""
    source = reading(packed(pl.DataFrame({"a": ["x"], "b": ["y"]}))[:size], "r.parquet")
    assert (findings(source), source.frame.height) == ([("file_format", None, None)], 0)


def test_a_damaged_footer_is_named(reading: Reading) -> None:
    """A file with the marks of Parquet and garbage between them is damaged."""
    source = reading(b"PAR1" + b"\xff" * 40 + b"\x08\x00\x00\x00PAR1", "r.parquet")
    assert messages(source)[0].startswith("The Parquet file is damaged")


def test_csv_under_the_extension_of_parquet_is_named(reading: Reading) -> None:
    """The name tells the format: text under `.parquet` is no Parquet."""
    assert messages(reading("a,b\n1,2\n", "r.parquet", PAIR)) == [
        "The file is not Parquet: it does not begin with PAR1"
    ]
