"""Text to typed columns, exactly: prices and amounts go text -> Decimal -> NUMERIC, never through a float.

For each column of the contract, `type_columns` yields the typed column under its name and flags beside it, which the
rules of shape read: `<name>?missing`, `<name>?invalid`, `<name>?out_of_range`. A value that failed is null in the typed
column, so that a rule of meaning stays silent there: one fault gives one issue. `<name>=text` is what is sent to
PostgreSQL: the file's own characters wherever PostgreSQL reads them as they are. `<name>=float` of a number is for
rules that divide.
"""

from collections.abc import Iterable
from datetime import tzinfo

import polars as pl

from autonama.engines.contract import Column, Integer, Json, Number, Text, Timestamp
from autonama.ingestion.typed.numbers import NUMERAL, typed_integer, typed_number
from autonama.ingestion.typed.texts import typed_json, typed_text
from autonama.ingestion.typed.times import typed_time

__all__ = ["NUMERAL", "type_columns"]


def type_columns(frame: pl.DataFrame, columns: Iterable[Column], zone: tzinfo, *, nests: bool = True) -> pl.DataFrame:
    """The frame's text columns typed, with flags and texts as the module says.

    frame: `row`, `line` and one String column a contract column, as `read.SourceFile.frame`.
    zone: in which times without an offset are read.
    nests: whether the file's format has objects and arrays, whose JSON is no plain text. A CSV field is only text.
    """
    typed: list[pl.Series] = [frame["row"], frame["line"]]
    for column in columns:
        text = frame[column.name]
        if len(text) > 1 and text.null_count() == len(text):  # a column that the file does not have costs one value
            typed += [one.new_from_index(0, len(text)) for one in _typed(text.head(1), column, zone, nests=nests)]
        else:
            typed += _typed(text, column, zone, nests=nests)
    return pl.DataFrame(typed)


def _typed(text: pl.Series, column: Column, zone: tzinfo, *, nests: bool) -> list[pl.Series]:
    match column.type:
        case Number() as number:
            return typed_number(text, number)
        case Integer():
            return typed_integer(text)
        case Timestamp():
            return typed_time(text, zone)
        case Text(max_length=limit):
            return typed_text(text, limit, nests=nests)
        case Json():
            return typed_json(text)
