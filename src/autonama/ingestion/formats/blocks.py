"""A long text read block by block, so that memory does not grow with the file.

A block ends behind a line's end. Where a quoted record goes on beyond it, the block is taken again with more text: what
is read is the same as of the whole file at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import polars as pl

from autonama.ingestion.formats.rows import Rows
from autonama.ingestion.formats.text import refuse_long_lines, refuse_other_encodings, utf8_text
from autonama.ingestion.issues import issue_frame

BLOCK = 8 << 20
"""Bytes of a block: some 70,000 rows, so many that what each block costs beside its rows does not count."""

FIRST = 1 << 20
"""Bytes of the first block, so that PostgreSQL has something to do at once; each one after it is twice as long."""


class Unfinished(Exception):
    """The block ends within a record: more text is needed to read it."""


class BlockReader(Protocol):
    """Reads the blocks of one text, in order."""

    @property
    def header(self) -> str | None:
        """The text that names the columns, where they are named once for all, as far as it was read."""

    def cut(self, data: bytes | bytearray) -> int:
        """The position behind the last line's end, 0 where there is none. Unreadable where it is too far away."""

    def read(self, data: bytes, *, last: bool) -> Rows:
        """The rows of the next block. Unfinished where a record goes on behind it, which the last block's does not."""

    def finish(self) -> list[dict[str, Any]]:
        """The issues of the file as a whole that only its end tells."""


def read_blocks(chunks: Iterable[bytes], reader: BlockReader, size: int = BLOCK) -> Iterator[Rows]:
    """The rows of each block of about that many bytes; of a short text one. Unreadable as the reader says."""
    pending = bytearray()
    next_size = wanted = min(FIRST, size)
    for chunk in chunks:
        pending += chunk
        if len(pending) < wanted:
            continue
        with memoryview(pending) as view:
            block = bytes(view[: reader.cut(pending)])
        try:
            if not block:
                raise Unfinished
            rows = reader.read(block, last=False)
        except Unfinished:
            wanted = 2 * len(pending)  # twice, so that a quote that never closes is not looked for again and again
            continue
        yield rows
        del pending[: len(block)]
        next_size = wanted = min(2 * next_size, size)
    if pending:
        yield reader.read(bytes(pending), last=True)


def text_of_block(data: bytes, *, before: int, begun: bool, last: bool) -> bytes:
    """As `utf8_block`, of whole lines; Unreadable also where one is too long."""
    data = utf8_block(data, before=before, begun=begun, last=last)
    refuse_long_lines(data, before)
    return data


def utf8_block(data: bytes, *, before: int, begun: bool, last: bool, inside: int = 0) -> bytes:
    """A block's bytes, proved to be UTF-8; the first one without its byte order mark.

    before, inside: lines of the file before it, and bytes of the line that goes on in it. Unfinished where nothing but
    blanks came so far, Unreadable as `text` says.
    """
    if begun:
        refuse_other_encodings(data, before, inside)
    elif data.isspace() and not last:
        raise Unfinished
    else:
        data = utf8_text(data)
    return data


def whole(reader: BlockReader, data: bytes) -> Rows:
    """The rows of a text that is there at once."""
    rows = reader.read(data, last=True)
    return replace(rows, issues=pl.concat([issue_frame(reader.finish()), rows.issues]))
