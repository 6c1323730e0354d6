"""A JSON array of objects, read as far as its text is there: a long one block by block, any other as one block."""

from collections.abc import Sequence
from typing import Any

from autonama.engines.contract import Column, Engine
from autonama.errors import FileChanging
from autonama.ingestion.formats.alike import LEAST, Alike, Pieces
from autonama.ingestion.formats.blocks import BLOCK, FIRST, utf8_block
from autonama.ingestion.formats.documents import Broken, Document, Element
from autonama.ingestion.formats.json_rows import JsonRows
from autonama.ingestion.formats.rows import Rows, Unreadable
from autonama.ingestion.formats.text import LONGEST_LINE, line_at, refuse_long_texts
from autonama.visible import visible


class ArrayReader:
    """Reads the objects of one array, block by block. least: characters below which rows are read one by one.

    A block may end anywhere: what was begun in it is read with the next one, up to the longest row that there may be.
    """

    header: str | None = None

    def __init__(self, engine: Engine, least: int = LEAST) -> None:
        self._rows = JsonRows(engine.columns)
        self._elements = Elements(engine.columns, self._rows, least)
        self._rest = ""
        self._line, self._inside = 1, 0  # where the rest begins: its line, and the characters of that before it
        self._lines, self._bytes = 0, 0  # the same of the next block, as far as it is bytes
        self._begun = False

    def cut(self, data: bytes | bytearray) -> int:
        """Behind the last closing brace; where there is none, between two characters."""
        if end := data.rfind(b"}") + 1:
            return end
        for back in range(1, min(len(data), 4) + 1):
            if data[-back] & 0xC0 != 0x80:  # no byte that continues a character
                return len(data) - (back if data[-back] >= 0xC0 else 0)
        return len(data)

    def read(self, data: bytes, *, last: bool) -> Rows:
        """The rows that end in the next block."""
        data = utf8_block(data, before=self._lines, inside=self._bytes, begun=self._begun, last=last)
        refuse_nul(data, self._lines)
        refuse_long_texts(data, self._lines)
        end = data.rfind(b"\n")
        self._lines += data.count(b"\n")
        self._bytes = len(data) - end - 1 + (self._bytes if end < 0 else 0)
        self._rest += data.decode()
        del data
        if not self._begun and Document(self._rest).peek() != "[":
            raise FileChanging("The file is another than it was a moment ago. It is left for the next look.")
        self._begun = True
        self._take(last=last)
        return self._rows.take()

    def finish(self) -> list[dict[str, Any]]:
        """Which columns no row had, or that there was none. Unreadable where the last block left something over."""
        self._take(last=True)
        return self._rows.file_issues()

    def _take(self, *, last: bool) -> None:
        document = Document(self._rest)
        try:
            self._elements.take(document, self._line, last=last)
            if document.peek():
                raise Broken("expected the end of the file", document.at)
        except Broken as fault:
            if last or len(self._rest) - document.at > LONGEST_LINE:
                raise self._unreadable(fault, last=last) from None
        text, at = self._rest, document.at
        end = text.rfind("\n", 0, at)
        self._inside = at - end - 1 + (self._inside if end < 0 else 0)
        self._line += text.count("\n", 0, at)
        self._rest = text[at:]

    def _unreadable(self, fault: Broken, *, last: bool) -> Unreadable:
        if not last and at_end(self._rest, fault):
            return _too_long(self._line, self._rows.count + 1)
        return unreadable(self._rest, fault, self._rows.count + 1, line=self._line, inside=self._inside)


