"""JSON: three shapes, numbers by their digits, every fault with its line and row."""

from dataclasses import replace

import pytest
from source_files import PAIR, Reading, findings, messages, places, texts

from autonama.engines.contract import Column, Engine, Json, Summary, Text

ROWS = '{"a": 1.10, "b": "x"}', '{"a": 2, "b": null}'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.json", f"[{ROWS[0]},\n{ROWS[1]}]"),
        ("r.json", f'{{"made": "today", "results": [\n{ROWS[0]}, {ROWS[1]}], "more": [1, {{}}]}}'),
        ("r.ndjson", "\n".join(ROWS)),
        ("r.jsonl", "\r\n".join(ROWS) + "\r\n\r\n"),
        ("r.json", "\n".join(ROWS) + "\n"),
        ("r.json", "\ufeff[" + ",".join(ROWS) + "]\n"),
    ],
)
def test_the_shapes_hold_the_same_rows(reading: Reading, name: str, content: str) -> None:
    """An array, an object with the array `results`, one object a line: the same texts, each with its own slice."""
    source = reading(content, name)
    assert texts(source) == [("1.10", "x"), ("2", None)]
    assert source.frame["raw"].to_list() == list(ROWS)
    assert findings(source) == []


@pytest.mark.parametrize(
    "number", ["123456789012.12345678", "1.094e-05", "1E400", "-0", "0.10", "1" * 5000, "NaN", "Infinity", "-Infinity"]
)
def test_a_number_keeps_its_digits(reading: Reading, number: str) -> None:
    """No number goes through a float, however long it is; the words of Python's JSON are taken as they stand."""
    assert texts(reading(f'[{{"a": {number}, "b": "{number}"}}]', "r.json")) == [(number, number)]


def test_other_values_have_a_text(reading: Reading) -> None:
    """Truth values and nested values in a column of text are their JSON, null is null, absent is null."""
    source = reading('[{"a": true, "b": [1.0, {"k": "é\\n"}]}, {"a": false, "b": null}, {"a": ""}]', "r.json")
    assert texts(source) == [("true", '[1.0, {"k": "é\\n"}]'), ("false", None), ("", None)]


def test_a_json_column_holds_valid_json(reading: Reading) -> None:
    """NaN and Infinity inside it become null, other numbers keep their digits, a text is quoted."""
    engine = replace(PAIR, columns=(Column("a", Json()),))
    source = reading(
        '[{"a": {"x": [NaN, -Infinity, 1.10, 1E3], "y": "NaN"}}, {"a": "t"}, {"a": 2.50}]', "r.json", engine
    )
    assert texts(source) == [('{"x": [null, null, 1.10, 1E3], "y": "NaN"}',), ('"t"',), ("2.50",)]


def test_nested_columns_are_reached_by_dotted_paths(reading: Reading) -> None:
    """A path leads through objects; a key that has the dots itself wins."""
    engine = replace(PAIR, columns=(Column("low", Text(), source="bands.low"),))
    source = reading('[{"bands": {"low": 1}}, {"bands.low": 2, "bands": {"low": 3}}, {"bands": 4}]', "r.json", engine)
    assert (texts(source), findings(source)) == ([("1",), ("2",), (None,)], [])


def test_a_key_may_be_missing_in_some_rows_but_not_in_all(reading: Reading) -> None:
    """Missing in one row is null there; missing in all is a column that is not present, null in all is present."""
    source = reading('[{"a": 1, "B": 2}, {"x": 3}]', "r.json")
    assert messages(source) == ["The file lacks the column b; 'B' stands for 'b': rename it"]
    assert texts(source) == [("1", None), (None, None)]
    assert findings(reading('[{"a": null, "b": null}]', "r.json")) == []


