"""The board: the newest alert of every symbol and interval, what flipped, how old it is, and what looks wrong."""

import csv
import io
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from psycopg import sql

from autonama.database.queries import load
from autonama.ingestion.spreadsheet import guarded
from autonama.web.filters import COLUMNS, PAGE_SIZES, PRESETS, USUAL_COLUMNS, BoardQuery
from autonama.web.page import page
from autonama.web.reading import Reader, Row
from autonama.web.words import RUNS

router = APIRouter()

REMEMBERED = 32
"""Orders of the board that are kept: one is eight bytes an alert."""

EXPORTED = ("symbol", "interval", "engine", "signal", "previous_signal", "previous_date", "current_price", "lower_band",
            "upper_band", "potential_return", "total_return", "sharpe_ratio", "max_drawdown", "degree", "kstd",
            "analysis_date", "flags", "run_id", "file_name", "row_number")  # fmt: skip


@dataclass(frozen=True)
class Page:
    """One page of a view. total: rows of the whole view."""

    rows: list[Row]
    total: int
    pages: int
    number: int


@dataclass(frozen=True)
class Newest:
    """The whole board as one look found it.

    known: the ids of its alerts with what it costs to find out of each, as the array literals that PostgreSQL wrote and
    reads again. summary: counts, and the words that filters offer. orders: views of it that were asked for.
    """

    version: tuple[Any, ...]
    known: Row
    summary: Row
    orders: "OrderedDict[object, array[int]]" = field(default_factory=OrderedDict)


FEW_DAYS = 4
"""Alerts to each of the board's, up to which reading all is quicker than jumping: 1 µs an alert against 5 µs a jump."""

KNOWN = ("ids", "flips_of", "new_of", "flags_of")


class Board:
    """Answers views: filtering and sorting is the database's.

    Which alerts are the newest, which of them a view has and in which order is remembered until something is published,
    so that turning a page reads the rows of that page alone.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._looking = threading.Lock()
        self._orders = threading.Lock()
        self._newest: Newest | None = None

    def page(self, query: BoardQuery) -> Page:
        """The rows of a view's page; of the last one where there are not so many."""
        ids = self.ids(query)
        pages = max(-(-len(ids) // query.per), 1)
        number = min(query.page, pages)
        start = (number - 1) * query.per
        return Page(self.rows(ids[start : start + query.per]), len(ids), pages, number)

    def rows(self, ids: "array[int]") -> list[Row]:
        """These alerts, in this order."""
        return self._reader.rows("board", "rows", {"ids": ids.tolist()}) if ids else []

    def ids(self, query: BoardQuery) -> "array[int]":
        """All alerts of a view, in its order."""
        newest = self.newest()
        key = (query.order.as_string(None), repr(query.values))
        with self._orders:
            if (known := newest.orders.get(key)) is not None:
                newest.orders.move_to_end(key)
                return known
        found = self._reader.rows("board", "ids", {**query.values, **newest.known}, order=query.order)
        ids = array("q", map(int, filter(None, found[0]["ids"][1:-1].split(","))))
        if not query.older:  # what depends on the clock is not the same a moment later
            with self._orders:
                newest.orders[key] = ids
                while len(newest.orders) > REMEMBERED:
                    newest.orders.popitem(last=False)
        return ids

    def summary(self) -> Row:
        """Counts by signal, flips, warnings, newest and oldest analysis; the words that filters offer."""
        return self.newest().summary

    def newest(self) -> Newest:
        """The board, looked at again where something changed. A hundred pages that hear of it at once look once."""
        version, _ = self._version()
        with self._looking:
            if self._newest is None or self._newest.version != version:
                version, alerts = self._version()  # before the look: what is published meanwhile makes another
                if self._newest is None or self._newest.version != version:
                    found = self._reader.row("board", "newest", latest=self._way(alerts))
                    known = {name: found.pop(name) for name in KNOWN}
                    self._newest = Newest(version, known, found)
            return self._newest

    def _version(self) -> tuple[tuple[Any, ...], int]:
        """What changes when alerts do; and about how many alerts of all days there are."""
        found = self._reader.row("board", "version")
        alerts = found.pop("rows")
        return tuple(found.values()), alerts

    def _way(self, alerts: int) -> sql.SQL:
        """How to find the newest among so many."""
        few = self._newest is not None and alerts <= FEW_DAYS * self._newest.summary["alerts"]
        return sql.SQL(load("board")["passing" if few else "jumping"])


@router.get("/", include_in_schema=False)
def board(request: Request) -> Response:
    """The first screen."""
    query = BoardQuery.parse(request.query_params.multi_items())
    answers: Board = request.app.state.board
    summary = answers.summary()
    usual = tuple(COLUMNS) if len(summary["engines"]) > 1 else USUAL_COLUMNS
    runs = request.app.state.reader.rows("board", "last_runs")
    return page(
        request,
        "board.html",
        title="Board",
        query=query,
        found=answers.page(query),
        summary=summary,
        bad_runs=[run for run in runs if run["status"] != "published"],
        last_run=max(runs, key=lambda run: run["id"], default=None),
        words=RUNS,
        columns=COLUMNS,
        usual=usual,
        shown_columns=query.cols or usual,
        sizes=PAGE_SIZES,
        presets=PRESETS,
        export="/alerts.csv" + query.link()[1:],
    )


@router.get("/alerts.csv", include_in_schema=False)
def export(request: Request) -> StreamingResponse:
    """All rows of a view as CSV, numbers with all their digits, times in UTC."""
    query = BoardQuery.parse(request.query_params.multi_items())
    answers: Board = request.app.state.board
    ids = answers.ids(query)
    name = f"alerts_{datetime.now(UTC):%Y%m%d_%H%M%S}.csv"
    return StreamingResponse(
        _as_csv(answers, ids),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


BATCH = 2_000


def _as_csv(answers: Board, ids: "array[int]") -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(EXPORTED)
    for start in range(0, len(ids), BATCH):
        for row in answers.rows(ids[start : start + BATCH]):
            writer.writerow([cell(row[name]) for name in EXPORTED])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def cell(value: object) -> object:
    """A value for a spreadsheet."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, str):
        return guarded(value)
    return "" if value is None else value
