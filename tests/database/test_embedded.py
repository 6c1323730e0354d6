"""The embedded server: made and started on first use, by whoever comes, and found again by all."""

import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

import autonama
from autonama.database import embedded
from autonama.database.failures import is_transient, translate
from autonama.errors import DatabaseError

START = (
    "import sys, pathlib; from autonama.database import embedded; "
    "print(embedded.ensure_running(pathlib.Path(sys.argv[1])))"
)


TEMPORARY = Path(tempfile.gettempdir())


@pytest.fixture
def data_dir(quick_directory: str) -> Iterator[Path]:
    """A data directory that is not there yet, with a path short enough for a socket; its server is stopped."""
    above = Path(tempfile.mkdtemp(prefix="autonama-", dir=quick_directory))
    yield above / "data"
    for directory in above.rglob("pgdata"):
        embedded.stop(directory.parent)
    shutil.rmtree(above)


def answer(address: str) -> object:
    """What database the server says it is."""
    with psycopg.connect(address) as conn:
        return conn.execute("SELECT current_database()").fetchall()[0][0]


def pid(data_dir: Path) -> int:
    """Process id of the server."""
    return int((data_dir / "pgdata" / "postmaster.pid").read_text().split()[0])


def test_first_use_to_stop(data_dir: Path) -> None:
    """First use makes cluster and database, the next finds them, stop stops once, and a start keeps the data."""
    assert not embedded.stop(data_dir)
    address = embedded.ensure_running(data_dir)
    assert answer(address) == "autonama"
    with psycopg.connect(address) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS one")
    server = pid(data_dir)
    assert embedded.ensure_running(data_dir) == address
    assert pid(data_dir) == server
    assert embedded.stop(data_dir)
    with pytest.raises(psycopg.OperationalError):
        answer(address)
    assert not embedded.stop(data_dir)
    with psycopg.connect(embedded.ensure_running(data_dir)) as conn:
        assert conn.execute("SELECT one FROM kept").fetchall() == [(1,)]


def test_nobody_else_gets_in(data_dir: Path) -> None:
    """Data and socket are closed to other OS users, no TCP port is open, and nothing the caller knows is inherited."""
    address = embedded.ensure_running(data_dir)
    assert stat.S_IMODE((data_dir / "pgdata").stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "socket").stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir.stat().st_mode) & 0o007 == 0
    with psycopg.connect(address) as conn:
        assert conn.execute("SHOW listen_addresses").fetchall() == [("",)]
    environment = Path(f"/proc/{pid(data_dir)}/environ")
    if environment.exists():
        assert b"HOME=" not in environment.read_bytes()


