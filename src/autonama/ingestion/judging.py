"""A set on its way to a verdict, as publishing sees it: how it is read and compared is not its affair."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import polars as pl

from autonama.ingestion.read import SourceFile
from autonama.ingestion.validate import Verdict


class Judgement(Protocol):
    """The last word on a set."""

    @property
    def verdict(self) -> Verdict:
        """Of its first file, with what the whole set told in it."""

    @property
    def accepted(self) -> bool:
        """Whether its good rows may be published."""


class Judging(Protocol):
    """A set whose rows can be taken while it is judged."""

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """The set's files, the one whose rows count first. Of a long file the rows are not in it."""

    def blocks(self) -> Iterator[pl.DataFrame]:
        """The rows that are good by themselves, typed, one block after the other, to be taken to the end.

        Taken again, as when a connection was lost, they begin anew.
        """

    def judged(self) -> Judgement:
        """The verdict, once all blocks are taken."""

    def late(self) -> Sequence[int]:
        """Numbers of rows among the blocks that only the whole set showed to be bad."""

    def originals(self) -> pl.DataFrame:
        """`row`, `line`, `original` (its own text) and `reasons` of the bad rows."""
