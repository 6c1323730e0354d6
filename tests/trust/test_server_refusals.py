"""A server that does not let a run in, or not far enough: what it takes is told, and once it is given all goes on."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import HBA, LOCAL, NOTHING, Breakable, Run, arrive, repaired, told
from test_crash_matrix import State, state

from autonama.errors import DatabaseError

WRITER = "crash_writer"
MOST_GRANTS = 12


@pytest.fixture
def writer(breakable: Breakable, database: str) -> Iterator[str]:
    """A role that may log in, and nothing else; not even what everybody may in a new database."""
    breakable.execute(f"CREATE ROLE {WRITER} LOGIN PASSWORD 'writer-4711'")
    breakable.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    breakable.execute(f"GRANT CONNECT ON DATABASE {database} TO {WRITER}")
    yield WRITER
    breakable.execute(f"DROP OWNED BY {WRITER}", database)
    breakable.execute(f"DROP ROLE {WRITER}")


def granted(breakable: Breakable, database: str, advice: str) -> str:
    """Run the GRANT that a message advises, word for word, as the database's owner; the statement."""
    found = re.search(r"GRANT [^;]+;", advice)
    assert found is not None, advice
    breakable.execute(found[0], database)
    return found[0]


@pytest.mark.parametrize(
    "schema_there", [pytest.param(True, id="migrated"), pytest.param(False, id="empty", marks=pytest.mark.full)]
)
def test_missing_rights_are_named_with_their_grant(
    schema_there: bool, breakable: Breakable, database: str, url: str, writer: str, sets: Path, calm: State
) -> None:
    """Whoever runs the GRANTs that the messages advise, as they stand there, ends with a run that succeeds."""
    if not schema_there:
        breakable.execute("DROP SCHEMA trading, ingestion CASCADE", database)
    own = url.replace("user=postgres", f"user={writer}")
    with Run(sets, own) as run:
        told(run.end(), f"lacks a right: permission denied for .* GRANT .* TO {writer};")
    grants: list[str] = []
    while (error := told_or_raised(own, sets)) is not None:
        grants.append(granted(breakable, database, error))
        assert len(grants) == len(set(grants)) <= MOST_GRANTS, grants
        if schema_there:
            assert set(state(url)["files"]) <= set(calm["files"]), "half a set was stored"
    repaired(url, sets, calm)


def told_or_raised(url: str, sets: Path) -> str | None:
    """What keeps a run from succeeding, or None."""
    try:
        return arrive(url, sets).error
    except DatabaseError as error:
        return str(error)


def test_a_wrong_password_is_told(breakable: Breakable, database: str, url: str, sets: Path, calm: State) -> None:
    """SCRAM over TCP: the user is named, neither password is; with the right one all goes on."""
    with Run(sets, breakable.tcp_url(database, password="not-the-right-one")) as run:
        ended = run.end()
    told(ended, 'refused the login of "postgres"')
    assert "not-the-right-one" not in ended.said
    assert state(url) == NOTHING
    repaired(breakable.tcp_url(database), sets, calm)


def test_an_unknown_database_is_told(breakable: Breakable, database: str, sets: Path, calm: State) -> None:
    """The database is named, and how to make it; once it is made all goes on."""
    missing = f"{database}_missing"
    with Run(sets, breakable.url(missing)) as run:
        told(run.end(), f'"{missing}" does not exist .*createdb {missing}')
    breakable.execute(f"CREATE DATABASE {missing}")
    repaired(breakable.url(missing), sets, calm)
    assert state(breakable.url(missing)) == calm


def test_tls_that_the_server_has_not_is_told(
    breakable: Breakable, database: str, url: str, sets: Path, calm: State
) -> None:
    """sslmode=require against a server without TLS: told, with the setting that would do."""
    with Run(sets, breakable.tcp_url(database, more="?sslmode=require")) as run:
        told(run.end(), "Encryption .TLS. does not fit")
    assert state(url) == NOTHING
    repaired(breakable.tcp_url(database, more="?sslmode=prefer"), sets, calm)


def test_a_server_that_asks_for_tls_is_told(
    breakable: Breakable, database: str, url: str, sets: Path, calm: State
) -> None:
    """pg_hba.conf lets only encrypted connections in: told, with the setting; once it admits others all goes on."""
    breakable.admit(f"{LOCAL}hostssl all all 127.0.0.1/32 scram-sha-256\n")
    try:
        with Run(sets, breakable.tcp_url(database)) as run:
            told(run.end(), "Encryption .TLS. does not fit")
    finally:
        breakable.admit(HBA)
    assert state(url) == NOTHING
    repaired(breakable.tcp_url(database), sets, calm)
