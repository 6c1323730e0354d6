"""Laws of reading: what Python's own writers write comes back, and no bytes at all raise anything."""

import csv
import io
import json
from decimal import Decimal

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from source_files import Reading, findings

from autonama.engines.contract import Column, Engine, Text

SIGNS = st.sampled_from(
    ['"', ",", ";", "\n", "\r", "\r\n", " ", "\t", "a", "é", "😀", "NA", "1e5", "'", "\\", "#", "\ufeff"]
)
FIELD = st.lists(SIGNS, max_size=5).map("".join) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=6
)
PLAIN = st.text(st.sampled_from("aé1.- NA#'"), min_size=1, max_size=6).filter(lambda text: text.strip() != "")


def contract(width: int) -> Engine:
    """An engine with that many text columns, c0 and on."""
    return Engine("wide", ("*",), tuple(Column(f"c{number}", Text()) for number in range(width)))


def tables(field: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    """One to four columns, up to eight rows."""
    rows = st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(field, min_size=width, max_size=width), min_size=1, max_size=8)
    )
    return rows.filter(lambda table: table[0] != [""] or len(table[0]) > 1)


def written(table: list[list[str]], quoting: int, end: str, mark: str) -> bytes:
    """The table as csv.writer writes it, under a header c0, c1 and on."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow(f"c{number}" for number in range(len(table[0])))
    writer.writerows(table)
    return (mark + text.getvalue()).encode()


QUOTINGS = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
MARKS = st.sampled_from(["", "\ufeff"])


@settings(max_examples=2 * settings.default.max_examples)
@given(tables(FIELD), QUOTINGS, ENDS, MARKS)
def test_every_table_that_python_writes_reads_back(
    reading: Reading, table: list[list[str]], quoting: int, end: str, mark: str
) -> None:
    """Whatever csv.writer writes, with any quoting, line end and byte order mark, reads back to the same texts."""
    if quoting == csv.QUOTE_MINIMAL:  # until Python 3.13 it leaves the other line end unquoted
        assume(set("".join(field for row in table for field in row)) & set("\r\n") <= set(end))
    source = reading(written(table, quoting, end, mark), engine=contract(len(table[0])))
    assert findings(source) == []
    assert [list(row) for row in source.frame.drop("row", "line", "raw").rows()] == table
    assert source.frame["row"].to_list() == list(range(1, len(table) + 1))


@given(tables(PLAIN), ENDS)
def test_every_plain_table_reads_back_without_quotes(reading: Reading, table: list[list[str]], end: str) -> None:
    """Fields without a sign that needs a quote read back from QUOTE_NONE; `raw` is the line that was written."""
    content = written(table, csv.QUOTE_NONE, end, "")
    source = reading(content, engine=contract(len(table[0])))
    assert [list(row) for row in source.frame.drop("row", "line", "raw").rows()] == table
    assert source.frame["raw"].to_list() == content.decode().split(end)[1:-1]
    assert source.frame["line"].to_list() == list(range(2, len(table) + 2))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"))
)


@settings(max_examples=2 * settings.default.max_examples)
@given(
    st.lists(st.dictionaries(st.sampled_from(["c0", "c1", "c2", "x"]), SCALARS), min_size=1, max_size=8),
    st.sampled_from(["array", "object", "lines"]),
    st.booleans(),
    st.sampled_from([None, 1]),
)
def test_every_list_of_objects_reads_back(
    reading: Reading, rows: list[dict[str, object]], shape: str, ascii_only: bool, indent: int | None
) -> None:
    """Whatever json.dumps writes, in all three shapes, reads back: texts the same, numbers by their very digits."""
    if shape == "lines":
        content, name = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows), "r.ndjson"
    else:
        document = rows if shape == "array" else {"made": 1, "results": rows}
        content, name = json.dumps(document, ensure_ascii=ascii_only, indent=indent), "r.json"
    source = reading(content, name, contract(3))
    assert {code for code, _, _ in findings(source)} <= {"columns_present"}
    for read, row in zip(source.frame.iter_rows(named=True), rows, strict=True):
        assert json.loads(read["raw"]) == json.loads(json.dumps(row)) or "NaN" in read["raw"]
        for key in ("c0", "c1", "c2"):
            value = row.get(key)
            assert read[key] == (value if isinstance(value, str | None) else json.dumps(value))


def reference(text: str, width: int) -> list[tuple[int, list[str] | None]]:
    """CSV read letter by letter, slowly: the line of every record behind the header, and its fields, None where bad."""
    records: list[tuple[int, list[str] | None]] = []
    at = line = 0
    while at < len(text):
        fields, end = record(text, at)
        line_end = next((i for i in range(at, len(text)) if text[i] in "\r\n"), len(text))
        if fields is None:
            end = line_end
        blank = not text[at:line_end] if width == 1 else not text[at:line_end].strip() and "," not in text[at:line_end]
        if not blank:
            records.append((line + 1, fields if fields is not None and len(fields) == width else None))
        end += 2 if text[end : end + 2] == "\r\n" else 1
        line += len(text[at:end].replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1
        at = end
    return records


def record(text: str, at: int) -> tuple[list[str] | None, int]:
    """The fields of the record that begins here and where its line ends; None where a quote is out of place."""
    fields, field, state = [], "", "start"
    for place in range(at, len(text) + 1):
        sign = text[place : place + 1]
        if state == "quoted":
            if sign == "":
                return None, place
            state, field = ("quote", field) if sign == '"' else ("quoted", field + sign)
        elif state == "quote" and sign == '"':
            state, field = "quoted", field + '"'
        elif sign in ("", "\r", "\n", ","):
            fields.append(field)
            state, field = "start", ""
            if sign != ",":
                return fields, place
        elif sign == '"' and state == "start":
            state = "quoted"
        elif sign == '"' or state == "quote":
            return None, place
        else:
            state, field = "bare", field + sign
    raise AssertionError(text)


LETTERS = st.text(st.sampled_from('a,,,""\n\n\r é'), max_size=40)


@settings(max_examples=4 * settings.default.max_examples)
@given(LETTERS, st.sampled_from([1, 2, 3]))
@example('"\n",\n","', 2)
@example('"a\n,"b"\n"', 2)
@example("\r\n\r", 2)
def test_csv_agrees_with_a_slow_reference(reading: Reading, body: str, width: int) -> None:
    """Good rows, bad rows and their lines are those that a reader which looks at every letter finds."""
    header = ",".join(f"c{number}" for number in range(width)) + "\n"
    source = reading(header + body, engine=contract(width))
    expected = [(line + 1, fields) for line, fields in reference(body, width)]
    names = [f"c{number}" for number in range(width)]
    bad = [row for code, row, _ in findings(source) if code == "file_format"]
    found = [
        (row["line"], None if row["row"] in bad else [row[name] for name in names])
        for row in source.frame.iter_rows(named=True)
    ]
    assert found == expected


PIECES = b'" , \n \r \0 a \xc3 \xa9 { } [ ] : 1 "a" null'.split(b" ")
NAMES = st.sampled_from(["r.csv", "r.json", "r.ndjson", "r.parquet", "r.csv.gz", "r.json.zst"])


@settings(max_examples=4 * settings.default.max_examples)
@given(st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join), NAMES)
def test_no_bytes_raise_anything(reading: Reading, content: bytes, name: str) -> None:
    """Arbitrary bytes under any name give rows or issues, with rows numbered from 1 and every issue an error."""
    source = reading(content, name)
    assert source.frame["row"].to_list() == list(range(1, source.frame.height + 1))
    assert source.frame.height or source.issues.height
    assert set(source.issues["severity"]) <= {"error"}
    assert not source.frame["raw"].str.contains("\0", literal=True).any()


@pytest.mark.parametrize("quote", ["", '"'])
def test_positions_hold_over_many_lines(reading: Reading, quote: str) -> None:
    """One ragged row among 200,000, quoted or not, is named by its own row and line, and no other row is moved."""
    lines = [f"{quote}{number}{quote},x" for number in range(200_000)]
    lines[150_000] += ",more"
    source = reading("c0,c1\n" + "\n".join(lines) + "\n", engine=contract(2))
    assert findings(source) == [("file_format", 150_001, 150_002)]
    good = source.frame.filter(source.frame["row"] != 150_001)
    assert (good["c0"].cast(int) + 1 == good["row"]).all()
    assert (source.frame["line"] == source.frame["row"] + 1).all()


def test_decimals_of_json_are_exact(reading: Reading) -> None:
    """A number's text is the decimal that the file has, to the last digit."""
    source = reading('[{"c0": 123456789012.12345678, "c1": 0.1}]', "r.json", contract(2))
    assert [Decimal(text) for text in source.frame.row(0)[3:]] == [Decimal("123456789012.12345678"), Decimal("0.1")]
