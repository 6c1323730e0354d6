"""`autonama watch` in a process of its own, and what it says, line by line."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

PATIENCE_S = 60

Line = dict[str, Any]


class Watcher:
    """A watcher of a directory, on a database; `lines` grows with every event that it prints."""

    def __init__(self, directory: Path, url: str, *more: str, settle: float = 0.3, env: dict[str, str] | None = None):
        words = ("watch", str(directory), "--settle", str(settle), "--json", "--allow-stale", *more)
        self._home = directory.parent
        self._command = (sys.executable, "-m", "autonama", *words)
        self._env = {**os.environ, "AUTONAMA_DATABASE_URL": url, **(env or {})}
        self.lines: list[Line] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command, cwd=self._home, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait("watching")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def of(self, *events: str) -> list[Line]:
        """The lines so far of these events."""
        return [line for line in self.lines if line["event"] in events]

    def wait(self, *events: str, number: int = 1) -> list[Line]:
        """Wait for so many lines of these events; those lines."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.of(*events)) < number:
            assert self.process.poll() is None, f"it ended: {self.lines}"
            assert time.monotonic() < deadline, f"no {number} of {events}: {self.lines}"
            time.sleep(0.02)
        return self.of(*events)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send it a signal; its exit code and its stderr."""
        self.process.send_signal(number)
        assert self.process.stderr is not None
        giving_up = threading.Timer(PATIENCE_S, self.process.kill)
        giving_up.start()
        said = self.process.stderr.read()
        giving_up.cancel()
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code, said


def names(lines: list[Line]) -> list[str]:
    """The sets of these lines, by name."""
    return sorted(line["set"]["name"] for line in lines)
