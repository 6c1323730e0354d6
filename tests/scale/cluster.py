"""A Dask cluster of separate processes on loopback: a scheduler, and workers that a test may kill."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PATIENCE_S = 30


@dataclass
class Cluster:
    """directory: for logs and homes."""

    directory: Path
    port: int
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.scheduler = self._start("scheduler", "scheduler", "--port", str(self.port), "--no-show", env={})
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        wait_for(lambda: _listens(self.port), "the scheduler")
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._started):
            if process.poll() is None:
                process.kill()
            process.wait()

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"tcp://127.0.0.1:{self.port}"

    def worker(self, name: str, env: Mapping[str, str]) -> None:
        """Start a worker with one thread; `env` is what it has in its environment beside this process's own."""
        command = ("worker", self.address, "--nthreads", "1", "--no-nanny", "--name", name)
        self.workers[name] = self._start(name, *command, env=env)

    def ready(self) -> Self:
        """Once all workers are known to the scheduler."""
        wait_for(lambda: all("Registered to" in self.said(name) for name in self.workers), "a worker")
        return self

    def said(self, name: str) -> str:
        """The log of a process."""
        return (self.directory / f"{name}.log").read_text()

    def _start(self, name: str, *command: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        home = self.directory / name
        home.mkdir()
        options = ["--host", "127.0.0.1", "--no-dashboard"]
        if command[0] == "worker":
            options += ["--local-directory", str(home)]
        with (self.directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                (sys.executable, "-m", "dask", *command, *options),
                env={**os.environ, "HOME": str(home), **env}, cwd=home, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._started.append(process)
        return process


def wait_for(reached: Callable[[], bool], what: str) -> None:
    """Until it says yes."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, f"{what} does not come"
        time.sleep(0.02)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
