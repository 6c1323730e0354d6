"""A command that is forked from a process with everything imported is the command that a user starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import warm
from writing import good, write_csv


@pytest.mark.parametrize("words", [("--help",), ("validate", "r.csv"), ("validate", "--json", "none"), ("nonsense",)])
def test_it_says_the_same_and_ends_the_same(words: tuple[str, ...], tmp_path: Path) -> None:
    """Its output, its errors and its exit code are those of `python -m autonama`."""
    write_csv(tmp_path, [good(symbol="BTC")], "r.csv")
    forked = warm.run(*words, cwd=tmp_path)
    started = subprocess.run(
        (sys.executable, "-m", "autonama", *words), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (forked.returncode, timeless(forked.stdout)) == (started.returncode, timeless(started.stdout))
    assert forked.stderr == started.stderr


def timeless(said: str) -> str:
    """What was said, without how long it took."""
    return re.sub(r'[0-9.]+ s\b|"elapsed_s": [0-9.e-]+', "", said)


def test_nothing_of_one_is_left_to_the_next(tmp_path: Path) -> None:
    """Environment and directory are each command's own."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_csv(tmp_path / name, [good()], f"{name}.csv")
    told = warm.run("validate", "one.csv", cwd=tmp_path / "one", env={**os.environ, "AUTONAMA_NONSENSE": "1"})
    assert (told.returncode, "AUTONAMA_NONSENSE" in told.stderr) == (2, True)
    told = warm.run("validate", "two.csv", cwd=tmp_path / "two")
    assert (told.returncode, "AUTONAMA_NONSENSE" in told.stderr) == (0, False)


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """The bound of time holds, and the next command is served."""
    endless = {**os.environ, "AUTONAMA_DATABASE_URL": "host=/nowhere"}
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run("watch", tmp_path, cwd=tmp_path, env=endless, timeout=1)
    assert warm.run("--version").returncode == 0
