"""Parameters: which degree and kstd did well, as medians over symbols, and the rows behind each pair.

Analyses hold the parameters that an engine reported; a sweep holds every combination that was tried, by look-back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from fastapi import APIRouter, Request, Response

from autonama.web.page import page
from autonama.web.reading import Reader, Row

router = APIRouter()

SWEEPS = "trading.sweep_results"

ROWS = 500
"""Rows drawn, and of a cell listed, too; the best first."""

LISTED = 100
"""Rows listed of all cells: more would make the page heavy, and nobody reads them."""

NEWEST = 500
"""Sweeps that can be chosen from."""

ALL = "all"
"""How an address asks for all look-backs at once: half a second for 400,000 rows, one of them some milliseconds."""


@dataclass(frozen=True)
class Source:
    """A tab of the page: the analyses of an engine and interval, or their sweeps where there are `dates`.

    rows: of the analyses. dates: of the sweeps, newest first.
    """

    engine: str
    interval: str
    rows: int | None = None
    dates: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class View:
    """What is shown of a source. date, lookback, lookbacks: of a sweep; lookback is None for all of them."""

    source: Source
    symbol: str | None
    date: datetime | None = None
    lookbacks: tuple[int, ...] = ()
    lookback: int | None = None

    @property
    def values(self) -> Row:
        """Of the queries."""
        source = self.source
        key = {"engine": source.engine, "interval": source.interval, "symbol": self.symbol}
        return key if self.date is None else {**key, "date": self.date, "lookback": self.lookback}

    @property
    def address(self) -> dict[str, str]:
        """The parameters of an address that shows the same."""
        said = {"engine": self.source.engine, "interval": self.source.interval}
        if self.symbol:
            said["symbol"] = self.symbol
        if self.date is not None:
            said |= {"date": self.date.isoformat(), "lookback": ALL if self.lookback is None else str(self.lookback)}
        return said


@router.get("/parameters", include_in_schema=False)
def parameters(request: Request) -> Response:
    """The heat map of one engine and interval, and the rows of one cell of it."""
    reader: Reader = request.app.state.reader
    asked = {name: value.replace("\0", "") for name, value in request.query_params.items()}
    sources = [*_analyses(reader), *_sweeps(reader)]
    chosen = next((one for one in sources if _fits(one, asked)), sources[0] if sources else None)
    view = None if chosen is None else _view(reader, chosen, asked)
    cell = {"degree": _whole(asked.get("degree", "")), "kstd": _number(asked.get("kstd", ""))}
    grid, rows = ([], []) if view is None else _found(reader, view, cell)
    most = LISTED if cell == {"degree": None, "kstd": None} else ROWS
    return page(
        request,
        "parameters.html",
        title="Parameters",
        sources=sources,
        chosen=chosen,
        view=view,
        all_lookbacks=ALL,
        symbol=asked.get("symbol", "").strip().upper(),
        cell=cell,
        listed=rows[:most],
        more=len(rows) > most or len(rows) == ROWS,
        degrees=sorted({row["degree"] for row in grid}),
        kstds=sorted({row["kstd"] for row in grid}),
        grid={(row["degree"], row["kstd"]): row for row in grid},
        drawn={"grid": grid, "rows": [_dot(row) for row in rows]},
    )


def _analyses(reader: Reader) -> list[Source]:
    return [Source(row["engine"], row["interval"], row["rows"]) for row in reader.rows("parameters", "sources")]


def _sweeps(reader: Reader) -> list[Source]:
    """The tabs of the sweeps; none in a database of an older schema."""
    if not reader.row("parameters", "exists", {"table": SWEEPS})["there"]:
        return []
    dates: dict[tuple[str, str], list[datetime]] = {}
    for row in reader.rows("parameters", "sweeps", {"limit": NEWEST}):
        dates.setdefault((row["engine"], row["interval"]), []).append(row["analysis_date"])
    return [Source(*key, dates=tuple(found)) for key, found in sorted(dates.items())]


def _fits(source: Source, asked: Mapping[str, str]) -> bool:
    return (source.engine, source.interval) == (asked.get("engine"), asked.get("interval"))


def _view(reader: Reader, source: Source, asked: Mapping[str, str]) -> View:
    symbol = asked.get("symbol", "").strip().upper() or None
    if not source.dates:
        return View(source, symbol)
    date = _moment(asked.get("date", ""))
    date = date if date in source.dates else source.dates[0]
    sweep = {"engine": source.engine, "interval": source.interval, "date": date}
    lookbacks = tuple(row["lookback"] for row in reader.rows("parameters", "sweep_lookbacks", sweep))
    return View(source, symbol, date, lookbacks, _lookback(asked.get("lookback", ""), lookbacks))


def _lookback(asked: str, lookbacks: Sequence[int]) -> int | None:
    """The one that is asked for; without a word the one in the middle, which is read in a moment."""
    if asked == ALL:
        return None
    wanted = _whole(asked)
    return wanted if wanted in lookbacks else lookbacks[len(lookbacks) // 2]


def _found(reader: Reader, view: View, cell: Row) -> tuple[list[Row], list[Row]]:
    """The grid, and the rows of the cell or of all cells."""
    kind = "" if view.date is None else "sweep_"
    grid = reader.rows("parameters", f"{kind}grid", view.values)
    return grid, reader.rows("parameters", f"{kind}rows", {**view.values, **cell, "limit": ROWS})


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) <= 10_000 else None


def _whole(text: str) -> int | None:
    value = _number(text)
    return None if value is None else int(value)


def _moment(text: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _dot(row: Row) -> dict[str, Any]:
    names = ("symbol", "degree", "kstd", "lookback", "total_return", "max_drawdown", "sharpe_ratio")
    return {name: row[name] for name in names if name in row}
