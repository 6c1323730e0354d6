"""The parts of the page: one set's counts, its findings, and its performance."""

from collections.abc import Sequence

from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.report.charts import Bar, bars, histogram
from autonama.ingestion.report.findings import Finding, findings, severities
from autonama.ingestion.report.markup import NUMBER, VALUE, WIDE, Heading, mark, table, text, tiles
from autonama.ingestion.report.performance import QUANTILES, UNITS, Performance, Result, performance, values_of
from autonama.ingestion.report.plain import ABSENT, count, counted, figure, path_text, price, span
from autonama.ingestion.report.remedies import remedy
from autonama.ingestion.report.status import KNOWN, MARKS

SHOWN_ROWS = 200
"""Issues of one rule that the page lists: enough to see the pattern, few enough for a phone to open it."""

ISSUE_HEADINGS = (
    Heading("Row", NUMBER),
    Heading("Message", WIDE),
    Heading("Column"),
    Heading("Value", VALUE),
    Heading("Line", NUMBER),
)

RESULT_HEADINGS = (
    Heading("Symbol"),
    Heading("Signal"),
    Heading("Return, %", NUMBER),
    Heading("Sharpe", NUMBER),
    Heading("Drawdown, %", NUMBER),
    Heading("Price", NUMBER),
)


def set_section(outcome: SetOutcome, number: int, *, alone: bool) -> str:
    """Everything about one set. `alone`: the page has no other, and its heading names this one already."""
    found = findings(outcome.issues, SHOWN_ROWS)
    heading = "" if alone else f"<h2>{text(outcome.name)} {mark(outcome.status)}</h2>"
    counts = "" if outcome.status in KNOWN else tiles(_counts(outcome))
    result = performance(outcome.rows, outcome.issues)
    parts = [heading, _origin(outcome), counts, _findings(outcome, found), _charts(outcome, found, result)]
    parts.append(_performance(result) if result else "")
    return f'<section id="set-{number}"{" class=only" if alone else ""}>{"".join(parts)}</section>'


def _origin(outcome: SetOutcome) -> str:
    lines = [text(path_text(path)) for path in outcome.files]
    lines += [f"SHA-256 <code>{text(outcome.sha256)}</code>"] if outcome.sha256 else []
    lines += [text(note) for note in outcome.notes]
    return f'<div class="files soft">{"".join(f"<div>{line}</div>" for line in lines)}</div>'


def _counts(outcome: SetOutcome) -> list[tuple[str, int]]:
    counts, alerts = outcome.counts, outcome.alerts
    errors, warnings = severities(outcome.issues)
    return [
        ("Rows read", counts.read),
        ("Inserted", counts.inserted),
        ("Updated", counts.updated),
        ("Unchanged", counts.unchanged),
        ("Quarantined", counts.quarantined),
        ("New alerts", alerts.inserted),
        ("Alerts updated", alerts.updated),
        ("Errors", errors),
        ("Warnings", warnings),
    ]


def _findings(outcome: SetOutcome, found: Sequence[Finding]) -> str:
    if found:
        return "<h3>Findings</h3>" + "".join(_finding(one) for one in found)
    if outcome.status in KNOWN or not outcome.counts.read:
        return ""
    return '<h3>Findings</h3><p class="soft">None: every row passed every rule.</p>'


def _finding(finding: Finding) -> str:
    """One rule's issues, folded away unless they are errors. It opens without a script."""
    rows = [
        [_whole(one.row), text(one.text), text(one.column or ABSENT), _value(one.value), _whole(one.line)]
        for one in finding.first
    ]
    more = ""
    if finding.hidden:
        more = f'<p class="soft">{count(finding.hidden)} more are not listed here: --json has every one.</p>'
    word = counted(finding.count, finding.severity)
    severe = "error" if finding.severity == "error" else "warning"
    listed = table(ISSUE_HEADINGS, rows, about=f"{finding.code}: {word}")
    return (
        f"<details{' open' if severe == 'error' else ''}><summary>"
        f'<span class="{severe}">{MARKS[severe]} <b>{text(finding.code)}</b> · {text(word)}</span>'
        f'<span class="soft">{text(finding.folded())}</span></summary>'
        f"<p>{text(remedy(finding.code, finding.severity))}</p>{more}{listed}</details>"
    )


def _whole(number: int | None) -> str:
    return ABSENT if number is None else count(number)


def _value(value: str | None) -> str:
    return ABSENT if value is None else f"<code>{text(value)}</code>"


def _charts(outcome: SetOutcome, found: Sequence[Finding], result: Performance | None) -> str:
    rules = [Bar(f"{MARKS[one.severity]} {one.code}", one.count, one.severity) for one in found]
    drawn = [bars("Findings by rule", rules)]
    if result is not None and outcome.rows is not None:
        drawn.append(bars("Rows by signal", [Bar(name, number) for name, number in result.signals.items()]))
        titles = {"sharpe_ratio": "Sharpe ratio", "total_return": "Total return"}
        drawn += [
            histogram(title, values_of(outcome.rows, metric), UNITS[metric])
            for metric, title in titles.items()
            if metric in result.spreads
        ]
    shown = "".join(drawn)
    return f'<h3>Plots</h3><div class="charts">{shown}</div>' if shown else ""


def _performance(result: Performance) -> str:
    about = f"{counted(result.rows, 'row')}"
    if result.since is not None and result.until is not None:
        about += f", analysed {span(result.since, result.until)}"
    flagged = f"; {count(result.flagged_rows)} of them carry a warning" if result.flagged_rows else ""
    ranked = _ranking("Best by total return", result.best) + _ranking("Worst by total return", result.worst)
    return (
        f'<h3>Performance</h3><p class="soft">{text(about + flagged)}.</p>{_spreads(result)}'
        f'<div class="pair">{ranked}</div>{_flagged(result)}'
    )


def _spreads(result: Performance) -> str:
    if not result.spreads:
        return ""
    headings = [Heading("Metric"), Heading("Rows", NUMBER), *(Heading(name, NUMBER) for name in QUANTILES)]
    rows = []
    for metric, spread in result.spreads.items():
        unit = UNITS[metric]
        name = metric.replace("_", " ").capitalize() + (f", {unit}" if unit else "")
        rows.append([text(name), count(spread.defined), *(figure(spread.quantiles[one]) for one in QUANTILES)])
    return f'<div class="below">{table(headings, rows, about="Quantiles over the rows", caption=True)}</div>'


def _ranking(title: str, results: Sequence[Result]) -> str:
    if not results:
        return ""
    rows = [
        [
            f'{text(one.symbol or ABSENT)} <span class="soft">{text(one.interval or "")}</span>',
            text(one.signal or ABSENT),
            figure(one.total_return, signed=True),
            figure(one.sharpe),
            figure(one.drawdown),
            price(one.price),
        ]
        for one in results
    ]
    return table(RESULT_HEADINGS, rows, about=title, caption=True)


def _flagged(result: Performance) -> str:
    if not result.flagged:
        return ""
    headings = [Heading("Row", NUMBER), Heading("Symbol"), Heading("Rules", WIDE)]
    rows = [[count(one.row), text(one.symbol or ABSENT), text(", ".join(one.codes))] for one in result.flagged]
    shown, whole = len(result.flagged), result.flagged_rows
    title = f"Flagged rows, the first {shown} of {count(whole)}" if whole > shown else "Flagged rows"
    return f'<div class="below">{table(headings, rows, about=title, caption=True)}</div>'
