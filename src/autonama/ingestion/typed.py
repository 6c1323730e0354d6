"""Text to typed columns, exactly: prices and amounts go text -> Decimal -> NUMERIC, never through a float.

For each column of the contract, `type_columns` yields the typed column under its name and flags beside it, which the
rules of shape read: `<name>?missing`, `<name>?invalid`, `<name>?out_of_range`. A value that failed is null in the typed
column, so that a rule of meaning stays silent there: one fault gives one issue. `<name>=text` is what is sent to
PostgreSQL: the file's own characters wherever PostgreSQL reads them as they are.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation

import polars as pl

from autonama.engines.contract import Column, Integer, Json, Number, Text, Timestamp

EXACT_SCALE = 24
"""Digits after the point that rules compare. 38 digits are what a Decimal column holds; NUMERIC(20,8) needs 12 before
the point, which leaves room for the 17 significant digits of a float down to 1e-7 and one unit in the last place."""

EXACT = pl.Decimal(38, EXACT_SCALE)

UNDEFINED = ("nan", "-nan", "+nan", "null", "none", "na", "n/a", "<na>", "nat")
"""How engines, pandas and numpy write a number that is not there, in lower case."""

INFINITE = ("inf", "-inf", "+inf", "infinity", "-infinity", "+infinity")

NUMERAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"

INTEGER_LIMIT = 2**31
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No result is older; what is comes from a zero, a seconds' count or a lost digit."""

