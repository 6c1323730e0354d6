"""The same data for programs: /api/v1, described by /api/v1/openapi.json. Numbers are text with all their digits."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from autonama.web.filters import SORTS, BoardQuery
from autonama.web.page import page as rendered
from autonama.web.reading import Reader

router = APIRouter()

MOST = 1_000
"""Rows of one answer, at most."""

BIGINT = 2**63 - 1

PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="Counted from 1.")]
PerPage = Annotated[int, Query(ge=1, le=MOST, description="Rows a page.")]
Word = Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")]
Words = Annotated[list[Word], Query(max_length=100)]
Sort = Annotated[str, Query(pattern=f"^-?({'|'.join(SORTS)})$", description="With - in front: downwards.")]
Amount = Annotated[float | None, Query(ge=-1_000_000, le=1_000_000, allow_inf_nan=False)]


class Answer(BaseModel):
    """What all answers have in common."""

    model_config = ConfigDict(from_attributes=True)


class Alert(Answer):
    """The newest signal of a symbol and interval on one UTC day."""

    id: int
    engine: str
    symbol: str
    interval: str
    signal: str
    previous_signal: str | None = Field(description="Of the alert of the last day before it.")
    previous_date: datetime | None
    current_price: Decimal | None
    lower_band: Decimal | None
    upper_band: Decimal | None
    potential_return: Decimal | None = Field(description="%")
    total_return: Decimal | None = Field(description="%")
    sharpe_ratio: Decimal | None
    max_drawdown: Decimal | None = Field(description="%; both signs occur.")
    degree: int | None
    kstd: Decimal | None
    analysis_date: datetime | None
    flags: list[str] = Field(description="Codes of the warnings that its row was published with.")
    run_id: int | None
    file_name: str | None
    row_number: int | None


class Alerts(Answer):
    """A page of alerts. total: of the whole view."""

    total: int
    page: int
    pages: int
    rows: list[Alert]


class Symbol(Answer):
    """A symbol with at least one alert."""

    symbol: str
    alerts: int
    newest: datetime | None


class Symbols(Answer):
    """A page of symbols."""

    total: int
    page: int
    pages: int
    rows: list[Symbol]


class Run(Answer):
    """One run of ingestion with its counts of rows."""

    id: int
    engine: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    sets: int
    rows_read: int
    inserted: int
    updated: int
    unchanged: int
    quarantined: int


class Runs(Answer):
    """A page of runs, newest first."""

    total: int
    page: int
    pages: int
    rows: list[Run]


class Issue(Answer):
    """One finding. row_number counts from 1, the first data row; line_number is the file's."""

    id: int
    run_id: int
    engine: str
    set_name: str
    file_name: str
    code: str
    severity: Literal["error", "warning"]
    row_number: int | None
    line_number: int | None
    column_name: str | None
    value: str | None
    message: str
    rows: list[int] | None


class Issues(Answer):
    """A page of findings, of the latest run first."""

    total: int
    page: int
    pages: int
    rows: list[Issue]


class Fault(BaseModel):
    """Why there is no answer."""

    error: str


FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"model": Fault, "description": "The request cannot be read."},
    401: {"model": Fault, "description": "The dashboard was started with a token, and this request has none."},
    503: {"model": Fault, "description": "The database does not answer."},
}
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Fault, "description": "There is none."}}


@router.get("/api/v1/alerts", response_model=Alerts, responses=FAULTS, tags=["alerts"])
def alerts(  # noqa: PLR0913, PLR0917 - its parameters are the address's
    request: Request,
    q: Annotated[str, Query(max_length=40, pattern=r"^[^\x00]*$", description="A part of the symbol.")] = "",
    symbol: Words = [],  # noqa: B006 - pydantic copies it
    signal: Words = [],  # noqa: B006
    interval: Words = [],  # noqa: B006
    engine: Words = [],  # noqa: B006
    flag: Annotated[list[Word], Query(max_length=100, description="Codes of warnings, or any.")] = [],  # noqa: B006
    flip: Annotated[bool, Query(description="Only where the signal differs from the one before.")] = False,
    new: Annotated[bool, Query(description="Only what the last run of its engine brought.")] = False,
    clean: Annotated[bool, Query(description="Only without a warning.")] = False,
    sharpe: Annotated[Amount, Query(description="A Sharpe ratio of at least so much.")] = None,
    older: Annotated[Amount, Query(description="Analysed more than so many hours ago.")] = None,
    sort: Sort = "-changed",
    page: PageNumber = 1,
    per: PerPage = 100,
) -> Any:
    """The board: the newest alert of every engine, symbol and interval."""
    query = BoardQuery(
        q=q, symbol=tuple(symbol), signal=tuple(signal), interval=tuple(interval), engine=tuple(engine),
        flag=tuple(flag), flip=flip, new=new, clean=clean, sharpe="" if sharpe is None else str(sharpe),
        older="" if older is None else str(older), sort=sort, page=page, per=per,
    )  # fmt: skip
    board = request.app.state.board
    ids = board.ids(query)
    start = (page - 1) * per
    return _paged(board.rows(ids[start : start + per]), len(ids), page, per)


