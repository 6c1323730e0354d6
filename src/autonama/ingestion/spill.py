"""Frames of one schema, one after the other: in memory while they are few, in temporary files beyond that."""

import shutil
import tempfile
import weakref
from pathlib import Path

import polars as pl

ROOM = 500_000
"""Rows held in memory, some 300 bytes each."""


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

    def lazy(self) -> pl.LazyFrame:
        """All rows in their order, to be read while this object lives."""
        parts = [pl.scan_ipc(path) for path in self._files] + [frame.lazy() for frame in self._held]
        return pl.concat(parts) if parts else pl.LazyFrame()

    def _write(self) -> None:
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="autonama-"))
            weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        path = self._directory / f"{len(self._files)}.arrow"
        # Compressed, so that it is read and not mapped: mapped pages would count as this process's memory.
        pl.concat(self._held).write_ipc(path, compression="lz4")
        self._files.append(path)
        self._held, self._held_rows = [], 0
