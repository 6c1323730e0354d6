"""Running the `autonama` command as a user does."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import warm

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def autonama(tmp_path: Path, database_url: str) -> Run:
    """`autonama("ingest", path, ..., AUTONAMA_X=...)`: the finished process, run in tmp_path on the test's database."""

    def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return warm.run(*words, cwd=tmp_path, env={**os.environ, "AUTONAMA_DATABASE_URL": database_url, **environment})

    return run
