"""Parquet, every value as text: floats as the shortest that reads back, decimals exact, times in ISO 8601."""

import polars as pl

from autonama.engines.contract import Engine
from autonama.ingestion.formats.columns import finished, presence_issues
from autonama.ingestion.formats.lines import NUL_SHOWN
from autonama.ingestion.formats.parquet_texts import Texts, decode
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, Rows, Unreadable, too_many_bad_rows
from autonama.ingestion.issues import issue, issue_frame


def read_rows(data: bytes, engine: Engine, max_bytes: int) -> Rows:
    """The rows of a Parquet file. Unreadable where it is none, damaged, or more than `max_bytes` as text."""
    if not data.startswith(b"PAR1"):
        raise Unreadable("file_format", "The file is not Parquet: it does not begin with PAR1")
    if not data.endswith(b"PAR1") or len(data) < 12:
        raise Unreadable("file_format", "The Parquet file breaks off before its end. Copy it again")
    return _rows(decode(data, {column.name: column.path for column in engine.columns}, max_bytes), engine)


def _rows(texts: Texts, engine: Engine) -> Rows:
    frame = texts.frame.with_row_index("row", offset=1)
    nul = frame.filter(pl.any_horizontal(pl.col(pl.String).str.contains("\0", literal=True)))["row"].to_list()
    if len(nul) > BAD_ROWS_LIMIT:
        raise too_many_bad_rows()
    paths = {column.path for column in engine.columns if column.name in frame.columns}
    issues = presence_issues(engine.columns, paths, texts.names)
    if not frame.height:
        issues.append(issue("has_rows", "The file holds no rows"))
    issues += [issue("file_encoding", f"Row {row} holds a NUL character", row=row) for row in nul]
    raw = pl.col("raw").str.replace_all("\0", NUL_SHOWN, literal=True)
    frame = frame.with_columns(raw, pl.lit(None, pl.UInt32).alias("line"))
    return Rows(finished(frame, engine.columns, nul), issue_frame(issues))
