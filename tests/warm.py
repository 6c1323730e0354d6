"""`autonama` as a process of its own that has imported already: half of what a short command costs is its imports.

Run as a program, this is a process that imports the package, waits, and forks for every command that it is asked for.
A command is a process as any other: its own arguments, environment, directory, pipes and exit code. What only a process
that is started anew can show starts one: `python -m autonama`, as ever.
"""

import functools
import gc
import importlib
import importlib.util
import json
import locale
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

NUMBER = struct.Struct("!i")


class Asked(NamedTuple):
    """A command: its arguments, directory and environment."""

    words: list[str]
    cwd: str
    env: dict[str, str]


AT_START = ("PYTHON", "LANG", "LC_", "LD_", "TZ", "MALLOC_", "OMP_", "OPENBLAS_", "POLARS_")
"""Beginnings of variables that an interpreter or a library reads once: one that differs wants a process from anew."""

AT_SITE = ("sitecustomize", "usercustomize")  # imported before all others

LEFT_OUT = ("autonama.__main__", "autonama.analysis.vectorbt_backend", "autonama.database.migrations", "autonama.web")
"""The command itself, what is not always installed, and what few commands need."""


def run(
    *words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """`autonama` with these arguments: the finished process, as `subprocess.run(..., text=True)` has it."""
    env = dict(os.environ if env is None else env)
    return _started().run([str(word) for word in words], str(cwd or Path.cwd()), env, timeout)


def end() -> None:
    """End the waiting process, if any command ran."""
    if _started.cache_info().currsize:
        _started().end()
        _started.cache_clear()


class _Warm:
    """The waiting process, and the socket over which it is asked. Who finds it busy starts a process anew."""

    def __init__(self) -> None:
        self._env = dict(os.environ)
        self._busy = threading.Lock()
        self._door, theirs = socket.socketpair()
        nothing = subprocess.DEVNULL
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, __file__, str(theirs.fileno())),
                pass_fds=(theirs.fileno(),), stdin=nothing, stdout=nothing, stderr=nothing,
            )  # fmt: skip

    def end(self) -> None:
        """End it, and count what it used as this process's children's."""
        self._door.close()
        self._process.wait()

    def run(self, words: list[str], cwd: str, env: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
        """Fork for this command, or start a process where a fork would not be the same."""
        command = (sys.executable, "-m", "autonama", *words)
        if _at_start(env) != _at_start(self._env) or not self._busy.acquire(blocking=False):
            return subprocess.run(
                command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False
            )
        try:
            pid, pipes = self._ask(Asked(words, cwd, env))
            try:
                out, err = _read(pipes, time.monotonic() + timeout)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(command, timeout) from None
            finally:
                code = NUMBER.unpack(_exactly(self._door, NUMBER.size))[0]
        finally:
            self._busy.release()
        return subprocess.CompletedProcess(command, code, out, err)

    def _ask(self, asked: Asked) -> tuple[int, list[int]]:
        body = json.dumps(asked).encode()
        ours, theirs = zip(os.pipe(), os.pipe(), strict=True)
        socket.send_fds(self._door, [NUMBER.pack(len(body))], theirs)
        for end in theirs:
            os.close(end)
        self._door.sendall(body)
        return NUMBER.unpack(_exactly(self._door, NUMBER.size))[0], list(ours)


@functools.cache
def _started() -> _Warm:
    return _Warm()


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    read = {name: value for name, value in env.items() if name.startswith(AT_START)}
    return {name: value for name, value in read.items() if name != "PYTHONPATH" or not _adds_only(value)}


def _adds_only(path: str) -> bool:
    """Whether no module that lies there is known without it, and could have been imported already."""
    entries = [entry for directory in path.split(os.pathsep) if directory for entry in Path(directory).glob("*")]
    names = {entry.stem for entry in entries if entry.stem.isidentifier()}
    return not any(name in AT_SITE or importlib.util.find_spec(name) for name in names)


def _read(pipes: list[int], until: float) -> list[str]:
    """The whole text of each pipe; TimeoutError if one is open still by then."""
    said = {pipe: bytearray() for pipe in pipes}
    try:
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0, until - time.monotonic()))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    said[key.fd] += (more := os.read(key.fd, 1 << 16))
                    if not more:
                        selector.unregister(key.fd)
    finally:
        for pipe in pipes:
            os.close(pipe)
    return [text.decode(locale.getencoding()).replace("\r\n", "\n").replace("\r", "\n") for text in said.values()]


def _exactly(door: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        more = door.recv(size - len(received))
        if not more:
            raise EOFError
        received += more
    return bytes(received)


def _load() -> None:
    """Import the package with its libraries; none of it does anything at import, or starts a thread that has work."""
    import autonama

    for module in pkgutil.walk_packages(autonama.__path__, "autonama.", onerror=lambda _: None):
        if not module.name.startswith(LEFT_OUT):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def _serve(door: socket.socket) -> Asked:
    """What was asked for, in the process that is there to do it; the waiting one ends in here with its tests."""
    while True:
        header, pipes, *_ = socket.recv_fds(door, NUMBER.size, 2)
        if not header:
            os._exit(0)
        asked = Asked(*json.loads(_exactly(door, NUMBER.unpack(header)[0])))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries, which wait
            child = os.fork()
        if not child:
            for number, pipe in enumerate(pipes, 1):
                os.dup2(pipe, number)
                os.close(pipe)
            door.close()
            return asked
        for pipe in pipes:
            os.close(pipe)
        door.sendall(NUMBER.pack(child))
        door.sendall(NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        listening.set_inheritable(False)
        _load()
        command = _serve(listening)
    os.chdir(command.cwd)
    os.environ.clear()
    os.environ.update(command.env)
    sys.path[:1] = [command.cwd, *filter(None, command.env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv[1:] = command.words
    runpy.run_module("autonama", run_name="__main__", alter_sys=True)
