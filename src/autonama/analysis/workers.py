"""The same work for many symbols: in processes where it computes, in threads where it waits."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from queue import SimpleQueue
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Track(Protocol):
    """Shows how far some work is: passes on what comes out of it, one result a step."""

    def __call__(self, results: Iterable[R], what: str, total: int, /) -> Iterable[R]:
        """`results` as they are. what: the work in a word; total: how many there will be."""


def untracked(results: Iterable[R], _what: str, _total: int, /) -> Iterable[R]:
    """Nothing is shown."""
    return results


def in_processes(work: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[R]:
    """The results in the order of the items. `work` and items travel to the processes, so they have to be picklable."""
    jobs = min(jobs, len(items))
    if jobs < 2:
        yield from map(work, items)
        return
    interruptible()
    # A forked child would inherit locks that polars' threads hold. Ctrl-C is for the parent, which ends the others.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        with _interrupts_held():
            results = pool.map(work, items)
        yield from results
    finally:  # after an error or Ctrl-C nothing new is begun; what is under way takes a second or two
        pool.shutdown(cancel_futures=True)


def in_threads(work: Callable[[T], R], items: Sequence[T], at_once: int) -> Iterator[R]:
    """The results in the order of the items. After an error or Ctrl-C nothing is waited for."""
    if at_once < 2:
        yield from map(work, items)
        return
    interruptible()
    futures = [Future[R]() for _ in items]
    waiting = SimpleQueue[tuple[Future[R], T] | None]()
    for one in (*zip(futures, items, strict=True), *[None] * at_once):
        waiting.put(one)
    over = threading.Event()
    for _ in range(min(at_once, len(items))):
        # Not an executor's, whose threads Python waits for at its exit, however long the exchange says nothing.
        threading.Thread(target=_serve, args=(work, waiting, over), daemon=True).start()
    try:
        for future in futures:
            yield future.result()
    finally:
        over.set()


def _serve(work: Callable[[T], R], waiting: SimpleQueue[tuple[Future[R], T] | None], over: threading.Event) -> None:
    while (one := waiting.get()) is not None and not over.is_set():
        future, item = one
        try:
            future.set_result(work(item))
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result is told
            future.set_exception(error)


def interruptible() -> None:
    """Let Ctrl-C end a wait of the main thread at once.

    polars, when it is imported, puts a handler before Python's that has the system go on waiting.
    """
    if hasattr(signal, "siginterrupt"):  # not on Windows
        signal.siginterrupt(signal.SIGINT, True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes that start inside never hear Ctrl-C, not even while Python starts in them; ours is heard at the end."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield  # Windows, whose children ignore it once they have started; another thread is never interrupted
        return
    heard: list[int] = []
    # What is blocked here reaches a thread of polars, and Python would raise it in the middle of a child's start.
    handler = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
    if heard:
        raise KeyboardInterrupt
