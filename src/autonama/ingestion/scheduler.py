"""Dask's scheduler as an executor: result sets go to its workers. Nothing else here knows of Dask."""

import importlib.util
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

from autonama.config import Settings
from autonama.config.kinds import EMBEDDED
from autonama.errors import AutonamaError, ConfigError
from autonama.visible import visible

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_S = 5
"""Seconds in which a scheduler has to answer, and then has to have a worker."""

KEPT = "What was published stays; the same command goes on where it stopped."


@contextmanager
def workers_of(address: str, settings: Settings) -> Iterator[Executor]:
    """The workers of the scheduler at this address, such as tcp://host:8786.

    ConfigError where Dask is not installed, no scheduler with a worker answers, or the settings name the embedded
    database, which no other machine reaches.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ConfigError("--scheduler needs Dask, which is not installed here: pip install 'autonama[scale]'")
    if settings.database_url is None and settings.database_host == EMBEDDED:
        raise ConfigError(
            "--scheduler hands result sets to workers that connect to the database by themselves, and the embedded one "
            "answers on this machine only. Name a server that they reach with --database-url or database_host, or use "
            "--workers in place of --scheduler."
        )
    if re.fullmatch(r"\w+://.+:\d+", address) is None:
        raise ConfigError(f"--scheduler is {visible(address)}, and has to be an address such as tcp://host:8786.")
    with _silent():
        client = _client(address)
        try:
            yield _Workers(client.get_executor(pure=False), address, sum(client.nthreads().values()))
        finally:
            client.close(timeout=PATIENCE_S)


@contextmanager
def _silent() -> Iterator[None]:
    """What Dask would print to stderr, with tracebacks, is told in a sentence by whoever meets it."""
    import distributed  # noqa: F401, PLC0415 - sets up its loggers as it is imported

    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _client(address: str) -> Any:
    """A client that has a scheduler, which has a worker."""
    from distributed import Client  # noqa: PLC0415 - half a second to import, for those who use it

    connect: Callable[..., Any] = Client
    try:
        client = connect(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"No Dask scheduler answers at {visible(address)} within {PATIENCE_S} seconds. Start one with dask "
            f"scheduler, or check the address ({visible(str(error)) or type(error).__name__})."
        ) from error
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError as error:
        client.close(timeout=PATIENCE_S)
        raise ConfigError(
            f"The Dask scheduler at {visible(address)} has no worker. Start some with dask worker {visible(address)}."
        ) from error
    return client


class _Workers(Executor):
    """Dask's executor, whose own errors become sentences. width: pieces of work that it takes at once."""

    def __init__(self, executor: Executor, address: str, width: int) -> None:
        self._executor, self._address, self.width = executor, visible(address), width

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a worker do the work."""
        inner = self._executor.submit(work, *args, **kwargs)
        outer: Future[T] = Future()
        inner.add_done_callback(lambda ended: self._hand_on(ended, outer))
        outer.add_done_callback(lambda ended: ended.cancelled() and inner.cancel())
        return outer

    def _hand_on(self, ended: Future[T], outer: Future[T]) -> None:
        with suppress(InvalidStateError):  # nobody waits for it any more
            try:
                outer.set_result(ended.result())
            except (Exception, CancelledError) as error:  # noqa: BLE001 - whoever waits for it hears of it
                outer.set_exception(self._told(error))

    def _told(self, error: BaseException) -> BaseException:
        kind = type(error).__name__
        if isinstance(error, AutonamaError):
            return error
        if isinstance(error, ImportError):
            return ConfigError(
                f"A worker of {self._address} lacks what it needs: {visible(str(error))}. Install the same version of "
                "Autonama there, and the same plug-ins."
            )
        if isinstance(error, CancelledError) or kind in ("FutureCancelledError", "CommClosedError"):
            return AutonamaError(f"The Dask scheduler at {self._address} was lost. {KEPT}")
        if kind == "KilledWorker":
            return AutonamaError(
                f"Worker after worker of {self._address} ended over the same result set: most likely its memory was "
                f"too small. {KEPT}"
            )
        return error