def test_a_default_stands_for_null_and_absent(reading: Reading) -> None:
    """The default is taken where JSON has null or nothing; a blank text is a value."""
    engine = replace(PAIR, columns=(Column("a", Text()), Column("b", Text(), default="1d")))
    source = reading('[{"a": 1}, {"a": 1, "b": null}, {"a": 1, "b": ""}]', "r.json", engine)
    assert source.frame["b"].to_list() == ["1d", "1d", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '[{"a": 1, "b": 2},\n {"a": 1 "b": 2}]',
            "line 2, column 10, row 2: expected ',' or the closing bracket, found '\"'",
        ),
        ('[{"a": 1, "b": 2},\n {"a": 1,', "line 2, row 2: the JSON breaks off here: expected a key in double quotes"),
        ('[{"a": 1, "b": 2}\n', "line 2, row 2: the JSON breaks off here: expected ',' or ']'"),
        ('[{"a": "x', "line 1, row 1: the JSON breaks off here: the text that begins here is never closed"),
        ('[{"a": 1}, ]', "line 1, column 12, row 2: expected a value, found ']'"),
        ('[{"a": 1}] x', "line 1, column 12, row 2: expected the end of the file, found 'x'"),
        ('[{"a": "x\ny"}]', "line 1, column 10, row 1: a text holds a line end or another control character"),
        ('[{"a": "\\q"}]', "line 1, column 9, row 1: a text holds a backslash that JSON does not know"),
        ("symbol,interval", "line 1, column 1, row 1: expected a value, found 's'"),
        ('{"results": [1', "line 1, row 2: the JSON breaks off here: expected ',' or ']'"),
        ('{"x" 1}', "line 1, column 6, row 1: expected ':' behind the key, found '1'"),
        ("[" * 100_000, "line 1, column 2, row 1: the values are nested too deeply"),
    ],
)
def test_broken_json_names_its_place(reading: Reading, content: str, message: str) -> None:
    """Where JSON breaks, the line, the column, the row and what was expected; the file has no rows then."""
    source = reading(content, "r.json")
    assert messages(source) == [message]
    assert (source.issues["code"].to_list(), source.frame.height) == (["file_format"], 0)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("3", "The file holds a number"),
        ('"x"', "The file holds a text"),
        ("null", "The file holds null"),
        ("{}", "The file holds an object with no keys"),
        ('{"x": 1, "y": 2}', "The file holds an object with 'x', 'y'"),
        ('{"results": 3}', "'results' is a number"),
        ('{"a": 1,\n"b": 2}', "The file holds an object with 'a', 'b'"),
    ],
)
def test_another_shape_is_named(reading: Reading, content: str, found: str) -> None:
    """A document that is none of the three shapes is refused with what it is and what is expected."""
    expected = "expected an array of objects, an object with the array 'results', or one object a line"
    assert messages(reading(content, "r.json")) == [f"{found}, {expected}"]


def test_one_object_on_one_line_is_one_row(reading: Reading) -> None:
    """An engine that writes one object a line, and has one result, is understood under `.json` too."""
    assert texts(reading('{"a": 1, "b": 2}\n', "r.json")) == [("1", "2")]


@pytest.mark.parametrize("content", ["[]", '{"results": []}'])
def test_no_elements_are_no_rows(reading: Reading, content: str) -> None:
    """An empty array is readable and has no rows."""
    assert findings(reading(content, "r.json")) == [("has_rows", None, None)]


def test_elements_that_are_no_objects_cost_only_themselves(reading: Reading) -> None:
    """A number between objects is a bad row; the others stand."""
    source = reading('[{"a": 1, "b": 2},\n3,\n{"a": 4, "b": 5}]', "r.json")
    assert messages(source) == ["Row 2 (line 2) is a number, expected an object"]
    assert (texts(source), places(source)) == ([("1", "2"), (None, None), ("4", "5")], [(1, 1), (2, 2), (3, 3)])


def test_a_broken_line_of_ndjson_costs_only_itself(reading: Reading) -> None:
    """Lines are judged one by one; blank lines count, and are no rows."""
    lines = ['{"a": 1, "b": 2}', "", '{"a": 3,', "[1]", '{"a": 1} x', "{'a': 1}", '{"b": "\0"}', '{"b": 6}']
    source = reading("\n".join(lines), "r.ndjson")
    assert places(source) == [(1, 1), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8)]
    assert texts(source) == [("1", "2"), *[(None, None)] * 5, (None, "6")]
    assert messages(source) == [
        "Row 2 (line 3) is not JSON: the JSON breaks off here: expected a key in double quotes",
        "Row 3 (line 4) is an array, expected an object",
        "Row 4 (line 5) is not JSON: expected the end of the line, found 'x'",
        "Row 5 (line 6) is not JSON: expected a key in double quotes, found '''",
        "Row 6 (line 7) holds a NUL byte",
    ]


