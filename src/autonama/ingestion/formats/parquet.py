"""Parquet, every value as text: floats as the shortest that reads back, decimals exact, times in ISO 8601."""

import io
from collections.abc import Iterator

import polars as pl

from autonama.engines.contract import Column, Engine
from autonama.ingestion.formats.columns import finished, presence_issues
from autonama.ingestion.formats.content import within
from autonama.ingestion.formats.lines import NUL_SHOWN
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, Rows, Unreadable, too_many_bad_rows
from autonama.ingestion.issues import issue, issue_frame
from autonama.visible import visible

LARGEST_VALUE_COUNT = 1 << 31
"""Values of one file, rows times columns. A run of equal values takes a few bytes of Parquet, but all of memory."""

_DAMAGED = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, OverflowError, MemoryError)


def read_rows(data: bytes, engine: Engine) -> Rows:
    """The rows of a Parquet file. Unreadable where it is none, or damaged."""
    if not data.startswith(b"PAR1"):
        raise Unreadable("file_format", "The file is not Parquet: it does not begin with PAR1")
    if not data.endswith(b"PAR1") or len(data) < 12:
        raise Unreadable("file_format", "The Parquet file breaks off before its end. Copy it again")
    try:
        table = _read_table(data)
        found = {column.name: expr for column in engine.columns if (expr := _find(column, table.schema)) is not None}
        texts = table.select(
            _raw(table.schema).alias("raw"), *(text.alias(name) for name, text in found.items())
        ).with_row_index("row", offset=1)
    except _DAMAGED as error:
        raise Unreadable("file_format", f"The Parquet file is damaged: {_reason(error)}. Copy it again") from None
    return _rows(texts, table.columns, found, engine)


def refuse_large(data: bytes, max_bytes: int) -> None:
    """Unreadable where the values would take more than `max_bytes` as text, before any of them is made one.

    A few bytes of Parquet can stand for a value a billion times. Counted at a byte a value and the bytes of texts;
    what lies inside lists is not counted.
    """
    try:
        lazy = pl.scan_parquet(io.BytesIO(data))
        schema = lazy.collect_schema()
        texts = [name for name, form in schema.items() if form == pl.String]
        rows = lazy.select(pl.len()).collect().item()
        size = rows * (len(schema) - len(texts))
        within(size, max_bytes)
        for name in texts:
            # Of each text the length alone: equal texts share their bytes until they are written out.
            length = pl.col(name).str.len_bytes().cast(pl.Int64).sum()
            size += lazy.select(length).collect(engine="streaming").item() or 0
            within(size, max_bytes)
    except _DAMAGED:
        return  # read_rows says what is wrong with it


def _read_table(data: bytes) -> pl.DataFrame:
    lazy = pl.scan_parquet(io.BytesIO(data))
    values = lazy.select(pl.len()).collect().item() * max(1, len(lazy.collect_schema()))
    if values > LARGEST_VALUE_COUNT:
        raise Unreadable("file_format", f"The Parquet file holds {values:,} values. Split it into smaller files")
    return lazy.collect()


def _rows(texts: pl.DataFrame, names: list[str], found: dict[str, pl.Expr], engine: Engine) -> Rows:
    nul = texts.filter(pl.any_horizontal(pl.col("raw", *found).str.contains("\0", literal=True)))["row"].to_list()
    if len(nul) > BAD_ROWS_LIMIT:
        raise too_many_bad_rows()
    paths = {column.path for column in engine.columns if column.name in found}
    issues = presence_issues(engine.columns, paths, names)
    if not texts.height:
        issues.append(issue("has_rows", "The file holds no rows"))
    issues += [issue("file_encoding", f"Row {row} holds a NUL character", row=row) for row in nul]
    raw = pl.col("raw").str.replace_all("\0", NUL_SHOWN, literal=True)
    frame = texts.with_columns(raw, pl.lit(None, pl.UInt32).alias("line"))
    return Rows(finished(frame, engine.columns, nul), issue_frame(issues))


def _find(column: Column, schema: pl.Schema) -> pl.Expr | None:
    """The text of a column's value; None where the table has no such column."""
    if column.path in schema:
        return _text(pl.col(column.path), schema[column.path])
    first, *steps = column.path.split(".")
    if first not in schema:
        return None
    value, form = pl.col(first), schema[first]
    for step in steps:
        fields = form.to_schema() if isinstance(form, pl.Struct) else pl.Schema()
        if step not in fields:
            return None
        value, form = value.struct.field(step), pl.Schema(fields)[step]
    return _text(value, form)


def _text(value: pl.Expr, form: pl.DataType) -> pl.Expr:
    if form.is_float():
        return value.cast(pl.String).replace({"inf": "Infinity", "-inf": "-Infinity"})
    if isinstance(form, pl.Datetime):
        return value.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.f{'%:z' if form.time_zone else ''}")
    if isinstance(form, pl.Duration):
        return value.dt.to_string("iso")
    if isinstance(form, pl.Binary):
        return value.map_batches(_decoded, return_dtype=pl.String)
    if form.is_nested():
        wrapped = pl.struct(value.alias("v")).struct.json_encode().str.slice(len('{"v":')).str.strip_suffix("}")
        return pl.when(value.is_not_null()).then(wrapped)
    return value.cast(pl.String)


def _decoded(values: pl.Series) -> pl.Series:
    """Bytes that were meant as text; what is no UTF-8 in them stands escaped."""
    texts = [None if value is None else value.decode("utf-8", "backslashreplace") for value in values]
    return pl.Series(values.name, texts, dtype=pl.String)


def _raw(schema: pl.Schema) -> pl.Expr:
    """A row as a JSON object of its texts, each as exact as the table has it."""
    if not schema:
        return pl.lit("{}")
    return pl.struct(_text(pl.col(name), form).alias(name) for name, form in schema.items()).struct.json_encode()


def _reason(error: BaseException) -> str:
    return next(_lines(str(error)), "it cannot be decoded")


def _lines(text: str) -> Iterator[str]:
    return (visible(line.strip()) for line in text.splitlines() if line.strip())
