"""The server that everything is measured against: an embedded one of its own, with the durability it has by default."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from benchmarks.measure import Cost, Watched, run

from autonama.database import embedded, migrate

ROOT = Path(__file__).parent.parent
TABLES = {"analysis": "trading.vectorbt_analysis", "alerts": "trading.alerts", "own": "own.results"}
"""The tables that peers fill; `own` is of a peer that makes its table itself."""

EMPTY = """
    TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.runs, ingestion.files RESTART IDENTITY CASCADE;
    DROP SCHEMA IF EXISTS own CASCADE;
    DROP SCHEMA IF EXISTS own_staging CASCADE;"""


@dataclass(frozen=True)
class Server:
    """A running server.

    directory: for everything that belongs to this measurement. sockets: where it listens. watched: its processes.
    conn: the harness's own connection, idle while something is measured.
    """

    directory: Path
    url: str
    sockets: str
    port: int
    watched: Watched
    conn: psycopg.Connection

    @property
    def environment(self) -> Mapping[str, str]:
        """Of every measured program: a home of its own, the bench's engine installed, nothing sent anywhere."""
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.directory),
            "PYTHONPATH": os.pathsep.join((str(ROOT / "benchmarks" / "one_table"), os.environ.get("PYTHONPATH", ""))),
            "PGHOST": self.sockets,
            "PGPORT": str(self.port),
            "PGUSER": embedded.USER,
            "PGDATABASE": embedded.DATABASE,
            "PGTZ": "UTC",
            "AUTONAMA_DATABASE_URL": self.url,
            "AUTONAMA_MAX_FILE_SIZE_MB": "16384",  # 10 million rows of NDJSON are 3.3 GB, beyond what is the default
            "DLT_DATA_DIR": str(self.directory / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }

    def run(self, command: Sequence[str]) -> Cost:
        """What this program costs. measure.Failed where it ends with an error."""
        return run(command, env=self.environment, cwd=self.directory, watched=self.watched)

    def empty(self) -> None:
        """Take every row away, and write what is dirty to disk, so that no run pays for the one before it."""
        self.conn.execute(EMPTY)
        self.conn.execute("CHECKPOINT")

    def contents(self, table: str) -> tuple[int, float]:
        """Rows of a table, and the sum of its three prices."""
        query = (
            f"SELECT count(*), coalesce(sum(current_price + lower_band + upper_band), 0)::float8 FROM {TABLES[table]}"  # noqa: S608
        )
        row = self.conn.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0]), float(row[1])

    def settings(self) -> dict[str, str]:
        """The settings that a figure depends on."""
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers",
                 "max_wal_size", "checkpoint_timeout", "maintenance_work_mem", "work_mem")  # fmt: skip
        query = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS names (name)"
        return dict(self.conn.execute(query, [list(names)]).fetchall())


@contextmanager
def running(parent: Path | None = None) -> Iterator[Server]:
    """A server in a directory that is gone afterwards. parent: of that directory, for want of room elsewhere."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then, too
    directory = Path(tempfile.mkdtemp(prefix="autonama-bench-", dir=parent))
    try:
        url = embedded.ensure_running(directory / "data")
        try:
            with psycopg.connect(url, autocommit=True) as conn:
                migrate.upgrade(conn, url)
                pid = int((directory / "data" / "pgdata" / "postmaster.pid").read_text().split()[0])
                watched = Watched(pid, conn.info.backend_pid)
                yield Server(directory, url, conn.info.host, conn.info.port, watched, conn)
        finally:
            embedded.stop(directory / "data")
    finally:
        signal.signal(signal.SIGTERM, before)
        shutil.rmtree(directory)


def psql() -> str:
    """The wheel's own psql, so that client and server are of one version."""
    return str(embedded.server_programs() / "psql")


def machine() -> dict[str, str]:
    """What a figure was measured on."""
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    return {
        "processor": f"{os.cpu_count()} × {processor}",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Of the packages and programs that took part, as far as they are here."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    found = {}
    for name in ("autonama", "polars", "psycopg", "dlt", "pandas", "SQLAlchemy", "psycopg2-binary", "pyarrow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if shutil.which("pgloader"):
        said = subprocess.run(["pgloader", "--version"], capture_output=True, text=True, check=True).stdout
        found["pgloader"] = said.split('"')[1]
    return found
