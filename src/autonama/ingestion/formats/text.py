"""Bytes that have to be UTF-8 text: the byte order mark, the encoding, the length of lines."""

import codecs
import re

from autonama.ingestion.formats.rows import Unreadable

LONGEST_LINE = 1 << 20
"""Bytes of a line. A result has some hundreds; what is above a mebibyte is another kind of file."""

LOOKS_DEFLATED = b"x\x01"
"""Text that begins so is taken for a zlib stream by polars. The other marks of compression are no UTF-8."""

_CHUNK = 1 << 23
_ARRAY = re.compile(rb"(?:\xef\xbb\xbf)*[ \t\n\r]*\[")
_WIDE = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"),
         (codecs.BOM_UTF16_BE, "UTF-16"))  # fmt: skip


def begins_array(data: bytes) -> bool:
    """Whether JSON that begins so is an array."""
    return _ARRAY.match(data) is not None


def utf8_text(data: bytes) -> bytes:
    """A text's beginning without its byte order mark, proved to be UTF-8.

    Unreadable: `file_not_empty` where nothing but blanks stands in it, `file_encoding` where it is another encoding.
    """
    _refuse_wide(data)
    while data.startswith(codecs.BOM_UTF8):
        data = data.removeprefix(codecs.BOM_UTF8)
    if not data or data.isspace():
        raise Unreadable("file_not_empty", "The file is empty. Run the engine again, or remove the file")
    refuse_other_encodings(data)
    return data


def refuse_other_encodings(data: bytes, before: int = 0, inside: int = 0) -> None:
    """Unreadable where it is not UTF-8. before, inside: lines before this part of the file, and bytes of its first."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK]
        try:
            decoder.decode(chunk, final=start + _CHUNK >= len(data))
        except UnicodeDecodeError as error:
            raise _not_utf8(data, start + len(chunk) - len(error.object) + error.start, before, inside) from None


def refuse_long_lines(data: bytes | bytearray, before: int = 0) -> None:
    """Unreadable where a line is longer than `LONGEST_LINE`. before: lines of the file before this part of it."""
    start = _long_stretch(data, b"\n\r")
    if start is not None:
        raise _too_long(data, start, "a line", before)


def refuse_long_texts(data: bytes, before: int = 0) -> None:
    """Unreadable where JSON goes on for `LONGEST_LINE` without a quote: one huge text, or numbers that no key names.

    before: lines of the file before this part of it.
    """
    start = _long_stretch(data, b'"')
    if start is not None:
        raise _too_long(data, start, "a text, or a stretch without keys,", before)


def line_at(data: bytes | bytearray, position: int) -> int:
    """The number of the line in which a byte stands, from 1."""
    ends = data.count(b"\n", 0, position)
    return (ends or data.count(b"\r", 0, position)) + 1


def _long_stretch(data: bytes | bytearray, signs: bytes) -> int | None:
    """Where more than `LONGEST_LINE` bytes without one of these begin. Looks at a few bytes of every mebibyte only."""
    start = 0
    while len(data) - start > LONGEST_LINE:
        last = max(data.rfind(sign, start, start + LONGEST_LINE + 1) for sign in signs)
        if last < 0:
            return start
        start = last + 1
    return None


def _too_long(data: bytes | bytearray, start: int, what: str, before: int = 0) -> Unreadable:
    line = before + line_at(data, start)
    message = f"line {line}: {what} is longer than {LONGEST_LINE:,} bytes. This is not a result file of the engine"
    return Unreadable("file_format", message, line=line)


def _refuse_wide(data: bytes) -> None:
    for mark, name in _WIDE:
        if data.startswith(mark):
            raise _other_encoding(name)
    head = data[:4096]
    if len(head) >= 8 and max(head[::2].count(0), head[1::2].count(0)) * 10 > len(head) * 4:
        raise _other_encoding("UTF-16")


def _other_encoding(name: str) -> Unreadable:
    return Unreadable("file_encoding", f"The file is written in {name}. Save it as UTF-8")


def _not_utf8(data: bytes, position: int, before: int, inside: int) -> Unreadable:
    line = before + line_at(data, position)
    end = max(data.rfind(b"\n", 0, position), data.rfind(b"\r", 0, position))
    column = position - end + (inside if end < 0 else 0)
    byte = data[position]
    latin = f" (in Latin-1 it is '{chr(byte)}')" if byte >= 0xA0 else ""
    message = f"line {line}, byte {column}: 0x{byte:02X} is not UTF-8{latin}. Save the file as UTF-8"
    return Unreadable("file_encoding", message, line=line)
