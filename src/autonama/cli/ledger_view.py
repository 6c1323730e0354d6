"""What the commands that read the ledger share: opening it, and plain, calm tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from autonama.cli.configured import configured
from autonama.cli.edge import shown
from autonama.database import migrate
from autonama.database.session import Session
from autonama.errors import DatabaseError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from autonama.cli.console import Console

GAP = 2
"""Cells between two columns of a `grid`."""

FOLDED = 16
"""Cells below which a column of text is not broken into lines: it could not be read any more."""


@contextmanager
def open_ledger(config: Path | None, database_url: str | None) -> Iterator[Session]:
    """A session on the configured database, which has to have the schema."""
    settings = configured(config, database_url=database_url)
    with Session(settings) as session:
        if session.run(migrate.current) is None:
            raise DatabaseError("This database has no Autonama schema yet. `autonama db init` makes it.")
        yield session


def print_json(value: object) -> None:
    """One object on stdout; numbers of the database keep all their digits as text."""
    sys.stdout.write(json.dumps(value, default=_plain_value, ensure_ascii=False) + "\n")


def _plain_value(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")


def grid(titles: Sequence[str], *, right: Sequence[str], whole: Sequence[str] = ()) -> Table:
    """A table without boxes. `right`: titles of columns that hold numbers; `whole`: of those never broken in two."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for title in titles:
        justify: Literal["left", "right"] = "right" if title in right else "left"
        table.add_column(title, justify=justify, no_wrap=title in (*right, *whole), overflow="fold")
    return table


def print_table(
    console: Console,
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str],
    whole: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> None:
    """Print a `grid` that never cuts a number: where it is too wide, `optional` columns go first, in their order.

    A column that is neither `right` nor `whole` is broken into lines where even that is not enough; a terminal narrower
    than the numbers gets lines that are longer than it.
    """
    needed = {title: max(len(title), *(len(row[at]) for row in rows)) for at, title in enumerate(titles)}
    shown_titles = list(titles)
    for title in optional:
        if _width([needed[name] for name in shown_titles]) > console.width:
            shown_titles.remove(title)
    table = grid(shown_titles, right=right, whole=whole)
    for row in rows:
        table.add_row(*(plain(text) for title, text in zip(titles, row, strict=True) if title in shown_titles))
    fixed = (*right, *whole)
    least = _width([needed[name] if name in fixed else min(needed[name], FOLDED) for name in shown_titles])
    width, console.width = console.width, max(console.width, least)
    console.print(table)
    console.width = width
    if left_out := [title for title in titles if title not in shown_titles]:
        console.print(f"Left out at this width: {', '.join(left_out)}.", style="dim", highlight=False)


def _width(columns: Sequence[int]) -> int:
    return sum(columns) + GAP * (len(columns) - 1)


def plain(text: str) -> Text:
    """Text of a file, shown as it is: neither markup nor a control character acts."""
    from rich.text import Text

    return Text(shown(text))


def number(value: int) -> str:
    """A count with its thousands separated."""
    return f"{value:,}"


def price(value: Decimal | None) -> str:
    """A price in plain notation without trailing zeros; a small one keeps its digits."""
    if value is None:
        return "–"
    digits = f"{value:,f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def brief(value: Decimal | None) -> str:
    """A price to seven significant digits, for tables: a small one keeps its digits, a large one loses its tail."""
    if value is None or value == 0:
        return price(value)
    return price(value.quantize(Decimal(1).scaleb(min(0, value.adjusted() - 6))))


def utc(time: datetime | None) -> str:
    """A time in UTC to the second."""
    return "–" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def seconds(start: datetime, end: datetime | None) -> str:
    """How long a run took."""
    return "–" if end is None else f"{(end - start).total_seconds():.2f} s"
