"""Counts, figures, prices, times and paths in the plain characters that a person reads."""

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

ABSENT = "–"
"""Stands for a value that is not there, so that an empty cell is never taken for a fault of the page."""


def encodable(text: str) -> str:
    """The text with half surrogates (what Python makes of bytes that are not UTF-8) written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def path_text(path: Path) -> str:
    """A path as text that can be printed: bytes that are not UTF-8 become escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def count(number: int) -> str:
    """A count with its thousands separated: `1,234`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """A count with its noun: `1 row`, `1,234 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def figure(value: Decimal | float | None, *, signed: bool = False) -> str:
    """A metric with two decimals. One that would read as 0.00 keeps its first two digits instead: `0.00042`."""
    if value is None:
        return ABSENT
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    shown = round(exact, 2)
    if shown == 0 and exact != 0:
        shown = round(exact, 1 - exact.adjusted())
    # Adding zero turns a -0.00 into 0.00.
    return f"{shown + 0:+,f}" if signed and shown != 0 else f"{shown + 0:,f}"


def price(value: Decimal | float | None) -> str:
    """A price in plain notation with six digits that count, and never less than two decimals: `0.00001094`."""
    if value is None:
        return ABSENT
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    decimals = max(2, 5 - exact.adjusted()) if exact else 2
    whole, _, fraction = f"{round(exact, decimals):,f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def moment(time: datetime) -> str:
    """A time to the second, in UTC, and saying so."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(since: datetime, until: datetime) -> str:
    """From one minute to another, in UTC; the day is said once where it is the same."""
    first, last = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M}" for time in (since, until))
    if first == last:
        return f"{first} UTC"
    day, clock = last.split()
    return f"{first} to {clock if first.startswith(day) else last} UTC"
