"""Any numeral is typed as what it says."""

from decimal import ROUND_DOWN, Context, Decimal
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonama.engines.contract import Column, Number
from autonama.ingestion.typed import type_columns
from autonama.ingestion.typed.numbers import EXACT_SCALE

WIDE = Context(prec=500)
PRICE = Number(20, 8)
MANTISSAS = st.from_regex(r"[+-]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,25})", fullmatch=True)
EXPONENTS = st.one_of(st.just(""), st.from_regex(r"[eE][+-]?[0-9]{1,2}", fullmatch=True))
SMALL = st.from_regex(r"-?[1-9]\.[0-9]{12,18}[eE]-[0-9]{1,2}", fullmatch=True)
"""As Python writes a small double, and with a digit or two more: where a cast begins to round."""

NUMERALS = st.one_of(st.builds(str.__add__, MANTISSAS, EXPONENTS), SMALL)


@given(texts=st.lists(NUMERALS, min_size=1, max_size=60))
@example(texts=["600E-27", "0.00"])
@settings(max_examples=3 * settings.default.max_examples)
def test_a_numeral_is_its_own_value(texts: list[str]) -> None:
    """Whatever its length and exponent: its digits down to the 24th, and none where the column cannot hold it."""
    frame = pl.DataFrame({"row": range(len(texts)), "line": range(len(texts)), "price": texts})
    typed = type_columns(frame, [Column("price", PRICE)], ZoneInfo("UTC"))

    for given_text, value, sent in zip(texts, typed["price"], typed["price=text"], strict=True):
        true = WIDE.create_decimal(given_text)
        stored = true.quantize(Decimal(1).scaleb(-8), "ROUND_HALF_UP", WIDE)
        if abs(stored) >= Decimal(PRICE.limit):
            assert value is None
        else:
            assert value == true.quantize(Decimal(1).scaleb(-EXACT_SCALE), ROUND_DOWN, WIDE)
            assert WIDE.create_decimal(sent).quantize(Decimal(1).scaleb(-8), "ROUND_HALF_UP", WIDE) == stored
