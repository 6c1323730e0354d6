"""What was asked of the speed, held against the figures."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.results import Figure, Section
from benchmarks.scale import SWEEP

PEERS = (
    ("pgloader", 5),
    ("pandas", 10),
    ("pandas_multi", 10),
    ("dlt_merge", 12),
    ("dlt_append", 12),
    ("dlt_arrow", 12),
)
"""Times as fast as the peer that an ingest into one table is to be."""


@dataclass(frozen=True)
class Target:
    """A bound and what was found, infinite where no end was reached. least: the bound is the least that is allowed."""

    what: str
    bound: float
    found: float
    unit: str
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        return self.found >= self.bound if self.least else self.found <= self.bound


def targets(compared: Section | None, moments: Section | None, scale: Section | None) -> Iterator[Target]:
    """Those for which there are figures."""
    yield from _compared(compared) if compared else ()
    yield from _moments(moments) if moments else ()
    yield from _scale(scale) if scale else ()


def _compared(section: Section) -> Iterator[Target]:
    for rows in (200_000, 1_000_000):
        found = _medians(section, "csv", rows)
        for ours, theirs, words in (("one_table", "copy", "one table"), ("autonama", "two_copies", "both tables")):
            if ours in found and theirs in found:
                yield Target(f"{rows:,} rows, {words} ÷ \\copy", 1.0, found[ours] / found[theirs], "×")
        if "validate" in found:
            yield Target(
                f"{rows:,} rows, validate, start-up included", 700_000, rows / found["validate"], "rows/s", True
            )
            if start := _medians(section, "csv", 100).get("validate"):
                beyond = rows / (found["validate"] - start)
                yield Target("… less the time that 100 rows take", 700_000, beyond, "rows/s", True)
        for peer, times in PEERS:
            if peer in found and "one_table" in found:
                yield Target(f"{rows:,} rows, {peer} ÷ one table", times, found[peer] / found["one_table"], "×", True)


def _moments(section: Section) -> Iterator[Target]:
    found = {figure.name: figure.median() for figure in section.figures}
    yield Target("autonama --help", 0.2, found["help"], "s")
    yield Target("100 rows, end to end", 0.8, found["hundred"], "s")
    yield Target("a known file beyond start-up, 100 rows", 0.010, found["hundred_known_itself"], "s")
    yield Target("a known file beyond start-up, all rows", 0.010, found["known_itself"], "s")
    yield Target(
        "an upsert that changes nothing ÷ first load, both tables", 1.5, found["unchanged"] / found["first"], "×"
    )
    yield Target("… one table", 1.5, found["unchanged_one"] / found["first_one"], "×")


def _scale(section: Section) -> Iterator[Target]:
    most = max((figure.rows for figure in section.figures if figure.name != SWEEP), default=0)
    for figure in section.figures:
        if figure.rows == most or figure.name == SWEEP:
            held = figure.median("client_mib") if figure.runs else math.inf
            bound = 2048 if figure.name == SWEEP else 1024
            yield Target(f"{figure.rows:,} rows, {figure.name}, {figure.form}: memory", bound, held, "MiB")


def _medians(section: Section, form: str, rows: int) -> Mapping[str, float]:
    return {
        figure.name: figure.median()
        for figure in section.figures
        if figure.runs and (figure.form, figure.rows) == (form, rows)
    }


def losses(section: Section) -> Iterator[tuple[Figure, Figure]]:
    """Ours and theirs, wherever a peer that fills as many tables was faster, or held less memory at the same rows."""
    by_place = {(figure.name, figure.form, figure.rows): figure for figure in section.figures if figure.runs}
    for (name, form, rows), theirs in by_place.items():
        ours = by_place.get(("autonama" if name == "two_copies" else "one_table", form, rows))
        if name not in ("autonama", "one_table", "validate") and ours and theirs.median() < ours.median():
            yield ours, theirs
