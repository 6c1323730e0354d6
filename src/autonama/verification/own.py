"""Rows that state all of their terms, as the open engine's do: the same code on the same candles gives the same row."""

from datetime import timedelta
from typing import Any

from autonama.analysis.analyze import Left, Plan, judged
from autonama.analysis.candles import Candles
from autonama.analysis.rows import Value
from autonama.analysis.stated import Terms, restated
from autonama.verification.claims import Claim
from autonama.verification.found import NOT_REPRODUCED, Found, apart, difference
from autonama.verification.market import NotChecked, known_at

GIVEN = ("symbol", "interval", "analysis_date")
"""What a row is told by; the candles were chosen by it."""

OTHER_BACKEND = 1e-9
"""What our backtest and that of VectorBT agree to."""


def terms_of(claim: Claim) -> Terms:
    """NotChecked where a stated term is no such value."""
    try:
        return restated(claim.texts)
    except ValueError as reason:
        raise NotChecked(f"what the row states of how it was made cannot be: {reason}") from reason


def check_own(claim: Claim, candles: Candles, tolerance: float) -> Found:
    """Compute the row again and compare every column. tolerance: relative; 0 for the very same number.

    NotChecked where the source does not have the row's candles.
    """
    terms = terms_of(claim)
    given = _given(claim, candles, terms)
    plan = Plan(
        (claim.symbol,),
        claim.interval,
        parameters=terms.parameters,
        grid=terms.grid,
        windows=terms.windows,
        costs=terms.costs,
    )
    try:
        row = judged(given, plan)
    except ValueError as reason:
        raise NotChecked(f"what the row states of how it was made cannot be: {reason}") from reason
    if isinstance(row, Left):
        return Found(claim, (claim.issue(NOT_REPRODUCED, f"the candles give no row: {row.reason}", "lookback"),))
    if claim.text("backend"):
        tolerance = max(tolerance, OTHER_BACKEND)
    differing = [name for name, value in row.items() if not _same(claim.text(name), value, tolerance)]
    return Found(claim, tuple(_told(claim, name, row[name]) for name in differing if name not in GIVEN))


def _given(claim: Claim, candles: Candles, terms: Terms) -> Candles:
    closed = known_at(candles, claim.at)
    if abs(closed.close_time - claim.at) >= timedelta(milliseconds=1):
        raise NotChecked(f"no candle of {claim.symbol} at {claim.interval} closed at the row's {claim.text(GIVEN[2])}")
    first = int(terms.since.timestamp() * 1000)
    given = closed[closed.open_time >= first]
    if not len(given) or int(given.open_time[0]) != first:
        raise NotChecked(f"the source lacks {claim.symbol}'s candle of {claim.text('candles_from')}, the row's first")
    return given


def _same(text: str, value: Value, tolerance: float) -> bool:
    if value is None or isinstance(value, str):
        return text == (value or "") or (value is None and text.lower() in ("nan", "null", "none"))
    try:
        stated = float(text)
    except ValueError:
        return False
    return stated == float(value) or apart(stated, float(value)) <= tolerance


def _told(claim: Claim, name: str, value: Value) -> dict[str, Any]:
    return difference(claim, name, value)
