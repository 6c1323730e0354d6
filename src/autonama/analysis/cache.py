"""Candles kept between runs, in one SQLite file that several processes may use at once.

A symbol's candles are fresh for 24 hours after the exchange was last asked, unless another has closed since. A gap is
recorded, and never filled with anything but the exchange's own candles.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autonama.analysis.candles import DAY, INTERVALS, Candles, MarketDataError

FRESH = DAY
"""Milliseconds."""

WAIT = 60.0
"""Seconds that a process waits for another's write; one takes milliseconds."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS candles (
    symbol TEXT NOT NULL, interval TEXT NOT NULL, open_time INTEGER NOT NULL,
    open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, volume REAL NOT NULL,
    PRIMARY KEY (symbol, interval, open_time)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS histories (
    symbol TEXT NOT NULL, interval TEXT NOT NULL, fetched_at INTEGER NOT NULL, asked_from INTEGER NOT NULL,
    PRIMARY KEY (symbol, interval)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps (
    symbol TEXT NOT NULL, interval TEXT NOT NULL, first_missing INTEGER NOT NULL, last_missing INTEGER NOT NULL,
    PRIMARY KEY (symbol, interval, first_missing)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class History:
    """What the cache holds of a symbol.

    fetched_at: when the exchange was last asked; asked_from: since when the candles were asked for. Both in ms.
    """

    candles: Candles
    fetched_at: int
    asked_from: int

    def fresh(self, now: int) -> bool:
        """Whether the exchange was asked within 24 hours, and no candle has closed that is not here."""
        step = INTERVALS[self.candles.interval]
        return self.recent(now) and len(self.candles) > 0 and now < int(self.candles.open_time[-1]) + 2 * step

    def recent(self, now: int) -> bool:
        """Whether the exchange was asked within 24 hours."""
        return 0 <= now - self.fetched_at < FRESH


class Cache:
    """The SQLite file. MarketDataError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MarketDataError(f"The cache of candles {path} cannot be made: {error}") from error
        with self._connected() as conn:
            conn.executescript(SCHEMA)

    def history(self, symbol: str, interval: str) -> History | None:
        """What is kept of a symbol, read at one moment; None where nothing is."""
        with self._connected() as conn:
            conn.execute("BEGIN")
            row = conn.execute(
                "SELECT fetched_at, asked_from FROM histories WHERE symbol = ? AND interval = ?", (symbol, interval)
            ).fetchone()
            if row is None:
                return None
            rows = conn.execute(
                "SELECT open_time, open, high, low, close, volume FROM candles"
                " WHERE symbol = ? AND interval = ? ORDER BY open_time",
                (symbol, interval),
            ).fetchall()
        return History(candles_of(symbol, interval, rows), *row)

    def store(self, candles: Candles, *, fetched_at: int, asked_from: int) -> None:
        """Put a whole history in the place of what was kept of the symbol, with its gaps, in one transaction."""
        key = (candles.symbol, candles.interval)
        rows = zip(*(column.tolist() for column in (candles.open_time, *candles.values)), strict=True)
        with self._connected() as conn:
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("DELETE FROM candles WHERE symbol = ? AND interval = ?", key)
            conn.execute("DELETE FROM gaps WHERE symbol = ? AND interval = ?", key)
            conn.executemany("INSERT INTO candles VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ((*key, *row) for row in rows))
            conn.executemany("INSERT INTO gaps VALUES (?, ?, ?, ?)", ((*key, *gap) for gap in candles.gaps))
            conn.execute("INSERT OR REPLACE INTO histories VALUES (?, ?, ?, ?)", (*key, fetched_at, asked_from))
            conn.execute("COMMIT")

    def gaps(self, symbol: str, interval: str) -> list[tuple[int, int]]:
        """(first, last) missing open_time of each recorded gap, in ms, oldest first."""
        with self._connected() as conn:
            return conn.execute(
                "SELECT first_missing, last_missing FROM gaps WHERE symbol = ? AND interval = ? ORDER BY 1",
                (symbol, interval),
            ).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for each step: nothing is shared between threads, and a break rolls back."""
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT, isolation_level=None)) as conn:
                _write_ahead(conn)
                yield conn
        except sqlite3.Error as error:
            raise MarketDataError(
                f"The cache of candles {self._path} cannot be used: {error}. It may be deleted at any time."
            ) from error


def _write_ahead(conn: sqlite3.Connection) -> None:
    """Let readers and a writer work at once.

    Of two that open a new file together SQLite tells one at once that it is locked, however long that one would wait,
    as each would wait for the other: it tries again.
    """
    end = time.monotonic() + WAIT
    while True:
        try:
            conn.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def candles_of(symbol: str, interval: str, rows: list[tuple[float, ...]]) -> Candles:
    """Candles from rows of open_time, open, high, low, close, volume."""
    times = np.array([row[0] for row in rows], dtype=np.int64)
    prices = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 5).T
    return Candles(symbol, interval, times, *np.ascontiguousarray(prices))
