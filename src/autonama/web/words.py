"""How values read on a page: prices, metrics, ages, times, signals, and warnings in a trader's words."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from autonama.ingestion.report.plain import ABSENT, count, counted, figure, price
from autonama.ingestion.report.remedies import remedy
from autonama.visible import visible

FLAGS = {
    "undefined_metric": "metric undefined",
    "lower_band_positive": "lower band below zero",
    "signal_matches_bands": "signal contradicts bands",
    "price_near_bands": "price far from bands",
    "potential_return_consistent": "potential return off",
    "total_return_realistic": "return implausible",
    "sharpe_realistic": "Sharpe implausible",
    "drawdown_realistic": "drawdown implausible",
    "return_within_drawdown": "loss exceeds drawdown",
    "rsi_in_range": "RSI out of range",
    "repeated_fields_agree": "two values for one field",
    "price_within_support_resistance": "price outside support and resistance",
    "deflated_sharpe": "Sharpe by luck?",
}
"""Warnings on a row, short enough to stand in it. A plug-in's rule is shown by its code."""

SIGNALS = {"BUY": "▲", "SELL": "▼", "HOLD": "■"}
"""The second cue beside colour and word."""

RUNS = {
    "published": "published",
    "rejected": "refused",
    "partial": "published in part",
    "nothing_new": "nothing new",
    "failed": "failed",
    "interrupted": "interrupted",
    "running": "running",
}


def flag(code: str) -> str:
    """A warning in words."""
    return FLAGS.get(code, code.replace("_", " "))


def flag_help(code: str) -> str:
    """What to do about it."""
    return remedy(code, "warning")


def arrow(signal: str) -> str:
    """The sign of a signal; a dot for a word that is none."""
    return SIGNALS.get(signal, "·")


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the one unit that counts: `5 min`, `3 h`, `12 d`."""
    if moment is None:
        return "unknown"
    passed = now - moment
    if passed < timedelta(minutes=1):
        return "now"
    if passed < timedelta(hours=1):
        return f"{passed // timedelta(minutes=1)} min"
    if passed < timedelta(hours=48):
        return f"{passed // timedelta(hours=1)} h"
    return f"{passed // timedelta(days=1):,} d"


def ago(moment: datetime, now: datetime) -> str:
    """`3 h ago`, or `just now`."""
    passed = age(moment, now)
    return "just now" if passed == "now" else f"{passed} ago"


def utc(moment: datetime | None) -> str:
    """The time in full, for a title."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment is not None else "a day that is not known"


def clock(moment: datetime | None) -> Markup:
    """A time element: UTC as written, its title too; the page's script shows it in the viewer's zone."""
    if moment is None:
        return Markup('<span class="soft">–</span>')
    written = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        written.strftime("%Y-%m-%dT%H:%M:%SZ"), utc(written), f"{written:%Y-%m-%d %H:%M} UTC"
    )


def place(row: Mapping[str, Any]) -> float | None:
    """Where the price stands between the bands: 0 at the lower, 1 at the upper; None where they are not known."""
    low, high, now = row["lower_band"], row["upper_band"], row["current_price"]
    if low is None or high is None or now is None or high <= low:
        return None
    return float((now - low) / (high - low))


WIDTH, MARGIN = 100.0, 26.0
"""Of the drawing: the bands stand at 26 and 74, so that a price beyond them has room."""


def band(row: Mapping[str, Any]) -> Markup:
    """The price's place inside its bands as a drawing of one line's height."""
    where = place(row)
    if where is None:
        return Markup('<span class="soft">–</span>')
    low, high = MARGIN, WIDTH - MARGIN
    at = min(max(low + where * (high - low), 4.0), WIDTH - 4.0)
    bands = f"the lower band ({price(row['lower_band'])}) to the upper ({price(row['upper_band'])})"
    told = f"{where * 100:,.0f} % of the way from {bands}"
    outside = " out" if not 0 <= where <= 1 else ""
    return Markup(
        '<svg class="band{}" viewBox="0 0 100 12" role="img" aria-label="{}"><title>{}</title>'
        '<rect x="26" y="4" width="48" height="4"/><path d="M26 1v10M74 1v10"/><circle cx="{}" cy="6" r="3.4"/></svg>'
    ).format(outside, told, told, f"{at:.1f}")


def elapsed(start: datetime, end: datetime | None) -> str:
    """How long a run took."""
    if end is None:
        return ABSENT
    seconds = (end - start).total_seconds()
    return f"{seconds:.2f} s" if seconds < 60 else f"{seconds / 60:,.1f} min"


def as_data(value: Any) -> Markup:
    """JSON for a data element of a page: nothing in it can end the element."""
    text = json.dumps(value, default=_plain, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")


def shown(text: object) -> Markup:
    """Foreign text, escaped, with what cannot be seen made visible."""
    return escape(visible(str(text)))


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


FILTERS = {
    "age": age, "ago": ago, "arrow": arrow, "as_data": as_data, "band": band, "clock": clock, "count": count,
    "counted": counted, "elapsed": elapsed, "figure": figure, "flag": flag, "flag_help": flag_help, "listed": listed,
    "price": price, "shown": shown, "utc": utc,
}  # fmt: skip
