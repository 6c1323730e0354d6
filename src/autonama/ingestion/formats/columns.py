"""The contract's columns in a file: which are there, which are missing, and what stands in their place."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import polars as pl

from autonama.engines.contract import Column
from autonama.ingestion.issues import issue
from autonama.visible import visible


def may_be_absent(column: Column) -> bool:
    """Whether a file without that column is still whole."""
    return column.default is not None or (not column.required and not column.metric)


def presence_issues(
    columns: Sequence[Column], present: Collection[str], found: Iterable[str], line: int | None = None
) -> list[dict[str, Any]]:
    """The issue `columns_present`, where columns of the contract are missing.

    present: the contract's paths that the file has.
    found: every name that the file has, to recognise a misspelt one.
    """
    missing = [column.path for column in columns if column.path not in present and not may_be_absent(column)]
    if not missing:
        return []
    wanted = {_bare(path): path for path in missing}
    hints = [
        f"'{visible(name)}' stands for '{wanted[_bare(name)]}': rename it" for name in found if _bare(name) in wanted
    ]
    noun = "column" if len(missing) == 1 else "columns"
    message = "; ".join([f"The file lacks the {noun} {', '.join(missing)}", *hints])
    return [issue("columns_present", message, line=line, column=missing[0] if len(missing) == 1 else None)]


def repeated(names: Iterable[str]) -> list[str]:
    """The names that stand more than once, in their order. A blank header names nothing."""
    return [name for name, count in Counter(names).items() if count > 1 and name.strip()]


def finished(frame: pl.DataFrame, columns: Sequence[Column], bad_rows: Sequence[int] | pl.Series = ()) -> pl.DataFrame:
    """The frame with every contract column, in order: words translated, defaults filled in, bad rows null."""
    texts = [_finished(column, column.name in frame.columns) for column in columns]
    frame = frame.select("row", "line", "raw", *texts)
    if not len(bad_rows):
        return frame
    bad = pl.col("row").is_in(pl.Series(bad_rows, dtype=pl.UInt32).implode())
    return frame.with_columns(
        pl.when(bad).then(pl.lit(None, pl.String)).otherwise(pl.col(column.name)).alias(column.name)
        for column in columns
    )


def _finished(column: Column, present: bool) -> pl.Expr:
    text = pl.col(column.name) if present else pl.lit(None, pl.String).alias(column.name)
    if column.values:
        text = text.replace(dict(column.values))
    if column.default is not None:
        text = text.fill_null(column.default)
    return text


def _bare(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).casefold()
