"""A result file becomes a frame of texts: the file's own characters, row by row, with every fault as an issue."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from autonama.engines.contract import Engine
from autonama.errors import FileChanging
from autonama.ingestion.formats import arrays, csv, json, parquet
from autonama.ingestion.formats.blocks import BlockReader
from autonama.ingestion.formats.columns import finished
from autonama.ingestion.formats.content import load, opening
from autonama.ingestion.formats.rows import Rows, Unreadable
from autonama.ingestion.issues import issue_frame
from autonama.ingestion.names import COMPRESSIONS, FORMATS, Format, ResultName, utc_of
from autonama.visible import visible

SETTLE_S = 1.0
"""A writer that has more to say does so within a second; longer would be felt by whoever reads a file without a last
line's end."""

_READERS = {"csv": csv.read_rows, "json": json.read_rows, "ndjson": json.read_lines}

BLOCK_READERS: dict[str, Callable[[Engine], BlockReader]] = {
    "csv": csv.CsvReader,
    "json": arrays.ArrayReader,
    "ndjson": json.LinesReader,
}
"""The formats that are read block by block where a file is long; of JSON only an array."""


@dataclass(frozen=True)
class Fingerprint:
    """What tells a file's content from any other: the SHA-256 and the size of it, decompressed; and when it came."""

    sha256: str
    size: int
    modified_at: datetime


@dataclass(frozen=True)
class SourceFile:
    """One result file, read as text.

    format: told by the name's extension; None where it names none.
    sha256: of the decompressed content; empty, as `size` is 0, where not even the bytes could be read.
    modified_at: UTC.
    frame: `row` (1 is the first data row), `line` (on which it begins; null in Parquet), `raw` (the row as it stands
        in the file), then one String column per column of the contract, in its order. Null is absent or JSON's null;
        a blank field is "". A row with an issue `file_format` or `file_encoding` has nulls only.
    issues: with the columns of `issues.ISSUE_SCHEMA`. Where one has no row, the file as a whole is at fault.
    summary: one row of texts, where the engine declares a summary and the file is a JSON object.
    header: of a CSV file, as it stands there: without it a row's own text cannot be read again.
    """

    path: Path
    format: Format | None
    sha256: str
    size: int
    modified_at: datetime
    frame: pl.DataFrame
    issues: pl.DataFrame
    summary: pl.DataFrame | None = None
    header: str | None = None


def read(path: Path, engine: Engine, *, max_bytes: int) -> SourceFile:
    """The file's rows as the engine's contract names them. Faults of the file are issues, never exceptions.

    max_bytes: of content after decompression; a longer file is refused without reading all of it.

    FileChanging: the file changed while it was read.
    """
    name = ResultName.of(path.name)
    try:
        content = load(path, name.compression, max_bytes)
    except Unreadable as fault:
        rows = _no_rows(engine, fault)
        return SourceFile(path, name.format, "", 0, _modified_at(path), rows.frame, rows.issues)
    settle_if_cut(path, name.format, content.data, content.modified_at)
    sha256 = hashlib.sha256(content.data).hexdigest()
    size = len(content.data)
    try:
        rows = _read_rows(path, name.format, content.data, engine, max_bytes)
    except Unreadable as fault:
        rows = _no_rows(engine, fault)
    return SourceFile(
        path,
        name.format,
        sha256,
        size,
        content.modified_at,
        rows.frame,
        rows.issues,
        rows.summary,
        rows.header,
    )


def _may_be_cut(form: Format | None, data: bytes) -> bool:
    """Whether the content ends as no writer of this format leaves it: without a line's end, or not closed."""
    if form == "json":
        return not data.rstrip().endswith((b"]", b"}"))
    return form in ("csv", "ndjson") and not data.endswith((b"\n", b"\r"))


def settle_if_cut(path: Path, form: Format | None, data: bytes, modified_at: datetime) -> None:
    """Where the data's end is none, wait until a file written just now has been left alone for a moment.

    FileChanging where it was not.
    """
    age = (datetime.now(UTC) - modified_at).total_seconds()
    if age < SETTLE_S and _may_be_cut(form, data):
        time.sleep(min(SETTLE_S - age, SETTLE_S))
        if _modified_at(path) != modified_at:
            raise FileChanging(f"{visible(path)} is still being written. It is left for the next look.")


def _read_rows(path: Path, form: Format | None, data: bytes, engine: Engine, max_bytes: int) -> Rows:
    if not data:
        raise Unreadable("file_not_empty", "The file is empty. Run the engine again, or remove the file")
    if form is None:
        known = ", ".join(FORMATS)
        message = (
            f"{visible(path.name)} has none of the extensions {known}, nor one of them with {' or '.join(COMPRESSIONS)}"
        )
        raise Unreadable("file_format", message)
    if form == "parquet":
        return parquet.read_rows(data, engine, max_bytes)
    return _READERS[form](data, engine)


def _no_rows(engine: Engine, fault: Unreadable) -> Rows:
    frame = pl.DataFrame(schema={"row": pl.UInt32, "line": pl.UInt32, "raw": pl.String})
    return Rows(finished(frame, engine.columns), issue_frame([fault.issue]))


def _modified_at(path: Path) -> datetime:
    """The time of a file whose content cannot be read; now, where there is none to ask."""
    try:
        return utc_of(path.lstat().st_mtime)
    except OSError:
        return datetime.now(UTC)


def another(path: Path) -> FileChanging:
    """What to raise where a file's content is not the one that was seen, here or by another machine."""
    return FileChanging(
        f"{visible(path)} is another than it was a moment ago, or than another machine sees it. It is left for the "
        "next look."
    )


def fingerprint(path: Path, *, max_bytes: int) -> Fingerprint | None:
    """Of a file's content, as `read` gives it; None where it cannot be read."""
    content, size = hashlib.sha256(), 0
    try:
        with opening(path, ResultName.of(path.name).compression, max_bytes) as opened:
            for chunk in opened.chunks:
                content.update(chunk)
                size += len(chunk)
            return Fingerprint(content.hexdigest(), size, opened.modified_at)
    except Unreadable:
        return None
