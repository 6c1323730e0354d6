"""What the tests of trust share: a server that may be broken, and the sets and the state of an undisturbed run."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from breaking import PASSWORD, REFUSED_SET, Breakable, arrive, free_port
from test_crash_matrix import State, state, write_results

from autonama.database import migrate

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def breakable(server: Any) -> Iterator[Breakable]:
    """A PostgreSQL which the tests of trust stop, fill and lock as they like."""
    made = Breakable.like(server, free_port())
    try:
        made.start()
        made.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
        made.execute("CREATE DATABASE migrated")
        with psycopg.connect(made.url("migrated"), autocommit=True) as conn:
            migrate.upgrade(conn, made.url("migrated"))
        yield made
    finally:
        if (made.directory / "pgdata" / "postmaster.pid").exists():
            made.stop()
        shutil.rmtree(made.directory)


@pytest.fixture
def database(breakable: Breakable) -> str:
    """Name of a fresh migrated database on that server."""
    name = f"broken_{next(NUMBERS)}"
    breakable.execute(f"CREATE DATABASE {name} TEMPLATE migrated STRATEGY FILE_COPY")
    return name


@pytest.fixture
def url(breakable: Breakable, database: str) -> str:
    """Its address, over the socket."""
    return breakable.url(database)


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """The crash matrix' three sets."""
    return write_results(tmp_path / "results")


@pytest.fixture(scope="session")
def calm(breakable: Breakable, tmp_path_factory: pytest.TempPathFactory) -> State:
    """What a run over these sets leaves that nothing disturbed."""
    name = f"calm_{next(NUMBERS)}"
    breakable.execute(f"CREATE DATABASE {name} TEMPLATE migrated STRATEGY FILE_COPY")
    address = breakable.url(name)
    assert arrive(address, write_results(tmp_path_factory.mktemp("calm") / "results")).exit_code == REFUSED_SET
    return state(address)