def test_a_key_twice_is_named(reading: Reading) -> None:
    """A key that an object has twice is an issue of its row, of the document where it stands beside the rows."""
    source = reading('[{"a": 1, "b": 2},\n{"a": 1, "a": 2, "b": {"k": 1, "k": 1}}]', "r.json")
    assert findings(source) == [("columns_unique", 2, 2)] * 2
    assert messages(source)[0] == "Row 2 (line 2) has the key 'k' more than once"
    twice = reading('{"x": 1, "x": {"y": 1, "y": 2}, "results": [{"a": 1, "b": 2}]}', "r.json")
    assert findings(twice) == [("columns_unique", None, None)] * 2


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ('"\\ud800"', "file_encoding", "holds \\ud800, half of a surrogate pair, which is no character"),
        ('"\\u0000"', "file_encoding", "holds the NUL character \\u0000, which PostgreSQL cannot store"),
        ('{"k": "\\udfff"}', "file_encoding", "holds \\udfff, half of a surrogate pair, which is no character"),
        ("[" * 101 + "]" * 101, "file_format", "is nested deeper than 100 levels"),
        ('{"k": 1e10001}', "file_format", "holds the number 1e10001, which PostgreSQL cannot store"),
    ],
)
def test_what_postgresql_cannot_store_costs_its_row(reading: Reading, value: str, code: str, words: str) -> None:
    """Half surrogates, NUL, deep nesting and endless numbers are findings of one row."""
    source = reading(f'[{{"a": {value}, "b": 1}}, {{"a": 2, "b": "\\ud83d\\ude00"}}]', "r.json")
    assert (findings(source), messages(source)) == ([(code, 1, 1)], [f"Row 1 (line 1) {words}"])
    assert texts(source) == [(None, None), ("2", "😀")]


def test_the_summary_stands_beside_the_rows() -> None:
    """Summary columns are paths from the document's top; a missing one is null, and an array has no summary."""
    summary = Summary((Column("buys", Text(), source="summary.buy"), Column("x", Text(), source="no.where")), "t.s")
    engine = Engine("nested", ("*",), (Column("a", Text()),), rows_at="analyses", summary=summary)
    from autonama.ingestion.formats.json import read_rows

    rows = read_rows(b'{"summary": {"buy": 3.0}, "analyses": [{"a": 1}]}', engine)
    assert rows.summary is not None
    assert rows.summary.to_dicts() == [{"buys": "3.0", "x": None}]
    assert read_rows(b'[{"a": 1}]', engine).summary is None


def test_a_text_over_a_mebibyte_is_refused(reading: Reading) -> None:
    """A huge text, or a huge array of numbers, is refused before it is decoded."""
    assert findings(reading('[{"a": "' + "x" * (1 << 20) + '"}]', "r.json")) == [("file_format", None, 1)]
    assert findings(reading("[" + "1," * (1 << 20) + "1]", "r.json")) == [("file_format", None, 1)]
    long_row = '{"a": 1, "b": [' + '"x",' * (1 << 18) + '"x"]}'
    assert messages(reading(f"[{long_row}]", "r.json"))[0].startswith("line 1, row 1: a row of more than")


def test_batches_join_without_a_seam(reading: Reading) -> None:
    """Rows are numbered through, past the size of a batch, and a column that begins late is present."""
    rows = [f'{{"a": {number}}}' for number in range(25_000)] + ['{"a": 25000, "b": 1}']
    source = reading("[" + ",\n".join(rows) + "]", "r.json")
    assert places(source) == [(number, number) for number in range(1, 25_002)]
    assert source.frame["a"].to_list() == [str(number) for number in range(25_001)]
    assert findings(source) == []