class Elements:
    """Adds the elements of an array to rows, as far as a text goes."""

    def __init__(self, columns: Sequence[Column], rows: JsonRows, least: int) -> None:
        self._rows = rows
        self._alike = Alike(columns, least)
        self._window = FIRST
        self._opened = self._some = self._closed = False

    def take(self, document: Document, line: int, *, last: bool) -> None:
        """The elements from the cursor on. Where they break off, it stays behind the last one that was added.

        line: on which the text begins. last: whether it is all that there is: otherwise `Broken` may only mean that
        there is more to come.
        """
        text, counted, due = document.text, 0, 0
        if not self._opened:
            document.expect("[", "'['")
            self._opened = True
        while (element := self._next(document, last=last)) is not None:
            line += text.count("\n", counted, element.start)
            counted = element.start
            raw = text[element.start : element.end]
            if len(raw) > LONGEST_LINE:
                raise _too_long(line, self._rows.count + 1)
            self._rows.add(element.value, raw, line, document.repeated)
            self._some = True
            if element.end >= due:
                stop = min(element.end + self._window, len(text))
                document.at = self._add_pieces(text, element.end, stop, line + raw.count("\n"))
                # A look that ended early was partly in vain: as much is read by hand before the next, a shorter one.
                due = document.at + min(stop - document.at, FIRST)
                self._window = min(max(2 * (document.at - element.end), FIRST), BLOCK)

    def _next(self, document: Document, *, last: bool) -> Element | None:
        """The next element, None behind the last one. Broken, with the cursor where it was, where there is none."""
        mark = document.at
        try:
            return None if self._closed or self._closes(document) else self._element(document, last=last)
        except Broken:
            document.at = mark
            raise

    def _closes(self, document: Document) -> bool:
        if self._some:
            self._closed = document.expect(",]", "',' or ']'") == "]"
        elif document.peek() == "]":
            document.at += 1
            self._closed = True
        return self._closed

    def _element(self, document: Document, *, last: bool) -> Element:
        document.peek()
        start = document.at
        value, end = document.value(), document.at
        if not last and not document.peek():  # a number may go on
            raise Broken("expected ',' or ']'", document.at)
        document.at = end
        return Element(value, start, end)

    def _add_pieces(self, text: str, start: int, stop: int, line: int) -> int:
        """Adds the objects behind the one that ends at `start`, on that line, and says where the last of them ends."""
        rows, pays = self._rows, self._alike.pays(stop - start)
        pieces = Pieces.of(text, start, stop, row=rows.count + 1, line=line) if pays else None
        if pieces is None:
            return start
        document = Document("")

        def by_hand(raw: str, line: int) -> bool:
            document.begin(raw)
            try:
                value = document.value()
            except Broken:
                return False
            if document.peek() or len(raw) > LONGEST_LINE:
                return False
            rows.add(value, raw, line, document.repeated)
            return True

        first = rows.count + 1
        refused = rows.add_runs(*self._alike.runs(pieces.frame, pieces.objects, "\0"), by_hand)
        if refused is None:
            return pieces.end
        return pieces.end_before(refused) if refused > first else start


def refuse_nul(data: bytes, before: int = 0) -> None:
    """Unreadable where a NUL stands. before: lines of the file before this part of it."""
    position = data.find(b"\0")
    if position >= 0:
        line = before + line_at(data, position)
        raise Unreadable("file_encoding", f"line {line}: the file holds a NUL byte. Run the engine again", line=line)


def unreadable(text: str, fault: Broken, row: int, *, line: int = 1, inside: int = 0) -> Unreadable:
    """A fault in the user's words. line, inside: the text's first line, and the characters of that before the text."""
    line += text.count("\n", 0, fault.position)
    if at_end(text, fault):
        place = f"line {line}, row {row}"
    else:
        end = text.rfind("\n", 0, fault.position)
        place = f"line {line}, column {fault.position - end + (inside if end < 0 else 0)}, row {row}"
    return Unreadable("file_format", f"{place}: {broken(text, fault)}", line=line)


def broken(text: str, fault: Broken) -> str:
    """The reason of a fault, and what stands there."""
    if at_end(text, fault):
        return f"the JSON breaks off here: {fault.reason}"
    found = text[fault.position : fault.position + 1]
    return f"{fault.reason}, found '{visible(found)}'" if fault.reason.startswith("expected") else fault.reason


def at_end(text: str, fault: Broken) -> bool:
    """Whether a text breaks off rather than going on wrongly."""
    return "never closed" in fault.reason or not text[fault.position :].strip()


def _too_long(line: int, row: int) -> Unreadable:
    message = f"line {line}, row {row}: a row of more than {LONGEST_LINE:,} characters is no result"
    return Unreadable("file_format", message, line=line)
