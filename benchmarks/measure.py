"""What one run of a program costs: wall time, processor time, memory, its own and the server's.

Memory is read from /proc while the program runs, at first after 1 ms and then less often: that of its process tree. A
child's `ru_maxrss` would not do, as it begins with the memory of the process that started it.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
FIRST, LONGEST, GROWTH = 0.001, 0.03, 1.3
"""Seconds to the second look and, in the end, between two: a program of 15 ms is seen, and a long one not disturbed."""

TICK = os.sysconf("SC_CLK_TCK")
TIMEOUT = 3600
"""Seconds after which a program is ended."""

MOST_MIB = 12_000
"""A program that holds more is ended: the machine is for the others, too."""


@dataclass(frozen=True)
class Cost:
    """Seconds and MiB.

    cpu_s: user and system time of the program and its children. client_mib: the most that its processes held at once
    (resident). backend_cpu_s and backend_mib: of the server's backends (an autovacuum that ends meanwhile counts among
    them in time); the latter is what is theirs alone, so without the shared buffers that all of them
    map. 0 where only the time was taken.
    """

    wall_s: float
    cpu_s: float = 0.0
    client_mib: float = 0.0
    backend_cpu_s: float = 0.0
    backend_mib: float = 0.0


class Failed(Exception):
    """The program ended with an error, or did not do what was asked; its last words are the message."""

    @property
    def brief(self) -> str:
        """The last of them."""
        return str(self).strip().splitlines()[-1]


@dataclass(frozen=True)
class Watched:
    """The server's first process, and the backend of the harness itself, which does not count."""

    postmaster: int
    own_backend: int

    def backends(self) -> list[int]:
        """The processes that serve clients; the checkpointer and its like do not."""
        return [pid for pid in _children(self.postmaster) if pid != self.own_backend and _is_backend(pid)]


def run(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, watched: Watched) -> Cost:
    """Run it to its end. Failed where its exit code is not 0."""
    with (cwd / "output").open("w+b") as output:
        cpu_before, backends_before = _children_cpu(os.getpid()), _children_cpu(watched.postmaster)
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it can be ended with all that it started
        )
        looks = _Looks(process, watched)
        try:
            code = process.wait()  # with a time-out it would look only every 50 ms
        except BaseException:
            _end(process)
            raise
        finally:
            wall = time.perf_counter() - began
            looks.end()
        output.seek(0)
        said = output.read().decode(errors="replace")
    if looks.client > MOST_MIB * 1024:
        raise Failed(f"held more than {MOST_MIB:,} MiB after {wall:.0f} s and was ended")
    if code != 0:
        raise Failed(f"{' '.join(command)}: exit code {code}\n{said[-3000:]}")
    _wait_for_backends(watched)
    return Cost(
        wall,
        _children_cpu(os.getpid()) - cpu_before,
        looks.client / 1024,
        _children_cpu(watched.postmaster) - backends_before,
        looks.backends / 1024,
    )


class _Looks(threading.Thread):
    """Looks at the memory until it is told to end; `client` and `backends` are the most that was seen, in KiB."""

    def __init__(self, process: subprocess.Popen[bytes], watched: Watched) -> None:
        super().__init__(daemon=True)
        self.client = self.backends = 0
        self._process, self._watched, self._over = process, watched, threading.Event()
        self.start()

    def run(self) -> None:
        """Look again and again."""
        pause, last = FIRST, time.monotonic() + TIMEOUT
        while True:
            root = self._process.pid
            processes = [_status(pid) for pid in (root, *_below(root))]
            held = sum(status.get("VmRSS", 0) for status in processes)
            # One process alone may have held more between two looks: the kernel remembers its highest mark.
            self.client = max(self.client, held, *(status.get("VmHWM", 0) for status in processes))
            held = sum(_status(pid).get("RssAnon", 0) for pid in self._watched.backends())
            self.backends = max(self.backends, held)
            if self.client > MOST_MIB * 1024 or time.monotonic() > last:
                _end(self._process)
            if self._over.wait(pause):
                return
            pause = min(pause * GROWTH, LONGEST)

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.killpg(process.pid, signal.SIGKILL)


def _status(pid: int) -> dict[str, int]:
    """The sizes of a process in KiB; none where it is gone."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}


def _children(pid: int) -> list[int]:
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _below(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _below(child)


def _is_backend(pid: int) -> bool:
    """Also one that has ended and waits to be buried: it has no words any more, and its time does not count yet."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not words or b"[local]" in words


def _children_cpu(pid: int) -> float:
    """Seconds of user and system time of the children that this process has already waited for."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICK


def _wait_for_backends(watched: Watched) -> None:
    """The last backend may outlive its client by a moment; its time counts only when it is gone."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and watched.backends():
        time.sleep(0.01)
