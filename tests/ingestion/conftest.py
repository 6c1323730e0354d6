"""Ingesting files into the test's own database."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autonama.config import load_settings
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job, ingest

Ingest = Callable[..., RunOutcome]


@pytest.fixture
def run_ingest(database_url: str) -> Ingest:
    """`run_ingest(path, ..., engine=, every=, allow_stale=, pattern=, **settings)` -> RunOutcome."""

    def run(
        *paths: Path,
        engine: str = "vectorbt",
        every: bool = False,
        allow_stale: bool = False,
        pattern: str | None = None,
        **settings: object,
    ) -> RunOutcome:
        made = load_settings(database_url=database_url, **settings)
        return ingest(Job(engine, made, paths, pattern, every=every, allow_stale=allow_stale))

    return run
