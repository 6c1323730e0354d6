"""Charts as plain SVG: bars and curves, readable on light and dark."""

import math
from collections.abc import Mapping, Sequence
from html import escape

STYLE = """
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .dim { fill: #59636e } .head { font-weight: 600 }
.back { fill: #ffffff } .grid { stroke: #d1d9e0 } .range { stroke: #1f2328 }
.ours { fill: #0969da } .theirs { fill: #8c959f }
.a { stroke: #0969da; fill: #0969da } .b { stroke: #bc4c00; fill: #bc4c00 } .c { stroke: #1a7f37; fill: #1a7f37 }
.d { stroke: #8250df; fill: #8250df } .line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .dim { fill: #9198a1 }
.back { fill: #0d1117 } .grid { stroke: #3d444d } .range { stroke: #f0f6fc }
.ours { fill: #4493f8 } .theirs { fill: #656c76 }
.a { stroke: #4493f8; fill: #4493f8 } .b { stroke: #db6d28; fill: #db6d28 }
.c { stroke: #3fb950; fill: #3fb950 } .d { stroke: #ab7df8; fill: #ab7df8 } }
</style>"""

WIDTH, LABELS, BAR = 920, 330, 24
LEFT, PLOT_WIDTH, PLOT_HEIGHT, GAP = 60, 370, 250, 90


def bars(title: str, values: Sequence[tuple[str, float, float, float, bool]]) -> str:
    """Horizontal bars. values: name, median, least, most (seconds), and whether it is ours."""
    longest = max(most for _, _, _, most, _ in values)
    room = WIDTH - LABELS - 90
    parts = [_text(10, 24, title, "head")]
    for nth, (name, median, least, most, ours) in enumerate(values):
        y = 40 + nth * BAR
        width, low, high = (max(value / longest * room, 1) for value in (median, least, most))
        parts += [
            _text(LABELS - 8, y + 15, name, anchor="end"),
            f'<rect class="{"ours" if ours else "theirs"}" x="{LABELS}" y="{y + 3}" width="{width:.1f}" height="16"/>',
            f'<path class="range" d="M{LABELS + low:.1f} {y + 11}H{LABELS + high:.1f}"/>',
            _text(LABELS + high + 8, y + 15, f"{median:.3g} s"),
        ]
    return _svg(parts, 50 + BAR * len(values))


def curves(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> str:
    """A panel a title, side by side, both axes logarithmic. Each holds lines: name -> (rows, value)."""
    parts: list[str] = []
    for nth, (title, lines) in enumerate(panels.items()):
        parts += _panel(LEFT + nth * (PLOT_WIDTH + GAP), title, lines)
    return _svg(parts, PLOT_HEIGHT + 110 + 20 * max(len(lines) for lines in panels.values()))


def _panel(left: int, title: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> list[str]:
    points = [point for line in lines.values() for point in line]
    x_range, y_range = _decades([x for x, _ in points]), _decades([y for _, y in points])

    def at(x: float, y: float) -> tuple[float, float]:
        return left + _share(x, x_range) * PLOT_WIDTH, 40 + (1 - _share(y, y_range)) * PLOT_HEIGHT

    parts = [_text(left, 24, title, "head")]
    for power in range(x_range[0], x_range[1] + 1):
        x, y = at(10**power, 10 ** y_range[0])
        parts += [f'<path class="grid" d="M{x:.1f} 40V{y:.1f}"/>', _text(x, y + 18, _short(10**power), "dim", "middle")]
    for power in range(y_range[0], y_range[1] + 1):
        x, y = at(10 ** x_range[0], 10**power)
        parts += [
            f'<path class="grid" d="M{x:.1f} {y:.1f}h{PLOT_WIDTH}"/>',
            _text(x - 6, y + 4, _short(10**power), "dim", "end"),
        ]
    for nth, (name, line) in enumerate(lines.items()):
        placed = [at(*point) for point in line]
        kind, y = "abcd"[nth % 4], PLOT_HEIGHT + 90 + 20 * nth
        parts.append(f'<polyline class="line {kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in placed)}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in placed]
        parts += [f'<circle class="{kind}" cx="{left + 6}" cy="{y - 4}" r="4"/>', _text(left + 18, y, name)]
    return parts


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around the values."""
    low = math.floor(math.log10(min(values)))
    return low, max(math.ceil(math.log10(max(values))), low + 1)


def _share(value: float, span: tuple[int, int]) -> float:
    return (math.log10(value) - span[0]) / (span[1] - span[0])


def _short(value: float) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} k" if value >= 1e3 else f"{value:g}"


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(parts: Sequence[str], height: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    back = f'<rect class="back" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, STYLE.strip(), back, *parts, "</svg>", ""])
