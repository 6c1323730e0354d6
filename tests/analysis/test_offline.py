"""Candles from files: each way a time is written, and each thing a file can lack."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from making import FIRST_MS, after, candles, frame

from autonama.analysis.candles import BadCandles, MarketDataError
from autonama.analysis.offline import Offline

QUOTES = ("USDT",)
TIMES = {
    "milliseconds": pl.col("open_time"),
    "times": pl.col("open_time").cast(pl.Datetime("ms")),
    "microseconds, UTC": pl.col("open_time")
    .cast(pl.Datetime("ms"))
    .cast(pl.Datetime("us"))
    .dt.replace_time_zone("UTC"),
    "days": pl.col("open_time").cast(pl.Datetime("ms")).cast(pl.Date),
    "ISO text": pl.col("open_time").cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S"),
    "ISO text of another zone": pl.col("open_time")
    .cast(pl.Datetime("ms"))
    .dt.offset_by("2h")
    .dt.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
    "text of a day": pl.col("open_time").cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d"),
}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("kind", TIMES)
def test_times_as_people_write_them(tmp_path: Path, kind: str, suffix: str) -> None:
    """Numbers, times and ISO text with and without an offset are the same moments, from CSV and from Parquet."""
    table = frame(candles(bars=30)).with_columns(TIMES[kind].alias("open_time"))
    path = tmp_path / f"candles.{suffix}"
    table.write_csv(path) if suffix == "csv" else table.write_parquet(path)
    found = Offline(path, "1d", QUOTES).candles("BTCUSDT", 30, after(30))
    np.testing.assert_array_equal(found.open_time, candles(bars=30).open_time)
    np.testing.assert_array_equal(found.close, candles(bars=30).close)


def test_a_directory_is_all_its_files(tmp_path: Path) -> None:
    """CSV and Parquet files of a directory are read together, in whatever order they hold their rows."""
    frame(candles(bars=30)).reverse().write_csv(tmp_path / "one.csv")
    frame(candles("ETHUSDT", 30, seed=2)).write_parquet(tmp_path / "two.parquet")
    (tmp_path / "notes.txt").write_text("not candles")
    found = Offline(tmp_path, "1d", QUOTES)
    np.testing.assert_array_equal(found.candles("BTCUSDT", 30, after(30)).close, candles(bars=30).close)
    assert len(found.candles("ETHUSDT", 30, after(30))) == 30


def test_the_top_is_by_value_traded_last(tmp_path: Path) -> None:
    """Close × volume of the newest candle decides; outdated symbols, stablecoins and other quotes do not count."""
    every = (
        candles("LOWUSDT", 30, seed=1, start=1),
        candles("HIGHUSDT", 30, seed=1, start=9),
        candles("GONEUSDT", 29, seed=1, start=99),
        candles("USDCUSDT", 30, seed=1, start=99),
        candles("ETHBTC", 30, seed=1, start=99),
    )
    frame(*every).write_parquet(tmp_path / "candles.parquet")
    assert Offline(tmp_path, "1d", QUOTES).top(9) == ["HIGHUSDT", "LOWUSDT"]
    assert Offline(tmp_path, "1d", QUOTES).top(1) == ["HIGHUSDT"]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("close", None, "has a price that is no number above 0"),
        ("open", 0.0, "has a price that is no number above 0"),
        ("low", float("nan"), "has a price that is no number above 0"),
        ("high", float("inf"), "has a price that is no number above 0"),
        ("high", 1e-3, "has a high below another"),
        ("low", pl.col("high"), "has a low above another"),
        ("volume", -1.0, "has a volume that is no number"),
        ("open_time", FIRST_MS, "is there twice"),
        ("open_time", FIRST_MS + 3_600_000, "does not stand at a multiple of 1d"),
    ],
)
def test_unsound_candles_are_refused(tmp_path: Path, column: str, value: float | pl.Expr | None, told: str) -> None:
    """Each broken invariant is told with the time of its candle."""
    table = frame(candles(bars=30)).with_row_index()
    table = table.with_columns(pl.when(pl.col("index") == 1).then(value).otherwise(pl.col(column)).alias(column))
    table.drop("index").write_parquet(tmp_path / "candles.parquet")
    found = Offline(tmp_path, "1d", QUOTES)
    with pytest.raises(BadCandles, match=rf"candle of 2024-01-0[12] 0\d:00 UTC {told}"):
        found.candles("BTCUSDT", 30, after(30))


def test_candles_of_another_interval_are_refused(tmp_path: Path) -> None:
    """Daily candles are no weekly ones: their distance says so."""
    frame(candles(bars=30)).write_parquet(tmp_path / "candles.parquet")
    with pytest.raises(BadCandles, match="multiple of 1w"):
        Offline(tmp_path, "1w", QUOTES).candles("BTCUSDT", 30, after(30))


def test_what_is_no_file_of_candles_is_told(tmp_path: Path) -> None:
    """A missing path, an empty directory, a missing column, text for a number and a broken file are named."""
    with pytest.raises(MarketDataError, match="no file or directory"):
        Offline(tmp_path / "none", "1d", QUOTES)
    with pytest.raises(MarketDataError, match=r"holds no \.csv"):
        Offline(tmp_path, "1d", QUOTES)
    cases = {
        "lacks.csv": ("symbol,open_time,open,high,low,close\nA,1,1,1,1,1\n", "has no column volume"),
        "text.csv": ("symbol,open_time,open,high,low,close,volume\nA,1,x,1,1,1,1\n", "no number or no time"),
        "time.csv": ("symbol,open_time,open,high,low,close,volume\nA,soon,1,1,1,1,1\n", "no number or no time"),
        "blank.csv": ("symbol,open_time,open,high,low,close,volume\nA,,1,1,1,1,1\n", "no number or no time"),
        "broken.parquet": ("PAR1", "cannot be read"),
    }
    for name, (content, told) in cases.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(MarketDataError, match=rf"{name}.* {told}|{name} {told}"):
            Offline(tmp_path / name, "1d", QUOTES)


def test_real_candles_are_sound(real_market: Path) -> None:
    """All 120 real symbols keep the invariants."""
    found = Offline(real_market, "1d", QUOTES)
    symbols = pl.read_parquet(real_market)["symbol"].unique().to_list()
    every = [found.candles(symbol, 720, datetime(2025, 8, 16, tzinfo=UTC)) for symbol in symbols]
    assert sum(len(one) for one in every) > 70_000
