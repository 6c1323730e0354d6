"""CSV, every field as its own characters."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from autonama.engines.contract import Engine
from autonama.ingestion.formats.blocks import text_of_block, whole
from autonama.ingestion.formats.columns import finished, presence_issues, repeated
from autonama.ingestion.formats.lines import NO_FAULTS, Judged, judge, line_ends, split_lines
from autonama.ingestion.formats.records import Fault, RecordReader
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, Rows, Unreadable, too_many_bad_rows
from autonama.ingestion.formats.text import LOOKS_DEFLATED, refuse_long_lines
from autonama.ingestion.issues import ISSUE_SCHEMA, issue, issue_frame
from autonama.visible import visible

DELIMITERS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
"""Delimiters that are recognised where the engine's own was expected, and how a message calls them."""


WIDEST = 1_000
"""Columns of a file of which all are read at once, only to prove its lines: each column costs some kilobytes."""


@dataclass(frozen=True)
class Header:
    """The names of the columns, the header's own text, and the lines on which it begins and ends."""

    names: tuple[str, ...]
    raw: str
    line: int
    last_line: int


def read_rows(data: bytes, engine: Engine) -> Rows:
    """The rows of a CSV file. Unreadable where not even its header can be read."""
    return whole(CsvReader(engine), data)


class CsvReader:
    """Reads a CSV text block by block. `header`: its first record, once the first block is read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._first: Header | None = None
        self._lines = 0
        self._rows = 0
        self._bad = 0
        self._plain = True  # until a block is not, as the next one will hardly be

    @property
    def header(self) -> str | None:
        """The header's own text."""
        return self._first.raw if self._first else None

    def cut(self, data: bytes | bytearray) -> int:
        """Behind the last LF, or the last CR where there is none; not between a CR and what may be its LF."""
        if end := data.rfind(b"\n") + 1 or data.rfind(b"\r", 0, len(data) - 1) + 1:
            return end
        refuse_long_lines(data, self._lines)
        return 0

    def read(self, data: bytes, *, last: bool) -> Rows:
        """The rows of the next block. Unreadable where not even its header can be read."""
        data = self._text(data, last=last)
        lines = split_lines(data)
        first = self._first or _header(data, lines, self._engine, last=last)
        above = 0 if self._first else first.last_line
        frame, faults = self._body(data, first, lines.slice(above), headed=above == 1, last=last)
        issues = [] if self._first else _header_issues(first, self._engine)
        self._first = first
        self._lines += lines.height
        self._rows += frame.height
        self._bad += faults.height
        if self._bad > BAD_ROWS_LIMIT:
            raise too_many_bad_rows()
        rows = finished(frame, self._engine.columns, faults["row"])
        return Rows(rows, pl.concat([issue_frame(issues), _row_issues(faults)]), header=first.raw)

    def finish(self) -> list[dict[str, Any]]:
        """Whether there was any row."""
        return [] if self._rows else [issue("has_rows", "The file has a header and no rows")]

    def _text(self, data: bytes, *, last: bool) -> bytes:
        data = text_of_block(data, before=self._lines, begun=self._first is not None, last=last)
        if b"\r" in data and b'"' not in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _body(
        self, data: bytes, first: Header, body: pl.DataFrame, *, headed: bool, last: bool
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows of these lines, numbered, and the faulty ones of them. headed: the data begins with the header."""
        width, delimiter = len(first.names), self._engine.delimiter
        paths = {column.name: column.path for column in self._engine.columns}
        found = {name: first.names.index(path) for name, path in paths.items() if path in first.names}
        fields = None
        if self._plain and (headed or self._lines):
            fields = _plain_fields(data, body, found, width, delimiter, headed=headed)
            self._plain = fields is not None
        if fields is not None:
            judged = Judged(body, (), NO_FAULTS)
        else:
            judged = judge(data, body, width, delimiter, last=last)
            source = data if judged.good.height == body.height and (headed or self._lines) else None
            fields = _good_fields(source, judged.good, found, width, delimiter, headed=headed)
        frame = _frame(judged, fields, data, found, rows_before=self._rows, lines_before=self._lines)
        if not judged.faults.height:
            return frame, frame.clear()
        faults = judged.faults.drop("raw").with_columns(pl.col("line") + self._lines)
        return frame, frame.join(faults, on="line")


def _header(data: bytes, lines: pl.DataFrame, engine: Engine, *, last: bool) -> Header:
    first = lines.row(lines["raw"].str.strip_chars().str.len_bytes().ne(0).arg_max() or 0, named=True)
    line, raw = first["line"], first["raw"]
    if "\0" in raw:
        raise Unreadable("file_encoding", f"line {line}: the header holds a NUL byte. Run the engine again", line=line)
    if '"' not in raw:
        header = Header(tuple(raw.split(engine.delimiter)), raw, line, line)
    else:
        record = RecordReader(data, engine.delimiter, last=last).read(first["start"])
        if isinstance(record, Fault):
            raise Unreadable("file_format", f"line {line}: the header {record.predicate}", line=line)
        text = data[record.start : record.stop]
        header = Header(record.fields, text.decode(), line, line + line_ends(text))
    _refuse_delimiter(raw, header, engine)
    return header


def _refuse_delimiter(raw: str, header: Header, engine: Engine) -> None:
    contract = {column.path for column in engine.columns}
    if contract & set(header.names):
        return
    for delimiter, name in DELIMITERS.items():
        names = {field.strip().strip('"') for field in raw.split(delimiter)}
        if delimiter != engine.delimiter and len(names) > 1 and contract & names:
            expected = DELIMITERS.get(engine.delimiter, repr(engine.delimiter))
            message = f"line {header.line}: the header is separated by {name}, expected {expected}"
            raise Unreadable("file_format", message, line=header.line)


def _plain_fields(
    data: bytes, lines: pl.DataFrame, found: Mapping[str, int], width: int, delimiter: str, *, headed: bool
) -> pl.DataFrame | None:
    """The contract's columns, where no line is at fault; None where one may be.

    Without a quote in the text polars cuts a line off behind as many fields as the first line has, and gives "" for
    those that it lacks. A line that is as long as its fields and the delimiters between them has been neither. To
    count delimiters line by line took six times as long, a quarter of the reading.
    """
    if not 1 < width <= WIDEST or lines.is_empty() or lines.height * (width - 1) > len(data):  # delimiters are missing
        return None
    if b'"' in data or b"\0" in data or data.startswith(LOOKS_DEFLATED):
        return None
    try:
        fields = _fields(data, delimiter).slice(int(headed))
    except pl.exceptions.ComputeError:  # polars met a line of another length
        return None
    if fields.shape != (lines.height, width):
        return None
    size = fields.select(pl.sum_horizontal(pl.all().str.len_bytes()) + (width - 1)).to_series()
    return _named(fields, found, range(width)) if (size == lines["raw"].str.len_bytes()).all() else None


def _good_fields(
    data: bytes | None, good: pl.DataFrame, found: Mapping[str, int], width: int, delimiter: str, *, headed: bool
) -> pl.DataFrame:
    """The contract's columns of the good lines. `data`: the text, where these, and a header's line, are all of it."""
    if good.is_empty() or not found:
        return pl.DataFrame({name: pl.repeat(None, good.height, dtype=pl.String, eager=True) for name in found})
    if data is None or b"\r" in data or data.startswith(LOOKS_DEFLATED):
        buffer = io.BytesIO()
        buffer.write(delimiter.join("h" * width).encode() + b"\n")
        good.select("raw").write_csv(buffer, include_header=False, quote_style="never")
        data, headed = buffer.getvalue(), True
    positions = sorted(set(found.values()))
    fields = _fields(data, delimiter, columns=positions).slice(int(headed))
    return _named(fields, found, positions)


def _fields(data: bytes, delimiter: str, columns: Sequence[int] | None = None) -> pl.DataFrame:
    """The fields of all lines, or those at some positions."""
    return pl.read_csv(
        data,
        columns=columns,
        has_header=False,
        separator=delimiter,
        quote_char='"' if b'"' in data else None,
        infer_schema=False,
        empty_string_is_null=False,
    )


def _named(fields: pl.DataFrame, found: Mapping[str, int], positions: Sequence[int]) -> pl.DataFrame:
    """The columns of the contract among fields at these positions."""
    return pl.DataFrame({name: fields.to_series(positions.index(position)) for name, position in found.items()})


def _frame(
    judged: Judged, fields: pl.DataFrame, data: bytes, found: Mapping[str, int], *, rows_before: int, lines_before: int
) -> pl.DataFrame:
    """All rows in the order of their lines, numbered as in the file."""
    parts = [pl.concat([judged.good.select("line", "raw"), fields], how="horizontal")]
    if judged.records:
        records: dict[str, list[Any]] = {
            "line": [line for line, _ in judged.records],
            "raw": [data[record.start : record.stop].decode() for _, record in judged.records],
            **{name: [record.fields[position] for _, record in judged.records] for name, position in found.items()},
        }
        parts.append(pl.DataFrame(records, schema_overrides={"line": pl.UInt32}))
    if judged.faults.height:
        parts.append(judged.faults.select("line", "raw"))
    frame = parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal").sort("line")
    return frame.with_columns(pl.col("line") + lines_before).with_row_index("row", offset=rows_before + 1)


def _header_issues(header: Header, engine: Engine) -> list[dict[str, Any]]:
    issues = presence_issues(engine.columns, set(header.names), header.names, header.line)
    for name in repeated(header.names):
        message = f"The header names the column '{visible(name)}' more than once"
        issues.append(issue("columns_unique", message, line=header.line, column=name))
    return issues


def _row_issues(faults: pl.DataFrame) -> pl.DataFrame:
    """One issue per faulty row; `faults` has `row`, `line`, `code` and `predicate`."""
    if faults.is_empty():
        return issue_frame([])
    return faults.select(
        "code",
        pl.lit("error").alias("severity"),
        "row",
        "line",
        *(pl.lit(None, pl.String).alias(name) for name in ("column", "value")),
        pl.format("Row {} (line {}) {}", "row", "line", "predicate").alias("message"),
        pl.lit(None, pl.List(pl.UInt32)).alias("rows"),
    ).match_to_schema(ISSUE_SCHEMA)
