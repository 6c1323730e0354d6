"""One huge Parquet file whose slices an executor's workers judge, perhaps on other machines.

They read the file by its path and send back what they found, and the good rows. All of it is published here, in one
transaction: a slice by itself would be half a file, which nobody may see.
"""

from collections.abc import Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from autonama.engines import load_engine
from autonama.ingestion.ahead import in_order
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.errand import Errand, require_same_rules
from autonama.ingestion.formats.content import opened
from autonama.ingestion.formats.parquet import ParquetReader, count_rows
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, Unreadable, too_many_bad_rows
from autonama.ingestion.judge import max_bytes
from autonama.ingestion.names import ResultName
from autonama.ingestion.read import Fingerprint, another, fingerprint
from autonama.ingestion.rules import rules_for
from autonama.ingestion.shares import Share, new_validation, share_of

HUGE = 64 << 20
"""Bytes of a Parquet file from which on its slices are handed out: a million rows of results, three of a sweep."""

ROWS = 500_000
"""Rows of a slice: some seconds of work, of which starting a decoder for it takes 0.3, and 54 MB on their way back."""


def is_huge(result_set: ResultSet) -> bool:
    """Whether a set is one Parquet file that pays to be judged by many."""
    name = ResultName.of(result_set.files[0].name)
    if len(result_set.files) > 1 or name.format != "parquet" or name.compression is not None:
        return False
    try:
        return result_set.files[0].stat().st_size >= HUGE
    except OSError:
        return False


@dataclass(frozen=True)
class Slices:
    """Judges the slices of a file by an executor's workers.

    executor: its `width`, where it has one, says how many pieces of work it takes at once.
    errand: what they judge by.
    """

    executor: Executor
    errand: Errand

    def shares(self, path: Path, seen: Fingerprint) -> Generator[Share]:
        """The shares of all blocks, in the file's order. Few slices are under way at a time, which bounds the memory.

        Unreadable where the file is. FileChanging where a worker lacks it, or finds another content than was seen here.
        """
        with opened(path) as file:
            rows = count_rows(file, max_bytes(self.errand.job.settings))
        if not rows:
            raise Unreadable("has_rows", "The file holds no rows")
        parts = (range(first, min(first + ROWS, rows)) for first in range(0, rows, ROWS))
        at_once, bad = getattr(self.executor, "width", 2) + 1, 0
        work = partial(judge_slice, self.errand, path, seen)
        for shares in in_order(lambda part: self.executor.submit(work, part), parts, at_once):
            for share in map(Share.unpacked, shares):
                bad += share.part.found.height
                if bad > BAD_ROWS_LIMIT:
                    raise too_many_bad_rows()
                yield share


def judge_slice(errand: Errand, path: Path, seen: Fingerprint, part: range) -> list[bytes]:
    """Judge some rows of a file, wherever this runs. Gives the packed shares of its blocks.

    ConfigError where this machine judges by other rules. FileChanging where it cannot read the file, or finds another
    content in it than was seen where the run began.
    """
    job = errand.job
    engine = load_engine(job.engine)
    rules = rules_for(engine, job.settings, now=errand.now, allow_stale=job.allow_stale, extra=job.rules)
    require_same_rules(errand, rules.version)
    most = max_bytes(job.settings)
    identity = _require_content(path, seen, most)
    validation = new_validation(engine, rules, job.settings, "parquet")
    with opened(path) as file:
        blocks = ParquetReader(engine).blocks(file, most, raw=False, part=part)
        shares = [share_of(validation, engine, rows).packed() for rows in blocks]
    if _identity(path) != identity:
        raise another(path)
    return shares


def _require_content(path: Path, seen: Fingerprint, most: int) -> tuple[int, ...]:
    """What tells the file from another one in its place, once its content is known to be the one that was seen."""
    identity = _identity(path)
    if _sha256(path, identity, most) != seen.sha256:
        raise another(path)
    return identity


@lru_cache(maxsize=4)
def _sha256(path: Path, identity: tuple[int, ...], most: int) -> str:
    """Asked once in a worker's life for each file as it is: reading 1 GB takes a second."""
    found = fingerprint(path, max_bytes=most)
    return "" if found is None or _identity(path) != identity else found.sha256


def _identity(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        raise another(path) from None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
