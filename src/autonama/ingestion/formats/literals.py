"""JSON values as text: a number is the digits that the file has, never a float."""

import json
from typing import Any

DEEPEST = 100
"""Levels of nesting in one row. Results have two or three; far more would exhaust the stack of whoever reads them."""

_LARGEST_EXPONENT = 10_000
"""PostgreSQL's NUMERIC, and with it JSONB, ends at 131,072 digits before the point and 16,383 behind it."""


class Number(str):
    """A JSON number, or one of the words NaN, Infinity and -Infinity, as it stands in the file."""

    __slots__ = ()


class Unstorable(Exception):
    """A value that PostgreSQL has no room for, as the predicate of a sentence about its row."""

    def __init__(self, predicate: str, code: str = "file_encoding") -> None:
        super().__init__(predicate)
        self.code = code


def text_of(value: Any) -> str | None:
    """The text of a value in a scalar column: a string itself, a number's digits, `true`, nested values as JSON."""
    if value is None or isinstance(value, str):
        return value
    return "true" if value is True else "false" if value is False else json_of(value)


def json_of(value: Any) -> str:
    """A value as valid JSON: NaN and Infinity become null, other numbers keep their digits."""
    if isinstance(value, Number):
        return _number(value)
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {json_of(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(json_of, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def refuse_deep(value: Any) -> None:
    """Unstorable where objects and arrays stand in each other on more than `DEEPEST` levels."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        if depth > DEEPEST:
            raise Unstorable(f"is nested deeper than {DEEPEST} levels", "file_format")
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]


def refuse_unstorable(text: str | None) -> None:
    """Unstorable where a text holds a NUL or half of a surrogate pair."""
    if text is None or (text.isascii() and "\0" not in text):
        return
    if "\0" in text:
        raise Unstorable("holds the NUL character \\u0000, which PostgreSQL cannot store")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(text[error.start]):04x}"
        raise Unstorable(f"holds {half}, half of a surrogate pair, which is no character") from None


def _number(number: Number) -> str:
    if number.lstrip("-")[0] in "NI":
        return "null"
    _, _, exponent = str(number).lower().partition("e")
    if len(number) > _LARGEST_EXPONENT or len(exponent) > 6 or abs(int(exponent or 0)) > _LARGEST_EXPONENT:
        raise Unstorable(f"holds the number {number[:40]}, which PostgreSQL cannot store", "file_format")
    return str(number)
