"""Any numeral is typed as what it says."""

from decimal import ROUND_DOWN, Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import psycopg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonama.engines.contract import Column, Number
from autonama.ingestion.typed import type_columns
from autonama.ingestion.typed.numbers import EXACT_SCALE, ZERO

WIDE = Context(prec=500)
PRICE = Number(20, 8)
MANTISSAS = st.from_regex(r"[+-]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,25})", fullmatch=True)
EXPONENTS = st.one_of(st.just(""), st.from_regex(r"[eE][+-]?[0-9]{1,2}", fullmatch=True))
SMALL = st.from_regex(r"-?[1-9]\.[0-9]{12,18}[eE]-[0-9]{1,2}", fullmatch=True)
"""As Python writes a small double, and with a digit or two more: where a cast begins to round."""

NUMERALS = st.one_of(st.builds(str.__add__, MANTISSAS, EXPONENTS), SMALL)


def typed_prices(texts: list[str]) -> pl.DataFrame:
    """A column of prices after typing."""
    frame = pl.DataFrame({"row": range(len(texts)), "line": range(len(texts)), "price": texts})
    return type_columns(frame, [Column("price", PRICE)], ZoneInfo("UTC"))


@given(texts=st.lists(NUMERALS, min_size=1, max_size=60))
@example(texts=["600E-27", "0.00"])
@settings(max_examples=3 * settings.default.max_examples)
def test_a_numeral_is_its_own_value(texts: list[str]) -> None:
    """Whatever its length and exponent: its digits down to the 24th, and none where the column cannot hold it."""
    typed = typed_prices(texts)

    for given_text, value, sent in zip(texts, typed["price"], typed["price=text"], strict=True):
        true = WIDE.create_decimal(given_text)
        stored = true.quantize(Decimal(1).scaleb(-8), "ROUND_HALF_UP", WIDE)
        if abs(stored) >= Decimal(PRICE.limit):
            assert value is None
        else:
            assert value == true.quantize(Decimal(1).scaleb(-EXACT_SCALE), ROUND_DOWN, WIDE)
            assert WIDE.create_decimal(sent).quantize(Decimal(1).scaleb(-8), "ROUND_HALF_UP", WIDE) == stored


def test_postgresql_makes_zero_of_a_short_zero(conn: psycopg.Connection[Any]) -> None:
    """Whatever its exponent, a zero of few characters is sent as it stands, and PostgreSQL reads it as one."""
    texts = ["0", "-0.0", "0e-9999", "0e99999", "-0E9999", "1e-9999", "-9.e-99", ".0e-999", "0.00000"]
    assert {len(text) <= ZERO for text in texts} == {True}
    typed = typed_prices(texts)
    assert (typed["price=text"].to_list(), set(typed["price"])) == (texts, {Decimal(0)})
    stored = conn.execute("SELECT array_agg(sent::numeric(20, 8)) FROM unnest(%s::text[]) AS sent", [texts]).fetchone()
    assert stored == ([Decimal(0)] * len(texts),)
