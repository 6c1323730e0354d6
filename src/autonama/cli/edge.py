"""The process's edge: errors become one sentence on stderr and an exit code; nothing is shown as a traceback."""

import functools
import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, ParamSpec

import typer

from autonama.errors import INTERRUPTED, AutonamaError

INTERNAL_ERROR = 70
"""EX_SOFTWARE of sysexits.h: a fault of ours, not of the user's."""

P = ParamSpec("P")


def at_edge(command: Callable[P, int | None]) -> Callable[P, None]:
    """A command whose result, or error, is the process's exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        raise typer.Exit(_exit_code(lambda: command(*args, **kwargs)))

    return run


def _exit_code(work: Callable[[], int | None]) -> int:
    try:
        code = work()
        sys.stdout.flush()
    except AutonamaError as error:
        complain(f"Error: {shown(str(error))}")
        return error.exit_code
    except KeyboardInterrupt:
        complain("Interrupted. Nothing half-written was kept; the same command goes on where it stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe, such as `head`, has seen enough. Keep the interpreter from flushing into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the process's edge
        logging.getLogger("autonama").exception("Internal error")
        kind = type(error).__name__
        complain(f"Internal error, a fault of Autonama: {kind}: {shown(str(error))}\nThe log has the details.")
        return INTERNAL_ERROR
    return code or 0


def complain(message: str) -> None:
    """Say something on stderr."""
    print(message, file=sys.stderr)  # noqa: T201


def shown(text: str) -> str:
    """Text with its control characters visible, line breaks aside: a file's name must not steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
