"""Rows that were kept as their own text, read again: each for itself, whatever its neighbours are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from autonama.engines.contract import Engine
from autonama.ingestion.formats.columns import finished
from autonama.ingestion.formats.documents import Broken, Document
from autonama.ingestion.formats.json_rows import JsonRows
from autonama.ingestion.formats.lines import NUL_SHOWN
from autonama.ingestion.formats.records import Fault, RecordReader
from autonama.ingestion.formats.rows import Rows
from autonama.ingestion.issues import issue, issue_frame


@dataclass(frozen=True)
class Original:
    """A row's number and line in its file, its own text, and whether a NUL was found in it, which the text shows."""

    row: int
    line: int | None
    text: str
    nul: bool = False


def read_csv(originals: Sequence[Original], header: str, engine: Engine) -> Rows:
    """Records that stood below that header."""
    names = _fields(header, engine.delimiter)
    assert not isinstance(names, Fault), "a header that cannot be read was never entered"  # noqa: S101
    found = {column.name: names.index(column.path) for column in engine.columns if column.path in names}
    issues: list[dict[str, Any]] = []
    records: list[Sequence[str | None]] = []
    for original in originals:
        fields = Fault("holds a NUL byte") if original.nul else _fields(original.text, engine.delimiter)
        if not isinstance(fields, Fault) and len(fields) != len(names):
            fields = Fault(f"has {len(fields)} field{'s' * (len(fields) != 1)}, the header has {len(names)}")
        if isinstance(fields, Fault):
            code = "file_encoding" if original.nul else "file_format"
            issues.append(_issue(original, fields.predicate, code))
            records.append((None,) * len(names))
        else:
            records.append(fields)
    texts = {name: [record[place] for record in records] for name, place in found.items()}
    bad = [told["row"] for told in issues]
    return Rows(finished(_frame(originals, texts), engine.columns, bad), issue_frame(issues))


def read_json(originals: Iterable[Original], engine: Engine) -> Rows:
    """JSON objects; of a Parquet file the objects of its rows' texts."""
    rows = JsonRows(engine.columns)
    for original in originals:
        rows.count = original.row - 1
        _add(rows, original, engine)
    found = rows.rows()
    # A column that none of these few rows has may well be in the file that they came from: each row says it itself.
    return Rows(found.frame, found.issues.filter(pl.col("row").is_not_null()))


def _add(rows: JsonRows, original: Original, engine: Engine) -> None:
    line = original.line
    if original.nul:
        rows.refuse("holds a NUL byte", original.text, line, "file_encoding")
        return
    document = Document(original.text)
    try:
        value = document.value()
        if document.peek():
            raise Broken("expected the end of the row", document.at)
        repeated = list(document.repeated)
        if line is None:
            value = _unfolded(value, engine)
    except Broken as fault:
        rows.refuse(f"is not JSON: {fault.reason}", original.text, line)
    else:
        rows.add(value, original.text, line, repeated)


def _unfolded(value: Any, engine: Engine) -> Any:
    """A Parquet row, whose nested values are kept as JSON texts: those that the contract looks into, taken apart."""
    if not isinstance(value, dict):
        return value
    for first in {column.path.split(".")[0] for column in engine.columns if column.path not in value}:
        text = value.get(first)
        if isinstance(text, str) and text.startswith("{"):
            value[first] = Document(text).value()
    return value


def _fields(text: str, delimiter: str) -> tuple[str, ...] | Fault:
    data = text.encode()
    record = RecordReader(data, delimiter).read(0)
    if isinstance(record, Fault):
        return record
    return record.fields if record.end == len(data) else Fault("holds a line end outside of quotes")


def _frame(originals: Sequence[Original], texts: dict[str, list[str | None]]) -> pl.DataFrame:
    place = {
        "row": pl.Series([original.row for original in originals], dtype=pl.UInt32),
        "line": pl.Series([original.line for original in originals], dtype=pl.UInt32),
        "raw": pl.Series([original.text for original in originals], dtype=pl.String),
    }
    return pl.DataFrame(place | {name: pl.Series(values, dtype=pl.String) for name, values in texts.items()})


def _issue(original: Original, predicate: str, code: str) -> dict[str, Any]:
    line = "" if original.line is None else f" (line {original.line})"
    return issue(code, f"Row {original.row}{line} {predicate}", row=original.row, line=original.line)


def shown_nul(text: str, reasons: Iterable[str]) -> bool:
    """Whether the sign for a NUL in a kept text stands for one."""
    return NUL_SHOWN in text and any(reason.startswith("file_encoding: ") for reason in reasons)
