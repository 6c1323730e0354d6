"""The words in which an engine declares what it writes: columns, rules, sections, target table.

Nothing here knows a file reader or a database. A declaration says how a value looks (`Number(20, 8)`), and
reading, validation and publishing follow it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import polars as pl

Severity = Literal["error", "warning", "off"]
Level = Literal["file", "row", "set"]

MOST_DIGITS = 14
"""Before the point: a Decimal column holds 38 digits, and rules compare 24 of them after it."""


@dataclass(frozen=True)
class Text:
    """Text. `max_length` in characters, as in VARCHAR(n); None where a rule of its own bounds it."""

    max_length: int | None = None

    def describe(self) -> str:
        """The type in a user's words."""
        return "plain text"

    @property
    def bound(self) -> str | None:
        """What a value has to fit, or None."""
        return None if self.max_length is None else f"{self.max_length} characters"


@dataclass(frozen=True)
class Number:
    """A decimal number that has to fit NUMERIC(precision, scale) after rounding half away from zero.

    ValueError for more digits before the point than rules can compare exactly.
    """

    precision: int
    scale: int

    def __post_init__(self) -> None:
        if self.precision - self.scale > MOST_DIGITS:
            raise ValueError(f"{self.bound} has more than {MOST_DIGITS} digits before the point")

    @property
    def limit(self) -> str:
        """The first magnitude that does not fit any more, as text: `1000000000000` for NUMERIC(20,8)."""
        return "1" + "0" * (self.precision - self.scale)

    def describe(self) -> str:
        """The type in a user's words."""
        return "a finite number"

    @property
    def bound(self) -> str:
        """What a value has to fit."""
        return f"NUMERIC({self.precision},{self.scale})"


@dataclass(frozen=True)
class Integer:
    """A whole number that fits INTEGER. `3.0` is one (pandas writes it so beside a blank); `3.5` is not."""

    bound: ClassVar[str | None] = "INTEGER"

    def describe(self) -> str:
        """The type in a user's words."""
        return "a whole number"


@dataclass(frozen=True)
class Timestamp:
    """An ISO 8601 time. Without an offset it is read in `engine_timezone`."""

    bound: ClassVar[str | None] = "the years from 2000 on"

    def describe(self) -> str:
        """The type in a user's words."""
        return "an ISO 8601 time"


@dataclass(frozen=True)
class Json:
    """A JSON value, kept as text and stored as JSONB; NaN and Infinity inside it become null."""

    bound: ClassVar[str | None] = None

    def describe(self) -> str:
        """The type in a user's words."""
        return "a JSON value"


ColumnType = Text | Number | Integer | Timestamp | Json


@dataclass(frozen=True)
class Column:
    """One column of an engine's contract.

    name: the database's column, and the name in rules and issues.
    source: where the file keeps it: a header, or a dotted path into nested JSON. Empty: the same as `name`.
    required: blank, null or NaN is `missing_<name>`, an error.
    metric: an undefined value (blank, null, NaN, infinite) is stored as NULL with the warning `undefined_metric`.
    default: the text taken where the whole column, or its value, is absent.
    values: the engine's words for ours, such as `{"LONG": "BUY"}`; other words stay as they are.
    stored: False for a column that only rules read.
    instead: True where an engine writes it in place of a result, to say why there is none: a row that a rule on this
        column refuses is judged by no other rule of rows, nor has it to have the contract's columns.
    """

    name: str
    type: ColumnType
    source: str = ""
    required: bool = True
    metric: bool = False
    default: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    stored: bool = True
    instead: bool = False

    @property
    def path(self) -> str:
        """Where the file keeps it."""
        return self.source or self.name

    @property
    def label(self) -> str:
        """The name for a message; with the file's own name behind it where that differs."""
        return self.name if self.path == self.name else f"{self.name} ({self.path})"


@dataclass(frozen=True)
class Rule:
    """A named polars expression that is true where a row fails.

    Expressions see the typed frame: every number as an exact Decimal(38, 24), and its nearest double as `<name>=float`,
    for rules that divide; times as UTC microseconds, text as it stands in the file. A null operand makes the expression
    null, and a rule is silent there. A `set` rule is an expression that yields one value for the whole frame.

    message: a template; `{column}` is replaced by the value of that column or of `values`, as the file has it.
    column: the column that the issue points at.
    same: columns whose equal values gather failing rows into one issue that names them all.
    group: the documented switch that turns the rule off: "duplicates" or "prices".
    values: named expressions over the typed frame for the message, such as `{"share": ...}`.
    summary: True where the rule reads the summary's frame (one row) instead of the rows.
    holds: the sentence of the catalogue: what a good row looks like.
    """

    code: str
    fails: pl.Expr
    message: str
    holds: str = ""
    severity: Severity = "error"
    level: Level = "row"
    column: str | None = None
    group: Literal["duplicates", "prices"] | None = None
    values: Mapping[str, pl.Expr] = field(default_factory=dict)
    summary: bool = False
    same: tuple[str, ...] = ()

    @property
    def operands(self) -> frozenset[str]:
        """The columns that the expression reads; `price=float` and `price?missing` are read of `price`."""
        return frozenset(re.split(r"[=?]", name)[0] for name in self.fails.meta.root_names())


@dataclass(frozen=True)
class Summary:
    """The one-object section beside the rows of a nested document, and the table that it is stored in.

    columns: `source` paths are relative to the document's top level: `summary.buy_signals`.
    counts: named expressions over the typed rows, joined to the summary's one row for its rules.
    """

    columns: tuple[Column, ...]
    table: str
    counts: Mapping[str, pl.Expr] = field(default_factory=dict)


@dataclass(frozen=True)
class Engine:
    """Everything that Autonama has to know of an engine.

    name: how `--engine` calls it, stored in the `engine` column of every row.
    patterns: globs of its result files' names; `.gz` and `.zst` are matched without being named.
    columns: the contract; other columns of a file are left out of the way.
    table: where the rows go, `schema.table`, with the columns of the contract under their names, plus `engine`,
        `file_id`, `row_number`, and a unique key over `engine` and `key`.
    rules: its own, beside those that every engine shares.
    rows_at: the key of a JSON object under which the rows stand.
    alerts: whether a row raises an alert (the contract has to have the columns of `trading.alerts`).
    delimiter: of its CSV files.
    skip_rules: shared rules that do not hold for this engine, by code.
    """

    name: str
    patterns: tuple[str, ...]
    columns: tuple[Column, ...]
    table: str = "trading.vectorbt_analysis"
    key: tuple[str, ...] = ("symbol", "interval", "analysis_date")
    rules: tuple[Rule, ...] = ()
    rows_at: str = "results"
    alerts: bool = True
    delimiter: str = ","
    summary: Summary | None = None
    skip_rules: tuple[str, ...] = ()

    @property
    def summary_columns(self) -> tuple[Column, ...]:
        """The columns of the summary section; none where the engine has no such section."""
        return self.summary.columns if self.summary else ()

    def column(self, name: str) -> Column:
        """The contract's column of that name. KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
