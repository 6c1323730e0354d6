"""A file's bytes: opened without blocking, decompressed up to a limit, and surely not changing meanwhile."""

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, cast

from autonama.errors import FileChanging
from autonama.faults import reach
from autonama.ingestion.formats.rows import Unreadable, within
from autonama.ingestion.formats.zstandard import zstd
from autonama.ingestion.names import Compression, utc_of
from autonama.visible import visible

CHUNK = 1 << 20
"""Bytes decompressed at a time: a bomb is noticed at most this far beyond the limit."""


@dataclass(frozen=True)
class Content:
    """The decompressed bytes of a file, and when it was last changed."""

    data: bytes
    modified_at: datetime


@dataclass(frozen=True)
class Opened:
    """A file that is being read: its decompressed bytes, some at a time, and when it was last changed."""

    chunks: Iterator[bytes]
    modified_at: datetime


def load(path: Path, compression: Compression | None, max_bytes: int) -> Content:
    """The file's content.

    Unreadable: the file is missing, no regular file, forbidden, larger than `max_bytes` after decompression, or its
    compression is broken. FileChanging: it changed while it was read.
    """
    with opening(path, compression, max_bytes, whole=True) as opened:
        return Content(b"".join(opened.chunks), opened.modified_at)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file as it is, to be read from any place. Unreadable: missing, no regular file, or forbidden."""
    _regular(path)
    with _named_faults(path):
        file = _opened(path)
    with file:
        yield file


@contextmanager
def opening(path: Path, compression: Compression | None, max_bytes: int, *, whole: bool = False) -> Iterator[Opened]:
    """The file, open, and closed again at the end: that it did not change meanwhile is told by its last bytes.

    whole: plain content comes in one piece. Errors as of `load`, some of them while the chunks are taken.
    """
    before = _regular(path)
    with _named_faults(path):
        file = _opened(path)
    with file:
        opened = os.fstat(file.fileno())
        reach("opened")

        def chunks() -> Iterator[bytes]:
            with _named_faults(path):
                yield from _chunks(file, compression, max_bytes, whole=whole)
                _refuse_change(path, before, (opened, os.fstat(file.fileno()), _again(path)))

        yield Opened(chunks(), utc_of(before.st_mtime))


def _regular(path: Path) -> os.stat_result:
    with _named_faults(path):
        status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable(
            "file_readable", f"{visible(path)} is a directory, not a result file. Move it away or rename it"
        )
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(
            "file_readable", f"{visible(path)} is a pipe, socket or device, not a file. Give a regular file"
        )
    return status


def _opened(path: Path) -> IO[bytes]:
    # O_NONBLOCK: between the look and the opening a pipe may have taken the file's place.
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")


@contextmanager
def _named_faults(path: Path) -> Iterator[None]:
    name = visible(path)
    try:
        yield
    except FileNotFoundError:
        raise Unreadable("file_exists", _absent(path)) from None
    except PermissionError:
        raise Unreadable("file_readable", f"Permission denied: {name}. Give yourself the right to read it") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError) as error:
        raise Unreadable("file_format", f"{name} cannot be decompressed: {_broken(error)}. Copy it again") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Unreadable("file_readable", f"{name} cannot be read: {reason}") from None


def _absent(path: Path) -> str:
    if path.is_symlink():
        return f"{visible(path)} is a link to a file that does not exist: {visible(path.readlink())}"
    return f"Result file does not exist: {visible(path)}"


def _broken(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it breaks off before its end"
    return "its compressed data is damaged, or it is not compressed at all"


def _chunks(file: IO[bytes], compression: Compression | None, max_bytes: int, *, whole: bool) -> Iterator[bytes]:
    stream, size = file, max_bytes + 1 if whole else CHUNK
    if compression is not None and os.fstat(file.fileno()).st_size:
        size = CHUNK
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=file) if compression == "gz" else zstd.ZstdFile(file))
    read = 0
    while chunk := stream.read(size):
        read += len(chunk)
        within(read, max_bytes)
        yield chunk


def _again(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        raise Unreadable(
            "file_readable", f"{visible(path)} was removed while it was read. Run the engine again"
        ) from None


def _refuse_change(path: Path, before: os.stat_result, later: tuple[os.stat_result, ...]) -> None:
    if any(_identity(status) != _identity(before) for status in later):
        raise FileChanging(
            f"{visible(path)} changed while it was read: its engine is still writing it. Try again later."
        )


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
