"""The physical lines of a CSV text: split and judged all at once.

Only a line whose quotes do not close on it is read by hand, and one bad line costs no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from autonama.ingestion.formats.records import Fault, Record, RecordReader
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, too_many_bad_rows
from autonama.ingestion.formats.text import LOOKS_DEFLATED

NUL_SHOWN = "\u2400"
"""Stands for a NUL byte in a row's text, which PostgreSQL cannot store."""

NO_FAULTS = pl.DataFrame(schema={"line": pl.UInt32, "raw": pl.String, "code": pl.String, "predicate": pl.String})


@dataclass(frozen=True)
class Judged:
    """The lines behind the header.

    good: `line`, `raw` of records on one line with the right number of fields.
    records: good ones that go over several lines, each with its first line.
    faults: `line`, `raw`, `code` and `predicate` of the others.
    """

    good: pl.DataFrame
    records: Sequence[tuple[int, Record]]
    faults: pl.DataFrame


def split_lines(data: bytes) -> pl.DataFrame:
    """Columns `line` and `raw` and, where the text holds a quote, `start`: the position of the line's first byte."""
    if (b'"' in data and b"\r" in data) or data.startswith(LOOKS_DEFLATED):
        pieces = pl.Series(data.splitlines(keepends=True), dtype=pl.Binary)
        raw, ends = pieces.cast(pl.String).str.strip_chars_end("\r\n"), pieces.bin.size().cast(pl.Int64).cum_sum()
        lines = pl.DataFrame({"raw": raw, "start": ends.shift(1, fill_value=0)})
    else:
        lines = pl.read_lines(data, name="raw")
        if b'"' in data:
            ends = (lines["raw"].str.len_bytes().cast(pl.Int64) + 1).cum_sum()
            lines = lines.with_columns(ends.shift(1, fill_value=0).alias("start"))
    return lines.with_row_index("line", offset=1)


def line_ends(text: bytes) -> int:
    """The number of line ends in a text: LF, CRLF or CR."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


def judge(data: bytes, body: pl.DataFrame, width: int, delimiter: str, *, last: bool) -> Judged:
    """Sorts lines below a header of that width. Blank lines are left out. last: nothing follows the data."""
    whole, fields = _expressions(data, delimiter)
    raw = pl.col("raw")
    body = body.filter(raw != "").with_columns(whole.alias("whole"), fields.alias("fields"))
    fit = pl.col("whole") & (pl.col("fields") == width)
    odd = body.filter(~fit)
    if odd.is_empty():
        return Judged(body, (), NO_FAULTS)
    records, faults, rest = _by_hand(data, odd.filter(~pl.col("whole")), width, delimiter, last=last)
    alone = pl.col("whole") & ~pl.col("line").is_in(pl.Series(rest, dtype=pl.UInt32).implode())
    blank = (pl.col("fields") == 1) & (raw.str.strip_chars() == "")
    ragged = odd.filter(alone & ~blank) if width > 1 else odd.filter(alone)
    if ragged.height + faults.height > BAD_ROWS_LIMIT:
        raise too_many_bad_rows()
    return Judged(body.filter(alone & fit), records, pl.concat([_ragged(ragged, width), faults]))


def _expressions(data: bytes, delimiter: str) -> tuple[pl.Expr, pl.Expr]:
    """Whether a line's quotes close on it, and how many fields it then has."""
    raw = pl.col("raw")
    whole, bare = pl.lit(True), raw
    if b'"' in data:
        has_quote = raw.str.contains('"', literal=True)
        sign, quoted = rf"\x{{{ord(delimiter):x}}}", '"(?:[^"]|"")*"'
        field = f'(?:[^"{sign}]*|{quoted})'
        whole = ~has_quote | raw.str.contains(f"^{field}(?:{sign}{field})*$")
        bare = pl.when(has_quote).then(raw.str.replace_all(quoted, "")).otherwise(raw)
    if b"\0" in data:
        whole = whole & ~raw.str.contains("\0", literal=True)
    return whole, bare.str.count_matches(delimiter, literal=True) + 1


def _ragged(lines: pl.DataFrame, width: int) -> pl.DataFrame:
    noun = pl.when(pl.col("fields") == 1).then(pl.lit("field")).otherwise(pl.lit("fields"))
    predicate = pl.format("has {} {}, the header has {}", "fields", noun, pl.lit(width))
    return lines.select("line", "raw", pl.lit("file_format").alias("code"), predicate.alias("predicate"))


def _by_hand(
    data: bytes, slow: pl.DataFrame, width: int, delimiter: str, *, last: bool
) -> tuple[list[tuple[int, Record]], pl.DataFrame, list[int]]:
    """The records and faults that begin on these lines, and the further lines of the records."""
    records: list[tuple[int, Record]] = []
    faults: list[tuple[int, str, str, str]] = []
    rest: list[int] = []
    last_line = 0
    reader = RecordReader(data, delimiter, last=last)
    start_of = pl.col("start") if "start" in slow.columns else pl.lit(0).alias("start")
    for line, raw, start in slow.select("line", "raw", start_of).iter_rows():
        if line <= last_line:
            continue
        record = Fault("holds a NUL byte") if "\0" in raw else reader.read(start)
        if isinstance(record, Fault):
            faults.append(_fault(line, raw, record.predicate))
        else:
            text = data[record.start : record.stop]
            last_line = line + line_ends(text)
            rest.extend(range(line + 1, last_line + 1))
            if b"\0" not in text and len(record.fields) == width:
                records.append((line, record))
            else:
                faults.append(_fault(line, text.decode(), _count(len(record.fields), width)))
        if len(faults) > BAD_ROWS_LIMIT:
            raise too_many_bad_rows()
    return records, pl.DataFrame(faults, schema=NO_FAULTS.schema, orient="row"), rest


def _count(fields: int, width: int) -> str:
    return f"has {fields} field{'s' * (fields != 1)}, the header has {width}"


def _fault(line: int, raw: str, predicate: str) -> tuple[int, str, str, str]:
    if "\0" in raw:
        return line, raw.replace("\0", NUL_SHOWN), "file_encoding", "holds a NUL byte"
    return line, raw, "file_format", predicate
