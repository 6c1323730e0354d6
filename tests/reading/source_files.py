"""A contract of two columns, and what a test asks of a file that was read."""

from collections.abc import Callable

from autonama.engines.contract import Column, Engine, Text
from autonama.ingestion.read import SourceFile

Reading = Callable[..., SourceFile]

PAIR = Engine("pair", ("*",), (Column("a", Text()), Column("b", Text())))


def texts(source: SourceFile) -> list[tuple[str | None, ...]]:
    """The contract's columns, row by row."""
    return source.frame.drop("row", "line", "raw").rows()


def places(source: SourceFile) -> list[tuple[int, int | None]]:
    """Row and line numbers."""
    return source.frame.select("row", "line").rows()


def findings(source: SourceFile) -> list[tuple[str, int | None, int | None]]:
    """Code, row and line of every issue."""
    return source.issues.select("code", "row", "line").rows()


def messages(source: SourceFile) -> list[str]:
    """What the issues say."""
    return source.issues["message"].to_list()
