"""A file read block by block gives what the whole of it gives."""

import gc
import json
import weakref
from collections.abc import Callable

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from autonama.engines import load_engine
from autonama.ingestion.formats.arrays import ArrayReader
from autonama.ingestion.formats.blocks import BlockReader, read_blocks, whole
from autonama.ingestion.formats.csv import CsvReader
from autonama.ingestion.formats.documents import Document
from autonama.ingestion.formats.json import LinesReader
from autonama.ingestion.formats.rows import Unreadable
from autonama.ingestion.issues import issue_frame

ENGINE = load_engine("vectorbt")
NAMES = [column.path for column in ENGINE.columns]

Read = tuple[pl.DataFrame, list[tuple[object, ...]], str | None] | str


def at_once(reader: BlockReader, data: bytes) -> Read:
    """The rows and issues of the whole, or why it cannot be read."""
    try:
        rows = whole(reader, data)
    except Unreadable as fault:
        return str(fault)
    return rows.frame, sorted(rows.issues.rows(), key=repr), reader.header


def by_blocks(reader: BlockReader, data: bytes, size: int, chunk: int) -> Read:
    """The same, of chunks and blocks of these sizes."""
    try:
        blocks = list(read_blocks((data[at : at + chunk] for at in range(0, len(data), chunk)), reader, size))
        at_end = issue_frame(reader.finish())
    except Unreadable as fault:
        return str(fault)
    issues = pl.concat([at_end, *(block.issues for block in blocks)])
    return pl.concat([block.frame for block in blocks]), sorted(issues.rows(), key=repr), reader.header


def same(reader: Callable[[], BlockReader], data: bytes, size: int, chunk: int) -> None:
    """Both readings agree."""
    if not data:
        return
    one, other = at_once(reader(), data), by_blocks(reader(), data, size, chunk)
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
    else:
        assert one[1:] == other[1:]
        assert one[0].equals(other[0])


SIZES = {"size": st.integers(1, 400), "chunk": st.integers(1, 100)}
FIELD = st.one_of(
    st.sampled_from(["", "1.5", "BTCUSDT", '"a,b"', '"a\nb"', '"say ""so"""', '"', 'x"y', "é", "\0", "\r", '"open']),
    st.text('ab",\n\r \0', max_size=6),
)
LINE = st.one_of(st.lists(FIELD, min_size=13, max_size=13), st.lists(FIELD, max_size=15)).map(",".join)


@given(lines=st.lists(LINE, max_size=12), ends=st.sampled_from(["\n", "\r\n", "\r"]), last=st.booleans(), **SIZES)
def test_csv(lines: list[str], ends: str, last: bool, size: int, chunk: int) -> None:
    """CSV with quotes, stray quotes, records over several lines, ragged lines, any line end, cut anywhere."""
    text = ends.join([",".join(NAMES), *lines]) + ends * last
    same(lambda: CsvReader(ENGINE), text.encode(), size, chunk)


@given(text=st.text('ab",\n\r \0é', max_size=200), **SIZES)
def test_any_text_as_csv(text: str, size: int, chunk: int) -> None:
    """Text without a known header: the same refusal, or the same rows."""
    same(lambda: CsvReader(ENGINE), text.encode(), size, chunk)


ROW = st.dictionaries(st.sampled_from([*NAMES, "other"]), st.one_of(st.none(), st.text(max_size=3), st.floats()))
JSON_LINE = st.one_of(ROW.map(json.dumps), st.text('{}[]",:1 \r', max_size=8))


@given(lines=st.lists(JSON_LINE, max_size=12), last=st.booleans(), **SIZES)
def test_ndjson(lines: list[str], last: bool, size: int, chunk: int) -> None:
    """One object a line, broken lines, keys that some rows lack, cut anywhere."""
    same(lambda: LinesReader(ENGINE), ("\n".join(lines) + "\n" * last).encode(), size, chunk)


ELEMENT = st.one_of(
    ROW.map(json.dumps), st.sampled_from(['{"symbol": "é😀"}', "12", '"}"', "[{}]", '{"a": "},{"}', "\0"])
)
STRAY = st.sampled_from(["", "", "", "", ",", "}", '"', "{", " ", "\n", "3", "é"])


@given(
    elements=st.lists(st.tuples(ELEMENT, STRAY).map("".join), max_size=10),
    before=st.sampled_from(["[", " \n[", "\ufeff[", "[\n  "]),
    between=st.sampled_from([",", ", ", ",\n", "\n\n ,\r\n"]),
    end=st.sampled_from(["]", "]\n", "\n]\n \n", "", ",", "] 3", "]]", "}"]),
    least=st.sampled_from([0, 1 << 60]),
    **SIZES,
)
@example(elements=[], before="[", between=",", end="] 3", least=0, size=1, chunk=4)
def test_json_arrays(
    elements: list[str], before: str, between: str, end: str, least: int, size: int, chunk: int
) -> None:
    """Arrays of objects and of what is none, broken anywhere, with texts that look like their ends, cut anywhere."""
    same(lambda: ArrayReader(ENGINE, least), (before + between.join(elements) + end).encode(), size, chunk)


@given(
    rows=st.lists(ROW, min_size=1, max_size=20), indent=st.sampled_from([None, 1, "\t"]), stop=st.integers(0), **SIZES
)
def test_json_arrays_that_break_off(
    rows: list[dict[str, object]], indent: int | str | None, stop: int, size: int, chunk: int
) -> None:
    """What a writer left unfinished is told with the same place, wherever the cut was."""
    text = json.dumps(rows, indent=indent)
    same(lambda: ArrayReader(ENGINE, 0), text[: 1 + stop % len(text)].encode(), size, chunk)


def test_a_text_goes_with_its_cursor() -> None:
    """Each block's text is let go at once: garbage is looked for so seldom that a whole file would gather."""
    gc.disable()
    try:
        document = Document('[{"a": 1}]')
        gone = weakref.ref(document)
        assert document.value() == [{"a": "1"}]
        del document
        assert gone() is None
    finally:
        gc.enable()


@given(elements=st.lists(st.binary(max_size=20), max_size=8), **SIZES)
def test_arrays_of_bytes_that_are_no_text(elements: list[bytes], size: int, chunk: int) -> None:
    """A byte that is not UTF-8 is named by the same line, ended by LF, and place in it, wherever the cut was."""
    odd = b'"}, {"symbol": "'.join(one.translate(bytes.maketrans(b"\0\r", b"\n\n")) for one in elements)
    data = b'[{"symbol": "' + odd + b'"}]'
    same(lambda: ArrayReader(ENGINE), data, size, chunk)


@given(lines=st.lists(st.binary(max_size=20), max_size=8), **SIZES)
def test_bytes_that_are_no_text(lines: list[bytes], size: int, chunk: int) -> None:
    """A byte that is not UTF-8 is named by the same line, wherever the cut was."""
    data = b"\n".join([",".join(NAMES).encode(), *lines])
    same(lambda: CsvReader(ENGINE), data, size, chunk)


def test_an_open_quote_does_not_end_at_a_block() -> None:
    """A quoted field that holds whole lines, one of which looks like a row, stays one field of one row."""
    fake = ",".join(["BTCUSDT"] * 13)
    text = ",".join(NAMES) + '\n"' + f"{fake}\n" * 50 + '"' + ",x" * 12 + "\n"
    same(lambda: CsvReader(ENGINE), text.encode(), 100, 30)
    blocks = list(read_blocks([text.encode()], CsvReader(ENGINE), 100))
    assert sum(block.frame.height for block in blocks) == 1
