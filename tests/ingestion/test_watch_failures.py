"""A watched directory in which one set fails: the others are published, and that one comes again when it changes."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autonama.config import load_settings
from autonama.errors import AutonamaError, DatabaseError
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job, ingest
from autonama.ingestion.watch import Event, Watching, watch
from writing import many, write_csv

BAD = "vectorbt_analysis_results_20260102_000000.csv"


def three_sets(directory: Path) -> None:
    """One set each day; that of the second is BAD."""
    for day, interval in enumerate(("1h", "2h", "4h"), start=1):
        write_csv(directory, many(day, interval=interval), f"vectorbt_analysis_results_2026010{day}_000000.csv")


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    """A watcher never ends by itself: a test that waits in vain fails after a minute."""

    def over(*_: object) -> None:
        raise AssertionError("the awaited event did not come")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def told(event: Event) -> str:
    """What an event is about."""
    return event.kind if event.outcome is None else f"{event.outcome.status} {event.outcome.name[-15:-7]}"


def watched(directory: Path, database_url: str, publish: Callable[[Job], RunOutcome]) -> Iterator[Event]:
    """What a watcher says that publishes in that way."""
    settings = load_settings(database_url=database_url, engine_results_dir=directory)
    return watch(Watching(directory, ("vectorbt",), settings, 0.1, poll=True, allow_stale=True, publish=publish))


def test_a_set_that_fails_keeps_no_other_from_its_place(tmp_path: Path, database_url: str) -> None:
    """It is told once, not tried again as it is, and published once it was written anew."""
    three_sets(tmp_path)
    tried: list[int] = []

    def publish(job: Job) -> RunOutcome:
        if any(path.name == BAD and len(path.read_text().splitlines()) == 3 for path in job.paths):
            tried.append(len(job.paths))
            raise AutonamaError("A plug-in broke.")
        return ingest(job)

    events: list[str] = []
    for event in watched(tmp_path, database_url, publish):
        events.append(told(event))
        if events.count("published 20260103") and "failed" in events and len(events) == 4:
            write_csv(tmp_path, many(1, interval="2h"), BAD)
        if "published 20260102" in events:
            break
    assert events == ["watching", "published 20260101", "failed", "published 20260103", "published 20260102"]
    assert tried == [3, 1]


def test_a_set_that_the_database_refuses_keeps_no_other_from_its_place(tmp_path: Path, database_url: str) -> None:
    """It stays, is tried again after a while, and the trouble is told once, and its end."""
    three_sets(tmp_path)
    tried: list[int] = []

    def publish(job: Job) -> RunOutcome:
        if any(path.name == BAD for path in job.paths) and len(tried) < 3:
            tried.append(len(job.paths))
            raise DatabaseError("The disk of the server is full.")
        return ingest(job)

    events: list[str] = []
    for event in watched(tmp_path, database_url, publish):
        events.append(told(event))
        if "published 20260102" in events:
            break
    assert sorted(set(events)) == [
        "back", "published 20260101", "published 20260102", "published 20260103", "waiting", "watching"
    ]  # fmt: skip
    assert events.index("published 20260103") < events.index("published 20260102")
