"""What became of one row, and the words in which values that differ are told."""

from dataclasses import dataclass
from typing import Any

from autonama.ingestion.issues import VALUE_LIMIT
from autonama.verification.claims import Claim

NOT_REPRODUCED = "not_reproduced"
NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class Found:
    """issues: of this row. unchecked: columns that nothing could be said of, and why. guess: a look-back not stated.

    way: how the bands were reproduced, in words, where that was not stated.
    """

    claim: Claim
    issues: tuple[dict[str, Any], ...] = ()
    unchecked: tuple[str, ...] = ()
    guess: int | None = None
    way: str | None = None


def apart(one: float, other: float) -> float:
    """The difference of two numbers, relative to the greater."""
    scale = max(abs(one), abs(other))
    return abs(one - other) / scale if scale else 0.0


def difference(claim: Claim, column: str, value: object, beside: str = "") -> dict[str, Any]:
    """The issue that a column is not what is computed; beside: with what it was computed."""
    told = claim.text(column)[:VALUE_LIMIT] or "blank"
    computed = "undefined" if value is None else str(value)
    far = ""
    if isinstance(value, float) and claim.text(column):
        try:
            far = f"relative difference {apart(float(told), value):.1e}"
        except ValueError:
            far = ""
    details = "; ".join(filter(None, (far, beside)))
    message = f"{column} is {told}, the candles give {computed}" + (f" ({details})" if details else "")
    return claim.issue(NOT_REPRODUCED, message, column)
