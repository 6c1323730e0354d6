"""Parameters: which degree and kstd did well, as medians over symbols, and the rows behind each pair."""

from decimal import Decimal, InvalidOperation
from typing import Any

from fastapi import APIRouter, Request, Response
from psycopg import sql

from autonama.web.page import page
from autonama.web.reading import Reader, Row

router = APIRouter()

TABLES = (("trading", "vectorbt_analysis"), ("trading", "sweep_results"))
"""Where rows with parameters and metrics stand; sweeps where there are any."""

ROWS = 500
"""Rows listed and drawn, the best first."""


@router.get("/parameters", include_in_schema=False)
def parameters(request: Request) -> Response:
    """The heat map of one engine and interval, and the rows of one cell of it."""
    reader: Reader = request.app.state.reader
    asked = {name: value.replace("\0", "") for name, value in request.query_params.items()}
    sources = _sources(reader)
    chosen = next((one for one in sources if _fits(one, asked)), sources[0] if sources else None)
    cell = {"degree": _number(asked.get("degree", ""), whole=True), "kstd": _number(asked.get("kstd", ""))}
    symbol = asked.get("symbol", "").strip().upper() or None
    grid: list[Row] = []
    rows: list[Row] = []
    if chosen is not None:
        table = sql.Identifier(*chosen["table"])
        values = {"engine": chosen["engine"], "interval": chosen["interval"], "symbol": symbol}
        grid = reader.rows("parameters", "grid", values, table=table)
        rows = reader.rows("parameters", "rows", {**values, **cell, "limit": ROWS}, table=table)
    return page(
        request,
        "parameters.html",
        title="Parameters",
        sources=sources,
        chosen=chosen,
        symbol=symbol or "",
        cell=cell,
        limit=ROWS,
        rows=rows,
        degrees=sorted({row["degree"] for row in grid}),
        kstds=sorted({row["kstd"] for row in grid}),
        grid={(row["degree"], row["kstd"]): row for row in grid},
        drawn={"grid": grid, "rows": [_dot(row) for row in rows]},
    )


def _sources(reader: Reader) -> list[Row]:
    found: list[Row] = []
    for table in TABLES:
        if reader.row("parameters", "exists", {"table": ".".join(table)})["there"]:
            rows = reader.rows("parameters", "sources", table=sql.Identifier(*table))
            found += [{**row, "table": table} for row in rows]
    return found


def _fits(source: Row, asked: dict[str, str]) -> bool:
    return bool(source["engine"] == asked.get("engine") and source["interval"] == asked.get("interval"))


def _number(text: str, *, whole: bool = False) -> Decimal | int | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > 10_000:
        return None
    return int(value) if whole else value


def _dot(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("symbol", "degree", "kstd", "total_return", "max_drawdown", "sharpe_ratio")}
