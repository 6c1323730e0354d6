"""How a process of ours ends: at once, and with nothing left undone."""

import subprocess
import sys

import pytest

INSIDE = """
import atexit, logging, sys, tempfile, weakref
from autonama.cli.process import whole_process
with whole_process():
    {inside}
"""


def ended(inside: str) -> subprocess.CompletedProcess[str]:
    """A process that runs this inside, after its end."""
    program = INSIDE.format(inside=inside)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_what_was_printed_and_what_was_registered_come_through() -> None:
    """Ten megabytes in a pipe arrive whole, and a function that waits for the end is called."""
    done = ended("atexit.register(print, 'the end'); print('x' * 10_000_000)")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "x" * 10_000_000 + "\nthe end\n"


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("raise SystemExit(3)", 3),
        ("raise SystemExit", 0),
        ("raise SystemExit('words')", 1),
        ("sys.exit(None)", 0),
        ("raise KeyboardInterrupt", 130),
    ],
)
def test_the_exit_code_is_that_of_the_exception(inside: str, code: int) -> None:
    """SystemExit's own code is the process's, whatever is registered for its end."""
    assert ended(inside).returncode == code


def test_a_fault_still_shows_its_traceback() -> None:
    """What nobody catches is told on stderr, and the code says that it failed."""
    done = ended("1 / 0")

    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_temporary_files_are_gone() -> None:
    """What cleans up after an object that lives to the end is called."""
    done = ended("made = tempfile.TemporaryDirectory(); print(made.name)")
    there = subprocess.run(["test", "-e", done.stdout.strip()], check=False)

    assert done.stdout.strip()
    assert there.returncode == 1
