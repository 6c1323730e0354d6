"""Health: is the database there, how fresh is it, what went wrong last, and the same as numbers for Prometheus."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from autonama import __version__
from autonama.errors import DatabaseError
from autonama.web.page import page
from autonama.web.reading import Reader
from autonama.web.words import RUNS

router = APIRouter()


@router.get("/health", include_in_schema=False)
def health(request: Request) -> Response:
    """The page."""
    reader: Reader = request.app.state.reader
    return page(
        request,
        "health.html",
        title="Health",
        server=reader.row("health", "server"),
        expected=request.app.state.schema,
        tables=reader.rows("health", "tables"),
        engines=reader.rows("health", "freshness"),
        last_error=reader.row("health", "last_error"),
        hub=request.app.state.hub,
        words=RUNS,
    )


@router.get("/healthz", include_in_schema=False)
def alive(request: Request) -> JSONResponse:
    """200 where the database answers, 503 where it does not; nothing else is told."""
    try:
        request.app.state.reader.rows("health", "alive")
    except DatabaseError:
        return JSONResponse({"status": "database unreachable"}, 503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """For Prometheus, counted when it asks. An unreachable database is `autonama_up 0`, not an error."""
    registry = CollectorRegistry()
    registry.register(Figures(request.app.state.reader))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Figures:
    """What `/metrics` shows."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def collect(self) -> Iterator[Metric]:
        """Every metric, as the database has it now."""
        info = GaugeMetricFamily("autonama_info", "Version of the package.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        try:
            found = [*self._counts(), *self._freshness()]
        except DatabaseError:
            found = []
        yield GaugeMetricFamily("autonama_up", "Whether the database answers.", value=float(bool(found)))
        yield from found

    def describe(self) -> list[Metric]:
        """Nothing is asked of the database before somebody scrapes."""
        return []

    def _counts(self) -> Iterator[Metric]:
        server = self._reader.row("health", "server")
        yield GaugeMetricFamily("autonama_database_bytes", "Size of the database.", value=float(server["size"]))
        yield self._labelled("autonama_rows", "Rows of each table.", "tables", ("name",), "rows")
        alerts = "The newest alerts, by engine and signal."
        yield self._labelled("autonama_board_alerts", alerts, "alerts_by_signal", ("engine", "signal"), "alerts")
        yield self._labelled("autonama_runs", "Runs by status.", "runs_by_status", ("engine", "status"), "runs")
        issues = "Findings by rule."
        yield self._labelled("autonama_issues", issues, "issues_by_code", ("code", "severity"), "issues")

    def _labelled(self, name: str, told: str, query: str, labels: tuple[str, ...], value: str) -> Metric:
        family = GaugeMetricFamily(name, told, labels=["table" if label == "name" else label for label in labels])
        for row in self._reader.rows("health", query):
            family.add_metric([str(row[label]) for label in labels], float(row[value]))
        return family

    def _freshness(self) -> Iterator[Metric]:
        engines = self._reader.rows("health", "freshness")
        for column, told in (
            ("newest_analysis", "Time of the newest analysis."),
            ("last_publication", "Time of the last publication."),
            ("last_run", "Start of the last run."),
        ):
            family = GaugeMetricFamily(f"autonama_{column}_timestamp_seconds", told, labels=["engine"])
            for row in engines:
                if row[column] is not None:
                    family.add_metric([row["engine"]], row[column].timestamp())
            yield family
        family = GaugeMetricFamily(
            "autonama_last_run_duration_seconds", "How long the last run took.", labels=["engine"]
        )
        for row in engines:
            if row["last_duration_s"] is not None:
                family.add_metric([row["engine"]], row["last_duration_s"])
        yield family
