"""A file's bytes: opened without blocking, decompressed up to a limit, and surely not changing meanwhile."""

import gzip
import io
import os
import stat
import sys
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
from autonama.ingestion.names import Compression, utc_of
from autonama.visible import visible

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 1 << 20
"""Bytes decompressed at a time: a bomb is noticed at most this far beyond the limit."""


@dataclass(frozen=True)
class Content:
    """The decompressed bytes of a file, and when it was last changed."""

    data: bytes
    modified_at: datetime


def load(path: Path, compression: Compression | None, max_bytes: int) -> Content:
    """The file's content.

    Unreadable: the file is missing, no regular file, forbidden, larger than `max_bytes` after decompression, or its
    compression is broken. FileChanging: it changed while it was read.
    """
    before = _regular(path)
    with _named_faults(path), _opened(path) as file:
        opened = os.fstat(file.fileno())
        reach("opened")
        data = _read(file, compression, max_bytes)
        _refuse_change(path, before, (opened, os.fstat(file.fileno()), _again(path)))
    return Content(data, utc_of(before.st_mtime))


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


def _read(file: IO[bytes], compression: Compression | None, max_bytes: int) -> bytes:
    if compression is None or not os.fstat(file.fileno()).st_size:
        data = file.read(max_bytes + 1)
        within(len(data), max_bytes)
        return data
    opened = gzip.GzipFile(fileobj=file) if compression == "gz" else zstd.ZstdFile(file)
    stream = cast("IO[bytes]", opened)
    plain = io.BytesIO()
    while chunk := stream.read(CHUNK):
        plain.write(chunk)
        within(plain.tell(), max_bytes)
    return plain.getvalue()


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