ISO_SECONDS = "%Y-%m-%dT%H:%M:%S%.f"
ISO_SHAPE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?$"
ISO_8601 = re.compile(
    r"\d{4}-?\d\d-?\d\d([T ]\d\d(:?\d\d(:?\d\d([.,]\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)

_UNBOUNDED = Context(prec=2_000, Emax=10**17, Emin=-(10**17), traps=[InvalidOperation])


def type_columns(frame: pl.DataFrame, columns: Iterable[Column], zone: tzinfo, *, nests: bool = True) -> pl.DataFrame:
    """The frame's text columns typed, with flags and texts as the module says.

    frame: `row`, `line` and one String column a contract column, as `read.SourceFile.frame`.
    zone: in which times without an offset are read.
    nests: whether the file's format has objects and arrays, whose JSON is no plain text. A CSV field is only text.
    """
    typed: list[pl.Series] = [frame["row"], frame["line"]]
    for column in columns:
        text = frame[column.name]
        match column.type:
            case Number() as number:
                typed += _number(text, number)
            case Integer():
                typed += _integer(text)
            case Timestamp():
                typed += _timestamp(text, zone)
            case Text(max_length=limit):
                typed += _text(text, limit, nests=nests)
            case Json():
                typed += _json(text)
    return pl.DataFrame(typed)


def _flags(name: str, missing: pl.Series, invalid: pl.Series, out_of_range: pl.Series) -> list[pl.Series]:
    return [
        missing.fill_null(value=False).alias(f"{name}?missing"),
        invalid.fill_null(value=False).alias(f"{name}?invalid"),
        out_of_range.fill_null(value=False).alias(f"{name}?out_of_range"),
    ]


def _blank(text: pl.Series) -> pl.Series:
    lower = text.str.to_lowercase()
    return text.is_null() | (text == "") | lower.is_in(UNDEFINED)


def _number(raw: pl.Series, number: Number) -> list[pl.Series]:
    text = raw.str.strip_chars()
    exact = text.cast(EXACT, strict=False)
    long = _needs_decimal(text, exact)
    stored = text
    if long.any():
        odd = {value: _as_decimal(value, number) for value in text.filter(long).unique()}
        exact = exact.zip_with(~long, _replaced(text, {k: v[0] for k, v in odd.items()}, EXACT))
        stored = text.zip_with(~long, _replaced(text, {k: v[1] for k, v in odd.items()}, pl.String()))
    missing = _blank(text)
    numeral = exact.is_not_null() | text.str.contains(NUMERAL)
    # Half a unit in the last place below the limit already rounds up to it.
    edge = Decimal(number.limit) - Decimal(5).scaleb(-number.scale - 1)
    fits = (exact.abs() < edge).fill_null(value=False)
    exact = exact.to_frame().select(pl.when(fits).then(pl.first())).to_series()
    stored = stored.to_frame().select(pl.when(fits).then(pl.first())).to_series()
    flags = _flags(raw.name, missing, ~missing & ~numeral, ~missing & numeral & ~fits)
    infinite = text.str.to_lowercase().is_in(INFINITE).fill_null(value=False).alias(f"{raw.name}?infinite")
    return [exact.alias(raw.name), stored.alias(f"{raw.name}=text"), *flags, infinite]


def _needs_decimal(text: pl.Series, exact: pl.Series) -> pl.Series:
    """Where the quick cast could have rounded, overflowed or met an exponent that PostgreSQL would refuse."""
    size = text.str.len_bytes()
    exponent = text.str.contains("e", literal=True) | text.str.contains("E", literal=True)
    unread = exact.is_null() & text.str.contains(NUMERAL)
    return ((size > EXACT_SCALE) | (exponent & (size > 15)) | unread).fill_null(value=False)


def _as_decimal(text: str, number: Number) -> tuple[Decimal | None, str | None]:
    """The value cut (not rounded) at EXACT_SCALE digits, and its text rounded once to the column's scale.

    Cutting keeps every comparison with a value of fewer digits exact; rounding twice would not.
    """
    if re.fullmatch(NUMERAL, text) is None:
        return None, None
    try:
        value = _UNBOUNDED.create_decimal(text)
        if value.copy_abs() >= Decimal(number.limit):
            return None, None
        stored = value.quantize(Decimal(1).scaleb(-number.scale), ROUND_HALF_UP, _UNBOUNDED)
        return value.quantize(Decimal(1).scaleb(-EXACT_SCALE), ROUND_DOWN, _UNBOUNDED), f"{stored:f}"
    except InvalidOperation:
        return None, None


def _replaced(
    text: pl.Series, values: dict[str, Decimal | None] | dict[str, str | None], dtype: pl.DataType
) -> pl.Series:
    new = pl.Series(list(values.values()), dtype=dtype)
    return text.replace_strict(pl.Series(list(values), dtype=pl.String), new, default=None, return_dtype=dtype)


def _integer(raw: pl.Series) -> list[pl.Series]:
    # Twelve digits hold every INTEGER and more: the range is judged below.
    exact, _, missing, invalid, too_large, infinite = _number(raw, Number(12, 0))
    whole = exact == exact.floor()
    fits = exact.is_between(-INTEGER_LIMIT, INTEGER_LIMIT - 1)
    value = exact.to_frame().select(pl.when(whole & fits).then(pl.first()).cast(pl.Int64)).to_series()
    flags = _flags(raw.name, missing, invalid | ~whole.fill_null(value=True), too_large | (whole & ~fits))
    return [value.alias(raw.name), value.cast(pl.String).alias(f"{raw.name}=text"), *flags, infinite]


def _json(raw: pl.Series) -> list[pl.Series]:
    missing = raw.is_null() | (raw.str.strip_chars() == "") | (raw == "null")
    valid = raw.map_elements(_is_json, return_dtype=pl.Boolean, skip_nulls=True).fill_null(value=False)
    value = raw.to_frame().select(pl.when(valid & ~missing).then(pl.first())).to_series()
    none = pl.repeat(value=False, n=len(raw), eager=True)
    return [value.alias(raw.name), value.alias(f"{raw.name}=text"), *_flags(raw.name, missing, ~missing & ~valid, none)]


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return False
    return True


def _refused(token: str) -> None:
    raise ValueError(f"JSONB holds no {token}")


def _text(raw: pl.Series, limit: int | None, *, nests: bool) -> list[pl.Series]:
    # A JSON NaN in a text column is a missing text, as a blank is; no symbol is spelt with a small letter.
    missing = raw.is_null() | (raw.str.strip_chars() == "") | (raw == "NaN")
    none = pl.repeat(value=False, n=len(raw), eager=True)
    nested = _nested(raw) if nests else none
    too_long = none if limit is None else raw.str.len_chars() > limit
    value = raw.to_frame().select(pl.when(~missing & ~nested).then(pl.first())).to_series()
    flags = _flags(raw.name, missing, ~missing & nested, ~missing & ~nested & too_long)
    return [value.alias(raw.name), value.alias(f"{raw.name}=text"), *flags]


def _nested(raw: pl.Series) -> pl.Series:
    """Where an object or array stood instead of a text: its JSON. A text that only begins like one is a text."""
    alike = raw.to_frame().select(pl.when(pl.first().str.contains(r"^[\[{]")).then(pl.first())).to_series()
    if alike.null_count() == len(alike):
        return alike.is_not_null()
    return alike.map_elements(_is_json, return_dtype=pl.Boolean, skip_nulls=True).fill_null(value=False)


def _timestamp(raw: pl.Series, zone: tzinfo) -> list[pl.Series]:
    text = raw.str.strip_chars()
    plain = text.str.contains(ISO_SHAPE)
    naive = text.to_frame().select(pl.when(plain).then(pl.first())).to_series()
    local = naive.str.to_datetime(ISO_SECONDS, strict=False, time_unit="us")
    there = local.dt.replace_time_zone(str(zone), ambiguous="earliest", non_existent="null")
    once = local.dt.replace_time_zone(str(zone), ambiguous="null", non_existent="null")
    utc = once.dt.convert_time_zone("UTC").alias(raw.name)
    skipped, twice = local.is_not_null() & there.is_null(), there.is_not_null() & once.is_null()
    others = text.filter(text.is_not_null() & ~plain).unique()
    parsed = {value: parse_time(value, zone) for value in others}
    if parsed:
        new = pl.Series([time.utc for time in parsed.values()], dtype=pl.Datetime("us", "UTC"))
        found = text.replace_strict(others, new, default=None, return_dtype=new.dtype)
        utc = utc.zip_with(plain.fill_null(value=False), found)
        plain = plain | text.is_in([value for value, time in parsed.items() if time.naive])
        skipped = skipped | text.is_in([value for value, time in parsed.items() if time.clock == "skipped"])
        twice = twice | text.is_in([value for value, time in parsed.items() if time.clock == "twice"])
    missing = _blank(text)
    early = (utc < EARLIEST).fill_null(value=False)
    flags = _flags(raw.name, missing, ~missing & utc.is_null() & ~_true(skipped) & ~_true(twice), early)
    utc = utc.to_frame().select(pl.when(~early).then(pl.first())).to_series()
    iso = utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").alias(f"{raw.name}=text")
    return [
        utc.alias(raw.name),
        iso,
        *flags,
        _true(plain & utc.is_not_null()).alias(f"{raw.name}?naive"),
        _true(skipped).alias(f"{raw.name}?skipped"),
        _true(twice).alias(f"{raw.name}?twice"),
    ]


def _true(mask: pl.Series) -> pl.Series:
    return mask.fill_null(value=False)


@dataclass(frozen=True)
class Time:
    """A time in UTC, or None where there is none.

    naive: it came without an offset, and was read in the zone.
    clock: "skipped" or "twice" where the zone's clock did not show it, or showed it two times, as it was moved.
    """

    utc: datetime | None
    naive: bool = False
    clock: str = ""


def parse_time(text: str, zone: tzinfo) -> Time:
    """An ISO 8601 time. `zone`: in which one without an offset is read."""
    if ISO_8601.fullmatch(text) is None:
        return Time(None)
    try:
        time = datetime.fromisoformat(text.replace(",", "."))
        if time.tzinfo is not None:
            return Time(time.astimezone(UTC))
        early, late = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        return Time(None)
    if early == late:
        return Time(early, naive=True)
    # In the hour that was left out, the offset before it gives the later time.
    return Time(None, naive=True, clock="twice" if early < late else "skipped")
