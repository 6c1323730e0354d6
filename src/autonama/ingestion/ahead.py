"""Work that is done while the caller is busy with what was done before."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

WORKERS = 2
"""Threads for what can be done side by side. More held more in memory, and COPY was not fed the sooner."""


class _End:
    pass


def ahead(items: Generator[T]) -> Iterator[T]:
    """The same items; while the caller works on one, the next is made in a thread of its own.

    Reading, typing and COPY leave the interpreter's lock alone most of the time.
    """
    with closing(items), ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, _End())
        while not isinstance(item := coming.result(), _End):
            coming = pool.submit(next, items, _End())
            yield item


def side_by_side(work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """The work on each item, in order; while the caller makes the next item, two earlier ones are worked on."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from in_order(lambda item: pool.submit(work, item), items, WORKERS)


def in_order(submit: Callable[[S], Future[T]], items: Iterable[S], at_once: int) -> Iterator[T]:
    """What comes of each item, in order; so many are under way while the caller makes, or works on, another."""
    under_way: deque[Future[T]] = deque()
    try:
        for item in items:
            under_way.append(submit(item))
            if len(under_way) > at_once:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:  # nobody wants the rest, or there is none
        for future in under_way:
            future.cancel()
