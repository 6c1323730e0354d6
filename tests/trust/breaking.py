"""What the tests of trust break with: a PostgreSQL of their own, and runs that wait at a step while harm is done."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg
from test_crash_matrix import STATE, State, state

from autonama.config import load_settings
from autonama.database import embedded
from autonama.database.account import Account
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job, ingest

PASSWORD = "swordfish-0815"
PATIENCE_S = 60

LOCAL = "local all all trust\n"
HBA = f"{LOCAL}host all all 127.0.0.1/32 scram-sha-256\n"

NOTHING: State = {name: [] for name in STATE}
REFUSED_SET = 1
"""Exit code of a run over the crash matrix' sets: one of them is refused."""


@dataclass(frozen=True)
class Breakable:
    """A PostgreSQL that a test may stop at any moment. What it has committed survives that, as on a real server."""

    directory: Path
    programs: Path
    account: Account
    port: int

    @classmethod
    def like(cls, server: Any, port: int) -> Self:
        """A cluster of the same programs, not started yet."""
        made = cls(Path(tempfile.mkdtemp(prefix="autonama-break-", dir="/tmp")), server.programs, server.account, port)
        made.account.let_through(made.directory)
        data = made.account.own(made.directory / "pgdata")
        made.account.own(made.directory / "socket")
        made.run("initdb", *embedded.INITDB, "--auth-host=scram-sha-256", "--no-sync", "-D", str(data))
        return made

    def url(self, database: str) -> str:
        """Address over the socket."""
        return f"host={self.directory / 'socket'} port={self.port} user=postgres dbname={database}"

    def tcp_url(self, database: str, *, user: str = "postgres", password: str = PASSWORD, more: str = "") -> str:
        """Address over TCP."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}{more}"

    def start(self) -> None:
        """Start it, or start it again: then it recovers first."""
        options = (
            "-c fsync=off -c full_page_writes=off -c max_connections=60 -c listen_addresses=127.0.0.1 "
            f"-c deadlock_timeout=100ms -p {self.port} -k {self.directory / 'socket'}"
        )
        log = str(self.directory / "pgdata" / "server.log")
        self.run("pg_ctl", "start", "-w", "-D", str(self.directory / "pgdata"), "-l", log, "-o", options)

    def stop(self) -> None:
        """Stop it at once, as a power cut would."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.directory / "pgdata"))

    def admit(self, rules: str) -> None:
        """Replace pg_hba.conf."""
        (self.directory / "pgdata" / "pg_hba.conf").write_text(rules)
        self.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)

    def run(self, program: str, *args: str) -> str:
        """Run one of the programs as the server's OS user; its output."""
        done = self.account.run(self.programs / program, *args, cwd=self.directory / "pgdata")
        assert done.returncode == 0, done.stdout
        return done.stdout

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as superuser, outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as conn:
            conn.execute(statement.encode())


@dataclass(frozen=True)
class Ended:
    """A run that is over: its exit code, and all that it said."""

    code: int
    said: str


@dataclass
class Run:
    """`autonama ingest DIRECTORY --all --lenient` in a process of its own, which stops itself at `step`."""

    directory: Path
    url: str
    step: str = ""
    more: tuple[str, ...] = ("--all", "--lenient")
    env: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        home = Path(tempfile.mkdtemp(prefix="home-", dir=self.directory.parent))
        env = {**os.environ, "HOME": str(home), "AUTONAMA_DATABASE_URL": self.url, **self.env}
        if self.step:
            env["AUTONAMA_FAULT"] = f"SIGSTOP@{self.step}"
        self._output = home / "output"
        with self._output.open("wb") as output:
            command = (sys.executable, "-m", "autonama", "ingest", str(self.directory), *self.more)
            self._process = subprocess.Popen(command, env=env, cwd=home, stdout=output, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Wait until the run has stopped at its step."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._stopped():
            assert self._process.poll() is None, f"the run ended before {self.step}: {self.said}"
            assert time.monotonic() < deadline, f"{self.step} was not reached"
            time.sleep(0.01)

    def resume(self) -> None:
        """Let it go on, to its next stop or its end."""
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> Ended:
        """Let it go on past every further stop; how it ended."""
        deadline = time.monotonic() + PATIENCE_S
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"the run does not end: {self.said}"
            if self._stopped():
                self.resume()
            time.sleep(0.01)
        return Ended(self._process.returncode, self.said)

    @property
    def said(self) -> str:
        """Its stdout and stderr."""
        return self._output.read_text()

    def _stopped(self) -> bool:
        if self._process.poll() is not None:
            return False
        how = os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        return how is not None and how.si_code == os.CLD_STOPPED


def arrive(url: str, *paths: Path, strict: bool = False, **settings: Any) -> RunOutcome:
    """Ingest in this process: all sets at these paths."""
    judged = {"strict_mode": strict, **settings.pop("validation", {})}
    made = load_settings(database_url=url, validation=judged, **settings)
    return ingest(Job("vectorbt", made, paths, every=True, allow_stale=True))


def terminate(url: str) -> int:
    """Terminate every other connection to the database; how many."""
    statement = """SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def told(ended: Ended, words: str) -> None:
    """It failed for the database's sake, and said why in a sentence that holds `words`; no traceback, no class."""
    assert ended.code == 3, ended.said
    assert re.search(words, re.sub(r"\s+", " ", ended.said)), ended.said
    assert_plain(ended.said)


def assert_plain(said: str) -> None:
    """Nothing in it is meant for programmers."""
    for word in ("Traceback", "psycopg", "sqlalchemy", "Internal error", "Error(", PASSWORD):
        assert word not in said, said


def assert_same(url: str, expected: State) -> None:
    """Row for row the expected state. A refusal may stand there more than once: each of several runs made it."""
    found = state(url)
    for name, rows in expected.items():
        same = (
            set(map(repr, found[name])) == set(map(repr, rows)) if name in ("files", "issues") else found[name] == rows
        )
        assert same, (name, found[name])


def repaired(url: str, sets: Path, calm: State) -> None:
    """The fault is gone: one more run gives the undisturbed state, and no run is left open."""
    arrive(url, sets)
    assert_same(url, calm)
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM ingestion.runs WHERE status = 'running'").fetchone() == (0,)


def wait_until(url: str, question: str) -> None:
    """Ask the server until it says yes."""
    deadline = time.monotonic() + PATIENCE_S
    with psycopg.connect(url, autocommit=True) as conn:
        while conn.execute(question.encode()).fetchone() != (True,):
            assert time.monotonic() < deadline, question
            time.sleep(0.02)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
