"""A command as the whole process: what it costs to begin and to end one."""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from autonama.errors import INTERRUPTED

ALLOCATIONS = 50_000
"""Objects between two looks for garbage. Python's 700 look through the same freshly imported modules again and again:
0.07 s of the 0.6 s that a hundred rows take, and 0.7 s of the processor's time for a million."""

HAND_OVER = 0.0002
"""Seconds after which a thread lets another one have the interpreter. With Python's 0.005 the thread that feeds COPY
waited for those that judge the next rows, and PostgreSQL for it: a tenth of the time of a million rows."""


@contextmanager
def whole_process() -> Iterator[None]:
    """What runs inside is all that this process is for; the exit code is that of its SystemExit.

    The interpreter is not taken apart at the end: to free 800 modules one by one took 0.13 s of a run. Everything that
    was registered for the end is done, and what was written is flushed.
    """
    gc.set_threshold(ALLOCATIONS)
    sys.setswitchinterval(HAND_OVER)
    code = 1  # of what ends with no SystemExit, but with a traceback

    def end() -> None:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody reads it any more
                stream.flush()
        os._exit(code)

    atexit.register(end)  # first of all, so that it is called last
    try:
        yield
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        raise
    except KeyboardInterrupt:  # before or after the command, which has its own word for it
        code = INTERRUPTED
        raise
