"""Which sets are complete, with a clock of the test's own and real files."""

import os
import tempfile
from datetime import UTC
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from autonama.ingestion.arrivals import ALONE, Arrivals

PATTERNS = ("results_*.csv", "results_*.json")
SETTLE_S = 2.0

NAMES = ("results_1.csv", "results_1.json", "results_2.csv")
steps = st.lists(st.tuples(st.sampled_from([*NAMES, None]), st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0])), max_size=25)


@given(steps=steps)
@settings(max_examples=60)
def test_a_set_is_taken_once_it_was_left_alone(steps: list[tuple[str | None, float]]) -> None:
    """However files grow and time goes by: never before the pause is over, and in the end each content exactly once."""
    arrivals, now = Arrivals(PATTERNS, UTC, SETTLE_S), 100.0
    seen: dict[str, float] = {}  # when a look first met the file as it is now
    pending: set[str] = set()
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        for name, pause in [*steps, (None, 0.0), (None, ALONE * SETTLE_S), (None, 0.0)]:
            if name is not None:
                with (directory / name).open("a") as file:
                    file.write("x" * (len(seen) + 1))
                seen[name] = now
                pending.add(Path(name).stem)
            for taken in arrivals.look(directory, now):
                patience = SETTLE_S * (1 if len(taken.files) > 1 else ALONE)
                assert all(now - seen[path.name] >= patience for path in taken.files)
                assert taken.name in pending
                pending.remove(taken.name)
                arrivals.take(taken)
            now += pause
        assert not pending
        assert not arrivals.waiting


def test_a_set_that_is_open_waits_for_being_closed(tmp_path: Path) -> None:
    """However long nothing is written: what somebody has open to write is not complete, and is named as such."""
    arrivals = Arrivals(PATTERNS, UTC, SETTLE_S)
    with (tmp_path / "results_1.csv").open("w") as file:
        file.write("half")
        file.flush()
        arrivals.look(tmp_path, 0)
        assert arrivals.look(tmp_path, 1_000) == []
        assert arrivals.open == {"results_1"}
    assert [one.name for one in arrivals.look(tmp_path, 1_001)] == ["results_1"]
    assert not arrivals.open


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    """A directory, a pipe and a link that leads nowhere are never opened, and keep nobody busy."""
    (tmp_path / "results_1.csv").mkdir()
    os.mkfifo(tmp_path / "results_2.csv")
    (tmp_path / "results_3.csv").symlink_to(tmp_path / "nowhere")
    arrivals = Arrivals(PATTERNS, UTC, SETTLE_S)
    arrivals.look(tmp_path, 0)
    assert arrivals.look(tmp_path, 1_000) == []
    assert not arrivals.waiting


def test_a_replaced_file_is_another_content(tmp_path: Path) -> None:
    """A set that was taken stays away, until another file is renamed over one of its own."""
    arrivals = Arrivals(PATTERNS, UTC, SETTLE_S)
    path = tmp_path / "results_1.csv"
    path.write_text("old")
    arrivals.look(tmp_path, 0)
    (taken,) = arrivals.look(tmp_path, 10)
    arrivals.take(taken)
    assert arrivals.look(tmp_path, 20) == []
    (tmp_path / "new").write_text("new")
    (tmp_path / "new").rename(path)
    assert arrivals.look(tmp_path, 30) == []
    assert len(arrivals.look(tmp_path, 40)) == 1
