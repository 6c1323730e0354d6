"""What every test can lean on: a real PostgreSQL, a fresh database a test, and a home that is not the user's."""

import itertools
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

import warm
from autonama.database import embedded, migrate
from autonama.database.account import Account, server_account


def pytest_configure(config: pytest.Config) -> None:
    """A law is tried with the same few examples every time; `make test-full` draws many, and others each time.

    No bound of the wall's time is set on an example, and one thread computes: two cores have other tests to run, too,
    and OpenBLAS's threads keep both busy while they wait for each other over a matrix of a few hundred numbers.
    """
    few = "not full" in config.option.markexpr
    hypothesis_settings.register_profile(
        "autonama",
        deadline=None,
        database=None,
        derandomize=few,
        max_examples=40 if few else 100,
        suppress_health_check=[HealthCheck.too_slow],
    )
    hypothesis_settings.load_profile("autonama")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; commands would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = ("web", "scale", "trust")
"""Directories whose tests take long, each waiting for a browser, a cluster or a process of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first: begun last, a few of them kept the other processes waiting for a minute."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Half surrogates that a test logged stand escaped in its report: a worker process cannot hand them on."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_unconfigure() -> None:
    """The process that the commands were forked from ends with the tests."""
    warm.end()


ROOM = 6 << 30
"""Bytes free that eight servers of the tests surely do not fill."""

PASSWORD = "swordfish-0815"  # of the server's TCP door, which asks for one


@dataclass(frozen=True)
class Server:
    """The test run's own PostgreSQL: a Unix socket that trusts, and a TCP port on loopback that wants PASSWORD."""

    directory: Path
    programs: Path
    account: Account
    port: int

    def url(self, database: str) -> str:
        """Address over the socket."""
        return f"host={self.directory / 'socket'} port={self.port} user=postgres dbname={database}"

    def tcp_url(self, database: str, user: str = "postgres", password: str = PASSWORD) -> str:
        """Address over TCP."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster and start the server; nothing is synced to disk."""
        self.account.let_through(self.programs)
        self.account.let_read(self.programs.parent)
        self.account.let_through(self.directory)
        data, sockets = self.account.own(self.directory / "pgdata"), self.account.own(self.directory / "socket")
        self.run("initdb", *embedded.INITDB, "--auth-host=scram-sha-256", "--no-sync", "-D", str(data))
        options = (
            "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c wal_level=minimal -c max_wal_senders=0 "
            "-c max_wal_size=128MB -c min_wal_size=32MB "
            f"-c max_connections=60 -c listen_addresses=127.0.0.1 -p {self.port} -k {sockets}"
        )
        self.run("pg_ctl", "start", "-w", "-D", str(data), "-l", str(data / "server.log"), "-o", options)

    def stop(self) -> None:
        """Stop it at once: its files go anyway."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.directory / "pgdata"))

    def run(self, program: str, *args: str) -> str:
        """Run one of the wheel's programs as the server's OS user; its output."""
        done = self.account.run(self.programs / program, *args, cwd=self.directory / "pgdata")
        assert done.returncode == 0, done.stdout
        return done.stdout

    def execute(self, statement: str) -> None:
        """Run one statement as superuser, outside of any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(statement.encode())


@pytest.fixture(scope="session")
def quick_directory() -> str:
    """In memory where there is room: a database is 300 files, and making one takes 0.02 s there, on a disk 0.15 s."""
    memory = "/dev/shm"  # noqa: S108 - what is made there has a name that nobody knows, as in any mkdtemp
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if roomy else "/tmp"  # noqa: S108


@pytest.fixture(scope="session")
def server(quick_directory: str) -> Iterator[Server]:
    """A PostgreSQL for the whole test run."""
    directory = Path(tempfile.mkdtemp(prefix="autonama-test-", dir=quick_directory))
    made = Server(directory, embedded.server_programs(), server_account(directory / "pgdata"), _free_port())
    try:
        made.start()
        made.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
        yield made
    finally:
        if (directory / "pgdata" / "postmaster.pid").exists():
            made.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Name of a migrated database that the tests' databases are copied from."""
    server.execute("CREATE DATABASE migrated")
    with psycopg.connect(server.url("migrated"), autocommit=True) as conn:
        migrate.upgrade(conn, server.url("migrated"))
    return "migrated"


DATABASE_NUMBERS = itertools.count(1)


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    """Address of a fresh, migrated, empty database."""
    yield from _database(server, template)


@pytest.fixture
def empty_database_url(server: Server) -> Iterator[str]:
    """Address of a fresh database that knows nothing of Autonama."""
    yield from _database(server, "template0")


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to `database_url`, autocommit and in UTC as the product's own."""
    with psycopg.connect(database_url, autocommit=True, options="-c TimeZone=UTC") as connection:
        yield connection


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: neither the user's files nor their environment reach a test, or the other way round."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("AUTONAMA_", "XDG_", "PG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    return home


def _database(server: Server, template: str) -> Iterator[str]:
    name = f"test_{next(DATABASE_NUMBERS)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def real_results() -> Path:
    """The real result files that lie beside the project, where they do."""
    directory = Path(__file__).parent.parent.parent / "shared" / "data" / "results"
    if not directory.is_dir():
        pytest.skip("no ../shared/data/results beside the project")
    return directory
