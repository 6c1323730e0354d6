"""What every format's reader gives back, and how it says that a file cannot be read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from autonama.ingestion.issues import issue

BAD_ROWS_LIMIT = 100_000
"""Rows of one file that may be unreadable one by one. A file with more is not what it claims to be, and their
messages would fill the memory before anybody read them."""


@dataclass(frozen=True)
class Rows:
    """A file's rows as text.

    frame: `row`, `line`, `raw`, then one String column per column of the contract.
    issues: with the columns of `issues.ISSUE_SCHEMA`.
    summary: one row of texts, where the engine declares a summary and the file has a place for it.
    header: of CSV, as it stands in the file.
    """

    frame: pl.DataFrame
    issues: pl.DataFrame
    summary: pl.DataFrame | None = None
    header: str | None = None


class Unreadable(Exception):
    """The file as a whole cannot be read, for the reason of its issue."""

    def __init__(self, code: str, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.issue = issue(code, message, line=line)

    def __reduce__(self) -> tuple[Callable[..., "Unreadable"], tuple[str, str]]:
        """Raised on another machine, it is still itself here."""
        return partial(Unreadable, line=self.issue["line"]), (self.issue["code"], str(self))


def too_many_bad_rows(limit: int = BAD_ROWS_LIMIT) -> Unreadable:
    """The refusal of a file whose rows are unreadable by the hundred thousand."""
    return Unreadable(
        "file_format", f"More than {limit:,} rows cannot be read: this is not a result file of the engine"
    )


def within(size: int, max_bytes: int) -> None:
    """Unreadable where a file's content is more."""
    if size > max_bytes:
        limit = f"{max_bytes / 1e6:,.0f} MB" if max_bytes >= 1e6 else f"{max_bytes:,} bytes"
        raise Unreadable(
            "file_format", f"The file holds more than {limit}. If it should, raise max_file_size_mb in the config file"
        )
