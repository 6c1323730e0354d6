"""Tables and tiles of the page. Whatever enters as text is made visible and escaped here, and only here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from autonama.ingestion.report.plain import count
from autonama.ingestion.report.status import MARKS, STATUS_WORDS
from autonama.visible import visible


@dataclass(frozen=True)
class Heading:
    """A column's title. `kind` is the CSS class of its cells: `number`, `wide`, `value`, `name`, or empty."""

    title: str
    kind: str = ""


NUMBER, WIDE, VALUE = "number", "wide", "value"


def text(foreign: str) -> str:
    """Any text as HTML: what cannot be seen as its escape, what is markup as characters."""
    return escape(visible(foreign))


def mark(status: str) -> str:
    """A status as its mark and word, in its colour."""
    return f'<span class="status {status}">{MARKS[status]} {STATUS_WORDS[status]}</span>'


def tiles(counts: Iterable[tuple[str, int]]) -> str:
    """Counts side by side, each under its name."""
    shown = "".join(f"<div><dt>{text(name)}</dt><dd>{count(number)}</dd></div>" for name, number in counts)
    return f'<dl class="counts">{shown}</dl>'


def table(
    headings: Sequence[Heading],
    rows: Iterable[Sequence[str]],
    *,
    about: str,
    caption: bool = False,
    foot: Sequence[str] = (),
) -> str:
    """A table that scrolls sideways by itself where it is too wide, its first column staying in view.

    rows: cells as HTML already. about: what it shows, for a screen reader; with `caption` for everybody.
    """
    head = "".join(f'<th scope="col"{_class(one.kind)}>{text(one.title)}</th>' for one in headings)
    body = "".join(_row(headings, cells) for cells in rows)
    foot_row = f"<tfoot>{_row(headings, foot)}</tfoot>" if foot else ""
    title = f"<caption>{text(about)}</caption>" if caption else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(about)}"><table>{title}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot_row}</table></div>"
    )


def _row(headings: Sequence[Heading], cells: Sequence[str]) -> str:
    pairs = zip(headings, cells, strict=True)
    return f"<tr>{''.join(f'<td{_class(heading.kind)}>{cell}</td>' for heading, cell in pairs)}</tr>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
