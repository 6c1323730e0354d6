"""The board: the newest alert of every symbol and interval, what flipped, how old it is, and what looks wrong."""

import csv
import io
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from autonama.ingestion.spreadsheet import guarded
from autonama.web.filters import COLUMNS, DEFAULT_COLUMNS, PAGE_SIZES, PRESETS, BoardQuery
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


class Board:
    """Answers views: filtering and sorting is the database's.

    Which alerts a view has, in which order, and the summary are remembered until something is published, so that
    turning a page reads the rows of that page alone.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._version: tuple[Any, ...] = ()
        self._orders: OrderedDict[object, array[int]] = OrderedDict()
        self._summary: Row = {}

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
        key = (query.order.as_string(None), repr(query.values))
        version = self._forget_old()
        with self._lock:
            if (known := self._orders.get(key)) is not None and version == self._version:
                self._orders.move_to_end(key)
                return known
        ids = array("q", [row["id"] for row in self._reader.rows("board", "ids", query.values, order=query.order)])
        with self._lock:
            # What depends on the clock is not the same a moment later.
            if version == self._version and not query.older:
                self._orders[key] = ids
                while len(self._orders) > REMEMBERED:
                    self._orders.popitem(last=False)
        return ids

    def summary(self) -> Row:
        """Counts by signal, flips, warnings, newest and oldest analysis; the words that filters offer."""
        version = self._forget_old()
        with self._lock:
            if self._summary:
                return self._summary
        found = self._reader.row("board", "summary")
        with self._lock:
            if version == self._version:
                self._summary = found
        return found

    def _forget_old(self) -> tuple[Any, ...]:
        """Ask whether anything changed; what was remembered goes if so."""
        version = tuple(self._reader.row("board", "version").values())
        with self._lock:
            if version != self._version:
                self._version, self._summary = version, {}
                self._orders.clear()
        return version


@router.get("/", include_in_schema=False)
def board(request: Request) -> Response:
    """The first screen."""
    query = BoardQuery.parse(request.query_params.multi_items())
    answers: Board = request.app.state.board
    summary = answers.summary()
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
        default_columns=DEFAULT_COLUMNS,
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
