"""One CSV record at a time, after RFC 4180, for the few lines that a vectorised split cannot judge."""

import re
from dataclasses import dataclass

from autonama.ingestion.formats.blocks import Unfinished
from autonama.ingestion.formats.text import LONGEST_LINE


@dataclass(frozen=True)
class Record:
    """The fields of one record, and the position behind its line end."""

    fields: tuple[str, ...]
    start: int
    stop: int
    end: int


@dataclass(frozen=True)
class Fault:
    """What is wrong with the record that begins here, as the predicate of a sentence about its row."""

    predicate: str


class RecordReader:
    """Reads records of a text with that delimiter, one ASCII character. `last`: nothing follows the text."""

    def __init__(self, data: bytes, delimiter: str, *, last: bool = True) -> None:
        self._data = data
        self._last = last
        self._delimiter = delimiter.encode()
        sign = rf"\x{ord(delimiter):02x}".encode()
        self._bare = re.compile(rb'[^"\r\n' + sign + rb"]*+")
        self._quoted = re.compile(rb'"((?:[^"]++|"")*+)"')

    def read(self, start: int) -> Record | Fault:
        """The record that begins at that position. Unfinished where the text that follows may end it."""
        fields: list[str] = []
        at = start
        while True:
            field = self._field(at, len(fields) + 1)
            if isinstance(field, Fault):
                return field
            text, at = field
            fields.append(text.decode())
            if self._data[at : at + 1] != self._delimiter:
                return Record(tuple(fields), start, at, at + self._line_end(at))
            at += 1

    def _field(self, at: int, number: int) -> tuple[bytes, int] | Fault:
        if self._data[at : at + 1] == b'"':
            match = self._quoted.match(self._data, at, at + LONGEST_LINE)
            if match is None and not self._last and at + LONGEST_LINE > len(self._data):
                raise Unfinished
            if match is None:
                return Fault(f"opens a quote in field {number} that is never closed")
            text = match[1].replace(b'""', b'"')
            problem = f"has text behind the closing quote of field {number}"
        else:
            match = self._bare.match(self._data, at)
            assert match is not None  # noqa: S101 - the pattern matches nothing at all, too
            text = match[0]
            problem = f"has a stray quote in field {number}"
        end = match.end()
        if self._data[end : end + 1] in (self._delimiter, b"\r", b"\n", b""):
            return text, end
        return Fault(problem)

    def _line_end(self, at: int) -> int:
        if self._data[at : at + 2] == b"\r\n":
            return 2
        return 1 if self._data[at : at + 1] else 0
