"""The process's edge: errors become one sentence on stderr and an exit code; nothing is shown as a traceback."""

import functools
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, ParamSpec

import typer

from autonama.errors import INTERRUPTED, AutonamaError
from autonama.visible import visible

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
    code: int | None = 0
    try:
        with unread_output(), _waits_told():
            code = work()
            sys.stdout.flush()
    except AutonamaError as error:
        complain(f"Error: {shown(str(error))}")
        return error.exit_code
    except KeyboardInterrupt:
        complain("Interrupted. Nothing half-written was kept; the same command goes on where it stopped.")
        return INTERRUPTED
    except Exception as error:  # the process's edge
        logging.getLogger("autonama").exception("Internal error")
        kind = type(error).__name__
        complain(f"Internal error, a fault of Autonama: {kind}: {shown(str(error))}\nThe log has the details.")
        return INTERNAL_ERROR
    return code or 0


@contextmanager
def unread_output() -> Iterator[None]:
    """What is printed inside may find its reader gone: `head` has seen enough, and that is no failure."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Keep the interpreter from flushing into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _waits_told() -> Iterator[None]:
    """Pass on to stderr that the database lets itself be waited for."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Shown())
    logger = logging.getLogger("autonama.waiting")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Shown(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return shown(record.getMessage())


def complain(message: str) -> None:
    """Say something on stderr."""
    print(message, file=sys.stderr)  # noqa: T201


def shown(text: str) -> str:
    """Text with its control characters visible, line breaks aside: a file's name must not steer a terminal."""
    return visible(text, keep="\n")


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