def test_processes_that_start_it_at_once(data_dir: Path) -> None:
    """Of four processes that want the server at once, on a directory that is not there yet, all get the same one."""
    command = [sys.executable, "-c", START, str(data_dir)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert len(said) == 1
    assert answer(said.pop()) == "autonama"


def test_after_sigkill(data_dir: Path) -> None:
    """A killed server is started again, its pid file and a client's backend still there; the client's error passes."""
    with psycopg.connect(embedded.ensure_running(data_dir), autocommit=True) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS one")
        killed = pid(data_dir)
        os.kill(killed, signal.SIGKILL)
        _await_end([killed])
        with psycopg.connect(embedded.ensure_running(data_dir)) as again:
            assert again.execute("SELECT one FROM kept").fetchall() == [(1,)]
        with pytest.raises(psycopg.Error) as lost:
            conn.execute("SELECT one FROM kept")
    assert is_transient(lost.value)
    assert str(translate(lost.value)).startswith(("The connection to PostgreSQL was lost", "The database server was"))


def test_pid_of_another_program(data_dir: Path) -> None:
    """A pid file left by a crash whose number another program bears now, as after a reboot, hinders nothing."""
    embedded.ensure_running(data_dir)
    file = data_dir / "pgdata" / "postmaster.pid"
    left = file.read_text().splitlines()
    embedded.stop(data_dir)
    file.write_text("\n".join([str(os.getpid()), *left[1:]]) + "\n")
    shutil.chown(file, *((data_dir / "pgdata").stat()[4:6]))
    assert not embedded.stop(data_dir)
    assert answer(embedded.ensure_running(data_dir)) == "autonama"


def test_server_whose_socket_was_deleted(data_dir: Path) -> None:
    """A server that lost its socket to somebody's cleaning is named, with the command that ends it; then it starts."""
    embedded.ensure_running(data_dir)
    shutil.rmtree(data_dir / "socket")
    with pytest.raises(DatabaseError, match=r"out of reach\. Run autonama db stop"):
        embedded.ensure_running(data_dir)
    assert embedded.stop(data_dir)
    assert answer(embedded.ensure_running(data_dir)) == "autonama"


@pytest.mark.parametrize("name", ["deep/" * 40 + "data", 'it\'s a "home" of $HOME, 100 %/ü'], ids=["deep", "odd"])
def test_paths_that_no_socket_can_have(data_dir: Path, name: str) -> None:
    """A long path, or one with signs that a shell would read, gets its socket in a private temporary directory."""
    home = data_dir / name
    address = embedded.ensure_running(home)
    assert answer(address) == "autonama"
    sockets = Path(psycopg.conninfo.conninfo_to_dict(address)["host"])
    assert len(str(sockets)) < 80
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE(sockets.parent.stat().st_mode) & 0o077 in (0, 0o010)
    assert embedded.stop(home)
    assert not sockets.exists()


def test_unfinished_cluster_is_made_anew(data_dir: Path) -> None:
    """A cluster whose making was cut off is never used: it lies beside the real place until it is whole."""
    unfinished = data_dir / "pgdata.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    assert answer(embedded.ensure_running(data_dir)) == "autonama"
    assert not unfinished.exists()


def test_server_that_cannot_start_shows_its_log(data_dir: Path) -> None:
    """A setting that PostgreSQL refuses ends in one DatabaseError with the log's last lines and its place."""
    embedded.ensure_running(data_dir)
    embedded.stop(data_dir)
    with (data_dir / "pgdata" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(DatabaseError, match="did not start") as refused:
        embedded.ensure_running(data_dir)
    assert 'unrecognized configuration parameter "no_such_setting"' in str(refused.value)
    assert str(data_dir / "pgdata" / "server.log") in str(refused.value)


def test_cluster_of_another_version(data_dir: Path) -> None:
    """A cluster of another PostgreSQL is not touched; the message names both versions."""
    embedded.ensure_running(data_dir)
    embedded.stop(data_dir)
    (data_dir / "pgdata" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseError, match=r"made by PostgreSQL 16, and the embedded server is 18"):
        embedded.ensure_running(data_dir)


def test_data_directory_that_is_a_file(data_dir: Path) -> None:
    """A data directory that cannot be one is said in a sentence, with the setting that names it."""
    data_dir.write_text("")
    with pytest.raises(DatabaseError, match=r"cannot use its data directory .*AUTONAMA_DATA_DIR"):
        embedded.ensure_running(data_dir)


def test_without_the_wheel(data_dir: Path) -> None:
    """Where the wheel has no build, the message says which setting names a server instead."""
    script = (
        "import sys, pathlib\nfrom autonama.database import embedded\nfrom autonama.errors import DatabaseError\n"
        "try:\n    embedded.ensure_running(pathlib.Path(sys.argv[1]))\nexcept DatabaseError as error:\n    print(error)"
    )
    source = str(Path(autonama.__file__).parents[1])
    done = subprocess.run(  # -S: without site-packages
        [sys.executable, "-S", "-c", script, str(data_dir)],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no embedded PostgreSQL for this platform" in done.stdout
    assert "set database_host" in done.stdout
    assert not data_dir.exists()


def test_running_server_is_found_without_the_wheel(data_dir: Path) -> None:
    """The quick way to a running server needs neither the wheel nor any package beside the standard library."""
    address = embedded.ensure_running(data_dir)
    done = subprocess.run(
        [sys.executable, "-S", "-c", START, str(data_dir)],
        env={"PYTHONPATH": str(Path(autonama.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == address


def _await_end(killed: list[int]) -> None:
    """Until all are gone: for some milliseconds a dying server still takes connections, which then break."""
    while any(map(_lives, killed)):
        time.sleep(0.01)


def _lives(process: int) -> bool:
    """Whether it is there, and no zombie, whose sockets are closed: its memory goes before they do."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes(data_dir: Path) -> list[int]:
    """The server and all its children."""
    main = pid(data_dir)
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [main, *map(int, children)]


def test_no_network_socket_is_open(data_dir: Path) -> None:
    """As the kernel sees it, neither the server nor a child of it has a socket of TCP or UDP."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("this system has no /proc/net")
    with psycopg.connect(embedded.ensure_running(data_dir)):
        open_files = [link.readlink() for one in processes(data_dir) for link in Path(f"/proc/{one}/fd").iterdir()]
    ours = {match[1] for file in open_files if (match := re.fullmatch(r"socket:\[(\d+)\]", str(file)))}
    assert ours
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")]
    of_the_network = {
        line.split()[9] for table in tables if table.exists() for line in table.read_text().splitlines()[1:]
    }
    assert ours.isdisjoint(of_the_network)


def test_after_a_power_cut(data_dir: Path) -> None:
    """All its processes killed at once amid a transaction: the next use starts it, with what was committed only."""
    if not Path("/proc/self").exists():
        pytest.skip("this system has no /proc to find the server's children in")
    with psycopg.connect(embedded.ensure_running(data_dir), autocommit=True) as conn:
        conn.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        conn.execute("BEGIN")
        conn.execute("INSERT INTO kept SELECT generate_series(1001, 20000)")
        left = data_dir / "pgdata" / "postmaster.pid"
        killed = processes(data_dir)
        for process in killed:
            os.kill(process, signal.SIGKILL)
        _await_end(killed)
        assert left.exists()
        with psycopg.connect(embedded.ensure_running(data_dir)) as again:
            assert again.execute("SELECT count(*), max(n) FROM kept").fetchall() == [(1000, 1000)]
        with suppress(psycopg.Error):
            conn.execute("ROLLBACK")


@pytest.fixture
def installed(data_dir: Path) -> Path:
    """A second installation of the wheel, in a place that can be deleted, first on PYTHONPATH."""
    there = embedded.server_programs().parents[2]
    site = data_dir.parent / "site"
    for package in (embedded.WHEEL, f"{embedded.WHEEL}.libs"):
        if (there / package).exists():
            shutil.copytree(there / package, site / package, symlinks=True)
    data_dir.parent.chmod(0o755)
    return site


def started_from(site: Path, data_dir: Path) -> None:
    """Start the server with the programs of that installation."""
    env = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run((sys.executable, "-c", START, str(data_dir)), env=env, check=True, stdout=subprocess.DEVNULL)


def test_data_outlives_the_installation_that_made_it(data_dir: Path, installed: Path) -> None:
    """A cluster made by one installation of the package opens with the next one, after the first was deleted."""
    started_from(installed, data_dir)
    with psycopg.connect(embedded.ensure_running(data_dir)) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS one")
        assert str(installed) in conn.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchall()[0][0]
    assert embedded.stop(data_dir)
    shutil.rmtree(installed)
    with psycopg.connect(embedded.ensure_running(data_dir)) as conn:
        assert conn.execute("SELECT one FROM kept").fetchall() == [(1,)]
        assert (
            str(installed) not in conn.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchall()[0][0]
        )


def test_server_whose_programs_were_deleted_under_it(data_dir: Path, installed: Path) -> None:
    """A server that runs from a deleted installation says what to do, can be stopped, and starts from the new one."""
    started_from(installed, data_dir)
    shutil.rmtree(installed)
    with psycopg.connect(embedded.ensure_running(data_dir)) as conn, pytest.raises(psycopg.Error) as refused:
        conn.execute("DO $$ BEGIN END $$")
    assert "autonama db stop, then the command again" in str(translate(refused.value))
    assert embedded.stop(data_dir)
    with psycopg.connect(embedded.ensure_running(data_dir)) as conn:
        conn.execute("DO $$ BEGIN END $$")


@dataclass(frozen=True)
class Person:
    """An OS user, and a Python that this user may run."""

    name: str
    uid: int
    gid: int
    home: Path
    python: str = sys.executable
    path: str = ""

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Python, as this user."""
        env = {"HOME": str(self.home), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment}
        return subprocess.run(
            (self.python, *words), env={**env, "PYTHONPATH": self.path}, cwd=self.home, user=self.uid, group=self.gid,
            extra_groups=[], capture_output=True, text=True, check=False,
        )  # fmt: skip

    def command(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The `autonama` command, as this user."""
        return self.run("-m", "autonama", *words, **environment)

    def able(self) -> "Person | None":
        """The same with a Python that works for them: this one, else the system's own of the same version."""
        source = Path(autonama.__file__).parents[1]
        site = embedded.server_programs().parents[2]
        system = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")
        for python, path in ((sys.executable, ""), (system, f"{source}:{site}")):
            candidate = replace(self, python=python or "", path=path)
            with suppress(OSError):
                if candidate.command("--version").returncode == 0:
                    return candidate
        return None


@pytest.fixture
def two_users(quick_directory: str) -> Iterator[list[Person]]:
    """Two OS users of this machine, made for this test, each with a home that only they can enter."""
    if os.geteuid() != 0 or shutil.which("useradd") is None:
        pytest.skip("only root can make two OS users, with useradd")
    above = Path(tempfile.mkdtemp(prefix="autonama-homes-", dir=quick_directory))
    above.chmod(0o755)
    made: list[Person] = []
    try:
        for letter in "ab":
            name = f"autonama-test-{letter}-{os.getpid()}"
            subprocess.run(("useradd", "--system", "--user-group", "--no-create-home", name), check=True)
            entry = pwd.getpwnam(name)
            made.append(Person(name, entry.pw_uid, entry.pw_gid, above / letter))
            made[-1].home.mkdir(mode=0o700)
            os.chown(made[-1].home, entry.pw_uid, entry.pw_gid)
        able = [person.able() for person in made]
        if None in able:
            pytest.skip("no Python that other OS users of this machine may run can import the project")
        yield [person for person in able if person is not None]
    finally:
        for data in above.rglob("pgdata"):
            embedded.stop(data.parent)
        for person in made:
            shutil.rmtree(TEMPORARY / f"autonama-{person.uid}", ignore_errors=True)
            subprocess.run(("userdel", person.name), check=True)
        shutil.rmtree(above)


@pytest.mark.parametrize("depth", [pytest.param(0, id="home", marks=pytest.mark.full), pytest.param(40, id="deep")])
def test_two_users_of_one_machine_do_not_meet(two_users: list[Person], depth: int) -> None:
    """Each has a server, a cluster and a socket of their own, wherever these lie, and no way into the other's."""
    one, other = two_users
    place = "deep/" * depth + "data"
    addresses = []
    for person in two_users:
        deep = {"AUTONAMA_DATA_DIR": str(person.home / place)}
        done = person.command("db", "init", **deep)
        assert (done.returncode, done.stderr) == (0, ""), person
        address = person.command("db", "url", **deep).stdout.strip()
        addresses.append(address)
        query = "import sys, psycopg; psycopg.connect(sys.argv[1], autocommit=True).execute('CREATE TABLE mine ()')"
        assert person.run("-c", query, address).returncode == 0
        assert (person.home / place / "pgdata").stat().st_uid == person.uid
    assert addresses[0] != addresses[1]
    refused = other.run("-c", query, addresses[0])
    assert "Permission denied" in refused.stderr
    done = other.command("db", "status", AUTONAMA_DATA_DIR=str(one.home / place))
    assert (done.returncode, done.stdout) == (3, "")
    assert "belongs to another OS user" in done.stderr or "Permission denied" in done.stderr
    for person in two_users:
        done = person.command("db", "stop", AUTONAMA_DATA_DIR=str(person.home / place))
        assert (done.stdout, done.stderr) == ("The embedded PostgreSQL was stopped.\n", "")


def test_a_socket_directory_that_somebody_else_took(two_users: list[Person]) -> None:
    """Where another user made /tmp/autonama-UID before, no socket is put into it: the sentence names the way out."""
    one, other = two_users
    taken = TEMPORARY / f"autonama-{one.uid}"
    other.run("-c", f"import os; os.mkdir({str(taken)!r}, 0o777)")
    try:
        done = one.command("db", "init", AUTONAMA_DATA_DIR=str(one.home / ("deep/" * 40)))
        assert (done.returncode, done.stdout) == (3, "")
        assert f"{taken} belongs to another OS user" in done.stderr
        assert "AUTONAMA_DATA_DIR" in done.stderr
    finally:
        taken.rmdir()
