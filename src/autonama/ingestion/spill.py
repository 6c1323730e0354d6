"""Frames of one schema, one after the other: in memory while they are few, in temporary files beyond that."""

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

import polars as pl

try:
    import fcntl
except ImportError:  # Windows: what a killed process leaves there is left to the system
    fcntl = None  # type: ignore[assignment]

ROOM = 500_000
"""Rows held in memory, some 300 bytes each."""


PREFIX = "autonama-rows-"
HELD = "held"
"""A file in each directory that is locked as long as its process lives, however that ends."""


class Spill:
    """Collects frames. Its temporary files go with it."""

    def __init__(self) -> None:
        self._held: list[pl.DataFrame] = []
        self._held_rows = 0
        self._directory: Path | None = None
        self._files: list[Path] = []
        self.height = 0

    def add(self, frame: pl.DataFrame) -> None:
        """The next rows."""
        if frame.is_empty() and self._held:
            return
        self._held.append(frame)
        self._held_rows += frame.height
        self.height += frame.height
        if self._held_rows > ROOM:
            self._write()

    @property
    def in_memory(self) -> bool:
        """Whether no row is in a file."""
        return not self._files

    def lazy(self) -> pl.LazyFrame:
        """All rows in their order, to be read while this object lives."""
        parts = [pl.scan_ipc(path) for path in self._files] + [frame.lazy() for frame in self._held]
        return pl.concat(parts) if parts else pl.LazyFrame()

    def _write(self) -> None:
        if self._directory is None:
            _remove_abandoned()
            self._directory, held = _own_directory()
            weakref.finalize(self, _remove, self._directory, held)
        path = self._directory / f"{len(self._files)}.arrow"
        # Compressed, so that it is read and not mapped: mapped pages would count as this process's memory.
        pl.concat(self._held).write_ipc(path, compression="lz4")
        self._files.append(path)
        self._held, self._held_rows = [], 0


def _own_directory() -> tuple[Path, int | None]:
    """A new directory, and the open file by whose lock others see that it is in use. Its name says so only then."""
    new = Path(tempfile.mkdtemp(prefix="autonama-new-"))
    if fcntl is None:  # Windows renames no directory in which a file is open
        return new, None
    held = os.open(new / HELD, os.O_CREAT | os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    return new.rename(new.with_name(PREFIX + new.name.rpartition("-")[2])), held


def _remove(directory: Path, held: int | None) -> None:
    if held is not None:
        os.close(held)
    shutil.rmtree(directory, ignore_errors=True)


def _remove_abandoned() -> None:
    """Remove what killed processes of this user left, up to gigabytes: nobody holds its lock."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{HELD}") if fcntl is not None else ():
        with suppress(OSError):
            held = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
            finally:
                os.close(held)
