"""Figures as Markdown tables: readable on a terminal, and what docs/performance.md shows."""

from collections.abc import Mapping, Sequence

from benchmarks.results import Figure

HEAD = ("", "median s", "min – max", "runs", "÷ \\copy", "processor s", "of the server", "client MiB", "backends MiB")


def table(figures: Sequence[Figure], names: Mapping[str, str]) -> str:
    """The figures of one format and number of rows, the ratio being to `copy` where it is among them."""
    by_name = {figure.name: figure for figure in figures if figure.runs}
    bare = by_name["copy"].median() if "copy" in by_name else None
    lines = [_line(HEAD), _line(("---", *["---:"] * (len(HEAD) - 1)))]
    lines += [_line(_cells(figure, names.get(figure.name, figure.name), bare)) for figure in figures]
    return "\n".join(lines)


def _cells(figure: Figure, what: str, bare: float | None) -> tuple[str, ...]:
    if figure.failed:
        return (what, "failed", figure.failed, *[""] * (len(HEAD) - 3))
    least, most = figure.spread()
    return (
        what + (f" (given 1 / {figure.scale:g} of the rows, time multiplied)" if figure.scale != 1 else ""),
        seconds(figure.median()),
        f"{seconds(least)} – {seconds(most)}",
        str(len(figure.runs)),
        "" if bare is None else f"{figure.median() / bare:.2f}",
        seconds(figure.median("cpu_s")),
        seconds(figure.median("backend_cpu_s")),
        f"{figure.median('client_mib'):,.0f}",
        f"{figure.median('backend_mib'):,.0f}",
    )


def seconds(value: float) -> str:
    """Three digits that count."""
    return (
        f"{value:,.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
        if value >= 1
        else f"{value:.3f}"
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
