"""Dump and restore: the schemas `trading` and `ingestion` as one file, whole or not at all."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from autonama.database import migrate
from autonama.database.connect import EMBEDDED, connect, conninfo, translated
from autonama.database.queries import load
from autonama.database.tools import Tools, tools_for
from autonama.errors import DatabaseError, FilesError

if TYPE_CHECKING:
    from autonama.config import Settings

UNFINISHED = ".autonama-dump-"
"""How the names of dumps begin that are not whole yet; what is left of a killed dump can be deleted."""


@dataclass(frozen=True)
class Dumped:
    """What a dump made."""

    file: Path
    size: int
    version: str


def dump(settings: "Settings", file: Path, *, force: bool = False) -> Dumped:
    """Write both schemas, rows and all, to `file`, which only this user can read; it is there whole or not at all.

    All rows are of one moment; runs go on meanwhile. `force` replaces a file that is there.

    Raises FilesError for the file, DatabaseError for the database.
    """
    _refuse_place(file, force=force)
    with connect(settings) as conn, translated(conn):
        version = migrate.current(conn)
        if version is None:
            raise DatabaseError("This database has no Autonama schema, so there is nothing to dump.")
        tools = _tools(settings, conn)
    with _beside(file) as unfinished:
        arguments = ("--format=custom", "--schema=trading", "--schema=ingestion", f"--file={unfinished}")
        done = tools.run("pg_dump", *arguments, f"--dbname={tools.target}")
        if done.returncode != 0:
            raise DatabaseError(f"The database could not be dumped: {_complaint(done.stderr)}. No file was written.")
        _publish(unfinished, file, force=force)
    return Dumped(file, file.stat().st_size, version)


def restore(settings: "Settings", file: Path, *, force: bool = False) -> str:
    """Bring back what `dump` wrote, in one transaction, and return its schema version.

    A database that holds rows of Autonama is refused, unless `force` lets the dump replace them.

    Raises FilesError where the file is no whole dump, DatabaseError where PostgreSQL refuses; nothing is changed then.
    """
    with connect(settings) as conn, translated(conn):
        tools = _tools(settings, conn)
    _refuse_dump(tools, file)
    opening = sql.SQL(load("restore")["opening"]).format(force=sql.Literal(force))
    _replay(tools, file, opening.as_string().encode())
    with connect(settings) as conn, translated(conn):
        version = migrate.current(conn)
    if version is None:
        raise DatabaseError(f"{file} was restored, and yet the database has no schema version. Try another dump.")
    return version


def _tools(settings: "Settings", conn: psycopg.Connection[Any]) -> Tools:
    is_embedded = settings.database_url is None and settings.database_host == EMBEDDED
    return tools_for(conn, conninfo(settings), is_embedded=is_embedded)


def _refuse_place(file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise FilesError(f"{file} is a directory. Name a file in it, such as {file / 'autonama.dump'}")
    if not file.parent.is_dir():
        raise FilesError(f"The directory {file.parent} does not exist. Make it, or name another file.")
    if os.path.lexists(file) and not force:
        raise FilesError(f"{file} is there already. Name another file, or replace it with --force.")


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """The name of a file in the same directory, readable for this user only, and gone in the end."""
    try:
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=file.parent)
    except OSError as error:
        raise FilesError(f"Nothing can be written to {file.parent}: {error.strerror}. Name another file.") from error
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _publish(unfinished: Path, file: Path, *, force: bool) -> None:
    """Give the whole dump its name. A file that has come there meanwhile is left alone unless `force`."""
    if not force:
        with suppress(PermissionError, NotImplementedError):  # a file system without links, such as a stick's
            try:
                os.link(unfinished, file)
            except FileExistsError:
                _refuse_place(file, force=False)
            return
        _refuse_place(file, force=False)
    unfinished.replace(file)


def _refuse_dump(tools: Tools, file: Path) -> None:
    """Read the whole dump once, so that one that is cut off or of something else never reaches the database."""
    try:
        with file.open("rb") as content:
            content.read(1)
    except OSError as error:
        raise FilesError(f"{file} cannot be read: {error.strerror}. Name a file that autonama db dump made.") from error
    listed = tools.run("pg_restore", "--list", str(file.absolute()))
    if listed.returncode == 0 and not re.search(rb"TABLE DATA ingestion alembic_version ", listed.stdout):
        raise FilesError(f"{file} is a dump of something else: there is no ledger of Autonama in it.")
    read = tools.run("pg_restore", f"--file={os.devnull}", str(file.absolute()))
    if bad := next((done for done in (listed, read) if done.returncode != 0), None):
        raise FilesError(f"{file} is no whole dump: {_complaint(bad.stderr)}. Nothing was changed.")


def _replay(tools: Tools, file: Path, opening: bytes) -> None:
    """Hand the dump's SQL to psql. Its COMMIT follows only when all was read: whatever breaks, nothing changed."""
    arguments = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=default", "--file=-")
    with (
        tempfile.TemporaryFile() as complaints,
        tools.start(
            "pg_restore", "--no-owner", "--no-privileges", "--file=-", str(file.absolute()),
            stdout=subprocess.PIPE, stderr=complaints, stdin=subprocess.DEVNULL,
        ) as script,
        tools.start(
            "psql", *arguments, f"--dbname={tools.target}",
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints,
        ) as psql,
    ):  # fmt: skip
        assert script.stdout is not None  # noqa: S101
        assert psql.stdin is not None  # noqa: S101
        with ExitStack() as unless_ended:
            # It may have been handed the COMMIT already, and would run it when its turn comes.
            unless_ended.callback(psql.kill)
            whole = _carried(opening, script, script.stdout, psql.stdin)
            done = psql.wait() == 0 and whole
            unless_ended.pop_all()
        complaints.seek(0)
        if not done:
            raise DatabaseError(f"The dump was not restored: {_complaint(complaints.read())}. Nothing was changed.")


def _carried(opening: bytes, script: subprocess.Popen[bytes], source: IO[bytes], target: IO[bytes]) -> bool:
    """Whether everything was handed over, COMMIT last; False where one of the two programs has given up."""
    try:
        with target:
            target.write(opening)
            shutil.copyfileobj(source, target)
            if script.wait() == 0:
                target.write(b"COMMIT;\n")
                return True
    except BrokenPipeError:
        source.close()
    return False


def _complaint(stderr: bytes) -> str:
    """The first error that a program told, with its hint, as one line."""
    text = stderr.decode(errors="replace")
    found = re.search(r"(?:ERROR|FATAL|error):\s+(.+)", text)
    said = found[1] if found else " ".join(text.split()) or "the program said nothing"
    more = [line.partition(":")[2].strip() for line in re.findall(r"^(?:DETAIL|HINT):.*", text, re.MULTILINE)]
    return ". ".join(part.rstrip(". ") for part in (said, *more))
