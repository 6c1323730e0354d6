"""Which result sets of a directory are complete: nobody writes them any more, and their formats are together."""

import errno
import os
import signal
import stat
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from autonama.errors import FilesError
from autonama.ingestion.discover import ResultSet, discover

ALONE = 2
"""A set of one file waits so many times as long: an engine that writes two formats writes one after the other."""

Footprint = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of the last change of content and of the rest: another one is another content."""


@dataclass
class Arrivals:
    """The sets of one directory and engine, as they come in.

    settle_s: a file that nobody has touched for so long is complete, unless somebody has it open to write.
    open: the names of sets that only wait for being closed.
    waiting: whether something is there that is not complete yet, so that the next look should be soon.
    """

    patterns: Sequence[str]
    zone: tzinfo
    settle_s: float
    open: frozenset[str] = frozenset()
    waiting: bool = False
    _seen: dict[Path, tuple[Footprint, float]] = field(default_factory=dict)
    _untaken: list[str] = field(default_factory=list)
    _done: dict[str, dict[Path, Footprint]] = field(default_factory=dict)

    @property
    def names(self) -> Collection[str]:
        """The sets that the last look found and that were not taken."""
        return self._untaken

    def look(self, directory: Path, now: float) -> list[ResultSet]:
        """The complete sets that were not taken yet, oldest first. now: seconds of a clock that never goes back."""
        sets = _sets(directory, self.patterns, self.zone)
        prints = {one.name: _footprints(one) for one in sets}
        self._seen = {
            path: self._seen[path] if self._seen.get(path, ((), 0.0))[0] == footprint else (footprint, now)
            for footprints in prints.values()
            for path, footprint in footprints.items()
        }
        self._done = {name: taken for name, taken in self._done.items() if name in prints}
        news = [one for one in sets if prints[one.name] and prints[one.name] != self._done.get(one.name)]
        self._untaken = [one.name for one in news]
        settled = [one for one in news if self._settled(one, now)]
        self.open = frozenset(one.name for one in settled if any(map(_written, one.files)))
        self.waiting = len(settled) < len(news) or bool(self.open)
        return [one for one in settled if one.name not in self.open]

    def take(self, result_set: ResultSet) -> None:
        """Note that this set, as it was at the last look, is settled: it comes again only with another content."""
        self._done[result_set.name] = {path: self._seen[path][0] for path in result_set.files}

    def _settled(self, result_set: ResultSet, now: float) -> bool:
        patience = self.settle_s * (1 if len(result_set.files) > 1 else ALONE)
        return all(now - self._seen[path][1] >= patience for path in result_set.files)


def _sets(directory: Path, patterns: Sequence[str], zone: tzinfo) -> Sequence[ResultSet]:
    try:
        return discover((directory,), patterns, zone=zone)
    except FilesError:  # nothing of this engine is there, or not any more
        return ()


def _footprints(result_set: ResultSet) -> dict[Path, Footprint]:
    """Of each file of a set. Empty where one of them is no file, or has just gone."""
    found: dict[Path, Footprint] = {}
    with suppress(OSError):
        for path in result_set.files:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return {}
            found[path] = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return found
    return {}


def _written(path: Path) -> bool:
    """Whether somebody has the file open to write it, where the system can tell: Linux, on a file of this user's.

    A read lease is granted on a file only that nobody has open to write. It is given back at once, and its signal is
    one that nobody minds.
    """
    if sys.platform != "linux":
        return False
    from fcntl import F_RDLCK, F_SETLEASE, F_SETSIG, F_UNLCK, fcntl  # noqa: PLC0415  not on every system

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl(descriptor, F_SETSIG, signal.SIGURG)
        fcntl(descriptor, F_SETLEASE, F_RDLCK)
        fcntl(descriptor, F_SETLEASE, F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False
