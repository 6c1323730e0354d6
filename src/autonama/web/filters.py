"""What a reader asked the board for, as it stands in the address: every state of the board is a link."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from psycopg import sql

LAST_PAGE = 1_000_000
LONGEST_NUMBER = 18
"""Digits. Longer ones are no BIGINT, and very long ones Python does not even read."""

PAGE_SIZES = (50, 100, 250, 500)

SORTS: dict[str, str] = {
    "changed": "(analysis_date AT TIME ZONE 'UTC')::date {d} NULLS LAST, flip {d}",
    "symbol": "symbol {d}",
    "interval": "array_position('{{1s,1m,3m,5m,15m,30m,1h,2h,4h,6h,8h,12h,1d,3d,1w,1M}}'::text[], interval::text) {d}",
    "engine": "engine {d}",
    "signal": "signal {d}",
    "flip": "flip {d}",
    "price": "current_price {d} NULLS LAST",
    "place": "(current_price - lower_band) / nullif(upper_band - lower_band, 0) {d} NULLS LAST",
    "potential_return": "potential_return {d} NULLS LAST",
    "total_return": "total_return {d} NULLS LAST",
    "sharpe_ratio": "sharpe_ratio {d} NULLS LAST",
    "max_drawdown": "abs(max_drawdown) {d} NULLS LAST",
    "degree": "degree {d} NULLS LAST",
    "kstd": "kstd {d} NULLS LAST",
    "age": "analysis_date {d} NULLS LAST",
    "flags": "cardinality(flags) {d}",
}
"""ORDER BY of each sort, `{d}` its direction. Age sorts by the date, and a drawdown by its size: both signs occur."""

COLUMNS = {
    "engine": "Engine", "flip": "Flip", "price": "Price", "place": "In bands", "potential_return": "Potential %",
    "total_return": "Return %", "sharpe_ratio": "Sharpe", "max_drawdown": "Drawdown %", "degree": "Degree",
    "kstd": "kstd", "age": "Age", "flags": "Warnings",
}  # fmt: skip
"""Columns that may be chosen; symbol, interval and signal are always there."""

USUAL_COLUMNS = tuple(name for name in COLUMNS if name != "engine")
"""Shown without a choice where there is one engine; where there are several, it stands in the row."""


@dataclass(frozen=True)
class BoardQuery:
    """A view of the board. Empty means unfiltered.

    flag: warning codes, or "any". new: only what the last run of its engine brought. clean: only rows without a
    warning. sharpe: at least. older: hours, at least. sort: a key of SORTS, with "-" in front for downwards. cols: keys
    of COLUMNS, none for the usual ones. page counts from 1.
    """

    q: str = ""
    signal: tuple[str, ...] = ()
    interval: tuple[str, ...] = ()
    engine: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    symbol: tuple[str, ...] = ()
    flip: bool = False
    new: bool = False
    clean: bool = False
    sharpe: str = ""
    older: str = ""
    sort: str = "-changed"
    cols: tuple[str, ...] = ()
    page: int = 1
    per: int = PAGE_SIZES[0]

    @classmethod
    def parse(cls, given: Iterable[tuple[str, str]]) -> "BoardQuery":
        """Read an address's parameters. What makes no sense is taken as not said: an old link still opens a board."""
        many: dict[str, list[str]] = {}
        for name, value in given:
            if value := value.strip().replace("\0", ""):
                many.setdefault(name, []).append(value)
        first = {name: values[0] for name, values in many.items()}
        sort = first.get("sort", cls.sort)
        columns = tuple(name for name in COLUMNS if name in many.get("cols", ()))
        return cls(
            q=first.get("q", "")[:40],
            **{name: tuple(dict.fromkeys(many.get(name, ()))) for name in ("signal", "interval", "engine", "flag")},
            symbol=tuple(dict.fromkeys(part for text in many.get("symbol", ()) for part in text.split(",") if part)),
            flip="flip" in many,
            new="new" in many,
            clean="clean" in many,
            sharpe=_number(first.get("sharpe", "")),
            older=_number(first.get("older", "")),
            sort=sort if sort.removeprefix("-") in SORTS else cls.sort,
            cols=columns,
            page=whole(first.get("page", ""), 1, LAST_PAGE),
            per=size if (size := whole(first.get("per", ""), 0, PAGE_SIZES[-1])) in PAGE_SIZES else cls.per,
        )

    def link(self, **changes: Any) -> str:
        """The address of this view with some things changed; always of its first page unless a page is said."""
        changed = replace(self, **{"page": 1, **changes})
        said = []
        for field in fields(changed):
            value = getattr(changed, field.name)
            if value != field.default:
                said.append((field.name, "1" if value is True else value))
        return "/?" + urlencode(said, doseq=True) if said else "/"

    def sorted_by(self, name: str) -> str:
        """The address of this view by that column; the way up where it goes down already."""
        first = name if name in ("symbol", "interval", "engine", "signal") else f"-{name}"
        turned = name if self.sort == f"-{name}" else f"-{name}"
        return self.link(sort=turned if self.sort.removeprefix("-") == name else first)

    def direction(self, name: str) -> str:
        """`ascending`, `descending`, or `none`: by that column."""
        if self.sort.removeprefix("-") != name:
            return "none"
        return "descending" if self.sort.startswith("-") else "ascending"

    @property
    def filtered(self) -> bool:
        """Whether rows are left out."""
        bare = BoardQuery(sort=self.sort, cols=self.cols, page=self.page, per=self.per)
        return self != bare

    @property
    def order(self) -> sql.SQL:
        """The ORDER BY clause."""
        direction = "DESC" if self.sort.startswith("-") else "ASC"
        # A sort is a key of SORTS: the clause is a constant of this module, never a reader's text.
        return sql.SQL(SORTS[self.sort.removeprefix("-")].format(d=direction))

    @property
    def values(self) -> Mapping[str, Any]:
        """The query's parameters."""
        return {
            "text": f"%{_literally(self.q)}%" if self.q else None,
            "symbols": _or_none(self.symbol),
            "signals": _or_none(self.signal),
            "intervals": _or_none(self.interval),
            "engines": _or_none(self.engine),
            "flip": self.flip,
            "new": self.new,
            "flags": _or_none([code for code in self.flag if code != "any"]),
            "flagged": "any" in self.flag,
            "clean": self.clean,
            "sharpe": self.sharpe or None,
            "older": float(self.older) if self.older else None,
        }


def _or_none(values: Sequence[str]) -> list[str] | None:
    return list(values) or None


def _literally(text: str) -> str:
    """A part of a name, for LIKE."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _number(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return ""
    return text if value.is_finite() and abs(value) < 1_000_000 else ""


def whole(text: str, low: int, high: int) -> int:
    """The number in a text within its bounds; the lower one where it is none."""
    if not (text.isascii() and text.isdigit()):
        return low
    return min(max(int(text), low), high) if len(text) <= LONGEST_NUMBER else high


PRESETS = (
    ("New", BoardQuery(new=True), "Brought by the last run of its engine."),
    ("Flips", BoardQuery(flip=True), "The signal differs from the one of the day before."),
    ("Strong BUY", BoardQuery(signal=("BUY",), clean=True, sharpe="1", sort="-sharpe_ratio"),
     "BUY without a warning and with a Sharpe ratio of at least 1."),
    ("Suspicious", BoardQuery(flag=("any",), sort="-flags"), "Published with at least one warning."),
    ("Stale", BoardQuery(older="24", sort="age"), "Analysed more than 24 hours ago."),
)  # fmt: skip
"""Views that a reader wants every morning: name, view, what it means."""
