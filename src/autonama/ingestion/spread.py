"""The sets of a run, several at once. Who takes them is an executor's affair; in which order they count is ours."""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Protocol, TypeVar

from autonama.ingestion.discover import ResultSet
from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.read import Fingerprint

T = TypeVar("T")

BEAT_S = 5.0
"""Seconds between two signs of life: a run whose connection broke unnoticed would be taken for dead by the next one."""

HALT_S = 0.05
"""Seconds between two calls of `halt`: work that was between two statements goes on to the next one."""

Seen = Sequence[Fingerprint | None]
"""What tells the content of each file of a set; None for one that cannot be read."""


class Hands(Protocol):
    """Who takes the sets."""

    def look(self, result_set: ResultSet) -> Future[Seen]:
        """What the set's files hold."""

    def take(self, result_set: ResultSet, seen: Seen) -> Future[SetOutcome]:
        """Publish a set that no other set of the run shares content with; taken again, it is told as it went."""

    def halt(self) -> None:
        """Break off what is under way, as far as it can be reached from here."""


@dataclass(frozen=True)
class Turns:
    """What stays with whom began the run.

    alone: takes one set, here and now.
    beat: shows that the run is alive.
    told: called with the number of sets done, and the name of the one that was done last.
    """

    alone: Callable[[ResultSet], SetOutcome]
    beat: Callable[[], object]
    told: Callable[[int, str], None]


def spread(
    sets: Sequence[ResultSet],
    hands: Hands,
    turns: Turns,
    outcomes: list[SetOutcome],
    stays: Callable[[ResultSet], bool] = lambda _: False,
) -> None:
    """Take all sets. What became of them is added to `outcomes` in the order of the sets, also where an error ends it.

    A set that shares content with an earlier one waits until all others are in, as who comes second is told so; the
    same for one that cannot be read from everywhere, which a machine that lacks it must not refuse, and for those that
    stay with whom began the run.
    """
    seen: dict[int, Seen] = {}
    done: dict[int, SetOutcome] = {}
    try:
        _collect({number: hands.look(one) for number, one in enumerate(sets)}, seen, hands, turns.beat, _untold)
        first = _first_of_their_content([seen[number] for number in range(len(sets))])
        first = {number for number in first if not stays(sets[number])}
        futures = {number: hands.take(sets[number], seen[number]) for number in first}
        _collect(futures, done, hands, turns.beat, lambda number: turns.told(len(done), sets[number].name))
        for number in sorted(set(range(len(sets))) - first):
            done[number] = turns.alone(sets[number])
            turns.told(len(done), sets[number].name)
    finally:
        outcomes.extend(done[number] for number in sorted(done))


def _untold(_number: int) -> None:
    return


def _first_of_their_content(seen: Iterable[Seen]) -> set[int]:
    """The sets of which all can be read, and nothing is in a set before them."""
    met: set[str] = set()
    first = set()
    for number, files in enumerate(seen):
        sums = {one.sha256 for one in files if one is not None}
        if None not in files and not sums & met:
            first.add(number)
        met |= sums
    return first


def _collect(
    futures: dict[int, Future[T]],
    done: dict[int, T],
    hands: Hands,
    beat: Callable[[], object],
    told: Callable[[int], None],
) -> None:
    """Wait for all. After an error nothing new is begun; what is under way ends first, or is halted by Ctrl-C."""
    numbers = {future: number for number, future in futures.items()}
    pending: Collection[Future[T]] = set(numbers)
    try:
        while pending:
            ended, pending = wait(pending, timeout=BEAT_S, return_when=FIRST_COMPLETED)
            for future in ended:
                done[numbers[future]] = future.result()
                told(numbers[future])
            beat()
    except KeyboardInterrupt:
        pending = _not_begun_any_more(numbers)
        while pending:
            hands.halt()
            _, pending = wait(pending, timeout=HALT_S)
        raise
    finally:
        wait(_not_begun_any_more(numbers))
        done.update({number: future.result() for future, number in numbers.items() if _succeeded(future)})


def _not_begun_any_more(futures: Iterable[Future[T]]) -> list[Future[T]]:
    """Cancel what has not begun. Returns the others."""
    return [future for future in futures if not future.cancel()]


def _succeeded(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
