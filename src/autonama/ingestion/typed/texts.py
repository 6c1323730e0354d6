"""Plain text and JSON."""

import json

import polars as pl

from autonama.ingestion.typed.flags import flags, nowhere, where

FIRST_VISIBLE, LAST_VISIBLE = "!", "~"
"""A text that begins with one of these, or a sign between them, is not blank."""


def plain_texts(name: str, limit: int | None, *, nests: bool) -> pl.Expr:
    """Where a text surely is one that is there, and fits."""
    text = pl.col(name)
    plain = (text >= FIRST_VISIBLE) & (text <= LAST_VISIBLE) & (text != "NaN")
    if nests:
        plain = plain & ~_begins_nested(text)
    return plain if limit is None else plain & (text.str.len_chars() <= limit)


def typed_text(raw: pl.Series, limit: int | None, *, plain: bool, nests: bool) -> list[pl.Series]:
    """The text, and its flags.

    plain: whether all are, as `plain_texts` says. nests: whether an object may stand in a text's place.
    """
    none = nowhere(len(raw))
    if plain:
        return [raw, raw.alias(f"{raw.name}=text"), *flags(raw.name, none, none, none)]
    # A JSON NaN in a text column is a missing text, as a blank is; no symbol is spelt with a small letter.
    missing = raw.is_null() | (raw.str.strip_chars() == "") | (raw == "NaN")
    nested = _nested(raw) if nests else none
    too_long = none if limit is None else raw.str.len_chars() > limit
    value = where(~missing & ~nested, raw)
    told = flags(raw.name, missing, ~missing & nested, ~missing & ~nested & too_long)
    return [value.alias(raw.name), value.alias(f"{raw.name}=text"), *told]


def typed_json(raw: pl.Series) -> list[pl.Series]:
    """The JSON's text, and its flags."""
    missing = raw.is_null() | (raw.str.strip_chars() == "") | (raw == "null")
    valid = raw.map_elements(_is_json, return_dtype=pl.Boolean, skip_nulls=True).fill_null(value=False)
    value = where(valid & ~missing, raw)
    told = flags(raw.name, missing, ~missing & ~valid, nowhere(len(raw)))
    return [value.alias(raw.name), value.alias(f"{raw.name}=text"), *told]


def _begins_nested(text: pl.Expr) -> pl.Expr:
    return text.str.starts_with("[") | text.str.starts_with("{")


def _nested(raw: pl.Series) -> pl.Series:
    """Where an object or array stood instead of a text: its JSON. A text that only begins like one is a text."""
    begins = raw.to_frame().select(_begins_nested(pl.first())).to_series()
    if not begins.any():
        return nowhere(len(raw))
    return where(begins, raw).map_elements(_is_json, return_dtype=pl.Boolean, skip_nulls=True).fill_null(value=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return False
    return True


def _refused(token: str) -> None:
    raise ValueError(f"JSONB holds no {token}")
