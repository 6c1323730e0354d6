"""SQL files: each query has a name, a purpose, and text that PostgreSQL can parse."""

import re
from pathlib import Path

import pytest

import autonama.database
from autonama.database import queries

SQL_FILES = sorted((Path(autonama.database.__file__).parent / "sql").glob("*.sql"))


def test_load_gives_queries_without_their_comments() -> None:
    """A query is found by its name, and begins with SQL."""
    assert queries.load("status")["count"] == "SELECT count(*) FROM {table}"


def test_an_unknown_query_is_answered_with_those_there_are() -> None:
    """A wrong name names the file and what it holds."""
    with pytest.raises(KeyError, match=r"sql/status.sql has no query 'cuont'; it has count, database, tables"):
        queries.load("status")["cuont"]


def test_a_name_given_twice_is_refused() -> None:
    """The second of two queries with one name would hide the first."""
    with pytest.raises(ValueError, match="query 'a' is there twice"):
        queries.parse("-- name: a\n-- One.\nSELECT 1\n-- name: a\n-- Two.\nSELECT 2\n")


def test_comments_inside_a_query_stay() -> None:
    """Only the comment lines between a name and its SQL are left out."""
    text = (
        "-- About the file.\n-- name: a\n-- One 100 %.\nSELECT 1 -- one\n-- and\n, 2\n\n-- name: b\n-- Two.\nSELECT 2\n"
    )
    assert queries.parse(text) == {"a": "SELECT 1 -- one\n-- and\n, 2", "b": "SELECT 2"}


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_every_query_says_what_for(path: Path) -> None:
    """Below each name stands a comment, so that the file reads as a list of what is asked of the database."""
    text = path.read_text(encoding="utf-8")
    names = re.findall(r"^-- name: *(\w+) *$", text, flags=re.MULTILINE)
    assert names
    assert names == re.findall(r"^-- name: *(\w+) *\n-- \w", text, flags=re.MULTILINE)
    assert set(names) == set(queries.load(path.stem))
