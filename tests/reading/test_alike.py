"""Objects that are alike are read at once: what is read is what reading them one by one gives."""

import json
from unittest.mock import patch

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonama.engines.contract import Column, Engine, Json, Text
from autonama.ingestion.formats import arrays
from autonama.ingestion.formats.alike import WIDEST, Alike, Shape
from autonama.ingestion.formats.arrays import ArrayReader
from autonama.ingestion.formats.blocks import read_blocks, whole
from autonama.ingestion.formats.json import LinesReader, read_rows
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, Rows, Unreadable
from autonama.ingestion.issues import issue_frame

NEVER = 1 << 60
"""Characters below which nothing is read at once."""

PLAIN = Engine("plain", ("*",), tuple(Column(name, Text()) for name in ("a", "b", "é")))
ODD = Engine(
    "odd",
    ("*",),
    (
        Column("a", Text(), values={"x": "y"}),
        Column("again", Text(), source="a", default="none"),
        Column("inner", Text(), source="b.c"),
        Column("é", Json(), required=False),
        Column("why", Text(), source="a b", instead=True, required=False),
    ),
)
ENGINES = st.sampled_from([PLAIN, ODD])

Read = tuple[pl.DataFrame, list[tuple[object, ...]]] | str


def told(rows: Rows) -> Read:
    """The rows and what is wrong with them."""
    return rows.frame, rows.issues.rows()


def as_lines(data: bytes, engine: Engine, least: int) -> Read:
    """One object a line, read as a whole."""
    try:
        return told(whole(LinesReader(engine, least), data))
    except Unreadable as fault:
        return str(fault)


def as_blocks(data: bytes, engine: Engine, size: int) -> Read:
    """One object a line, read in blocks."""
    reader = LinesReader(engine, 0)
    try:
        blocks = list(read_blocks((data[at : at + size] for at in range(0, len(data), size)), reader, size))
    except Unreadable as fault:
        return str(fault)
    issues = pl.concat([issue_frame(reader.finish()), *(block.issues for block in blocks)])
    return pl.concat([block.frame for block in blocks]), issues.rows()


def as_array(data: bytes, engine: Engine, size: int) -> Read:
    """An array, read in blocks."""
    reader = ArrayReader(engine, 0)
    try:
        blocks = list(read_blocks((data[at : at + size] for at in range(0, len(data), size)), reader, size))
        at_end = issue_frame(reader.finish())
    except Unreadable as fault:
        return str(fault)
    return pl.concat([block.frame for block in blocks]), pl.concat([at_end, *(b.issues for b in blocks)]).rows()


def as_document(data: bytes, engine: Engine, least: int) -> Read:
    """A document."""
    try:
        return told(read_rows(data, engine, least))
    except Unreadable as fault:
        return str(fault)


def same(quick: Read, slow: Read) -> None:
    """Both say the same."""
    if isinstance(quick, str) or isinstance(slow, str):
        assert quick == slow
    else:
        assert quick[1] == slow[1]
        assert quick[0].schema == slow[0].schema
        assert quick[0].equals(slow[0])


NUMBERS = ["1", "-0", "0.10", "1e400", "1E+5", "-1.5e-7", "12345678901234567890.123456789012345678", "9" * 5000]
NO_NUMBERS = ["01", "+1", ".5", "1.", "-", "1e", "0x1", "1_0", "١", "-NaN", "nan", "Inf", "True", "None", ""]
WORDS = ["null", "true", "false", "NaN", "Infinity", "-Infinity"]
TEXTS = [
    "",
    "x",
    "null",
    "NaN",
    "1.5",
    "é😀",
    "a,b",
    "},{",
    '}, {"a": 1',
    "[",
    "{",
    "{{{{",
    "\x7f",
    "\u2028",
    ": 1,",
    " ",
]
ESCAPED = [r"\"", r"\\", r"\n", r"\u00e9", r"\ud83d\ude00", r"\ud800", r"\u0000", r"\q"]
BROKEN_TEXTS = ["\t", "\x01", "\x1f", "\r", "a\nb"]
NESTED = ['{"c": 1}', '{"c": null, "c": 2}', "[1, 2]", "[]", "{}", '{"d": {"c": "},{"}}']

