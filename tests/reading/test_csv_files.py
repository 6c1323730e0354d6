"""CSV: every field's own characters, every fault with its row and line."""

from dataclasses import replace

import pytest
from source_files import PAIR, Reading, findings, messages, places, texts

from autonama.engines.contract import Column, Text

ONE = replace(PAIR, columns=(Column("a", Text()),))


@pytest.mark.parametrize("value", ["NA", "TRUE", "null", "NaN", "1e5", "1.094e-05", "007", "-0", " x ", "", "\t"])
def test_a_field_stays_its_own_characters(reading: Reading, value: str) -> None:
    """No text is taken for a null, a number or a truth value, and no blank is trimmed."""
    source = reading(f"a,b\n{value},{value}\n")
    assert texts(source) == [(value, value)]
    assert findings(source) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_line_ends_and_marks_are_no_content(reading: Reading, end: str, last: bool, mark: str, quote: str) -> None:
    """LF, CRLF and CR, a last line end or none, a byte order mark or none, with and without quotes: the same rows."""
    lines = ["a,b", f"{quote}1{quote},2", "3,4"]
    source = reading(mark + end.join(lines) + (end if last else ""))
    assert texts(source) == [("1", "2"), ("3", "4")]
    assert source.frame["raw"].to_list() == lines[1:]
    assert places(source) == [(1, 2), (2, 3)]


def test_blank_lines_are_no_rows_but_count_as_lines(reading: Reading) -> None:
    """Blank lines before, between and behind rows are skipped; the numbers of the others' lines stay right."""
    source = reading("\n\na,b\n\n1,2\n   \n3,4\n\n")
    assert texts(source) == [("1", "2"), ("3", "4")]
    assert places(source) == [(1, 5), (2, 7)]
    assert findings(source) == []


def test_blanks_are_values_where_there_is_one_column(reading: Reading) -> None:
    """In a file of one column a quoted blank field and a line of blanks are rows, an empty line is none."""
    source = reading('a\n\n""\n \nx\n', engine=ONE)
    assert texts(source) == [("",), (" ",), ("x",)]


def test_quoted_fields_hold_delimiters_quotes_and_line_ends(reading: Reading) -> None:
    """RFC 4180: quoted delimiters, doubled quotes and line ends belong to the field; `raw` keeps the record whole."""
    source = reading('a,b\r\n"x, ""y""","1\r\n\r\n2"\r\n3,4\r\n')
    assert texts(source) == [('x, "y"', "1\r\n\r\n2"), ("3", "4")]
    assert source.frame["raw"].to_list() == ['"x, ""y""","1\r\n\r\n2"', "3,4"]
    assert places(source) == [(1, 2), (2, 5)]


def test_a_header_can_be_quoted_over_two_lines(reading: Reading) -> None:
    """Line numbers count the lines inside a quoted header."""
    source = reading('"a","b","long\nname"\n1,2,3\n')
    assert (texts(source), places(source)) == ([("1", "2")], [(1, 3)])


def test_ragged_rows_cost_only_themselves(reading: Reading) -> None:
    """A short and a long row are named with their number of fields and have no values; the others stand."""
    source = reading("a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert texts(source) == [("1", "2"), (None, None), (None, None), ("7", "8")]
    assert source.frame["raw"].to_list() == ["1,2", "3", "4,5,6", "7,8"]
    assert findings(source) == [("file_format", 2, 3), ("file_format", 3, 4)]
    assert messages(source) == [
        "Row 2 (line 3) has 1 field, the header has 2",
        "Row 3 (line 4) has 3 fields, the header has 2",
    ]


def test_a_record_over_lines_can_be_ragged(reading: Reading) -> None:
    """The lines of a record with too many fields are one bad row."""
    source = reading('a,b\n"1\n2",3,4\n5,6\n')
    assert findings(source) == [("file_format", 1, 2)]
    assert (texts(source), places(source)) == ([(None, None), ("5", "6")], [(1, 2), (2, 4)])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('x"y,2', "has a stray quote in field 1"),
        ('1,"x"y', "has text behind the closing quote of field 2"),
        ('1, "x"', "has a stray quote in field 2"),
        ('1,"x', "opens a quote in field 2 that is never closed"),
    ],
)
def test_a_broken_quote_costs_only_its_line(reading: Reading, line: str, words: str) -> None:
    """A quote that does not belong names its row, and reading goes on with the next line."""
    source = reading(f"a,b\n{line}\n3,4\n")
    assert messages(source) == [f"Row 1 (line 2) {words}"]
    assert (findings(source), texts(source)) == ([("file_format", 1, 2)], [(None, None), ("3", "4")])


def test_a_quote_open_for_a_mebibyte_is_never_closed(reading: Reading) -> None:
    """A quote whose partner stands beyond a mebibyte does not swallow the rows between."""
    source = reading('a,b\n1,"x\n' + "3,4\n" * 300_000 + '5,"x\n')
    assert findings(source) == [("file_format", 1, 2), ("file_format", 300_002, 300_003)]
    assert source.frame["a"].null_count() == 2


