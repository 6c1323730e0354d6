"""The embedded server: made and started on first use, by whoever comes, and found again by all."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that is not there yet, with a path short enough for a socket; its server is stopped."""
    above = Path(tempfile.mkdtemp(prefix="autonama-", dir="/tmp"))
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
    assert not embedded.is_running(data_dir)
    assert not embedded.stop(data_dir)
    address = embedded.ensure_running(data_dir)
    assert answer(address) == "autonama"
    with psycopg.connect(address) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS one")
    server = pid(data_dir)
    assert embedded.ensure_running(data_dir) == address
    assert pid(data_dir) == server
    assert embedded.is_running(data_dir)
    assert embedded.stop(data_dir)
    assert not embedded.is_running(data_dir)
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
        os.kill(pid(data_dir), signal.SIGKILL)
        time.sleep(0.01)
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
    assert not embedded.is_running(data_dir)
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
