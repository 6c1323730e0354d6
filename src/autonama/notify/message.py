"""What a message says: the signals that a run changed, and anything wrong, in a few lines of plain text."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.report.findings import findings
from autonama.ingestion.report.plain import counted, moment
from autonama.notify.news import Flip, News, Stale
from autonama.visible import visible

FLIPS, SETS, FINDINGS = 20, 5, 3
"""How many of each a message lists before it only counts: it is read on a telephone."""

LENGTH = 200
"""Characters of a line: a name or a value of somebody else's may be of any length."""


@dataclass(frozen=True)
class Message:
    """One message. Foreign text in it is visible, and on one line."""

    title: str
    body: str
    warning: bool


def message(outcome: RunOutcome, news: News, on: Collection[str]) -> Message | None:
    """The message about a run; None where nothing of what is asked for happened."""
    titles: list[str] = []
    parts: list[str] = []
    if "flips" in on and news.flips:
        titles.append(f"{counted(len(news.flips), 'signal')} changed")
        parts.append("\n".join(_flips(news.flips)))
    wrong = _wrong(outcome) if "rejected" in on else []
    titles += [title for title, _ in wrong]
    parts += [part for _, part in wrong]
    if "stale" in on and news.stale is not None:
        titles.append("results are old")
        parts.append(_stale(news.stale))
    if not parts:
        return None
    run = "A run" if outcome.run_id is None else f"Run {outcome.run_id}"
    parts += [_line(sentence) for sentence in news.unknown]
    title = _line(f"Autonama, {outcome.engine}: {', '.join(titles)}")
    closing = f"{run} of the engine {outcome.engine}."
    return Message(title, "\n\n".join([*parts, _line(closing)]), warning=bool(wrong) or news.stale is not None)


def _flips(flips: Sequence[Flip]) -> Iterator[str]:
    for flip in flips[:FLIPS]:
        yield _line(f"{flip.symbol} {flip.interval}: {flip.before} -> {flip.now}")
    if len(flips) > FLIPS:
        yield f"and {len(flips) - FLIPS:,} more"


def _wrong(outcome: RunOutcome) -> list[tuple[str, str]]:
    """What went wrong: a few words for the title, and the text."""
    refused = [one for one in outcome.sets if one.status == "rejected"]
    aside = [one for one in outcome.sets if one.status == "quarantined"]
    found: list[tuple[str, str]] = []
    if outcome.error is not None:
        found.append(("run failed", _line(f"The run failed: {outcome.error}", 3 * LENGTH)))
    if refused:
        found.append((f"{counted(len(refused), 'set')} refused", _sets(refused, _refused)))
    if aside:
        rows = sum(one.counts.quarantined for one in aside)
        found.append((f"{counted(rows, 'row')} in quarantine", _sets(aside, _aside)))
    return found


def _refused(outcome: SetOutcome) -> str:
    return f"{_line(outcome.name, LENGTH // 2)} was refused:"


def _aside(outcome: SetOutcome) -> str:
    counts = outcome.counts
    return f"{_line(outcome.name, LENGTH // 2)}: {counts.quarantined:,} of {counted(counts.read, 'row')} in quarantine:"


def _sets(outcomes: Sequence[SetOutcome], heading: Callable[[SetOutcome], str]) -> str:
    blocks = ["\n".join([heading(one), *_findings(one)]) for one in outcomes[:SETS]]
    if len(outcomes) > SETS:
        blocks.append(f"and {counted(len(outcomes) - SETS, 'set')} more")
    return "\n".join(blocks)


def _findings(outcome: SetOutcome) -> Iterator[str]:
    found = findings(outcome.issues.filter(pl.col("severity") == "error"), 1)
    yield from (f"- {_line(one.folded())}" for one in found[:FINDINGS])
    if len(found) > FINDINGS:
        yield f"- {counted(len(found) - FINDINGS, 'rule')} more"


def _stale(stale: Stale) -> str:
    return (
        f"The newest analysis is {stale.hours:,.0f} hours old ({moment(stale.newest)}), more than max_file_age_hours = "
        f"{stale.max_hours:g}. Does the engine still run?"
    )


def _line(text: str, length: int = LENGTH) -> str:
    shown = visible(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"
