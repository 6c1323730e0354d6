"""Do the files of one set hold the same rows? A set is published once, from one of them, so they have to."""

from collections.abc import Sequence

import polars as pl

from autonama.engines.contract import Column, Engine, Integer, Number
from autonama.ingestion.issues import ISSUE_SCHEMA, issue, no_issues
from autonama.ingestion.rules import AGREEMENT
from autonama.ingestion.validate import Verdict

RELATIVE_TOLERANCE = 1e-9
"""One writer may print a float with 15 digits and another with 17; no two prices differ by so little."""

KEY = ("symbol", "interval")
CODE = AGREEMENT[0]


def agree(ours: Verdict, theirs: Verdict, names: tuple[str, str], engine: Engine) -> pl.DataFrame:
    """The issues `csv_json_agree` of two files of one set; rows are those of the first.

    names: how messages call the two files.
    """
    # The time is compared, and not a key: two files that differ in it alone hold the same rows otherwise.
    keys = [*KEY, *(name for name in engine.key if name not in (*KEY, "analysis_date"))]
    mine, other = (_keyed(verdict.typed, keys) for verdict in (ours, theirs))
    both = mine.join(other, on=[*keys, "nth"], how="inner", suffix=" there", maintain_order="left", nulls_equal=True)
    columns = [column for column in engine.columns if column.name not in keys]
    frames = [_differing(both, column, names) for column in columns]
    frames.append(_alone(mine, other, keys, names, with_row=True))
    alone = _alone(other, mine, keys, (names[1], names[0]), with_row=False)
    # A row of ours that could not be told apart has no key: its counterpart over there is not missing here.
    if alone.height > ours.read - ours.typed.height:
        frames.append(alone)
    return pl.concat([no_issues(), *frames])


def unreadable(theirs: Verdict, name: str) -> pl.DataFrame:
    """What is wrong with a set's second file as a whole, or with the shape of its rows, told with the file's name."""
    lost = pl.col("row").is_null() | pl.col("code").is_in(["file_format", "file_encoding", "columns_unique"])
    told = theirs.issues.filter((pl.col("severity") == "error") & lost & (pl.col("code") != "file_age"))
    return told.with_columns(
        row=pl.lit(None, pl.UInt32), line=pl.lit(None, pl.UInt32), message=pl.concat_str(pl.lit(f"{name}: "), "message")
    )


def _keyed(typed: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    keyed = typed.with_columns(pl.col(KEY).fill_null(""))
    return keyed.with_columns(nth=pl.int_range(pl.len(), dtype=pl.UInt32).over(keys))


def _differing(both: pl.DataFrame, column: Column, names: tuple[str, str]) -> pl.DataFrame:
    name, there = column.name, f"{column.name} there"
    here_text, there_text = pl.col(f"{name}=text"), pl.col(f"{name}=text there")
    if isinstance(column.type, Number | Integer):
        left, right = pl.col(name).cast(pl.Float64), pl.col(there).cast(pl.Float64)
        apart = (left - right).abs() > RELATIVE_TOLERANCE * pl.max_horizontal(left.abs(), right.abs())
    else:
        apart = pl.col(name) != pl.col(there)
    differ = apart.fill_null(value=False) | (pl.col(name).is_null() != pl.col(there).is_null())
    message = pl.format(
        f"Row {{}}: {{}} {{}} has {name} {{}} in {names[0]} and {{}} in {names[1]}",
        "row",
        *KEY,
        here_text.fill_null("nothing"),
        there_text.fill_null("nothing"),
    )
    return _issues(both.filter(differ), message, column=name, value=here_text)


def _alone(
    here: pl.DataFrame, there: pl.DataFrame, keys: Sequence[str], names: tuple[str, str], *, with_row: bool
) -> pl.DataFrame:
    alone = here.join(there, on=[*keys, "nth"], how="anti", maintain_order="left", nulls_equal=True)
    message = pl.format(f"Row {{}}: {{}} {{}} stands in {names[0]} but not in {names[1]}", "row", *KEY)
    if with_row:
        return _issues(alone, message, column="symbol", value=pl.col("symbol"))
    told = [issue(CODE, text, column="symbol") for text in alone.select(message).to_series()]
    return pl.DataFrame(told, schema=ISSUE_SCHEMA, orient="row")


def _issues(rows: pl.DataFrame, message: pl.Expr, *, column: str, value: pl.Expr) -> pl.DataFrame:
    return rows.select(
        code=pl.lit(CODE),
        severity=pl.lit("error"),
        row=pl.col("row"),
        line=pl.col("line"),
        column=pl.lit(column),
        value=value,
        message=message,
        rows=pl.lit(None, pl.List(pl.UInt32)),
    )
