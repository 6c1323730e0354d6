"""A directory laid out as the documentation says, and a process environment with VectorBT PRO pretended."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from writing import many, write_csv, write_json

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Layout:
    """`autonama.ingestion` beside `autonama.engine`, as documented; `run` gives the finished process."""

    home: Path
    results: Path
    run: Callable[..., subprocess.CompletedProcess[str]]


def pretend_vectorbt_pro(directory: Path) -> Path:
    """An empty package of that name with metadata: what a licensed environment looks like from outside."""
    package = directory / "vectorbtpro"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    info = directory / "vectorbtpro-2026.1.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vectorbtpro\nVersion: 2026.1.1\n")
    return directory


@pytest.fixture
def layout(tmp_path: Path, database_url: str) -> Layout:
    """The documented directories with one result set of three rows, on the test's own database."""
    home, results = tmp_path / "autonama.ingestion", tmp_path / "autonama.engine" / "results"
    home.mkdir()
    results.mkdir(parents=True)
    for name in ("run_ingestion.py", "vectorbt_ingestion.py", "config.json"):
        shutil.copy(ROOT / name, home)
    custom = {**json.loads((home / "config.json").read_text()), "cleanup_days": 90}
    (home / "custom_config.json").write_text(json.dumps(custom))
    write_csv(results, many(3))
    write_json(results, many(3))
    licensed = pretend_vectorbt_pro(tmp_path / "licensed")

    def run(command: str, *, vectorbt_pro: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable if word == "python" else word for word in command.split()]
        env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url, **environment}
        env["PYTHONPATH"] = str(licensed) if vectorbt_pro else ""
        return subprocess.run(words, cwd=home, env=env, capture_output=True, text=True, timeout=60, check=False)

    return Layout(home, results, run)
