"""What the rows of a result file claim: their values, and what they state of how these came about."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from autonama.analysis.stated import NUMBERS, TEXTS
from autonama.engines.contract import Column, Engine, Number, Text
from autonama.errors import ConfigError
from autonama.ingestion.issues import issue
from autonama.ingestion.read import SourceFile
from autonama.ingestion.validate import Verdict

NEEDED = ("current_price", "lower_band", "upper_band", "degree", "kstd")
"""Without these there is nothing to compute again."""

STATED = Number(20, 8)
"""Of stated numbers, where a set's files are compared with each other; here the row's own characters are read."""


@dataclass(frozen=True)
class Claim:
    """One row whose shape is sound. texts: its own characters by column, absent or null as None. at: analysis_date."""

    row: int
    line: int | None
    symbol: str
    interval: str
    at: datetime
    texts: Mapping[str, str | None]

    def text(self, name: str) -> str:
        """The characters of a value; empty where there is none."""
        return (self.texts.get(name) or "").strip()

    def number(self, name: str) -> float:
        """A number of the contract."""
        return float(self.text(name))

    def issue(self, code: str, message: str, column: str | None = None) -> dict[str, Any]:
        """An issue about this row."""
        value = None if column is None else self.texts.get(column)
        told = f"Row {self.row}: {message}"
        return issue(code, told, row=self.row, line=self.line, column=column, value=value)


def reading(engine: Engine) -> Engine:
    """The engine with the columns that a row may state its parameters in. ConfigError where it has no bands."""
    names = {column.name for column in engine.columns}
    if absent := [name for name in NEEDED if name not in names]:
        raise ConfigError(
            f"Files of the engine '{engine.name}' state no {', '.join(absent)}: there is nothing to compute again."
        )
    stated = [Column(name, STATED, required=False, stored=False) for name in NUMBERS if name not in names]
    stated += [Column(name, Text(), required=False, stored=False) for name in TEXTS if name not in names]
    return replace(engine, columns=(*engine.columns, *stated))


def claims(source: SourceFile, verdict: Verdict) -> list[Claim]:
    """The rows without an error, in the file's order; none of a file that is condemned as a whole."""
    if verdict.condemned:
        return []
    sound = verdict.good.select("row", "symbol", "interval", "analysis_date")
    texts = source.frame.join(sound.select("row"), on="row", how="semi", maintain_order="left")
    lines, values = texts["line"].to_list(), texts.drop("row", "line", "raw").iter_rows(named=True)
    return [
        Claim(row, line, symbol, interval, at, told)
        for (row, symbol, interval, at), line, told in zip(sound.iter_rows(), lines, values, strict=True)
    ]
