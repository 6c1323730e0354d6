"""An executor that stands for workers on other machines."""

import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class Courier(Executor):
    """Does the work here and at once; both ways it is pickled, as on its way to another machine.

    meanwhile: called before each piece of work, with its number.
    """

    def __init__(self, meanwhile: Callable[[int], object] = lambda _number: None) -> None:
        self.sent: list[bytes] = []
        self._meanwhile = meanwhile

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The work, done."""
        self.sent.append(pickle.dumps((work, args, kwargs)))
        self._meanwhile(len(self.sent))
        done: Future[Any] = Future()
        again, values, named = pickle.loads(self.sent[-1])  # noqa: S301 - our own
        try:
            done.set_result(pickle.loads(pickle.dumps(again(*values, **named))))  # noqa: S301
        except Exception as error:  # noqa: BLE001 - whoever waits for it hears of it
            done.set_exception(pickle.loads(pickle.dumps(error)))  # noqa: S301
        return done
