"""Findings as a frame: one line an issue, the same columns from the reader to the ledger."""

from functools import cache
from typing import Any

import polars as pl

from autonama.engines.contract import Severity

ISSUE_SCHEMA = pl.Schema(
    {
        "code": pl.String(),
        "severity": pl.String(),
        "row": pl.UInt32(),
        "line": pl.UInt32(),
        "column": pl.String(),
        "value": pl.String(),
        "message": pl.String(),
        "rows": pl.List(pl.UInt32()),
    }
)
"""`row` is 1 for the first data row; `line` counts the file's lines from 1, the header included. Both are null for a
finding about the whole file or set. `rows` is set where one finding concerns several rows."""

VALUE_LIMIT = 200
"""Characters of a raw value that an issue quotes: enough to recognise it, short enough for a terminal line."""


@cache
def no_issues() -> pl.DataFrame:
    """An empty issue frame, the same one for all: they are asked for sixteen times a set, and nobody changes one."""
    return pl.DataFrame(schema=ISSUE_SCHEMA)


def issue(
    code: str,
    message: str,
    *,
    severity: Severity = "error",
    row: int | None = None,
    line: int | None = None,
    column: str | None = None,
    value: str | None = None,
    rows: list[int] | None = None,
) -> dict[str, Any]:
    """One issue as a dictionary in the order of `ISSUE_SCHEMA`."""
    quoted = value if value is None or len(value) <= VALUE_LIMIT else value[:VALUE_LIMIT] + "…"
    return {
        "code": code,
        "severity": severity,
        "row": row,
        "line": line,
        "column": column,
        "value": quoted,
        "message": message,
        "rows": rows,
    }


def issue_frame(issues: list[dict[str, Any]]) -> pl.DataFrame:
    """A frame of issues made by `issue`."""
    return pl.DataFrame(issues, schema=ISSUE_SCHEMA, orient="row")


def as_csv(issues: pl.DataFrame, file_id: int) -> bytes:
    """The issues of a file as COPY reads them into `ingestion.issues`; an unquoted blank is NULL."""
    listed = pl.concat_str(pl.lit("{"), pl.col("rows").cast(pl.List(pl.String)).list.join(","), pl.lit("}"))
    frame = issues.with_columns(rows=pl.when(pl.col("rows").is_not_null()).then(listed))
    # PostgreSQL's text holds no NUL: a backslash and a zero stand for it.
    frame = frame.with_columns(pl.col(pl.String).str.replace_all("\0", r"\0", literal=True))
    return (
        frame.select(pl.lit(file_id).alias("file_id"), *ISSUE_SCHEMA.names()).write_csv(include_header=False).encode()
    )
