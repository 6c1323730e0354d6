"""Rows of other engines: price, bands and signal, as far as the file states how they were made.

The bands of a look-back are those of `analysis.bands`. What a file does not state is tried, and what fits best is said:
the look-back among those of the grid; whether the candle that was running counted as a bar, with the row's own price as
its close; and by how many degrees of freedom the residuals' deviation was divided. Of the running candle no more is
used than that the price has to lie between its low and its high.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autonama.analysis.backtest import signals
from autonama.analysis.bands import Floats, rolling_fit
from autonama.analysis.candles import Candles
from autonama.analysis.grid import Grid
from autonama.analysis.rows import WORDS
from autonama.analysis.stated import missing, whole
from autonama.verification.claims import Claim
from autonama.verification.found import NOT_REPRODUCED, Found, apart, difference
from autonama.verification.market import NotChecked, known_at, running_at

METRICS = ("potential_return", "total_return", "sharpe_ratio", "max_drawdown")
BANDS = ("lower_band", "upper_band")


@dataclass(frozen=True)
class Fitted:
    """The bands of one way to compute them. way: in words. far: relative difference of the worse band."""

    lower: float
    upper: float
    lookback: int
    way: str
    far: float


def lookbacks_of(claim: Claim, told: int | None) -> tuple[tuple[int, ...], bool]:
    """The look-backs to try, and whether that is a guess. told: what the user states for rows that do not."""
    least = whole(claim.text("degree")) + 2
    try:
        stated = whole(claim.text("lookback") or "0")
    except ValueError as reason:
        raise NotChecked(f"its lookback is no whole number: {reason}") from reason
    if stated >= least:
        return (stated,), False
    return (Grid().lookbacks, True) if told is None else ((told,), False)


def check_foreign(claim: Claim, candles: Candles, told: int | None, tolerance: float) -> Found:
    """Compare price, bands and signal. NotChecked where the candles do not reach."""
    closed = known_at(candles, claim.at).after_last_gap()
    tried, guessed = lookbacks_of(claim, told)
    usable = [one for one in tried if one <= len(closed) and one > whole(claim.text("degree")) + 1]
    if not usable:
        raise NotChecked(
            f"{len(closed)} candles of {claim.symbol} without a gap up to the row's date; a look-back of {tried[0]} "
            "needs that many, and more than degree + 1"
        )
    best = min(_fits(claim, closed, usable, tolerance), key=lambda one: one.far)
    issues, unchecked = _price(claim, closed, running_at(candles, claim.at), tolerance)
    beside = f"degree {claim.text('degree')}, kstd {claim.text('kstd')}, look-back {best.lookback}"
    beside += ", a guess" if guessed else ""
    for name, value in zip(BANDS, (best.lower, best.upper), strict=True):
        if apart(claim.number(name), value) > tolerance:
            issues.append(difference(claim, name, value, beside))
    issues += _signal(claim, best, tolerance, beside)
    reproduced = best.far <= tolerance
    return Found(
        claim,
        tuple(issues),
        (*unchecked, *_metrics(claim)),
        best.lookback if guessed else None,
        best.way if reproduced else None,
    )


def _fits(claim: Claim, closed: Candles, lookbacks: Sequence[int], tolerance: float) -> Iterator[Fitted]:
    price = claim.number("current_price")
    series = [(closed.close, "candles closed by then")]
    if apart(price, float(closed.close[-1])) > tolerance:
        series.append((np.append(closed.close, price), "the running candle with the row's price as its close"))
    for lookback in lookbacks:
        for close, bars in series:
            yield from _of_lookback(claim, close[-lookback:], lookback, bars)


def _of_lookback(claim: Claim, close: Floats, lookback: int, bars: str) -> Iterator[Fitted]:
    degree, kstd = whole(claim.text("degree")), claim.number("kstd")
    fit = rolling_fit(close, lookback, (degree,))
    middle, deviation = float(fit.middle[0, -1]), float(fit.deviation[0, -1])
    free = lookback - degree - 1
    for divisor, words in ((free, "n − degree − 1"), (lookback - 1, "n − 1"), (lookback, "n")):
        half = kstd * deviation * math.sqrt(free / divisor)
        lower, upper = middle - half, middle + half
        far = max(apart(claim.number(name), value) for name, value in zip(BANDS, (lower, upper), strict=True))
        yield Fitted(lower, upper, lookback, f"{bars}, deviation of {words}", far)


def _price(
    claim: Claim, closed: Candles, running: Candles | None, tolerance: float
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The price is the last close, or one of the candle that was running."""
    price, last = claim.number("current_price"), float(closed.close[-1])
    if apart(price, last) <= tolerance:
        return [], ()
    if running is None:
        return [], ("current_price: it is not the last close, and the source lacks the candle that was running",)
    low, high = float(running.low[0]), float(running.high[0])
    if low * (1 - tolerance) <= price <= high * (1 + tolerance):
        return [], ()
    message = (
        f"current_price is {claim.text('current_price')}, the last close {last}, and the candle that was running went "
        f"from {low} to {high}"
    )
    return [claim.issue(NOT_REPRODUCED, message, "current_price")], ()


def _signal(claim: Claim, best: Fitted, tolerance: float, beside: str) -> list[dict[str, Any]]:
    """The signal of price and computed bands; at a band's very edge, within the tolerance, both neighbours will do."""
    if not claim.text("signal"):
        return []
    price = claim.number("current_price")
    prices = np.array([price, price * (1 - tolerance), price * (1 + tolerance)])
    words = [WORDS[int(one)] for one in signals(prices, np.array(best.lower), np.array(best.upper))]
    return [] if claim.text("signal") in words else [difference(claim, "signal", words[0], beside)]


def _metrics(claim: Claim) -> tuple[str, ...]:
    names = [name for name in METRICS if name in claim.texts]
    return (f"{', '.join(names)}: the file does not state {', '.join(missing(claim.texts))}",)
