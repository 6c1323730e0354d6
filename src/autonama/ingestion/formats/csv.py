"""CSV, every field as its own characters."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from autonama.engines.contract import Engine
from autonama.ingestion.formats.columns import finished, presence_issues, repeated
from autonama.ingestion.formats.lines import Judged, judge, line_ends, split_lines
from autonama.ingestion.formats.records import Fault, RecordReader
from autonama.ingestion.formats.rows import Rows, Unreadable
from autonama.ingestion.formats.text import LOOKS_DEFLATED, refuse_long_lines, utf8_text
from autonama.ingestion.issues import ISSUE_SCHEMA, issue, issue_frame
from autonama.visible import visible

DELIMITERS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
"""Delimiters that are recognised where the engine's own was expected, and how a message calls them."""


@dataclass(frozen=True)
class Header:
    """The names of the columns, the header's own text, and the lines on which it begins and ends."""

    names: tuple[str, ...]
    raw: str
    line: int
    last_line: int


def read_rows(data: bytes, engine: Engine) -> Rows:
    """The rows of a CSV file. Unreadable where not even its header can be read."""
    data = utf8_text(data)
    refuse_long_lines(data)
    if b"\r" in data and b'"' not in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = split_lines(data)
    header = _header(data, lines, engine)
    width = len(header.names)
    judged = judge(data, lines.slice(header.last_line), width, engine.delimiter)
    source = data if judged.good.height == lines.height - 1 else None
    paths = {column.name: column.path for column in engine.columns}
    found = {name: header.names.index(path) for name, path in paths.items() if path in header.names}
    frame = _frame(judged, _good_fields(source, judged.good, found, width, engine.delimiter), data, found)
    faults = frame.join(judged.faults.drop("raw"), on="line") if judged.faults.height else frame.clear()
    return Rows(
        finished(frame, engine.columns, faults["row"]),
        pl.concat([issue_frame(_header_issues(header, engine, frame.height)), _row_issues(faults)]),
        header=header.raw,
    )


def _header(data: bytes, lines: pl.DataFrame, engine: Engine) -> Header:
    first = lines.row(lines["raw"].str.strip_chars().str.len_bytes().ne(0).arg_max() or 0, named=True)
    line, raw = first["line"], first["raw"]
    if "\0" in raw:
        raise Unreadable("file_encoding", f"line {line}: the header holds a NUL byte. Run the engine again", line=line)
    if '"' not in raw:
        header = Header(tuple(raw.split(engine.delimiter)), raw, line, line)
    else:
        record = RecordReader(data, engine.delimiter).read(first["start"])
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


def _good_fields(
    data: bytes | None, good: pl.DataFrame, found: Mapping[str, int], width: int, delimiter: str
) -> pl.DataFrame:
    """The contract's columns of the good lines. `data` is the whole text where header and good lines are all of it."""
    if good.is_empty() or not found:
        return pl.DataFrame({name: pl.repeat(None, good.height, dtype=pl.String, eager=True) for name in found})
    if data is None or b"\r" in data or data.startswith(LOOKS_DEFLATED):
        buffer = io.BytesIO()
        buffer.write(delimiter.join("h" * width).encode() + b"\n")
        good.select("raw").write_csv(buffer, include_header=False, quote_style="never")
        data = buffer.getvalue()
    positions = sorted(set(found.values()))
    fields = pl.read_csv(
        data,
        columns=positions,
        has_header=False,
        separator=delimiter,
        quote_char='"' if b'"' in data else None,
        infer_schema=False,
        empty_string_is_null=False,
    ).slice(1)
    return pl.DataFrame({name: fields.to_series(positions.index(position)) for name, position in found.items()})


def _frame(judged: Judged, fields: pl.DataFrame, data: bytes, found: Mapping[str, int]) -> pl.DataFrame:
    """All rows in the order of their lines, numbered."""
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
    return frame.with_row_index("row", offset=1)


def _header_issues(header: Header, engine: Engine, rows: int) -> list[dict[str, Any]]:
    issues = presence_issues(engine.columns, set(header.names), header.names, header.line)
    for name in repeated(header.names):
        message = f"The header names the column '{visible(name)}' more than once"
        issues.append(issue("columns_unique", message, line=header.line, column=name))
    if not rows:
        issues.append(issue("has_rows", "The file has a header and no rows"))
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
