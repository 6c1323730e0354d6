"""A dashboard over a fresh database, and result sets to publish there."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import Serve, served

from autonama.config import load_settings
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job, ingest
from writing import Row, write_csv


@pytest.fixture
def serve(database_url: str) -> Iterator[Serve]:
    """Serve a dashboard; a client of it."""
    with ExitStack() as stack:

        def start(url: str = database_url, **more: Any) -> httpx.Client:
            address = stack.enter_context(served(url, **more))
            return stack.enter_context(httpx.Client(base_url=address, timeout=20))

        yield start


@pytest.fixture
def client(serve: Serve) -> httpx.Client:
    """A client of a dashboard over `database_url`."""
    return serve()


@pytest.fixture
def publish(database_url: str, tmp_path: Path) -> Callable[..., RunOutcome]:
    """Publish rows as one result set; sets come in the order of the calls."""
    made = 0

    def run(rows: list[Row], **settings: Any) -> RunOutcome:
        nonlocal made
        made += 1
        path = write_csv(tmp_path, rows, settings.pop("name", f"vectorbt_analysis_results_20260115_1030{made:02}.csv"))
        lenient = {"strict_mode": False, "max_quarantine_share": 1.0}
        judged = {"database_url": database_url, "validation": lenient, **settings}
        outcome = ingest(Job("vectorbt", load_settings(**judged), (path,), every=True, allow_stale=True))
        assert outcome.error is None, outcome.error
        assert [told.status for told in outcome.sets] != [], outcome
        return outcome

    return run
