"""Quarantined rows as a CSV file that a person corrects in a spreadsheet, and that file read back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from autonama.engines.contract import Column, Engine, Text
from autonama.ingestion.read import read
from autonama.ingestion.spreadsheet import FORMULA, GUARDED
from autonama.ingestion.typed import NUMERAL

WHICH = ("file_id", "row_number")
"""The columns that say which row in quarantine a line corrects."""


@dataclass(frozen=True)
class Corrections:
    """A corrected file.

    frame: `row` and `line` in that file, `file_id` and `row_number` (null where they are no whole numbers), and the
        contract's columns as texts; without the rows that could not be read.
    issues: of the file and of its rows, with the columns of `issues.ISSUE_SCHEMA`.
    """

    path: Path
    sha256: str
    frame: pl.DataFrame
    issues: pl.DataFrame

    @property
    def condemned(self) -> bool:
        """Whether the file as a whole cannot be used."""
        return not self.issues.filter((pl.col("severity") == "error") & pl.col("row").is_null()).is_empty()


def to_correct(file_id: int, frame: pl.DataFrame, reasons: Sequence[Sequence[str]], engine: Engine) -> pl.DataFrame:
    """The rows of one file as they are given to a person, every cell safe in a spreadsheet.

    frame: `row`, `raw` and the contract's columns as texts.
    """
    named = {column.path: pl.col(column.name) for column in reversed(engine.columns)}
    texts = {path: named[path] for path in dict.fromkeys(column.path for column in engine.columns)}
    told = pl.Series([" | ".join(reason) for reason in reasons], dtype=pl.String)
    listed = frame.select(
        file_id=pl.lit(file_id, pl.Int64), row_number=pl.col("row"), **texts, original=pl.col("raw")
    ).with_columns(reasons=told)
    return listed.with_columns(_guarded(name) for name in listed.columns if name not in WHICH)


def read_back(path: Path, engine: Engine, *, max_bytes: int) -> Corrections:
    """What a person gave back. Faults are issues, as in a result file; a sign that guarded a cell is taken away."""
    named = tuple(Column(name, Text()) for name in WHICH)
    source = read(path, replace(engine, columns=(*named, *engine.columns), summary=None), max_bytes=max_bytes)
    bad = source.issues.filter((pl.col("severity") == "error") & pl.col("row").is_not_null())["row"]
    which = [pl.col(name).str.strip_chars().cast(pl.Int64, strict=False) for name in WHICH]
    frame = source.frame.filter(~pl.col("row").is_in(bad.implode())).with_columns(
        *which, *(pl.col(column.name).str.replace(GUARDED, "${1}") for column in engine.columns)
    )
    return Corrections(path, source.sha256, frame, source.issues)


def _guarded(name: str) -> pl.Expr:
    text = pl.col(name)
    runs = text.str.contains(FORMULA) & ~text.str.contains(NUMERAL)
    return pl.when(runs).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(name)
