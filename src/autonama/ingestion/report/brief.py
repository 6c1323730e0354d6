"""One set among several on the terminal: two or three lines, with what it has to be known for."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.report.findings import Finding, findings
from autonama.ingestion.report.performance import Performance, performance
from autonama.ingestion.report.plain import count, counted, figure
from autonama.ingestion.report.status import KNOWN, MARKS
from autonama.visible import visible

INDENT = 4

EXAMPLE = 24
"""Cells that the example of a rule has at the least; rules that leave it less are only counted."""

STYLES = {"error": "red", "warning": "yellow"}


def in_brief(outcome: SetOutcome, width: int, *, errors_too: bool, performance_too: bool) -> list[Text]:
    """Errors and warnings by rule, each on one line with an example; then how the strategies did."""
    found = findings(outcome.issues, 1)
    told = ("error", "warning") if errors_too else ("warning",)
    lines = [_rules(severity, [one for one in found if one.severity == severity], width) for severity in told]
    if outcome.status in KNOWN:
        return [*_notes(outcome, width), *(line for line in lines if line)]
    result = performance(outcome.rows, outcome.issues)
    if performance_too and result is not None and outcome.status != "rejected":
        lines.append(Text(" " * INDENT + _fitting(_figures(result), width - INDENT), "dim"))
    return [line for line in lines if line]


def more_of(run: RunOutcome) -> str:
    """Which command shows what is not on the screen; nothing where all of it is."""
    if not any(outcome.issues.height for outcome in run.sets):
        return ""
    if run.run_id is None:
        return "Every finding, with remedies and performance: the same command with --verbose"
    checked = "" if run.replay else " · performance: the same with validate -v"
    return f"Every finding: autonama runs {run.run_id}{checked}"


def _notes(outcome: SetOutcome, width: int) -> list[Text]:
    """What is to be said of a set that the ledger knows, beyond that it does."""
    notes = outcome.notes[1:] if outcome.status != "changing" else outcome.notes
    return [Text(" " * INDENT + _cut(visible(note), width - INDENT), STYLES["warning"]) for note in notes]


def _rules(severity: str, found: Sequence[Finding], width: int) -> Text | None:
    """`▲ signal_matches_bands 19 · sharpe_realistic 3 · Row 7: signal BUY contradicts the bands`."""
    if not found:
        return None
    room = width - INDENT - 2
    rules = [f"{visible(one.code)} {count(one.count)}" for one in found]
    told = _most(rules, room - EXAMPLE)
    if len(told) < len(rules):
        told.append(f"{counted(len(rules) - len(told), 'rule')} more")
    first = found[0].first[0]
    text = _cut(" · ".join([*told, visible(first.message)]), room)
    return Text.assemble(" " * INDENT, (f"{MARKS[severity]} ", STYLES[severity]), text)


def _most(items: Sequence[str], room: int) -> list[str]:
    """As many of the first items as fit, and the first in any case."""
    told = [items[0]]
    for item in items[1:]:
        rest = ["9 rules more"] if len(told) + 1 < len(items) else []
        if cell_len(" · ".join([*told, item, *rest])) > room:
            break
        told.append(item)
    return told


def _figures(result: Performance) -> list[str]:
    told = [" ".join(f"{name} {count(number)}" for name, number in result.signals.items())] if result.signals else []
    for metric, title, unit in (("total_return", "return", " %"), ("sharpe_ratio", "Sharpe", "")):
        if metric in result.spreads:
            told.append(f"median {title} {figure(result.spreads[metric].quantiles['median'])}{unit}")
    for title, ranked in (("best", result.best), ("worst", result.worst)):
        if ranked:
            told.append(f"{title} {visible(ranked[0].symbol or '–')} {figure(ranked[0].total_return, signed=True)} %")
    if result.flagged_rows:
        told.append(f"{count(result.flagged_rows)} flagged")
    return told


def _fitting(items: Sequence[str], room: int) -> str:
    """The items that fit side by side; one that does not is left out."""
    line = ""
    for item in items:
        longer = f"{line} · {item}" if line else item
        line = longer if cell_len(longer) <= room else line
    return line


def _cut(text: str, room: int) -> str:
    return text if cell_len(text) <= room else set_cell_size(text, max(room - 1, 0)).rstrip() + "…"
