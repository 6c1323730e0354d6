"""Numerals to exact decimals and whole numbers.

Nearly every value of a real file is short and plain, and one quick cast says all of it. Only the others, the odd ones
(blank, padded, infinite, with many digits, no number at all), are looked at for what they are: 52 ms -> 16 ms for a
column of 200,000 rows. The cast takes no blanks around a numeral, so that only odd ones are stripped of them.
"""

import re
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation

import polars as pl

from autonama.engines.contract import Number
from autonama.ingestion.typed.flags import flags, nowhere, where

EXACT_SCALE = 24
"""Digits after the point that rules compare. 38 digits are what a Decimal column holds; NUMERIC(20,8) needs 12 before
the point, which leaves room for the 17 significant digits of a float down to 1e-7 and one unit in the last place."""

EXACT = pl.Decimal(38, EXACT_SCALE)

SHORT, LONG = 15, EXACT_SCALE
"""Characters of a numeral that the quick cast does not overflow, nor can PostgreSQL refuse it."""

SURELY_SHORT, SURELY_LONG = "0.000000000001", "0.0001"
"""Values that no numeral of that many characters reaches with more digits after the point than EXACT_SCALE: with an
exponent it has four digits less than characters, or more."""

UNDEFINED = ("nan", "-nan", "+nan", "null", "none", "na", "n/a", "<na>", "nat")
"""How engines, pandas and numpy write a number that is not there, in lower case."""

INFINITE = ("inf", "-inf", "+inf", "infinity", "-infinity", "+infinity")

NUMERAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"

INTEGER_LIMIT = 2**31

_UNBOUNDED = Context(prec=2_000, Emax=10**17, Emin=-(10**17), traps=[InvalidOperation])


def typed_number(raw: pl.Series, number: Number) -> list[pl.Series]:
    """The exact value, `=text`, `=float` (the nearest double), the flags, and `?infinite`."""
    exact = raw.cast(EXACT, strict=False)
    plain = (_quick(raw, exact) & _fits(exact, number)).fill_null(value=False)
    none = nowhere(len(raw))
    quick = [
        exact.alias(raw.name),
        raw.alias(f"{raw.name}=text"),
        raw.cast(pl.Float64, strict=False).alias(f"{raw.name}=float"),
        *flags(raw.name, none, none, none),
        none.alias(f"{raw.name}?infinite"),
    ]
    return _with_odd(quick, ~plain, lambda odd: _any_number(raw.filter(odd).str.strip_chars(), number))


def typed_integer(raw: pl.Series) -> list[pl.Series]:
    """The whole number, `=text`, the flags, and `?infinite`."""
    value = raw.cast(pl.Int64, strict=False)
    plain = ((raw.str.len_bytes() <= SHORT) & value.is_between(-INTEGER_LIMIT, INTEGER_LIMIT - 1)).fill_null(
        value=False
    )
    none = nowhere(len(raw))
    quick = [
        value.alias(raw.name),
        raw.alias(f"{raw.name}=text"),
        *flags(raw.name, none, none, none),
        none.alias(f"{raw.name}?infinite"),
    ]
    return _with_odd(quick, ~plain, lambda odd: _any_integer(raw.filter(odd).str.strip_chars()))


def blank(text: pl.Series) -> pl.Series:
    """Where no value stands, or a word for none."""
    lower = text.str.to_lowercase()
    return text.is_null() | (text == "") | lower.is_in(UNDEFINED)


def _with_odd(
    quick: list[pl.Series], odd: pl.Series, judged: Callable[[pl.Series], Sequence[pl.Series]]
) -> list[pl.Series]:
    """The quick columns with the odd rows' own values in their places."""
    if not odd.any():
        return quick
    place = where(odd, odd.cum_sum() - 1)
    return [
        own.gather(place).zip_with(odd, common).alias(common.name)
        for common, own in zip(quick, judged(odd), strict=True)
    ]


