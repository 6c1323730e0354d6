"""PostgreSQL's own programs for backups: where they are, and how they are run without showing a password."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from autonama.database import embedded
from autonama.database.connect import SECRETS
from autonama.errors import DatabaseError

PROGRAMS = ("pg_dump", "pg_restore", "psql")


@dataclass(frozen=True)
class Tools:
    """A directory with `PROGRAMS` of one version, and the database that they work on.

    target: the address, without its password, which goes through the environment.
    """

    directory: Path
    target: str
    environment: dict[str, str]

    def command(self, program: str, *arguments: str) -> list[str]:
        """A command line; nothing in it is secret, since every user of the machine can read it."""
        return [str(self.directory / program), *arguments]

    def start(self, program: str, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        """Start a program."""
        return subprocess.Popen(self.command(program, *arguments), env=self.environment, **streams)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end."""
        return subprocess.run(
            self.command(program, *arguments), env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            check=False,
        )  # fmt: skip


def tools_for(conn: psycopg.Connection[Any], conninfo: str, *, is_embedded: bool) -> Tools:
    """The programs that fit the server behind `conn`: the embedded one's own, for another server those on PATH.

    Raises DatabaseError that says which are missing.
    """
    major = conn.info.server_version // 10_000
    directory = embedded.server_programs() if is_embedded else _fitting(major, encrypted=conn.pgconn.ssl_in_use)
    parts: dict[str, Any] = conninfo_to_dict(conninfo)
    for name in SECRETS:
        if name in parts:
            raise DatabaseError(
                f"{name} in the database's address cannot be handed to pg_dump and pg_restore without showing it. Use "
                "a key or a login without it for backups."
            )
    environment = {**os.environ, "LC_ALL": "C"}
    if password := parts.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    target = make_conninfo(**{"client_encoding": "utf8", **parts, "fallback_application_name": "autonama"})
    return Tools(directory, target, environment)


def _fitting(major: int, *, encrypted: bool) -> Path:
    """The newest programs on PATH that are not older than the server; else the wheel's, which know no TLS."""
    places = [Path(place) for place in os.get_exec_path() if place]
    found = {place: version for place in places if (version := _major(place)) is not None}
    if fit := [place for place, version in found.items() if version >= major]:
        return max(fit, key=lambda place: found[place])
    if not encrypted and int(embedded.MAJOR) >= major:
        try:
            return embedded.server_programs()
        except DatabaseError:
            pass  # no wheel on this platform: what to install is said below
    seen = f"those on PATH are of version {max(found.values())}" if found else "there are none on PATH"
    raise DatabaseError(
        f"{', '.join(PROGRAMS)} of PostgreSQL {major} or newer are needed for this server, and {seen}. Install the "
        f"package postgresql-client-{major}, or put its directory in front of PATH."
    )


def _major(place: Path) -> int | None:
    """The version of the programs in a directory; None where one of them is missing."""
    versions = []
    for program in PROGRAMS:
        try:
            done = subprocess.run([str(place / program), "--version"], capture_output=True, text=True, check=False)
        except OSError:
            return None
        versions += re.findall(r"\(PostgreSQL\) (\d+)", done.stdout)
    return min(map(int, versions)) if len(versions) == len(PROGRAMS) else None
