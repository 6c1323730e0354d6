"""Plain text and JSON."""

import json

import polars as pl

from autonama.ingestion.typed.flags import flags, nowhere, where


def typed_text(raw: pl.Series, limit: int | None, *, nests: bool) -> list[pl.Series]:
    """The text, and its flags. `nests`: whether an object may stand in its place."""
    # A JSON NaN in a text column is a missing text, as a blank is; no symbol is spelt with a small letter.
    missing = raw.is_null() | (raw.str.strip_chars() == "") | (raw == "NaN")
    nested = _nested(raw) if nests else nowhere(len(raw))
    too_long = nowhere(len(raw)) if limit is None else raw.str.len_chars() > limit
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


def _nested(raw: pl.Series) -> pl.Series:
    """Where an object or array stood instead of a text: its JSON. A text that only begins like one is a text."""
    begins = raw.str.starts_with("[") | raw.str.starts_with("{")
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
