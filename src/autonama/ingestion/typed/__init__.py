"""Text to typed columns, exactly: prices and amounts go text -> Decimal -> NUMERIC, never through a float.

For each column of the contract, `type_columns` yields the typed column under its name and flags beside it, which the
rules of shape read: `<name>?missing`, `<name>?invalid`, `<name>?out_of_range`. A value that failed is null in the typed
column, so that a rule of meaning stays silent there: one fault gives one issue. `<name>=text` is what is sent to
PostgreSQL: the file's own characters wherever PostgreSQL reads them as they are. `<name>=float` of a number is for
rules that divide.

Nearly every value of a real file is short and plain. So all columns are cast in one call, and asked in another whether
all of their values are plain; only a column that has an odd one (blank, padded, infinite, with many digits, no number
at all) is looked at by itself. A call of polars by itself takes 0.2 ms, however few the rows are: 24 rows took 16 ms
column by column, and take 6.
"""

from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache

import polars as pl

from autonama.engines.contract import Column, ColumnType, Integer, Json, Number, Text, Timestamp
from autonama.ingestion.typed.numbers import (
    NUMERAL,
    integer_cast,
    number_casts,
    plain_integers,
    plain_numbers,
    typed_integer,
    typed_number,
)
from autonama.ingestion.typed.texts import plain_texts, typed_json, typed_text
from autonama.ingestion.typed.times import typed_time

__all__ = ["NUMERAL", "type_columns"]


def type_columns(frame: pl.DataFrame, columns: Sequence[Column], zone: tzinfo, *, nests: bool = True) -> pl.DataFrame:
    """The frame's text columns typed, with flags and texts as the module says.

    frame: `row`, `line` and one String column a contract column, as `read.SourceFile.frame`.
    zone: in which times without an offset are read.
    nests: whether the file's format has objects and arrays, whose JSON is no plain text. A CSV field is only text.
    """
    cast = frame.with_columns(expr for column in columns for expr in _casts(column.name, column.type))
    asked = cast.select(expr for column in columns for expr in _plain(column.name, column.type, nests))
    plain = {name for name in asked.columns if asked[name].item() is True}
    typed: list[pl.Series] = [frame["row"], frame["line"]]
    for column in columns:
        text = frame[column.name]
        if len(text) > 1 and text.null_count() == len(text):  # a column that the file does not have costs one value
            one = _typed(cast.head(1), column, zone, plain=False, nests=nests)
            typed += [value.new_from_index(0, len(text)) for value in one]
        else:
            typed += _typed(cast, column, zone, plain=column.name in plain, nests=nests)
    return pl.DataFrame(typed)


def _typed(cast: pl.DataFrame, column: Column, zone: tzinfo, *, plain: bool, nests: bool) -> list[pl.Series]:
    text = cast[column.name]
    match column.type:
        case Number() as number:
            return typed_number(cast, column.name, number, plain=plain)
        case Integer():
            return typed_integer(cast, column.name, plain=plain)
        case Timestamp():
            return typed_time(text, zone)
        case Text(max_length=limit):
            return typed_text(text, limit, plain=plain, nests=nests)
        case Json():
            return typed_json(text)


@lru_cache(maxsize=1024)
def _casts(name: str, kind: ColumnType) -> list[pl.Expr]:
    """What a column of texts is cast to, beside it. Kept, as to make the expressions of a contract takes 0.6 ms."""
    match kind:
        case Number():
            return number_casts(name)
        case Integer():
            return [integer_cast(name)]
    return []


@lru_cache(maxsize=1024)
def _plain(name: str, kind: ColumnType, nests: bool) -> list[pl.Expr]:
    """Whether all values of a column are what they look like, under its name."""
    match kind:
        case Number() as number:
            rows = plain_numbers(name, number)
        case Integer():
            rows = plain_integers(name)
        case Text(max_length=limit):
            rows = plain_texts(name, limit, nests=nests)
        case _:
            return []
    return [rows.all(ignore_nulls=False).alias(name)]
