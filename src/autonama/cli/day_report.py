"""A day on the terminal and as JSON: what was analysed and changed, before the run's own report."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from autonama.cli.day import Analysed, Board, Day
from autonama.ingestion.report import as_json
from autonama.ingestion.report.plain import counted, moment, path_text
from autonama.ingestion.report.status import MARKS
from autonama.ingestion.report.terminal import STYLES, packed, print_lines, print_run

LEFT, FLIPS = 3, 12
"""How many are listed without `verbose`; the log and `--json` have them all."""


def print_day(day: Day, console: Console, *, verbose: bool = False) -> None:
    """What the analysis came to, the signals that changed, the board's age, who was told; then the run."""
    if day.analysed is not None:
        print_lines(console, _analysed(day.analysed, console.width, verbose=verbose))
    flips = [f"{one.symbol} {one.interval} {one.before} → {one.now}" for one in day.flips]
    print_lines(console, packed("Flips", _first(flips, FLIPS, verbose=verbose), console.width))
    if day.board is not None:
        print_lines(console, packed("Board", list(_board(day.board)), console.width))
    told = f"{counted(day.services, 'service')} of notify.urls, of what notify.on names"
    print_lines(console, packed("Notified", [told if day.services else "nobody, notify.urls is empty"], console.width))
    console.print()
    print_run(day.run, console, verbose=verbose)


def day_as_json(day: Day) -> dict[str, Any]:
    """The day in types that `json.dumps` takes; the run's part is as `ingest` prints it."""
    return {
        "status": day.run.status,
        "exit_code": day.exit_code,
        "analysis": None if day.analysed is None else _analysis(day.analysed),
        "ingestion": as_json(day.run),
        "flips": [{"symbol": f.symbol, "interval": f.interval, "before": f.before, "now": f.now} for f in day.flips],
        "board": None if day.board is None else _board_as_json(day.board),
        "services": day.services,
    }


def _analysed(analysed: Analysed, width: int, *, verbose: bool) -> Iterator[Text]:
    rows, left = analysed.result.rows, analysed.result.left
    state, word = ("published", "analysed") if rows else ("failed", "not analysed")
    told = f"  {len(rows):,} of {counted(len(rows) + len(left), 'symbol')}"
    took = f" · {analysed.elapsed_s:,.2f} s" if rows else ""
    yield Text.assemble((f"{MARKS[state]} {word}", STYLES[state]), (told, "bold"), (took, "dim"))
    signals = Counter(str(row["signal"]) for row in rows)
    yield from packed("Signals", [f"{name} {signals[name]}" for name in ("BUY", "SELL", "HOLD") if rows], width)
    reasons = [f"{one.symbol}: {one.reason}" for one in left]
    yield from packed("Left out", _first(reasons, LEFT, verbose=verbose), width)


def _first(items: list[str], count: int, *, verbose: bool) -> list[str]:
    if verbose or len(items) <= count:
        return items
    return [*items[:count], f"and {len(items) - count:,} more"]


def _board(board: Board) -> Iterator[str]:
    yield counted(board.alerts, "alert")
    if board.newest is not None:
        yield f"newest analysis {moment(board.newest)}, {board.hours:,.0f} h old"
        if board.stale:
            yield f"stale, more than {board.max_hours:g} h"


def _analysis(analysed: Analysed) -> dict[str, Any]:
    return {
        "rows": len(analysed.result.rows),
        "signals": dict(Counter(str(row["signal"]) for row in analysed.result.rows)),
        "files": [path_text(path) for path in analysed.files],
        "left_out": [{"symbol": one.symbol, "reason": one.reason} for one in analysed.result.left],
        "elapsed_s": round(analysed.elapsed_s, 3),
    }


def _board_as_json(board: Board) -> dict[str, Any]:
    hours = None if board.hours is None else round(board.hours, 2)
    return {"alerts": board.alerts, "newest_analysis": board.newest, "age_hours": hours, "stale": board.stale}
