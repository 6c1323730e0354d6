"""When to look into a directory: at once where the system tells of a change, and every half second anyway."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

TICK_S = 0.5
"""How often is asked whether time alone has made something of it: a file has settled, the directory is another one."""


def changes(directory: Path, *, listen: bool) -> Iterator[bool]:
    """Whether something may have changed, for ever. Without listening, as for a network drive, it always may.

    A directory that comes back is another one, of which the system's events have to be asked for anew.
    """
    while listen:
        before = _identity(directory)
        try:
            with closing(_heard(directory)) as heard:
                for place, changed in enumerate(heard):
                    yield changed or place == 0  # what came before anybody listened was not heard
                    if _identity(directory) != before:
                        break
        except (OSError, RuntimeError):  # not there; or the system has no watch left to give, and looking has to do
            time.sleep(TICK_S)
            yield True
    while True:
        yield True
        time.sleep(TICK_S)


def unreachable(directory: Path) -> str | None:
    """Why the directory cannot be looked into; None where it can."""
    try:
        os.scandir(directory).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _heard(directory: Path) -> "Generator[bool]":
    from watchfiles import watch  # noqa: PLC0415  the one command that watches pays for it

    for found in watch(
        directory,
        watch_filter=None,
        debounce=200,
        rust_timeout=int(TICK_S * 1000),
        yield_on_timeout=True,
        recursive=False,
        ignore_permission_denied=True,
    ):
        yield bool(found)


def _identity(directory: Path) -> tuple[int, int] | None:
    try:
        status = directory.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
