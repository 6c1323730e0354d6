"""What the user wants compared and how exactly, and the sentences about it beside the findings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autonama.analysis.grid import Grid
from autonama.ingestion.report.plain import counted
from autonama.verification.found import NOT_REPRODUCED, Found

FOREIGN_TOLERANCE = 1e-6
"""Relative: more than eight written digits and any order of a sum lose, far less than one bar more or less changes."""


@dataclass(frozen=True)
class Wish:
    """lookback: of rows that state none. tolerance: relative; None: 0 for rows that state all terms, 1e-6 for others.

    jobs: processes; the result does not depend on it.
    """

    lookback: int | None = None
    tolerance: float | None = None
    jobs: int = 1

    @property
    def foreign_tolerance(self) -> float:
        """Of rows that do not state all terms."""
        return FOREIGN_TOLERANCE if self.tolerance is None else self.tolerance

    @property
    def told(self) -> str:
        """How exactly, in a sentence."""
        if self.tolerance is not None:
            return f"Compared within a relative tolerance of {self.tolerance:g}."
        return (
            "Rows that state all of their terms are compared exactly, others within a relative tolerance of "
            f"{FOREIGN_TOLERANCE:g}."
        )


def notes(found: Sequence[Found]) -> Iterator[str]:
    """What holds for many rows, said once: what differs, what was not looked at, was guessed, was found out."""
    differing = Counter(one["column"] for row in found for one in row.issues if one["code"] == NOT_REPRODUCED)
    if differing:
        listed = ", ".join(f"{column} in {counted(rows, 'row')}" for column, rows in differing.most_common())
        yield f"Not reproduced: {listed}."
    for what, rows in Counter(what for one in found for what in one.unchecked).items():
        yield f"Not checked in {counted(rows, 'row')}: {what}."
    guesses = Counter(one.guess for one in found if one.guess is not None)
    if guesses:
        tried = len(Grid().lookbacks)
        listed = ", ".join(f"{lookback} ({rows:,})" for lookback, rows in sorted(guesses.items()))
        yield (
            f"{counted(guesses.total(), 'row')} without a usable look-back: each one's is a guess, that of {tried} "
            f"tried whose bands come nearest (rows): {listed}. State it with --lookback."
        )
    for way, rows in Counter(one.way for one in found if one.way is not None).most_common():
        yield f"Bands reproduced in {counted(rows, 'row')} with: {way}."
