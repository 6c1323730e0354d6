"""The files of one set -> one verdict: each is read and validated, they are compared, the set's age is looked at."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from autonama.config import Settings
from autonama.engines import Engine
from autonama.faults import reach
from autonama.ingestion.agree import agree, unreadable
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.freshness import age_issues
from autonama.ingestion.issues import issue, issue_frame, no_issues
from autonama.ingestion.outcome import REPORTED
from autonama.ingestion.read import SourceFile, read
from autonama.ingestion.rules import AGREEMENT, RuleSet
from autonama.ingestion.validate import Verdict, validate


@dataclass(frozen=True)
class Judged:
    """A set after validation. `verdict` is of the first file, with what the whole set told in it."""

    result_set: ResultSet
    sources: tuple[SourceFile, ...]
    verdict: Verdict
    accepted: bool

    def blocks(self) -> Iterator[pl.DataFrame]:
        """The good rows at once, where there are any."""
        good = self.verdict.good
        if not good.is_empty():
            yield good

    def judged(self) -> "Judged":
        """Itself."""
        return self

    def late(self) -> Sequence[int]:
        """None: a row was good or bad before it was taken."""
        return ()

    def originals(self) -> pl.DataFrame:
        """`row`, `line`, `original` and `reasons` of the bad rows."""
        return with_originals(self.verdict, self.sources[0].frame.select("row", "line", original="raw"))


def judge(result_set: ResultSet, engine: Engine, rules: RuleSet, settings: Settings) -> Judged:
    """Judge a set by all of its files. FileChanging where one of them is still being written."""
    zone = ZoneInfo(settings.engine_timezone)
    sources = tuple(read(path, engine, max_bytes=max_bytes(settings)) for path in result_set.files)
    reach("read")
    verdict, *others = (validate(source, engine, rules, zone, keep=REPORTED) for source in sources)
    return settled(result_set, sources, verdict, _compared(sources, verdict, others, engine, rules), rules, settings)


def settled(
    result_set: ResultSet,
    sources: tuple[SourceFile, ...],
    verdict: Verdict,
    found: Iterable[pl.DataFrame],
    rules: RuleSet,
    settings: Settings,
) -> Judged:
    """The last word on a set. found: what its other files told."""
    found = [no_issues(), *found]
    if not verdict.condemned:
        modified = {source.path: source.modified_at for source in sources}
        hours, severity = settings.validation.max_file_age_hours, rules.severity["file_age"]
        found.append(age_issues(result_set, modified, now=datetime.now(UTC), max_hours=hours, severity=severity))
    verdict = verdict.with_issues(pl.concat(found))
    if not (verdict.condemned or rules.strict or verdict.accepted(rules)):
        verdict = verdict.with_issues(_too_many(verdict, rules))
    reach("validated")
    return Judged(result_set, sources, verdict, verdict.accepted(rules))


def with_originals(verdict: Verdict, originals: pl.DataFrame) -> pl.DataFrame:
    """The bad rows with their own text, of which null is none."""
    found = verdict.bad.join(originals.with_columns(pl.col("original").fill_null("")), on="row", how="left")
    return found.select("row", "line", "original", "reasons")


def max_bytes(settings: Settings) -> int:
    """The largest content that is read, in bytes."""
    return int(settings.max_file_size_mb * 1024 * 1024)


def _compared(
    sources: tuple[SourceFile, ...], verdict: Verdict, others: list[Verdict], engine: Engine, rules: RuleSet
) -> list[pl.DataFrame]:
    """What the set's other files tell: that they cannot be read, or hold other rows than the first."""
    code, _ = AGREEMENT
    found = []
    for source, theirs in zip(sources[1:], others, strict=True):
        found.append(unreadable(theirs, source.path.name))
        if not theirs.condemned and not verdict.condemned and rules.severity[code] != "off":
            names = (sources[0].path.name, source.path.name)
            found.append(agree(verdict, theirs, names, engine).with_columns(severity=pl.lit(rules.severity[code])))
    return found


def _too_many(verdict: Verdict, rules: RuleSet) -> pl.DataFrame:
    bad, share = verdict.bad.height, rules.max_bad_share
    message = f"{bad:,} of {verdict.read:,} rows are bad, more than max_quarantine_share = {share:g} puts aside"
    return issue_frame([issue("quarantine_share", message, value=f"{bad / verdict.read:.3g}")])
