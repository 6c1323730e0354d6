"""Many processes at once leave what one after the other would have left."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from crowd import PROCESSES, Told, assert_stored, clean_until, crowd, ingest_at, plan, together, upgrade_at

from autonama.database import migrations
from writing import many, write_csv

ROUNDS = [pytest.param(2, id="few"), pytest.param(50, id="many", marks=pytest.mark.full)]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Eight processes."""
    with crowd() as processes:
        yield processes


def fresh(url: str, place: Path, number: int) -> Path:
    """Forget everything; an empty directory for the round of that number."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.runs CASCADE")
    directory = place / str(number)
    directory.mkdir()
    return directory


def deadlocks(url: str) -> int:
    """How many the server has seen in this database."""
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def in_total(told: list[Told]) -> int:
    """Rows that the runs say they inserted; none of them met an error."""
    assert [error for error, _ in told if error] == []
    return sum(inserted for _, sets in told for _, _, inserted, _ in sets)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eight_over_the_same_directory(
    rounds: int, pool: ProcessPoolExecutor, database_url: str, tmp_path: Path
) -> None:
    """Each set is published by one and found published by the others; what they tell adds up to what is there."""
    for seed in range(rounds):
        directory = fresh(database_url, tmp_path, seed)
        expected = plan(directory, seed, files=4, shared=8, own=4)
        told = together(pool, database_url, [[directory]] * PROCESSES)
        assert in_total(told) == len(expected.analyses)
        statuses = [status for _, sets in told for status, *_ in sets]
        assert statuses.count("published") == 4
        assert set(statuses) == {"published", "already_published"}
        assert_stored(database_url, expected)
    assert deadlocks(database_url) == 0


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eight_over_sets_with_shared_keys(
    rounds: int, pool: ProcessPoolExecutor, database_url: str, tmp_path: Path
) -> None:
    """Each has a set of its own, whose keys clash with the others' and come in another order: no update is lost."""
    for seed in range(rounds):
        directory = fresh(database_url, tmp_path, seed)
        expected = plan(directory, seed, files=PROCESSES, shared=30, own=5)
        told = together(pool, database_url, [[path] for path in expected.files])
        assert in_total(told) == len(expected.analyses)
        assert_stored(database_url, expected)
    assert deadlocks(database_url) == 0


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eight_over_overlapping_and_disjoint_sets(
    rounds: int, pool: ProcessPoolExecutor, database_url: str, tmp_path: Path
) -> None:
    """Each has three of eight sets, the next one two of these again; half of the rounds have no key in common."""
    for seed in range(rounds):
        directory = fresh(database_url, tmp_path, seed)
        expected = plan(directory, seed, files=PROCESSES, shared=0 if seed % 2 else 20, own=20)
        shares = [[expected.files[(n + step) % PROCESSES] for step in range(3)] for n in range(PROCESSES)]
        assert in_total(together(pool, database_url, shares)) == len(expected.analyses)
        assert_stored(database_url, expected)
    assert deadlocks(database_url) == 0


TRADING = (Path(migrations.__file__).parent / "versions" / "0001_trading.sql").read_text()
OLD_ALERTS = TRADING[TRADING.index("CREATE TABLE") : TRADING.index(";", TRADING.index("CREATE TABLE"))]
OLD_ROWS = """
    INSERT INTO trading.alerts (symbol, interval, signal, current_price, analysis_date, created_at)
    SELECT 'OLD' || n || 'USDT', '1d', 'HOLD', 1, now(), now() - n * interval '1 day' FROM generate_series(1, 60) n"""


class Reader(threading.Thread):
    """Looks at the database as a dashboard does, again and again, and notes whatever a reader must never see."""

    WHOLE = """
        SELECT f.name, f.rows_inserted, count(a.id) FROM ingestion.files f
        LEFT JOIN trading.vectorbt_analysis a ON a.file_id = f.id
        GROUP BY f.id HAVING f.status <> 'published' OR f.rows_inserted <> count(a.id)"""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.over, self.looks, self.wrong = url, threading.Event(), 0, list[Any]()

    def run(self) -> None:
        """Look until it is over."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            while not self.over.is_set():
                if conn.execute("SELECT to_regclass('ingestion.alembic_version')").fetchone() != (None,):
                    self.wrong += conn.execute(self.WHOLE).fetchall()
                    self.wrong += conn.execute(
                        "SELECT symbol FROM trading.latest_alerts WHERE current_price IS NULL"
                    ).fetchall()
                    self.looks += 1


@pytest.mark.parametrize("rounds", [pytest.param(1, id="few"), pytest.param(15, id="many", marks=pytest.mark.full)])
def test_two_runs_amid_migration_cleanup_and_reader(
    rounds: int, pool: ProcessPoolExecutor, server: Any, tmp_path: Path
) -> None:
    """Two runs, upgrades of an older layout, a cleanup and a reader at once; old rows go, all others stay."""
    for seed in range(rounds):
        name = f"amid_{rounds}_{seed}"
        server.execute(f"CREATE DATABASE {name}")
        url = server.url(name)
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("CREATE SCHEMA trading")
            conn.execute(OLD_ALERTS.encode())
            conn.execute(OLD_ROWS.encode())
        directories = [tmp_path / f"{seed}-{n}" for n in range(2)]
        for number, directory in enumerate(directories):
            directory.mkdir()
            for part in range(4):
                rows = many(50, analysis_date=f"2026-01-{10 + part}T0{number}:00:00")
                write_csv(directory, rows, f"vectorbt_analysis_results_{number}{part}.csv")
        reader = Reader(url)
        reader.start()
        try:
            moment = time.time() + 0.05
            runs = [pool.submit(ingest_at, moment, url, [directory]) for directory in directories]
            upgraded = [pool.submit(upgrade_at, moment, url) for _ in range(2)]
            said = [sentence for one in upgraded for sentence in one.result(60)]
            cleaned = pool.submit(clean_until, time.time() + 1, url).result(60)
            told = [run.result(60) for run in runs]
        finally:
            reader.over.set()
            reader.join()
        assert in_total(told) == 400
        assert reader.wrong == []
        assert reader.looks > 0
        with psycopg.connect(url) as conn:
            query = "SELECT count(*) FILTER (WHERE file_id IS NULL), count(file_id) FROM trading.alerts"
            assert conn.execute(query).fetchone() == (29, 200), (cleaned, said)
            assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (400,)
            assert conn.execute("SELECT count(*) FROM ingestion.alembic_version").fetchone() == (1,)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
