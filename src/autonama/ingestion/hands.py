"""Who takes the sets of a run beside the process that began it: threads of its own, or an executor's workers."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

from autonama.database.session import Session
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.spread import Hands, Seen

Look = Callable[[ResultSet], Seen]
Take = Callable[[ResultSet, Seen], SetOutcome]
TakeWith = Callable[[Session, ResultSet, Seen], SetOutcome]


class Threads:
    """Threads of this process, each set with one of as many connections.

    Reading, judging and COPY leave the interpreter's lock alone. On two cores, threads were as quick as processes with
    large sets (0.97 of their time) and a tenth slower with small ones; what decides is that a thread's statement can be
    cancelled, so that after Ctrl-C it is known of every set whether it is in.
    """

    def __init__(self, pool: ThreadPoolExecutor, sessions: list[Session], look: Look, take: TakeWith) -> None:
        self._pool, self._sessions, self._look, self._take = pool, sessions, look, take
        self._free: SimpleQueue[Session] = SimpleQueue()
        for session in sessions:
            self._free.put(session)

    def look(self, result_set: ResultSet) -> Future[Seen]:
        """As `Hands` says."""
        return self._pool.submit(self._look, result_set)

    def take(self, result_set: ResultSet, seen: Seen) -> Future[SetOutcome]:
        """As `Hands` says."""
        return self._pool.submit(self._with_session, result_set, seen)

    def halt(self) -> None:
        """Cancel the statements under way: their transactions are rolled back."""
        for session in self._sessions:
            session.cancel()

    def _with_session(self, result_set: ResultSet, seen: Seen) -> SetOutcome:
        session = self._free.get()
        try:
            return self._take(session, result_set, seen)
        finally:
            self._free.put(session)


@contextmanager
def threads(count: int, session: Callable[[], Session], look: Look, take: TakeWith) -> Iterator[Hands]:
    """So many threads; session: makes one."""
    sessions = [session() for _ in range(count)]
    try:
        with ThreadPoolExecutor(count, "autonama-worker") as pool:
            yield Threads(pool, sessions, look, take)
    finally:
        for one in sessions:
            one.close()


class Elsewhere:
    """An executor's workers, which may be other machines. look, take: they travel to them, so that they pickle."""

    def __init__(self, executor: Executor, look: Look, take: Take) -> None:
        self._executor, self._look, self._take = executor, look, take

    def look(self, result_set: ResultSet) -> Future[Seen]:
        """As `Hands` says."""
        return self._executor.submit(self._look, result_set)

    def take(self, result_set: ResultSet, seen: Seen) -> Future[SetOutcome]:
        """As `Hands` says."""
        return self._executor.submit(self._take, result_set, seen)

    def halt(self) -> None:
        """Nothing: a set under way at a worker comes to its own end, whole."""
