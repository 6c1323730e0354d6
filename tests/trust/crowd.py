"""Eight processes that work on one database at once, and what they have to leave behind."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

import psycopg
from breaking import arrive

from autonama.database import migrate, retention
from autonama.ingestion.outcome import SetStatus
from writing import Row, good, write_csv

PROCESSES = 8
Told = tuple[str | None, list[tuple[SetStatus, int, int, int]]]
"""A run's error, and of each set: status, rows read, inserted, updated."""

Key = tuple[str, datetime]


def ingest_at(moment: float, url: str, paths: Sequence[Path]) -> Told:
    """In a process of the crowd: ingest all sets at these paths, beginning at the moment."""
    time.sleep(max(0.0, moment - time.time()))
    run = arrive(url, *paths)
    counts = [(told.status, told.counts.read, told.counts.inserted, told.counts.updated) for told in run.sets]
    return run.error, counts


def upgrade_at(moment: float, url: str) -> list[str]:
    """In a process of the crowd: `db upgrade`."""
    time.sleep(max(0.0, moment - time.time()))
    with psycopg.connect(url, autocommit=True) as conn:
        return migrate.upgrade(conn, url)


def clean_until(moment: float, url: str) -> int:
    """In a process of the crowd: clean up again and again until the moment; how many alerts and analyses went."""
    removed = 0
    with psycopg.connect(url, autocommit=True) as conn:
        while time.time() < moment:
            removed += sum(retention.cleanup(conn, 30, batch=7).values())
    return removed


@contextmanager
def crowd() -> Iterator[ProcessPoolExecutor]:
    """Eight processes, warmed up; what they import is imported once, before they are forked."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["autonama.ingestion.pipeline", "autonama.database.migrate", "hypothesis"])
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        list(pool.map(time.sleep, [0.05] * PROCESSES))
        yield pool


def together(pool: ProcessPoolExecutor, url: str, paths: Sequence[Sequence[Path]]) -> list[Told]:
    """One run per list of paths, all beginning at the same moment."""
    moment = time.time() + 0.05
    running: list[Future[Told]] = [pool.submit(ingest_at, moment, url, own) for own in paths]
    return [run.result(timeout=120) for run in running]


@dataclass(frozen=True)
class Plan:
    """Result files over shared keys, and what has to be stored once all of them are in, in whatever order.

    analyses: key -> price of the last set by name that has it.
    alerts: symbol -> time and price of the newest of them.
    """

    files: tuple[Path, ...]
    analyses: dict[Key, Decimal]
    alerts: dict[str, tuple[datetime, Decimal]]


def plan(directory: Path, seed: int, *, files: int, shared: int, own: int) -> Plan:
    """Files of `shared` symbols that all have, at times of one day, and `own` that nobody else has."""
    dice = random.Random(seed)  # noqa: S311 - shuffling, not secrets
    midnight = datetime(2026, 1, 15, tzinfo=UTC)
    analyses: dict[Key, Decimal] = {}
    paths = []
    for number in range(files):
        symbols = [f"S{n}USDT" for n in range(shared)] + [f"F{number}N{n}USDT" for n in range(own)]
        dice.shuffle(symbols)
        rows: list[Row] = []
        for symbol in symbols:
            time, price = midnight + timedelta(hours=dice.randrange(6)), Decimal(dice.randrange(101, 109))
            rows.append(good(symbol=symbol, analysis_date=time.isoformat(), current_price=str(price)))
            analyses[symbol, time] = price
        paths.append(write_csv(directory, rows, f"vectorbt_analysis_results_{number}.csv"))
    alerts: dict[str, tuple[datetime, Decimal]] = {}
    for (symbol, time), price in analyses.items():
        alerts[symbol] = max(alerts.get(symbol, (time, price)), (time, price), key=lambda pair: pair[0])
    return Plan(tuple(paths), analyses, alerts)


def assert_stored(url: str, expected: Plan) -> None:
    """Every row once, the last set's values, the newest alerts; every content once in the ledger, its rows counted."""
    with psycopg.connect(url, options="-c TimeZone=UTC") as conn:
        rows = conn.execute("SELECT symbol, analysis_date, current_price FROM trading.vectorbt_analysis").fetchall()
        assert len(rows) == len(expected.analyses)
        assert {(symbol, time): price for symbol, time, price in rows} == expected.analyses
        rows = conn.execute("SELECT symbol, analysis_date, current_price FROM trading.alerts").fetchall()
        assert len(rows) == len(expected.alerts)
        assert {symbol: (time, price) for symbol, time, price in rows} == expected.alerts
        ledger = conn.execute("SELECT name, status, rows_read FROM ingestion.files ORDER BY name").fetchall()
        assert ledger == [(path.name, "published", ledger[0][2]) for path in expected.files]
        query = """SELECT (SELECT sum(rows_inserted) FROM ingestion.files),
                          (SELECT count(*) FROM ingestion.runs WHERE status = 'running')"""
        assert conn.execute(query).fetchone() == (len(expected.analyses), 0)
