"""Candles from files: CSV or Parquet with symbol, open_time, open, high, low, close and volume."""

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from autonama.analysis.candles import BadCandles, Candles, MarketDataError, interval_ms
from autonama.analysis.universe import worth

PRICES = ("open", "high", "low", "close", "volume")
COLUMNS = ("symbol", "open_time", *PRICES)


class Offline:
    """The candles of one file, or of all `.csv` and `.parquet` files of a directory.

    open_time: a time (UTC where it has no offset), or milliseconds since 1970.
    MarketDataError where a file is missing, cannot be read, lacks a column or holds a value of another kind.
    """

    at_once = 1

    def __init__(self, path: Path, interval: str, quotes: Collection[str]) -> None:
        interval_ms(interval)
        self._interval, self._quotes = interval, quotes
        self._path = path
        self._frame = pl.concat([_read(file) for file in _files(path)])

    def top(self, count: int) -> list[str]:
        """The pairs that traded the most value (close × volume) in the newest candle; no stablecoin bases."""
        newest = self._frame.filter(pl.col("open_time") == pl.col("open_time").max())
        value = newest.select("symbol", value=pl.col("close") * pl.col("volume"))
        ranked = value.sort("value", "symbol", descending=[True, False], nulls_last=True)["symbol"].to_list()
        return [symbol for symbol in ranked if worth(symbol, self._quotes)][:count]

    def candles(self, symbol: str, days: int, now: datetime) -> Candles:
        """The closed candles of the last `days` days of a symbol. BadCandles where it has none, or they are unsound."""
        rows = self._frame.filter(pl.col("symbol") == symbol).sort("open_time")
        if rows.is_empty():
            raise BadCandles(f"no candles in {self._path}.")
        values = [rows[name].to_numpy() for name in ("open_time", *PRICES)]
        candles = Candles(symbol, self._interval, *values).checked().closed_by(now)
        return candles[-(days * interval_ms("1d") // interval_ms(self._interval)) :]


def _files(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise MarketDataError(f"There is no file or directory {path}. --source takes binance, a file or a directory.")
    found = sorted(file for file in path.iterdir() if file.suffix in (".csv", ".parquet"))
    if not found:
        raise MarketDataError(f"{path} holds no .csv and no .parquet file.")
    return found


def _read(file: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise MarketDataError(f"{file} cannot be read: {error}") from error
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise MarketDataError(f"{file} has no column {', '.join(missing)}. It needs {', '.join(COLUMNS)}.")
    try:
        return _typed(frame)
    except pl.exceptions.PolarsError as error:
        raise MarketDataError(f"{file} holds a value that is no number or no time: {error}") from error


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns by kind; a blank becomes NaN, which the candles' own check refuses by its time."""
    return frame.select(
        pl.col("symbol").cast(pl.String),
        _milliseconds(frame["open_time"]),
        pl.col(PRICES).cast(pl.Float64).fill_null(float("nan")),
    )


def _milliseconds(times: pl.Series) -> pl.Series:
    if times.null_count():
        raise pl.exceptions.InvalidOperationError("a blank open_time")
    if times.dtype == pl.String:
        whole = times.str.to_integer(strict=False)
        times = whole if not whole.null_count() else times.str.to_datetime(time_unit="ms", time_zone="UTC")
    return times.dt.epoch("ms") if times.dtype.is_temporal() else times.cast(pl.Int64)
