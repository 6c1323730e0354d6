"""Runs, and one run: its sets, what was found by rule and by column, what is in quarantine and how it comes back."""

from fastapi import APIRouter, HTTPException, Request, Response

from autonama.ingestion.report.remedies import remedy
from autonama.web.filters import LAST_PAGE, whole
from autonama.web.page import page
from autonama.web.reading import Reader, Row
from autonama.web.words import RUNS

router = APIRouter()

BIGINT = 2**63 - 1
A_PAGE = 50
FINDINGS = 200
QUARANTINED = 100


@router.get("/runs", include_in_schema=False)
def runs(request: Request) -> Response:
    """The list."""
    reader: Reader = request.app.state.reader
    status = request.query_params.get("status", "")
    status = status if status in RUNS else ""
    number = whole(request.query_params.get("page", ""), 1, LAST_PAGE)
    total = reader.row("runs", "count", {"status": status or None})["runs"]
    pages = max(-(-total // A_PAGE), 1)
    number = min(number, pages)
    values = {"run_id": None, "status": status or None, "limit": A_PAGE, "offset": (number - 1) * A_PAGE}
    return page(
        request,
        "runs.html",
        title="Runs",
        runs=reader.rows("ledger", "runs", values),
        total=total,
        number=number,
        pages=pages,
        chosen=status,
        words=RUNS,
    )


@router.get("/runs/{run_id}", include_in_schema=False)
def run(request: Request, run_id: str) -> Response:
    """One of them."""
    reader: Reader = request.app.state.reader
    found = reader.row("runs", "run", {"run_id": whole(run_id, 0, BIGINT)})
    if not found:
        raise HTTPException(404, f"There is no run {run_id}.")
    key: Row = {"run_id": found["id"]}
    issues = {**key, "code": None, "severity": None, "limit": FINDINGS, "offset": 0}
    by_rule = reader.rows("runs", "by_rule", key)
    return page(
        request,
        "run.html",
        title=f"Run {found['id']}",
        run=found,
        words=RUNS,
        sets=_sets(reader.rows("runs", "files", key)),
        by_rule=[{**row, "remedy": remedy(row["code"], row["severity"])} for row in by_rule],
        by_column=reader.rows("runs", "by_column", key),
        issues=reader.rows("runs", "issues", issues),
        findings=sum(row["findings"] for row in by_rule),
        quarantine=reader.rows("runs", "quarantine", {**key, "limit": QUARANTINED}),
        aside=reader.row("runs", "quarantine_count", key),
    )


def _sets(files: list[Row]) -> list[Row]:
    """Each set's first file, with its companions beside it."""
    firsts = {row["id"]: {**row, "companions": []} for row in files if row["primary_id"] is None}
    for row in files:
        if row["primary_id"] in firsts:
            firsts[row["primary_id"]]["companions"].append(row)
    return list(firsts.values())
