"""Result sets against market data: what is read and validated is computed again, and every difference is an issue."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl

from autonama.analysis.candles import Candles
from autonama.analysis.stated import missing
from autonama.analysis.workers import Track, in_processes, untracked
from autonama.engines import Engine
from autonama.errors import FileChanging
from autonama.ingestion.counts import RowCounts
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.issues import issue_frame
from autonama.ingestion.judge import judge, max_bytes
from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.pipeline import Job, select
from autonama.ingestion.read import read
from autonama.ingestion.report.plain import counted
from autonama.ingestion.rules import RuleSet
from autonama.ingestion.validate import validate
from autonama.verification.claims import Claim, claims, reading
from autonama.verification.foreign import check_foreign, lookbacks_of
from autonama.verification.found import NOT_CHECKED, NOT_REPRODUCED, Found
from autonama.verification.market import NotChecked, OpenSource, fetch, lasting
from autonama.verification.own import check_own, terms_of
from autonama.verification.wish import Wish, notes
from autonama.visible import visible

LONGEST = 500
"""Characters of a reason, which may quote what a file states."""


@dataclass(frozen=True)
class Verification:
    """run: what was found, as a run that only validates has it. The numbers are rows of all sets."""

    run: RunOutcome
    reproduced: int
    not_reproduced: int
    not_checked: int

    @property
    def told(self) -> str:
        """The numbers in a sentence."""
        rows = self.reproduced + self.not_reproduced + self.not_checked
        return (
            f"Of {counted(rows, 'row')}, {self.reproduced:,} reproduced, {self.not_reproduced:,} not reproduced, "
            f"{self.not_checked:,} could not be checked."
        )


def verify(job: Job, open_source: OpenSource, wish: Wish, track: Track = untracked) -> Verification:
    """Compute the rows of a job's result sets again. No candle after a row's analysis_date has a part in its numbers.

    ConfigError where the engine's files have no bands; MarketDataError where the candles cannot be had.
    """
    began = time.perf_counter()
    engine, rules, sets = select(job)
    read_as, strict = reading(engine), replace(rules, strict=True)
    sets_read = [_read(result_set, read_as, strict, job) for result_set in sets]
    found = iter(_all_found([claim for _, its in sets_read for claim in its], open_source, wish, track))
    ended = [_ended(outcome, [next(found) for _ in its]) for outcome, its in sets_read]
    run = RunOutcome(None, engine.name, "nothing_new", validate_only=True, sets=(), notes=(wish.told,))
    reproduced, not_reproduced, not_checked = (sum(numbers[at] for _, numbers in ended) for at in range(3))
    return Verification(run.ended([one for one, _ in ended], began), reproduced, not_reproduced, not_checked)


def _read(result_set: ResultSet, engine: Engine, rules: RuleSet, job: Job) -> tuple[SetOutcome, list[Claim]]:
    """The set as validation leaves it, and the sound rows of its first file, in their own characters."""
    try:
        outcome = SetOutcome.of(judge(result_set, engine, rules, job.settings), "valid")
        source = read(result_set.files[0], engine, max_bytes=max_bytes(job.settings))
        if source.sha256 != outcome.sha256:
            raise FileChanging(f"{visible(source.path)} is being written. It is left for the next look.")
    except FileChanging as changing:
        return SetOutcome.untouched(result_set, "changing", str(changing)), []
    verdict = validate(source, engine, rules, ZoneInfo(job.settings.engine_timezone))
    # What the set's other files tell is an error of the set, or of a row that is sound by itself.
    unsound = set(outcome.issues.filter(severity="error")["row"])
    return outcome, [] if None in unsound else [one for one in claims(source, verdict) if one.row not in unsound]


def _all_found(rows: Sequence[Claim], open_source: OpenSource, wish: Wish, track: Track) -> list[Found]:
    """What becomes of every row, in their order."""
    market = fetch([(claim, _since(claim, wish)) for claim in rows], open_source, datetime.now(UTC))
    # What was found by walk-forward takes a second a row; anything else takes less than a process to start.
    jobs = wish.jobs if any(_searched(claim) for claim in rows) else 1
    work = [(claim, market[claim.symbol, claim.interval]) for claim in rows]
    return list(track(in_processes(partial(_found, wish=wish), work, jobs), "Rows", len(work)))


def _searched(claim: Claim) -> bool:
    return not missing(claim.texts) and claim.text("folds") not in ("0", "0.0")


def _since(claim: Claim, wish: Wish) -> datetime:
    """Since when the row needs candles; a moment of its own where it cannot be checked anyway."""
    try:
        if not missing(claim.texts):
            return terms_of(claim).since
        longest = max(lookbacks_of(claim, wish.lookback)[0])
        return claim.at - lasting(longest + 2, claim.interval)
    except (NotChecked, OverflowError):
        return claim.at


def _found(row: tuple[Claim, Candles | NotChecked], wish: Wish) -> Found:
    claim, candles = row
    try:
        if isinstance(candles, NotChecked):
            raise candles
        if not missing(claim.texts):
            return check_own(claim, candles, wish.tolerance or 0.0)
        return check_foreign(claim, candles, wish.lookback, wish.foreign_tolerance)
    except NotChecked as reason:
        return Found(claim, (claim.issue(NOT_CHECKED, f"not checked: {str(reason)[:LONGEST]}"),))


def _ended(outcome: SetOutcome, found: Sequence[Found]) -> tuple[SetOutcome, tuple[int, int, int]]:
    """The set with what was found, and how many of its rows were reproduced, were not, and could not be checked."""
    told = issue_frame([issue for one in found for issue in one.issues])
    errors = outcome.issues.filter(severity="error")
    issues = pl.concat([errors, told]).sort("row", nulls_last=False, maintain_order=True)
    good = sum(not one.issues for one in found)
    bad = told.filter(code=NOT_REPRODUCED)["row"].n_unique()
    rows = outcome.counts.read
    ended = replace(
        outcome,
        status=outcome.status if issues.is_empty() else "rejected",
        counts=RowCounts(read=rows),
        issues=issues,
        rows=None,
        notes=(*outcome.notes, *notes(found)),
    )
    return ended, (good, bad, rows - good - bad)
