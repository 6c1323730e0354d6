"""A run on the terminal: counts, findings by rule, performance, and what to do next. Only the CLI imports this.

Everything is a `Text`, never a string, so that markup in a symbol or a file name is shown as it stands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.report.brief import in_brief, more_of
from autonama.ingestion.report.findings import Finding, findings, fold, severities
from autonama.ingestion.report.next_step import next_step
from autonama.ingestion.report.performance import (
    QUANTILES,
    UNITS,
    Performance,
    Result,
    Spread,
    performance,
)
from autonama.ingestion.report.plain import ABSENT, count, counted, figure, path_text, span
from autonama.ingestion.report.remedies import remedy
from autonama.ingestion.report.status import KNOWN, MARKS, STATUS_WORDS, stored_rows
from autonama.visible import visible

STYLES = {
    "published": "bold green",
    "valid": "bold green",
    "partial": "bold yellow",
    "quarantined": "bold yellow",
    "rejected": "bold red",
    "failed": "bold red",
    "interrupted": "bold red",
    "nothing_new": "bold",
    "already_published": "bold",
    "already_refused": "bold red",
    "error": "red",
    "warning": "yellow",
}
"""Beside the mark and the word that say the same without colour."""

PLAIN_MARKS = str.maketrans({"✓": "+", "✗": "x", "▲": "!", "·": "-", "→": ">", "–": "-", "…": "..", "−": "-"})
"""For a terminal, or a pipe, whose encoding is not Unicode."""

INDENT = 2
LABEL = 10
"""Cells of the labels on the left: `Flagged` and two more."""

FIRST_ERRORS = 3
FIRST_IN_FULL = 10
"""Issues of a rule that are shown, by default and with `verbose`. JSON has them all."""

WARNING_LINES = 3
"""Rules of warnings that get a line of their own: with more, a good set would not fit a screen of 24 lines."""

FLAGGED_NAMES = 6

SETS_IN_FULL = 3
"""Sets of one run whose errors are told with the first rows and the remedy, as those of a single one."""

SETS_ON_A_SCREEN = 6
"""Sets of one run that have two or three lines each: that many fit a screen of 24 lines."""

NARROWER = (tuple(QUANTILES), ("min", "25 %", "median", "75 %", "max"), ("min", "median", "max"))
"""Which quantiles are shown: the first choice that fits the width."""


def print_run(run: RunOutcome, console: Console, *, verbose: bool = False, closing: str | None = None) -> None:
    """Print what the run did. `verbose` adds more issues of each rule, remedies of warnings, and longer tables.

    closing: the last line, where it is not what the user does now.
    """
    print_lines(console, _head(run, console.width))
    if run.error is not None:
        print_lines(console, paragraph(run.error, console, INDENT))
    for note in run.notes:
        print_lines(console, paragraph(note, console, INDENT, "dim"))
    if any(run.cleanup.values()):
        gone = [f"{counted(number, 'row')} of {table}" for table, number in run.cleanup.items() if number]
        print_lines(console, packed("Cleaned", gone, console.width))
    if len(run.sets) == 1:
        _print_set(run.sets[0], console, verbose=verbose)
    elif run.sets:
        _print_sets(run, console, verbose=verbose)
    if len(run.sets) <= SETS_IN_FULL or verbose:
        console.print()
    print_lines(console, paragraph(closing or next_step(run), console, 0, "bold"))


def print_performance(result: Performance, console: Console, *, verbose: bool = False) -> None:
    """Print the performance analysis of one set."""
    width = console.width
    console.print()
    print_lines(console, _quantiles(result, width))
    told = [f"{name} {count(number)}" for name, number in result.signals.items()]
    if result.since is not None and result.until is not None:
        told.append(span(result.since, result.until))
    print_lines(console, packed("Signals" if result.signals else "Analysed", told, width))
    if verbose:
        print_lines(console, _ranking("Best by total return", result.best))
        print_lines(console, _ranking("Worst by total return", result.worst))
    else:
        print_lines(console, packed("Best", [_short(one) for one in result.best], width))
        print_lines(console, packed("Worst", [_short(one) for one in result.worst], width))
    print_lines(console, _flagged(result, width, verbose=verbose))


def print_lines(console: Console, lines: Iterable[Text]) -> None:
    """Print lines that are cut where they do not fit; plain marks where the terminal has no Unicode."""
    unicode = console.encoding.startswith("utf")
    for line in lines:
        line.rstrip()
        shown = line if unicode else Text(_encoded(line.plain, console.encoding))
        console.print(shown, no_wrap=True, overflow="ellipsis" if unicode else "crop", crop=True)


def _encoded(text: str, encoding: str) -> str:
    """The text in the characters that a terminal without Unicode has: plain marks, and escapes for the rest."""
    return text.translate(PLAIN_MARKS).encode(encoding, "backslashreplace").decode(encoding)


def _head(run: RunOutcome, width: int) -> list[Text]:
    word = Text(f"{MARKS[run.status]} {STATUS_WORDS[run.status]}", STYLES[run.status])
    about = [] if run.run_id is None else [f"run {run.run_id}"]
    about.append(f"{run.elapsed_s:,.2f} s")
    end = "  " + " · ".join(about)
    name = run.sets[0].name if len(run.sets) == 1 else counted(len(run.sets), "set") if run.sets else run.engine
    middle = _tail(visible(name), max(width - word.cell_len - len(end) - 2, 8))
    return [Text.assemble(word, "  ", (middle, "bold"), (end, "dim"))]


def _tail(text: str, width: int) -> str:
    """The text cut on the left where it is too long: result sets differ in the time at the end of their names."""
    if cell_len(text) <= width:
        return text
    while cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}"


def _print_set(outcome: SetOutcome, console: Console, *, verbose: bool) -> None:
    print_lines(console, _files(outcome, console.width))
    if outcome.status not in KNOWN:
        print_lines(console, packed("Rows", _row_counts(outcome), console.width))
    if stored_rows(outcome):
        alerts = outcome.alerts
        told = [f"{count(alerts.inserted)} new", f"{count(alerts.updated)} updated"]
        print_lines(console, packed("Alerts", [*told, f"{count(alerts.unchanged)} unchanged"], console.width))
    for note in outcome.notes:
        print_lines(console, paragraph(note, console, INDENT, "dim"))
    _print_findings(outcome, console, verbose=verbose)
    if outcome.replay_of is None and (outcome.status not in ("rejected", *KNOWN) or verbose):
        _print_performance_of(outcome, console, verbose=verbose)


def _print_performance_of(outcome: SetOutcome, console: Console, *, verbose: bool) -> None:
    result = performance(outcome.rows, outcome.issues)
    if result is not None:
        print_performance(result, console, verbose=verbose)


def _files(outcome: SetOutcome, width: int) -> list[Text]:
    """Only the endings of files that are called as their set, which stands above them."""
    names = [path.name.removeprefix(outcome.name) or path.name for path in outcome.files]
    places = dict.fromkeys(path_text(path.parent) for path in outcome.files)
    return packed("Files", [" ".join(names) + " in " + ", ".join(places)], width) if names else []


def _row_counts(outcome: SetOutcome) -> list[str]:
    counts = outcome.counts
    told = [f"{count(counts.read)} read"]
    if stored_rows(outcome):
        told += [f"{count(counts.inserted)} inserted", f"{count(counts.updated)} updated"]
        return [*told, f"{count(counts.unchanged)} unchanged", f"{count(counts.quarantined)} quarantined"]
    if counts.quarantined:
        told.append(f"{count(counts.quarantined)} for the quarantine")
    return [*told, "none stored"]


def _print_sets(run: RunOutcome, console: Console, *, verbose: bool) -> None:
    """A line a set with its numbers; below it in brief what was found, or, of few sets, the errors in full."""
    few = len(run.sets) <= SETS_IN_FULL
    head, *lines, together = _set_table(run.sets, console.width)
    print_lines(console, [head])
    for line, outcome in zip(lines, run.sets, strict=True):
        print_lines(console, [line])
        if not verbose:
            roomy = len(run.sets) <= SETS_ON_A_SCREEN
            print_lines(console, in_brief(outcome, console.width, errors_too=not few, performance_too=roomy))
    print_lines(console, [together])
    for outcome in run.sets:
        if verbose or (few and severities(outcome.issues)[0]):
            console.print()
            print_lines(console, [Text(_tail(visible(outcome.name), console.width), "bold")])
            _print_findings(outcome, console, verbose=verbose, warnings=verbose)
        if verbose:
            _print_performance_of(outcome, console, verbose=True)
    if not verbose and (rest := more_of(run)):
        print_lines(console, paragraph(rest, console, INDENT, "dim"))


def _set_table(sets: Sequence[SetOutcome], width: int) -> list[Text]:
    """One line a set. The name gives way to the numbers, which are what the line is for."""
    titles = ("Read", "New", "Updated", "Same", "Aside", "Errors", "Warnings")
    numbers = [[*astuple(one.counts), *severities(one.issues)] for one in sets]
    numbers.append([sum(column) for column in zip(*numbers, strict=True)])
    # On a narrow terminal what changed little goes first.
    shown = [0, 1, 4, 5, 6] if width < 100 else list(range(7))
    cells = [[titles[i] for i in shown]] + [[count(line[i]) for i in shown] for line in numbers]
    words = [Text(), *(_status(one) for one in sets), Text()]
    taken = sum(max(map(len, column)) + 2 for column in zip(*cells, strict=True)) + max(map(len, words)) + 2
    names = [Text("Set"), *(Text(_tail(visible(one.name), max(width - taken, 8))) for one in sets), Text("Together")]
    table = [[word, name, *map(Text, line)] for word, name, line in zip(words, names, cells, strict=True)]
    lines = _aligned(table, left=2)
    lines[0].stylize("dim")
    lines[-1].stylize("bold")
    return lines


def _status(outcome: SetOutcome) -> Text:
    return Text(f"{MARKS[outcome.status]} {STATUS_WORDS[outcome.status]}", STYLES[outcome.status])


def _print_findings(outcome: SetOutcome, console: Console, *, verbose: bool, warnings: bool = True) -> None:
    found = findings(outcome.issues, FIRST_IN_FULL if verbose else FIRST_ERRORS)
    errors = [finding for finding in found if finding.severity == "error"]
    milder = [finding for finding in found if finding.severity != "error"] if warnings else []
    for severity, group in (("error", errors), ("warning", milder)):
        if group:
            console.print()
            print_lines(console, [_section(severity, group)])
            in_full = group if verbose or severity == "error" else []
            for finding in in_full:
                print_lines(console, _in_full(finding, console, verbose=verbose))
    if milder and not verbose:
        print_lines(console, _one_line_each(milder[:WARNING_LINES]))
        rest = [f"{one.code} {count(one.count)}" for one in milder[WARNING_LINES:]]
        print_lines(console, packed("and", rest, console.width))


def _section(severity: str, found: Sequence[Finding]) -> Text:
    told = f"{MARKS[severity]} {counted(sum(one.count for one in found), severity)} from {counted(len(found), 'rule')}"
    return Text(told, f"bold {STYLES[severity]}")


def _one_line_each(found: Sequence[Finding]) -> list[Text]:
    table = [[Text(count(one.count)), Text(visible(one.code)), Text(visible(one.folded()))] for one in found]
    return _aligned(table, left=0, right=1, indent=INDENT)


def _in_full(finding: Finding, console: Console, *, verbose: bool) -> list[Text]:
    head = Text.assemble(" " * INDENT, (visible(finding.code), "bold"), f"  {count(finding.count)}")
    lines = [head]
    for text in _quoted(finding, verbose=verbose):
        lines += paragraph(text, console, INDENT + 2)
    return [*lines, *paragraph(f"→ {remedy(finding.code, finding.severity)}", console, INDENT + 2, "dim", hang=2)]


def _quoted(finding: Finding, *, verbose: bool) -> list[str]:
    """The first messages; a flood ends in one that stands for the rest, and one text said over and over is one line."""
    alike = len({issue.text for issue in finding.first}) == 1
    if finding.hidden and alike and finding.concerns_rows and not verbose:
        return [finding.folded()]
    *told, last = finding.first
    return [*(issue.message for issue in told), fold(last, finding.hidden)]


def _quantiles(result: Performance, width: int) -> list[Text]:
    lines: list[Text] = []
    for names in NARROWER:
        head = [Text("Performance", "bold"), *(Text(name, "dim") for name in names)]
        rows = [_spread_line(metric, spread, names) for metric, spread in result.spreads.items()]
        lines = _aligned([head, *rows] if rows else [head[:1]], left=1)
        if all(line.cell_len <= width for line in lines):
            break
    return lines


def _spread_line(metric: str, spread: Spread, names: Iterable[str]) -> list[Text]:
    unit = UNITS[metric]
    label = metric.replace("_", " ") + (f", {unit}" if unit else "")
    return [Text(" " * INDENT + label), *(Text(figure(spread.quantiles[name])) for name in names)]


def _short(result: Result) -> str:
    return f"{result.symbol or ABSENT} {figure(result.total_return, signed=True)} %"


def _ranking(title: str, results: Sequence[Result]) -> list[Text]:
    if not results:
        return []
    head = [title, "", "signal", "return, %", "Sharpe", "drawdown, %"]
    rows = [[Text(text) for text in head]]
    for one in results:
        told = [one.symbol or ABSENT, one.interval or ABSENT, one.signal or ABSENT]
        figures = [figure(one.total_return, signed=True), figure(one.sharpe), figure(one.drawdown)]
        rows.append([*(Text(visible(text)) for text in told), *map(Text, figures)])
    lines = _aligned(rows, left=3, indent=INDENT)
    lines[0].stylize("dim")
    return lines


def _flagged(result: Performance, width: int, *, verbose: bool) -> list[Text]:
    if not result.flagged_rows:
        return []
    share = f"{count(result.flagged_rows)} of {counted(result.rows, 'row')}"
    if verbose:
        lines = [f"Row {one.row}: {one.symbol or ABSENT}: {', '.join(one.codes)}" for one in result.flagged]
        listed = [Text(" " * (INDENT + 2) + visible(line)) for line in lines]
        return [*packed("Flagged", [share], width), *listed]
    names = [one.symbol or ABSENT for one in result.flagged[:FLAGGED_NAMES]]
    more = ", …" if result.flagged_rows > len(names) else ""
    return packed("Flagged", [f"{share}: {', '.join(names)}{more}"], width)


def packed(label: str, items: Sequence[str], width: int) -> list[Text]:
    """A label and items side by side, in as many lines as they need: a line breaks between two items only."""
    if not items:
        return []
    room = width - INDENT - LABEL
    rows = [visible(items[0])]
    for item in map(visible, items[1:]):
        longer = f"{rows[-1]} · {item}"
        if cell_len(longer) <= room:
            rows[-1] = longer
        else:
            rows.append(item)
    labels = [label, *[""] * (len(rows) - 1)]
    return [
        Text.assemble(" " * INDENT, (name.ljust(LABEL), "dim"), row) for name, row in zip(labels, rows, strict=True)
    ]


def paragraph(text: str, console: Console, indent: int, style: str = "", *, hang: int = 0) -> list[Text]:
    """The text in lines of the width; `hang` indents those after the first further."""
    lines = Text(visible(text), style).wrap(console, max(console.width - indent - hang, 8), overflow="fold")
    return [Text.assemble(" " * (indent + (hang if number else 0)), line) for number, line in enumerate(lines)]


def _aligned(rows: Sequence[Sequence[Text]], *, left: int, right: int | None = None, indent: int = 0) -> list[Text]:
    """Cells in columns two spaces apart: the first `left` flush left, the next `right` (or all others) flush right."""
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    flush_right = range(left, len(widths) if right is None else left + right)
    lines = []
    for row in rows:
        line = Text(" " * indent)
        for index, cell in enumerate(row):
            padding = " " * (widths[index] - cell.cell_len)
            line.append_text(Text.assemble(padding, cell) if index in flush_right else Text.assemble(cell, padding))
            line.append("  ")
        lines.append(line)
    return lines
