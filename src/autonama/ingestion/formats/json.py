"""JSON: an array of objects, an object that holds one, or one object a line. Numbers keep their digits."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from autonama.engines.contract import Engine
from autonama.ingestion.formats.alike import LEAST, Alike
from autonama.ingestion.formats.arrays import ArrayReader, Elements, broken, refuse_nul, unreadable
from autonama.ingestion.formats.blocks import BLOCK, text_of_block, whole
from autonama.ingestion.formats.documents import Broken, Document
from autonama.ingestion.formats.json_rows import JsonRows, kind_of, summary_frame
from autonama.ingestion.formats.literals import Unstorable, refuse_deep
from autonama.ingestion.formats.rows import Rows, Unreadable
from autonama.ingestion.formats.text import (
    LOOKS_DEFLATED,
    begins_array,
    refuse_long_lines,
    refuse_long_texts,
    utf8_text,
)
from autonama.ingestion.issues import issue
from autonama.visible import visible


def read_rows(data: bytes, engine: Engine, least: int = LEAST) -> Rows:
    """The rows of a `.json` file. Unreadable where it is none of the three shapes, or breaks.

    least: characters below which rows are not read at once, but one by one.
    """
    data = utf8_text(data)
    if begins_array(data):
        return whole(ArrayReader(engine, least), data)
    refuse_nul(data)
    refuse_long_texts(data)
    text = data.decode()
    del data
    document = Document(text)
    rows = JsonRows(engine.columns)
    try:
        return _read_document(document, rows, engine, least)
    except Broken as fault:
        raise unreadable(text, fault, rows.count + 1) from None


def read_lines(data: bytes, engine: Engine) -> Rows:
    """The rows of a `.ndjson` file: one object a line, and a broken line costs no other."""
    return whole(LinesReader(engine), data)


class LinesReader:
    """Reads one object a line, block by block. least: as of `read_rows`."""

    header: str | None = None

    def __init__(self, engine: Engine, least: int = LEAST) -> None:
        self._rows = JsonRows(engine.columns)
        self._alike = Alike(engine.columns, least)
        self._lines = 0
        self._begun = False

    def cut(self, data: bytes | bytearray) -> int:
        """Behind the last LF."""
        if end := data.rfind(b"\n") + 1:
            return end
        refuse_long_lines(data, self._lines)
        return 0

    def read(self, data: bytes, *, last: bool) -> Rows:
        """The rows of the next block."""
        data = text_of_block(data, before=self._lines, begun=self._begun, last=last)
        self._begun = True
        for start, stop in _stretches(data):
            stretch = data[start:stop]
            _add_lines(stretch, self._rows, self._lines, self._alike)
            self._lines += stretch.count(b"\n")
        return self._rows.take()

    def finish(self) -> list[dict[str, Any]]:
        """Which columns no line had, or that there was none."""
        return self._rows.file_issues()


def _read_document(document: Document, rows: JsonRows, engine: Engine, least: int) -> Rows:
    if document.peek() == "{":
        return _read_object(document, rows, engine, least)
    value = document.value()
    raise Unreadable("file_format", f"The file holds {kind_of(value)}, expected {_shapes(engine)}")


def _read_object(document: Document, rows: JsonRows, engine: Engine, least: int) -> Rows:
    sections: dict[str, Any] = {}
    found = False
    for key in document.keys():  # noqa: SIM118 - a cursor that moves on, not a dictionary
        if key in sections or (found and key == engine.rows_at):
            rows.issues.append(_twice(key))
        if key == engine.rows_at and document.peek() == "[":
            found = True
            Elements(engine.columns, rows, least).take(document, 1, last=True)
        else:
            sections[key] = document.value()
            rows.issues += map(_twice, document.repeated)
    if found:
        if document.peek():
            raise Broken("expected the end of the file", document.at)
        return rows.rows(_summary(sections, rows, engine))
    return _read_lines_instead(document, sections, engine, least)


def _read_lines_instead(document: Document, sections: dict[str, Any], engine: Engine, least: int) -> Rows:
    """One object a line under the extension `.json`; else the sentence of what was found."""
    on_one_line = "\n" not in document.text[: document.at].strip()
    more = document.peek()
    columns = [column for column in engine.columns if not column.instead]
    known = any(column.path in sections or column.path.split(".")[0] in sections for column in columns)
    if on_one_line and (more == "{" or (not more and known)):
        return whole(LinesReader(engine, least), document.text.encode())
    for column in engine.columns:
        if column.instead and isinstance(said := sections.get(column.path), str):
            found = f"The engine wrote no results, but {column.path}: {visible(said)}"
            raise Unreadable("file_format", f"{found}; expected {_shapes(engine)}")
    if engine.rows_at in sections:
        found = f"'{engine.rows_at}' is {kind_of(sections[engine.rows_at])}"
    else:
        keys = ", ".join(f"'{visible(key)}'" for key in list(sections)[:5]) or "no keys"
        found = f"The file holds an object with {keys}{' and others' if len(sections) > 5 else ''}"
    raise Unreadable("file_format", f"{found}, expected {_shapes(engine)}")


def _twice(key: str) -> dict[str, Any]:
    return issue("columns_unique", f"The object has the key '{visible(key)}' more than once", column=visible(key))


def _stretches(data: bytes) -> Iterator[tuple[int, int]]:
    """Where whole lines of about a block's bytes begin and end: a long text is not held several times over."""
    start = 0
    while start < len(data):
        stop = data.find(b"\n", start + BLOCK) + 1 or len(data)
        yield start, stop
        start = stop


def _add_lines(data: bytes, rows: JsonRows, before: int, alike: Alike) -> None:
    """Adds the rows of these lines: those that are alike at once, the others one by one. before: lines before them."""
    if data.startswith(LOOKS_DEFLATED):
        raw = pl.Series(data.decode().split("\n"), dtype=pl.String)
    else:
        raw = pl.read_lines(data).to_series()
    lines = raw.str.strip_chars(" \t\r").alias("raw").to_frame().with_row_index("line", offset=before + 1)
    lines = lines.filter(pl.col("raw") != "").with_row_index("row", offset=rows.count + 1)
    document = Document("")

    def by_hand(raw: str, line: int) -> bool:
        _add_line(document, raw, line, rows)
        return True

    rows.add_runs(*alike.runs(lines, data if lines.height == len(raw) else None, "\n"), by_hand)


def _add_line(document: Document, raw: str, line: int, rows: JsonRows) -> None:
    if "\0" in raw:
        rows.refuse("holds a NUL byte", raw, line, "file_encoding")
        return
    document.begin(raw)
    try:
        value = document.value()
        if document.peek():
            raise Broken("expected the end of the line", document.at)
    except Broken as fault:
        rows.refuse(f"is not JSON: {broken(raw, fault)}", raw, line)
    else:
        rows.add(value, raw, line, document.repeated)


def _summary(sections: dict[str, Any], rows: JsonRows, engine: Engine) -> pl.DataFrame | None:
    if engine.summary is None:
        return None
    try:
        refuse_deep(sections)
        return summary_frame(sections, engine.summary.columns)
    except Unstorable as fault:
        rows.issues.append(issue(fault.code, f"The summary {fault}"))
        return None


def _shapes(engine: Engine) -> str:
    return f"an array of objects, an object with the array '{engine.rows_at}', or one object a line"
