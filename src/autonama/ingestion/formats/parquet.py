"""Parquet, every value as text: floats as the shortest that reads back, decimals exact, times in ISO 8601."""

import io
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import IO, Any

import polars as pl

from autonama.engines.contract import Engine
from autonama.ingestion.formats.columns import finished, presence_issues
from autonama.ingestion.formats.lines import NUL_SHOWN
from autonama.ingestion.formats.parquet_texts import Texts, decode, length
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, Rows, Unreadable, too_many_bad_rows
from autonama.ingestion.issues import issue, issue_frame


def read_rows(data: bytes, engine: Engine, max_bytes: int) -> Rows:
    """The rows of a Parquet file. Unreadable where it is none, damaged, or more than `max_bytes` as text."""
    reader = ParquetReader(engine)
    with _as_file(data) as file:
        blocks = list(reader.blocks(file, max_bytes))
    issues = pl.concat([issue_frame(reader.finish()), *(block.issues for block in blocks)])
    return Rows(pl.concat([block.frame for block in blocks]), issues)


def count_rows(file: IO[bytes], max_bytes: int) -> int:
    """The number of rows. Unreadable where it is no Parquet file, damaged, or more than `max_bytes` as text."""
    _refuse_other(file)
    return length(file, max_bytes)


class ParquetReader:
    """Reads a Parquet file slice by slice."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows = 0
        self._bad = 0

    def blocks(
        self, file: IO[bytes], max_bytes: int, *, raw: bool = True, part: range | None = None
    ) -> Generator[Rows]:
        """The rows of each slice, in memory that does not grow with the file.

        raw: with each row's own text, as a JSON object; it is blank without.
        part: only these rows, counted from 0; that the file is not too large is known then.
        """
        _refuse_other(file)
        self._rows = part.start if part else 0
        paths = {column.name: column.path for column in self._engine.columns}
        for texts in decode(file, paths, max_bytes, raw=raw, part=part):
            yield self._block(texts)

    def finish(self) -> list[dict[str, Any]]:
        """Whether there was any row."""
        return [] if self._rows else [issue("has_rows", "The file holds no rows")]

    def _block(self, texts: Texts) -> Rows:
        frame = texts.frame.with_row_index("row", offset=self._rows + 1)
        if "raw" not in frame.columns:
            frame = frame.with_columns(raw=pl.lit(""))
        nul = frame.filter(pl.any_horizontal(pl.col(pl.String).str.contains("\0", literal=True)))["row"].to_list()
        self._bad += len(nul)
        if self._bad > BAD_ROWS_LIMIT:
            raise too_many_bad_rows()
        paths = {column.path for column in self._engine.columns if column.name in frame.columns}
        issues = [] if self._rows else presence_issues(self._engine.columns, paths, texts.names)
        issues += [issue("file_encoding", f"Row {row} holds a NUL character", row=row) for row in nul]
        self._rows += frame.height
        shown = pl.col("raw").str.replace_all("\0", NUL_SHOWN, literal=True)
        frame = frame.with_columns(shown, pl.lit(None, pl.UInt32).alias("line"))
        return Rows(finished(frame, self._engine.columns, nul), issue_frame(issues))


def _refuse_other(file: IO[bytes]) -> None:
    """Unreadable where the file does not begin and end as Parquet does."""
    if file.read(4) != b"PAR1":
        raise Unreadable("file_format", "The file is not Parquet: it does not begin with PAR1")
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 4))
    if file.read(4) != b"PAR1" or size < 12:
        raise Unreadable("file_format", "The Parquet file breaks off before its end. Copy it again")
    file.seek(0)


@contextmanager
def _as_file(data: bytes) -> Iterator[IO[bytes]]:
    """The data in a file that no disk holds, where the system has such; else in a temporary one."""
    memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("parquet"), "w+b") if memory else tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        yield file
