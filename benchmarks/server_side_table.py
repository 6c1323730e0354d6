"""How the figures of the server's side are shown: Markdown tables, plans shortened to their nodes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows of the same keys as a table."""
    print(f"\n### {title}\n")
    if not rows:
        print("Nothing.")
        return
    print(_line(list(rows[0])))
    print(_line(["---" if isinstance(value, str) else "---:" for value in rows[0].values()]))
    for row in rows:
        print(_line([_cell(value) for value in row.values()]), flush=True)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every node of an EXPLAIN (FORMAT JSON), from the top."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def brief(plan: Mapping[str, Any]) -> str:
    """The nodes that read a table, as `Index Scan alerts_key (rows 30, loops 1)`, each kind once."""
    found = {}
    for node in nodes(plan):
        place = node.get("Index Name") or node.get("Relation Name")
        if place and node.get("Actual Loops"):
            rows, loops = round(node["Actual Rows"]), node["Actual Loops"]
            found.setdefault(f"{node['Node Type']} {place}", f"({rows:,}" + (f" × {loops:,})" if loops > 1 else ")"))
    return ", ".join(f"{what} {rows}" for what, rows in found.items())