USUAL = st.sampled_from([*NUMBERS[:5], *WORDS, *(f'"{text}"' for text in TEXTS)])
UNUSUAL = st.sampled_from([*NUMBERS, *NO_NUMBERS, *NESTED, *(f'"{text}"' for text in ESCAPED + BROKEN_TEXTS)])
KEYS = ["a", "b", "é", "A", "B", "a b", "b.c", "x", "}", ""]
KEY = st.sampled_from([*KEYS, r"\u0061", 'a"b'])


@st.composite
def objects(draw: st.DrawFn) -> list[str]:
    """Objects of one shape and near misses of it, in one spelling of the blanks."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    quoted = [draw(st.booleans()) for _ in keys]
    colon, comma = draw(st.sampled_from([(":", ","), (": ", ", "), (" : ", " ,"), (":", ",\n  ")]))
    bare = st.sampled_from([*NUMBERS[:7], *WORDS])
    text = st.sampled_from(TEXTS).map(lambda value: f'"{value}"')

    def alike() -> str:
        values = [draw(text if kind else bare) for kind in quoted]
        return "{" + comma.join(f'"{key}"{colon}{value}' for key, value in zip(keys, values, strict=True)) + "}"

    def other() -> str:
        pairs = draw(st.lists(st.tuples(KEY | st.sampled_from(keys), USUAL | UNUSUAL), max_size=5))
        return "{" + comma.join(f'"{key}"{colon}{value}' for key, value in pairs) + "}"

    def odd() -> str:
        line, at = alike(), draw(st.integers(0, 200))
        letter = draw(st.sampled_from(['"', "\\", ",", " ", "\t", "\r", "{", "}", "", "é", "1", "\ufeff", "\1"]))
        at = min(at, len(line))
        whole_line = draw(st.sampled_from(["", " ", "3", "[]", line + line, line + ",", line[:-1], f" {line}\t"]))
        return draw(st.sampled_from([line[:at] + letter + line[at:], line[:at] + letter + line[at + 1 :], whole_line]))

    kinds = draw(st.lists(st.sampled_from([alike, alike, alike, alike, other, odd]), max_size=12))
    return [kind() for kind in kinds]


ENDS = st.sampled_from(["\n", "\r\n", " \n", "\n\n", "\n \t\n"])


@settings(max_examples=2 * settings.default.max_examples)
@given(
    objects(), ENDS, st.sampled_from(["", "\n", "\ufeff", " \r\n", "\0\n"]), st.booleans(), ENGINES, st.integers(1, 300)
)
@example(['{"a":1}'], "\n", "", True, PLAIN, 1)
@example(['{"a":"x"}', '{"a":null}', '{"a":"null"}'], "\n", "", True, PLAIN, 100)
@example(['{"a":1}', '{"a":2}'], "\n" * 30, "", True, PLAIN, 9)
@example(['{"B":1}', '{"A":[1]}', '{"B":1}'], "\n", "", True, PLAIN, 100)
def test_lines(rows: list[str], end: str, before: str, last: bool, engine: Engine, size: int) -> None:
    """Of objects one a line, alike or nearly so, whole or in blocks: the same rows, lines, texts and findings."""
    data = (before + end.join(rows) + end * last).encode()
    if data:
        slow = as_lines(data, engine, NEVER)
        same(as_lines(data, engine, 0), slow)
        same(as_document(data, engine, 0), as_document(data, engine, NEVER))
    if data.strip():
        in_blocks = as_blocks(data, engine, size)
        if isinstance(in_blocks, str) or isinstance(slow, str):
            assert in_blocks == slow
        else:
            assert in_blocks[0].equals(slow[0])
            assert sorted(in_blocks[1], key=repr) == sorted(slow[1], key=repr)


@settings(max_examples=2 * settings.default.max_examples)
@given(
    objects(),
    st.sampled_from([",", ", ", ",\n", "\n, ", ",\r\n  ", ",,", ";"]),
    st.sampled_from([("[", "]"), ("[\n", "\n]\n"), (' {"made": "now", "results": [', '], "more": {}}'), ("[", "")]),
    ENGINES,
    st.integers(1, 200),
)
@example(['{"a":"x"}'] * 3, ",", ("[", "]"), PLAIN, 200)
@example(['{"a":"x"}', '{"a":"},{"}', '{"a":"x"}'], ",", ("[", "]"), PLAIN, 200)
@example(['{"a":1}'] * 3 + ['{"a":1}, 3, {"b":2}'] + ['{"a":1}'] * 3, ", ", ("[", "]"), PLAIN, 200)
@example(['{"a":1}', '{"a":1}', '{"a":1}\1{"a":1}', '{"a":1}', '{"a":1}'], ",", ("[", "]"), PLAIN, 200)
def test_documents(rows: list[str], between: str, around: tuple[str, str], engine: Engine, window: int) -> None:
    """Of an array of objects, alike or nearly so, alone or in an object: the same rows, lines, texts and findings."""
    data = (around[0] + between.join(rows) + around[1]).encode()
    with patch.object(arrays, "FIRST", window):
        slow = as_document(data, engine, NEVER)
        same(as_document(data, engine, 0), slow)
        if around[0].startswith("["):
            same(as_array(data, engine, window), slow)


@settings(max_examples=settings.default.max_examples)
@given(
    st.lists(
        st.fixed_dictionaries({"a": st.floats() | st.none(), "b": st.text(max_size=4)}, optional={"é": st.integers()}),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([None, 2, "\t"]),
    st.booleans(),
)
def test_what_python_writes(rows: list[dict[str, object]], indent: int | None, ascii_only: bool) -> None:
    """Of whatever json.dumps writes, indented or not: the same."""
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only)
    same(as_document(text.encode(), PLAIN, 0), as_document(text.encode(), PLAIN, NEVER))
    lines = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    same(as_lines(lines.encode(), PLAIN, 0), as_lines(lines.encode(), PLAIN, NEVER))


MANY = 30_000
"""Rows of a text that is longer than several blocks and windows."""


def many() -> list[str]:
    """Rows of one shape, among them some that are not, one that looks like the end of two, and one that is none."""
    rows = [json.dumps({"a": f"S{n}", "b": n / 7, "more": "x" * 400}) for n in range(MANY)]
    rows[11] = '{"b": 1, "a": "other order"}'
    rows[4000] = json.dumps({"a": None, "b": 1.5, "more": "é"}, ensure_ascii=False)
    rows[12_000] = '{"a": "}, {", "b": [{"c": "}, {"}, {"c": 1}]}'
    rows[12_001] = "3"
    rows[25_000] = '{"a": "A", "a": "\\u00e9"}'
    return rows


def test_long_texts() -> None:
    """Past the size of every block and window, with odd rows in the midst: the same rows, lines and findings."""
    rows = many()
    lines = "\n".join(rows).encode()
    same(as_lines(lines, PLAIN, 0), as_lines(lines, PLAIN, NEVER))
    for between in (", ", ",\n"):
        document = f"[{between.join(rows)}]".encode()
        slow = as_document(document, PLAIN, NEVER)
        same(as_document(document, PLAIN, 0), slow)
        same(as_array(document, PLAIN, 1 << 20), slow)


def test_most_rows_are_read_at_once() -> None:
    """One shape, another with null for a text, and a few odd rows: only the odd ones are left for reading by hand."""
    rows = pl.DataFrame({"raw": many()}).with_row_index("line", offset=1).with_row_index("row", offset=1)
    runs, rest = Alike(PLAIN.columns, 0).runs(rows, None, "\n")
    assert [run.frame.height for run in runs] == [MANY - 5, 1, 1]
    assert rest["line"].to_list() == [12_001, 12_002, 25_001]


def test_no_shape() -> None:
    """Nested values, escapes, a key twice, broken numbers and endless expressions have no shape; plain objects do."""
    assert Shape.of('{"a": 1, "b": "x"}') == Shape.of('{"a": null, "b": ""}')
    assert Shape.of('{"a": 1}') != Shape.of('{"a": "1"}')
    for value in [*NESTED, *NO_NUMBERS, *(f'"{text}"' for text in ESCAPED + BROKEN_TEXTS)]:
        assert Shape.of(f'{{"a": {value}}}') is None
    wide = json.dumps({f"key{n}": 1 for n in range(WIDEST // 20)})
    for raw in ["", "{}", "[1]", '{"a": 1, "a": 2}', '{"a": 1} ', '{"a": 1,}', '{"a": 1', '{"a": 1}}', wide]:
        assert Shape.of(raw) is None


def test_strangers_are_counted() -> None:
    """A file of rows that have none of the contract's keys is refused at the same limit, read at once or not."""
    for count in (BAD_ROWS_LIMIT, BAD_ROWS_LIMIT + 1):
        data = b'{"x": 1}\n' * count
        quick = as_lines(data, PLAIN, 0)
        same(quick, as_lines(data, PLAIN, NEVER))
        assert isinstance(quick, str) == (count > BAD_ROWS_LIMIT)
