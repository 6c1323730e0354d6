"""A symbol: price and bands over time with the signals on them, its metrics, its alerts and where each came from."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from psycopg import sql

from autonama.engines import load_engine
from autonama.errors import AutonamaError
from autonama.web.filters import LAST_PAGE, whole
from autonama.web.page import page
from autonama.web.reading import Reader, Row

router = APIRouter()

POINTS = 2_000
"""Analyses in the chart, the latest ones: more than a screen has dots."""

ALERTS = 100
"""Alerts on one page of the table."""


@router.get("/symbol/{symbol:path}", include_in_schema=False)
def symbol(request: Request, symbol: str, engine: str = "", interval: str = "") -> Response:
    """The page of one symbol, at one engine and interval: the one asked for, else the newest."""
    reader: Reader = request.app.state.reader
    symbol = symbol.replace("\0", "")
    choices = reader.rows("symbol", "choices", {"symbol": symbol})
    if not choices:
        raise HTTPException(404, f"There is no alert of {symbol}. Symbols are written as the exchange does: BTCUSDT.")
    chosen = next((one for one in choices if (one["engine"], one["interval"]) == (engine, interval)), None)
    if chosen is None:
        chosen = next(
            (one for one in choices if engine in ("", one["engine"]) and interval in ("", one["interval"])), None
        )
    if chosen is None:
        raise HTTPException(
            404, f"There is no alert of {symbol} at {interval or 'any interval'} by {engine or 'any engine'}."
        )
    number = whole(request.query_params.get("page", ""), 1, LAST_PAGE)
    key: Row = {"symbol": symbol, "engine": chosen["engine"], "interval": chosen["interval"]}
    alerts = reader.rows("symbol", "alerts", {**key, "limit": ALERTS, "offset": (number - 1) * ALERTS})
    return page(
        request,
        "symbol.html",
        title=f"{symbol} {chosen['interval']}",
        symbol=symbol,
        choices=choices,
        chosen=chosen,
        beside=reader.rows("symbol", "side_by_side", {"symbol": symbol}) if len(choices) > 1 else [],
        alerts=alerts,
        number=number,
        pages=max(-(-chosen["alerts"] // ALERTS), 1),
        points=_columns(history(reader, key)),
        metrics=_columns(reader.rows("symbol", "metrics", {**key, "limit": POINTS})),
    )


def history(reader: Reader, key: Row) -> list[Row]:
    """The analyses of a symbol in the order of time; its alerts where the engine's own table has none of them."""
    values = {**key, "limit": POINTS}
    for table in (_table(key["engine"]), ("trading", "alerts")):
        if reader.row("parameters", "exists", {"table": ".".join(table)})["there"] and (
            found := reader.rows("symbol", "points", values, table=sql.Identifier(*table))
        ):
            return found
    return []


def _table(engine: str) -> tuple[str, ...]:
    try:
        return tuple(load_engine(engine).table.split("."))
    except AutonamaError:  # its plug-in is not installed here
        return ("trading", "alerts")


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    """Rows as the columns that a chart draws."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
