"""Small plots as inline SVG: bars and histograms, drawn for 360 units of width so that a phone shows them unscaled.

Colours are the page's own, by CSS classes; every plot carries its sentence for those who do not see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import polars as pl

from autonama.ingestion.report.plain import count, counted, figure
from autonama.visible import visible

WIDTH = 360
BAR, GAP = 14, 24
"""Height of a bar, and from the top of one bar's label to the next."""

PLOT_HEIGHT = 130
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 26, 36

BINS = 24
"""Bins at most; their width is a round number."""

TAIL = 0.02
"""The share of values at either end that may lie beyond the axis, so that one outlier does not flatten the rest."""

LABEL_LENGTH = 34
"""Characters of a label that fit beside its number."""


@dataclass(frozen=True)
class Bar:
    """One bar. `kind` is a CSS class: `error`, `warning`, or empty for the accent."""

    label: str
    number: int
    kind: str = ""


def bars(title: str, items: Sequence[Bar]) -> str:
    """Horizontal bars, each with its label above and its number behind it."""
    if not items:
        return ""
    most = max(item.number for item in items) or 1
    told = "; ".join(f"{item.label} {count(item.number)}" for item in items)
    parts = []
    for index, item in enumerate(items):
        top = index * (BAR + GAP)
        label = item.label if len(item.label) <= LABEL_LENGTH else item.label[: LABEL_LENGTH - 1] + "…"
        length = max((WIDTH - 70) * item.number / most, 2)
        parts.append(_label(0, top + 12, label))
        parts.append(f'<rect class="bar {item.kind}" x="0" y="{top + 18}" width="{length:.1f}" height="{BAR}"/>')
        parts.append(_label(length + 6, top + 18 + BAR - 3, count(item.number), "number"))
    return _figure(title, f"{title}: {told}", len(items) * (BAR + GAP), parts)


def histogram(title: str, values: pl.Series, unit: str) -> str:
    """How often values fall into bins of round width, with counts upwards. Empty text where there is no value."""
    defined = values.drop_nulls().cast(pl.Float64)
    if defined.is_empty():
        return ""
    start, step, numbers = _binned(defined)
    end = start + step * len(numbers)
    beyond = int(((defined < start) | (defined > end)).sum())
    axis = f"{title}, {unit}" if unit else title
    told = f"{counted(len(defined), 'row')} from {figure(defined.min())} to {figure(defined.max())}"  # type: ignore[arg-type]
    parts = [*_scale(max(numbers)), *_columns(numbers, start, step), *_ticks(start, step, len(numbers))]
    parts.append(_label(WIDTH / 2, TOP + PLOT_HEIGHT + BOTTOM - 2, axis, "middle"))
    note = f"{counted(beyond, 'value')} beyond the axis counted in the outermost bins." if beyond else ""
    return _figure(title, f"{title}: {told}", TOP + PLOT_HEIGHT + BOTTOM, parts, note)


def _binned(values: pl.Series) -> tuple[float, float, list[int]]:
    """Start and width of the bins, and how many values each holds; what lies beyond is counted at the ends."""
    low, high = (values.quantile(share, "nearest") or 0.0 for share in (TAIL, 1 - TAIL))
    if low == high:
        low, high = (float(values.quantile(share, "nearest") or 0.0) for share in (0.0, 1.0))
    step = _round_up((high - low) / BINS) if high > low else _round_up(abs(low) / 10 or 1)
    start = math.floor(low / step) * step
    bins = max(math.floor((high - start) / step) + 1, 1)
    index = ((values - start) / step).floor().clip(0, bins - 1).cast(pl.Int64)
    found = dict(index.value_counts().iter_rows())
    return start, step, [found.get(number, 0) for number in range(bins)]


def _round_up(width: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= width * (1 - 1e-9))


def _across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _scale(most: int) -> list[str]:
    """Two lines of the upward axis: nothing, and the highest column."""
    lines = [_label(LEFT - 6, TOP - 14, "Rows", "end")]
    for number, y in ((0, TOP + PLOT_HEIGHT), (most, TOP)):
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(_label(LEFT - 6, y + 4, count(number), "end"))
    return lines


def _columns(numbers: Sequence[int], start: float, step: float) -> list[str]:
    most, bins = max(numbers), len(numbers)
    width = (WIDTH - LEFT - RIGHT) / bins
    drawn = []
    for index, number in enumerate(numbers):
        if number:
            height = max(PLOT_HEIGHT * number / most, 1.5)
            low = start + index * step
            tip = f"{figure(low)} to {figure(low + step)}: {counted(number, 'row')}"
            drawn.append(
                f'<rect class="bar" x="{_across(index / bins) + 0.5:.1f}" y="{TOP + PLOT_HEIGHT - height:.1f}" '
                f'width="{max(width - 1, 0.5):.1f}" height="{height:.1f}"><title>{escape(tip)}</title></rect>'
            )
    return drawn


def _ticks(start: float, step: float, bins: int) -> list[str]:
    """Labels under some bin edges, about six; the edge at zero is drawn through."""
    every = max(math.ceil(bins / 5), 1)
    zero = round(-start / step)
    # Counted from zero where it is on the axis, so that it has a label.
    first = zero % every if 0 <= zero <= bins else 0
    y = TOP + PLOT_HEIGHT
    drawn = [
        _label(_across(edge / bins), y + 16, _tick(start + edge * step, every * step), "middle")
        for edge in range(first, bins + 1, every)
    ]
    if 0 <= zero <= bins:
        x = _across(zero / bins)
        drawn.append(f'<line class="zero" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{y}"/>')
    return drawn


def _tick(value: float, apart: float) -> str:
    decimals = max(0, -math.floor(math.log10(apart) + 1e-9))
    shown = f"{value:,.{decimals}f}"
    return shown if float(shown.replace(",", "")) else "0"


def _label(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(visible(text))}</text>'


def _figure(title: str, told: str, height: float, parts: Sequence[str], note: str = "") -> str:
    described = escape(visible(told))
    more = f"<p>{escape(note)}</p>" if note else ""
    return (
        f"<figure><figcaption>{escape(visible(title))}</figcaption>"
        f'<svg role="img" aria-label="{described}" viewBox="0 0 {WIDTH} {height:g}"><title>{described}</title>'
        f"{''.join(parts)}</svg>{more}</figure>"
    )
