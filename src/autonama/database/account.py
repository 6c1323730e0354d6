"""Who runs the embedded server's programs: the caller, or, because PostgreSQL refuses root, an OS user of its own."""

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from autonama.errors import DatabaseError

NAME = "pgserver"
"""The OS user that root starts the server as; the wheel's own name for it, so that one machine has one."""

PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All that the long-lived server inherits: the rest of the caller's environment may hold secrets, or PG* settings."""


@dataclass(frozen=True)
class Account:
    """An OS user, or with `uid` None the caller's own."""

    uid: int | None = None
    gid: int | None = None

    def run(self, program: Path, *args: str, cwd: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a PostgreSQL program as this user, with its output (both streams) as `stdout`."""
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"LC_ALL": "C", "TZ": "UTC"}
        return subprocess.run(
            [str(program), *args],
            cwd=cwd,
            env=env,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def own(self, directory: Path) -> Path:
        """Make `directory` this user's, closed to everybody else (root aside)."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(directory, self.uid, self.gid)
        directory.chmod(0o700)
        return directory

    def let_through(self, directory: Path) -> None:
        """Let this user pass through `directory` and all above it, and let nobody gain more than that passage.

        A directory that is root's alone is opened for the account's group only; one that others share gets o+x.
        """
        if self.gid is None:
            return
        for place in (directory, *directory.parents):
            found = place.stat()
            if self._passes(found):
                continue
            if found.st_uid == 0 and not stat.S_IMODE(found.st_mode) & 0o077:
                os.chown(place, 0, self.gid)
                place.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP)
            else:
                place.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)

    def let_read(self, tree: Path) -> None:
        """Let everybody read and enter `tree`, as an installer with a strict umask may have left it closed."""
        if self.gid is None or (tree.stat().st_mode & 0o005) == 0o005:
            return
        for path in (tree, *tree.rglob("*")):
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | (0o055 if path.is_dir() or mode & stat.S_IXUSR else 0o044))

    def _passes(self, found: os.stat_result) -> bool:
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH))


def server_account(cluster: Path) -> Account:
    """The embedded server's account: the caller's; as root the cluster's owner, or `pgserver`, made on first use."""
    if os.geteuid() != 0:
        return Account()
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    found = _look_up() or _create()
    if found is None:
        raise DatabaseError(
            f"PostgreSQL refuses to run as root, and the OS user '{NAME}' that it would run as could not be made. "
            f"Make it (useradd --system {NAME}), run as an ordinary user, or set database_host to a server."
        )
    return found


def _look_up() -> Account | None:
    import pwd  # noqa: PLC0415  not on Windows, where this is never called

    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _create() -> Account | None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        return None
    return _look_up()  # also finds the one that another process has made meanwhile
