"""Running the `autonama` command as a user does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def autonama(tmp_path: Path, database_url: str) -> Run:
    """`autonama("ingest", path, ..., AUTONAMA_X=...)`: the finished process, run in tmp_path on the test's database."""

    def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "autonama", *(str(word) for word in words))
        env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url, **environment}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)

    return run
