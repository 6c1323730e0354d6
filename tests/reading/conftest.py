"""Files written for one test and read at once."""

import os
import time

import pytest
from source_files import PAIR, Reading

from autonama.engines.contract import Engine
from autonama.ingestion.read import SourceFile, read


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """Writes content to a file of that name and reads it. One directory a module, so that laws can write often."""
    directory = tmp_path_factory.mktemp("files")

    def write_and_read(
        content: str | bytes, name: str = "r.csv", engine: Engine = PAIR, limit: int = 1 << 28
    ) -> SourceFile:
        path = directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        # Written long enough ago that an end without a line's end is no sign of a writer still at work.
        os.utime(path, (time.time() - 60,) * 2)
        return read(path, engine, max_bytes=limit)

    return write_and_read