def _quick(text: pl.Series, exact: pl.Series) -> pl.Series:
    """Where the quick cast cannot have rounded or overflowed, nor has met an exponent that PostgreSQL would refuse.

    Without an exponent LONG characters are never rounded. With one, values of some size are not: only below it
    exponents are looked for, as that takes as long as the cast.
    """
    size, value = text.str.len_bytes(), exact.abs()
    short, long = (pl.Series([least]).cast(EXACT) for least in (SURELY_SHORT, SURELY_LONG))
    fine = ((size <= SHORT) & (value >= short)) | ((size <= LONG) & (value >= long))
    small = ((size <= LONG) & ~fine).fill_null(value=False)
    if not text.filter(small).str.contains("[eE]").any():
        return fine | small
    return fine | (small & ~where(small, text).str.contains("[eE]"))


def _fits(exact: pl.Series, number: Number) -> pl.Series:
    # Half a unit in the last place below the limit already rounds up to it.
    edge = Decimal(number.limit) - Decimal(5).scaleb(-number.scale - 1)
    # Cast from its text: polars imports numpy, 0.1 s, for a comparison with a Decimal.
    return exact.abs() < pl.Series([f"{edge:f}"]).cast(EXACT)


def _any_number(text: pl.Series, number: Number) -> list[pl.Series]:
    """What `typed_number` gives, whatever stands there."""
    exact = text.cast(EXACT, strict=False)
    long = ((~_quick(text, exact)) | (exact.is_null() & text.str.contains(NUMERAL))).fill_null(value=False)
    stored = text
    if long.any():
        odd = {value: _as_decimal(value, number) for value in text.filter(long).unique()}
        exact = exact.zip_with(~long, _replaced(text, {k: v[0] for k, v in odd.items()}).cast(EXACT))
        stored = text.zip_with(~long, _replaced(text, {k: v[1] for k, v in odd.items()}))
    missing = blank(text)
    numeral = exact.is_not_null() | text.str.contains(NUMERAL)
    fits = _fits(exact, number).fill_null(value=False)
    infinite = text.str.to_lowercase().is_in(INFINITE).fill_null(value=False)
    return [
        where(fits, exact),
        where(fits, stored),
        where(fits, text.cast(pl.Float64, strict=False)),
        *flags(text.name, missing, ~missing & ~numeral, ~missing & numeral & ~fits),
        infinite,
    ]


def _any_integer(text: pl.Series) -> list[pl.Series]:
    # Twelve digits hold every INTEGER and more: the range is judged below.
    exact, _, _, missing, invalid, too_large, infinite = _any_number(text, Number(12, 0))
    whole = exact == exact.floor()
    fits = exact.is_between(-INTEGER_LIMIT, INTEGER_LIMIT - 1)
    value = exact.to_frame().select(pl.when(whole & fits).then(pl.first()).cast(pl.Int64)).to_series()
    told = flags(text.name, missing, invalid | ~whole.fill_null(value=True), too_large | (whole & ~fits))
    return [value, value.cast(pl.String), *told, infinite]


def _as_decimal(text: str, number: Number) -> tuple[str | None, str | None]:
    """The value cut (not rounded) at EXACT_SCALE digits, and rounded once to the column's scale, both as texts.

    Cutting keeps every comparison with a value of fewer digits exact; rounding twice would not.
    """
    if re.fullmatch(NUMERAL, text) is None:
        return None, None
    try:
        value = _UNBOUNDED.create_decimal(text)
        if value.copy_abs() >= Decimal(number.limit):
            return None, None
        stored = value.quantize(Decimal(1).scaleb(-number.scale), ROUND_HALF_UP, _UNBOUNDED)
        return f"{value.quantize(Decimal(1).scaleb(-EXACT_SCALE), ROUND_DOWN, _UNBOUNDED):f}", f"{stored:f}"
    except InvalidOperation:
        return None, None


def _replaced(text: pl.Series, values: dict[str, str | None]) -> pl.Series:
    """Each text's own value. As texts: of a list of Decimals polars would import numpy, 0.1 s, to look at it."""
    new = pl.Series(list(values.values()), dtype=pl.String)
    return text.replace_strict(pl.Series(list(values), dtype=pl.String), new, default=None, return_dtype=pl.String)