@router.get("/api/v1/symbols", response_model=Symbols, responses=FAULTS, tags=["symbols"])
def symbols(request: Request, q: Word = "", page: PageNumber = 1, per: PerPage = 100) -> Any:
    """Symbols that have an alert, by name."""
    reader: Reader = request.app.state.reader
    values = {"text": f"%{q}%" if q else None, "limit": per, "offset": (page - 1) * per}
    total = reader.row("symbol", "symbol_count", values)["symbols"]
    return _paged(reader.rows("symbol", "symbols", values), total, page, per)


@router.get("/api/v1/symbols/{symbol}/alerts", response_model=Alerts, responses={**FAULTS, **MISSING}, tags=["symbols"])
def symbol_alerts(
    request: Request,
    symbol: Annotated[str, Path(max_length=60, pattern=r"^[^\x00]+$")],
    engine: Word = "",
    interval: Word = "",
    page: PageNumber = 1,
    per: PerPage = 100,
) -> Any:
    """All alerts of a symbol at one engine and interval, newest first; without these, at the newest of both."""
    reader: Reader = request.app.state.reader
    choices = [
        one
        for one in reader.rows("symbol", "choices", {"symbol": symbol})
        if engine in ("", one["engine"]) and interval in ("", one["interval"])
    ]
    if not choices:
        raise HTTPException(404, "There is no such alert.")
    values = {"symbol": symbol, "engine": choices[0]["engine"], "interval": choices[0]["interval"],
              "limit": per, "offset": (page - 1) * per}  # fmt: skip
    return _paged(reader.rows("symbol", "alerts", values), choices[0]["alerts"], page, per)


@router.get("/api/v1/runs", response_model=Runs, responses=FAULTS, tags=["runs"])
def runs(
    request: Request,
    status: Literal["running", "published", "rejected", "partial", "nothing_new", "failed", "interrupted"]
    | None = None,
    page: PageNumber = 1,
    per: PerPage = 100,
) -> Any:
    """Runs, newest first."""
    reader: Reader = request.app.state.reader
    values = {"run_id": None, "status": status, "limit": per, "offset": (page - 1) * per}
    return _paged(reader.rows("ledger", "runs", values), reader.row("runs", "count", values)["runs"], page, per)


@router.get("/api/v1/issues", response_model=Issues, responses=FAULTS, tags=["issues"])
def issues(
    request: Request,
    run: Annotated[int | None, Query(ge=1, le=BIGINT)] = None,
    code: Annotated[Word | None, Query()] = None,
    severity: Literal["error", "warning"] | None = None,
    page: PageNumber = 1,
    per: PerPage = 100,
) -> Any:
    """Findings, of the latest run first, errors before warnings."""
    reader: Reader = request.app.state.reader
    values = {"run_id": run, "code": code, "severity": severity, "limit": per, "offset": (page - 1) * per}
    return _paged(reader.rows("runs", "issues", values), reader.row("runs", "issue_count", values)["issues"], page, per)


@router.get("/api", include_in_schema=False)
def described(request: Request) -> Response:
    """The description for people, from the same source as openapi.json."""
    paths = request.app.openapi()["paths"]
    calls = [{"path": path, **methods["get"]} for path, methods in paths.items()]
    return rendered(request, "api.html", title="API", calls=calls, most=MOST)


def _paged(rows: list[Any], total: int, number: int, per: int) -> dict[str, Any]:
    return {"total": total, "page": number, "pages": max(-(-total // per), 1), "rows": rows}
