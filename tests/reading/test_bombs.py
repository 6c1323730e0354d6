"""Small files that want all of the memory, or all of the time: each is read by a process of its own, and measured."""

import gzip
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from backports import zstd

from writing import good

MEGABYTE = 1 << 20
LIMIT = 16 * MEGABYTE
"""What `max_file_size_mb` is in these tests. The default is 128 times as much."""

PEAK = 20 * LIMIT
"""What the process may grow by, with the one that decodes Parquet. A sound file of just the limit takes half of it."""

ADDRESSES = 6 << 30
"""The process's address space: polars reserves much more of it than it uses."""

DENSE = 64 * LIMIT
"""How much it may grow over a file of just the limit that is all rows and no content: 20 to 41 times it."""

SECONDS = 60

CHILD = """
import json, os, resource, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from autonama.config import load_settings
from autonama.engines import load_engine
from autonama.ingestion.read import read
from autonama.ingestion.rules import rules_for
from autonama.ingestion.validate import validate

def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

path, limit, engine = Path(sys.argv[1]), int(sys.argv[2]), load_engine("vectorbt")
rules = rules_for(engine, load_settings(engine_results_dir="."), now=datetime.now(UTC))
before, began = peak(), time.process_time()
verdict = validate(read(path, engine, max_bytes=limit), engine, rules, UTC)
codes = sorted(set(verdict.issues["code"]))
messages = verdict.issues["message"].head(1).to_list()
print(json.dumps([codes, messages, verdict.read, peak() - before, time.process_time() - began]))
"""


def limits() -> None:
    """Held by the child from its first instruction on: an allocation too large fails, and so does a hang."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def read_apart(path: Path, limit: int = LIMIT) -> tuple[list[str], list[str], int, int, float]:
    """Codes, the first message, rows, bytes that the process grew by, seconds of the processor."""
    os.utime(path, (time.time() - 60,) * 2)
    command = (sys.executable, "-c", CHILD, str(path), str(limit))
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=False, preexec_fn=limits)
    assert done.returncode == 0, done.stderr[-2_000:]
    codes, messages, rows, grown, seconds = json.loads(done.stdout)
    return codes, messages, rows, grown, seconds


def write(path: Path, content: bytes) -> None:
    """The content as the file's."""
    path.write_bytes(content)


def constant(path: Path, rows: int, **columns: object) -> None:
    """A Parquet file of one row many times over."""
    pl.select(pl.repeat(value, rows).alias(name) for name, value in columns.items()).write_parquet(path)


def long_texts(path: Path) -> None:
    """A dictionary of one text of 64 kB that 5,000 rows refer to: 320 MB once it is written out."""
    pl.select(pl.repeat("x" * 65_536, 5_000).alias("symbol")).write_parquet(path, compression="zstd")


def one_list(path: Path) -> None:
    """One row, whose list has a hundred million zeros: 800 MB, and more as text."""
    pl.select(pl.repeat(0, 100_000_000, dtype=pl.Int64).implode().alias("symbol")).write_parquet(path)


EMPTY_MEMBER = gzip.compress(bytes(64 * MEGABYTE))
EMPTY_FRAME = zstd.compress(bytes(64 * MEGABYTE))

BOMBS: dict[str, Callable[[Path], None]] = {
    "r.csv.gz": lambda path: write(path, EMPTY_MEMBER * 160),
    "r.ndjson.zst": lambda path: write(path, EMPTY_FRAME * 160),
    "one line.csv": lambda path: write(path, b"symbol,interval\n" + b"x" * (200 * MEGABYTE)),
    "flat.parquet": lambda path: constant(path, 2_000_000, **good()),
    "texts.parquet": long_texts,
    "list.parquet": one_list,
    "one line.ndjson.zst": lambda path: write(path, zstd.compress(b'{"a":"' + b"x" * (200 * MEGABYTE))),
}


SLOW = ("list.parquet", "one line.ndjson.zst")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.full if name in SLOW else ()) for name in BOMBS])
def test_a_bomb_is_refused_within_its_bounds(tmp_path: Path, name: str) -> None:
    """What becomes more than max_file_size_mb is refused by name, in little memory and little time."""
    path = tmp_path / name
    BOMBS[name](path)
    codes, messages, rows, grown, seconds = read_apart(path)
    assert (codes, rows) == (["file_format"], 0)
    assert "max_file_size_mb" in messages[0]
    assert grown < PEAK
    assert seconds < 5


ALL_ROWS = {
    "one comma a row.csv": b"symbol,interval\n" + b",\n" * (LIMIT // 2 - 8),
    "one field a row.csv": b"symbol,interval\n" + b"x\n" * (LIMIT // 2 - 8),
    "blank lines.csv": b"symbol\n" + b"\n" * (LIMIT - 8),
    "commas only.csv": (b"," * (MEGABYTE - 1) + b"\n") * 16,
    "a wide header.csv": b"," * (MEGABYTE - 1) + b"\n" + b"x\n" * (7 * MEGABYTE),
    "a header of a thousand.csv": b"," * 999 + b"\n" + b"x\n" * (LIMIT // 2 - 1000),
    "empty objects.ndjson": b"{}\n" * (LIMIT // 3),
    "brackets.ndjson": b"[\n" * (LIMIT // 2),
    "objects in objects.json": b'{"a":' * (LIMIT // 5),
    "numbers in a text's place.json": b"[" + b",".join([b'{"symbol":[' + b"1," * 400_000 + b"1]}"] * 4) + b"]",
}


OFTEN = ("one field a row.csv", "empty objects.ndjson")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in OFTEN else pytest.mark.full) for name in ALL_ROWS]
)
def test_rows_without_content_stay_within_bounds(tmp_path: Path, name: str) -> None:
    """A file of just max_file_size_mb that makes as many rows, fields or values as it can takes a bounded multiple."""
    path = tmp_path / name
    write(path, ALL_ROWS[name])
    codes, _, _, grown, _ = read_apart(path)
    assert set(codes) <= {"file_format", "columns_present", "has_rows", "invalid_symbol"}
    assert grown < DENSE