@pytest.mark.parametrize(("delimiter", "name"), [(";", "';'"), ("\t", "a tab"), ("|", "'|'")])
def test_another_delimiter_is_named(reading: Reading, delimiter: str, name: str) -> None:
    """A file whose header is separated by another sign is refused with both signs."""
    source = reading(f"a{delimiter}b\n1{delimiter}2\n")
    assert messages(source) == [f"line 1: the header is separated by {name}, expected ','"]
    assert findings(source) == [("file_format", None, 1)]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_an_engine_names_its_delimiter(reading: Reading, delimiter: str) -> None:
    """The contract's delimiter separates, also beside quotes; a comma is then text."""
    engine = replace(PAIR, delimiter=delimiter)
    source = reading(f'a{delimiter}b\n"1{delimiter}0"{delimiter}2,5\n{delimiter}\n', engine=engine)
    assert texts(source) == [(f"1{delimiter}0", "2,5"), ("", "")]


def test_a_missing_column_is_named_with_its_misspelling(reading: Reading) -> None:
    """A column that differs in case or spacing is missing, and the message says which to rename."""
    source = reading("A ,b\n1,2\n")
    assert messages(source) == ["The file lacks the column a; 'A ' stands for 'a': rename it"]
    assert findings(source) == [("columns_present", None, 1)]
    assert texts(source) == [(None, "2")]


def test_every_missing_column_is_named(reading: Reading) -> None:
    """One issue names all missing columns."""
    assert messages(reading("x,y\n1,2\n")) == ["The file lacks the columns a, b"]


def test_a_column_twice_is_named(reading: Reading) -> None:
    """A header that names a column twice is an issue of the file; headers without a name are not."""
    source = reading("a,b,a,,\n1,2,3,,\n")
    assert findings(source) == [("columns_unique", None, 1)]
    assert messages(source) == ["The header names the column 'a' more than once"]


def test_a_header_alone_has_no_rows(reading: Reading) -> None:
    """A file of a header is readable and has no rows."""
    source = reading("a,b\r\n")
    assert (findings(source), source.frame.height) == ([("has_rows", None, None)], 0)


def test_other_columns_are_kept_out_of_the_way(reading: Reading) -> None:
    """Columns in any order; those that the contract does not name are left out."""
    source = reading("x,b,y,a\n9,2,8,1\n")
    assert (texts(source), findings(source)) == ([("1", "2")], [])


def test_defaults_and_words_of_the_engine(reading: Reading) -> None:
    """A column with a default may be missing, an optional one is null, and the engine's words become ours."""
    columns = (
        Column("signal", Text(), values={"LONG": "BUY"}),
        Column("interval", Text(), default="1d"),
        Column("note", Text(), required=False),
        Column("sharpe", Text(), required=False, metric=True),
    )
    source = reading("signal\nLONG\nlong\n\n3,4\n", engine=replace(PAIR, columns=columns))
    assert texts(source) == [("BUY", "1d", None, None), ("long", "1d", None, None), (None, None, None, None)]
    assert messages(source)[0] == "The file lacks the column sharpe"


def test_a_nul_byte_costs_only_its_row(reading: Reading) -> None:
    """PostgreSQL cannot store a NUL: the row is bad, and its text shows where it stood."""
    source = reading('a,b\n1,\0\n3,4\n"5\n\0",6\n')
    assert findings(source) == [("file_encoding", 1, 2), ("file_encoding", 3, 4)]
    assert source.frame["raw"].to_list() == ["1,␀", "3,4", '"5\n␀",6']
    assert texts(source) == [(None, None), ("3", "4"), (None, None)]
    assert findings(reading("a,\0b\n1,2\n")) == [("file_encoding", None, 1)]


def test_a_line_over_a_mebibyte_is_refused(reading: Reading) -> None:
    """A line that long is no result; the file is refused with the line's number."""
    source = reading("a,b\n1,2\n3," + "x" * (1 << 20) + "\n5,6\n")
    assert (findings(source), source.frame.height) == ([("file_format", None, 3)], 0)
    assert findings(reading("a,b\n1," + "x" * ((1 << 20) - 2) + "\n")) == []


def test_ten_thousand_columns_are_read(reading: Reading) -> None:
    """A header of 10,000 columns is one issue about the contract's that are missing, with the others listed."""
    header = ",".join(f"c{number}" for number in range(10_000))
    source = reading(f"{header},a\n" + "," * 10_000 + "\n")
    assert messages(source) == ["The file lacks the column b"]
    assert texts(source) == [("", None)]


def test_text_that_looks_like_a_zlib_stream_is_text(reading: Reading) -> None:
    """A header that begins with the two bytes of a zlib stream, which are also text, is read as text."""
    assert texts(reading("x\x01,a,b\n0,1,2\n")) == [("1", "2")]


def test_rows_unreadable_by_the_hundred_thousand_end_the_reading(reading: Reading) -> None:
    """A file of stray quotes is refused as a whole instead of with a million messages."""
    source = reading("a,b\n" + 'x"y,2\n' * 100_002)
    assert findings(source) == [("file_format", None, None)]
    assert messages(source)[0].startswith("More than 100,000 rows cannot be read")
