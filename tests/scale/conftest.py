"""What the tests of scale share: sets, and the database that a single process makes of them."""

from pathlib import Path
from typing import Any

import pytest
from sets import State, ingest, state, write_sets


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Ten files of nine sets."""
    return write_sets(tmp_path / "results")


@pytest.fixture(scope="session")
def alone(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> State:
    """What one process leaves that takes one set after the other."""
    server.execute(f"CREATE DATABASE alone TEMPLATE {template}")
    results = write_sets(tmp_path_factory.mktemp("alone") / "results")
    done = ingest(results, server.url("alone"))
    assert done.returncode == 1, done.stderr
    left = state(server.url("alone"))
    assert [len(rows) for rows in left.values()] == [175, 175, 9, 12, 1, 1]
    return left
