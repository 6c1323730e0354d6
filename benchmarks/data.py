"""Result files made from a seed: of any number of rows, in which every rule holds, in the formats that are measured.

As an engine writes them: all intervals of a symbol together, symbols not in the order of the alphabet, every double
with all its digits. The files of one number of rows hold the same rows in every format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

SEED = 20260115
CHUNK = 500_000
"""Rows made at a time."""

INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
FORMATS = ("csv", "json", "ndjson", "parquet")
ANALYSED = datetime(2025, 1, 15, 10, 30)
NAME = "vectorbt_analysis_results_bench"


@dataclass(frozen=True)
class Data:
    """The files of one number of rows, each in a directory of its own: csv/NAME.csv and so on.

    total: the sum of current_price, lower_band and upper_band over all rows, which every peer's table has to have.
    """

    directory: Path
    rows: int
    total: float

    def path(self, form: str) -> Path:
        """The file of that format."""
        return self.directory / form / f"{NAME}.{form}"


def make(directory: Path, rows: int, forms: tuple[str, ...] = ("csv",), *, doubled: int = 0, warned: int = 0) -> Data:
    """Write the files.

    doubled: the last so many rows repeat the first ones. warned: so many rows of a hundred contradict their signal, for
    which there is a warning.
    """
    data = Data(directory, rows, 0.0)
    for form in forms:
        data.path(form).parent.mkdir(parents=True)
    total = 0.0
    parts = []
    for number, frame in enumerate(frames(rows, doubled=doubled, warned=warned)):
        total += sum(float(frame[name].sum()) for name in ("current_price", "lower_band", "upper_band"))
        for form in forms:
            if form == "parquet":
                parts.append(directory / f"part-{number}")
                frame.write_parquet(parts[-1])
            else:
                _append(data.path(form), frame, form, first=number == 0)
    if "json" in forms:
        with data.path("json").open("ab") as file:
            file.write(b"\n]\n")
    if parts:
        pl.scan_parquet(parts).sink_parquet(data.path("parquet"))
        for part in parts:
            part.unlink()
    return Data(directory, rows, total)


SWEPT = {"lookback": 40, "degree": 6, "kstd": 21}
"""How many values each parameter takes in a sweep: 5,040 combinations for a symbol and interval."""


def make_sweep(directory: Path, rows: int) -> Path:
    """A parameter sweep of that many rows as one Parquet file, some 40 bytes a row."""
    parts = []
    for number, start in enumerate(range(0, rows, CHUNK)):
        parts.append(directory / f"part-{number}")
        _trials(number, np.arange(start, min(start + CHUNK, rows))).write_parquet(parts[-1])
    path = directory / "sweep_results_bench.parquet"
    pl.scan_parquet(parts).sink_parquet(path)
    for part in parts:
        part.unlink()
    return path


def _trials(number: int, place: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pl.DataFrame:
    """Rows of a sweep by their places in it: the parameters run through first, then intervals, then symbols."""
    rng = np.random.default_rng((SEED, number))
    rest, values = place, {}
    for name, count in SWEPT.items():
        rest, values[name] = np.divmod(rest, count)
    symbol, interval = np.divmod(rest, len(INTERVALS))
    held = rng.uniform(1, 90, len(place))
    returned = np.clip(rng.normal(20, 40, len(place)), -60, 400)
    return pl.DataFrame(
        {
            "symbol": pl.select(pl.concat_str(pl.lit("S"), pl.Series(symbol), pl.lit("USDT"))).to_series(),
            "interval": np.array(INTERVALS)[interval],
            "degree": values["degree"] + 1,
            "kstd": 1 + values["kstd"] / 10,
            "lookback": 100 + 10 * values["lookback"],
            "analysis_date": pl.repeat(ANALYSED, len(place), eager=True),
            "total_return": returned,
            "sharpe_ratio": returned / 60,
            "max_drawdown": np.maximum(-returned, 0) + 5,
            "win_rate": rng.uniform(20, 80, len(place)),
            "trades": rng.integers(1, 200, len(place)),
            "exposure": held,
            "data_points": pl.repeat(720, len(place), eager=True),
        }
    )


def again(data: Data) -> Data:
    """The same rows in other bytes: the CSV file with one column more, of which nobody takes notice."""
    other = Data(data.directory / "again", data.rows, data.total)
    other.path("csv").parent.mkdir(parents=True)
    header, _, rows = data.path("csv").read_bytes().partition(b"\n")
    other.path("csv").write_bytes(header + b",attempt\n" + rows.replace(b"\n", b",2\n"))
    return other


def _append(path: Path, frame: pl.DataFrame, form: str, *, first: bool) -> None:
    with path.open("wb" if first else "ab") as file:
        if form == "csv":
            frame.write_csv(file, include_header=first, datetime_format="%Y-%m-%dT%H:%M:%S")
            return
        written = frame.with_columns(pl.col("analysis_date").dt.strftime("%Y-%m-%dT%H:%M:%S")).write_ndjson()
        if form == "json":
            written = ("[\n" if first else ",\n") + written.rstrip("\n").replace("\n", ",\n")
        file.write(written.encode())


def frames(rows: int, *, doubled: int = 0, warned: int = 0) -> Iterator[pl.DataFrame]:
    """The rows, a chunk at a time."""
    symbols = np.random.default_rng(SEED).permutation(-(-rows // len(INTERVALS)))
    for number, start in enumerate(range(0, rows, CHUNK)):
        frame = _values(number, min(CHUNK, rows - start), warned)
        place = np.arange(start, start + frame.height)
        # The last rows take the first ones' symbol and interval, and nothing else of them.
        place = np.where(place >= rows - doubled, place - (rows - doubled), place)
        yield frame.select(
            pl.concat_str(pl.lit("S"), pl.Series(symbols[place // len(INTERVALS)]), pl.lit("USDT")).alias("symbol"),
            pl.Series("interval", np.array(INTERVALS)[place % len(INTERVALS)]),
            pl.all(),
            pl.Series("analysis_date", np.datetime64(ANALYSED, "us") + place // 1000 * np.timedelta64(1, "s")),
        )


def _values(number: int, rows: int, warned: int) -> pl.DataFrame:
    """Everything but the key: prices over nine orders of magnitude, metrics within what the rules call realistic."""
    rng = np.random.default_rng((SEED, number))
    middle, width = 10 ** rng.uniform(-4, 5, rows), rng.uniform(0.05, 0.4, rows)
    lower, upper = middle * (1 - width / 2), middle * (1 + width / 2)
    price = middle * (1 + rng.uniform(-0.8, 0.8, rows) * width)
    says = np.where(price < lower, "BUY", np.where(price > upper, "SELL", "HOLD"))
    says = np.where((np.arange(rows) % 100 < warned) & (says == "HOLD"), "BUY", says)
    total = np.clip(rng.normal(60, 50, rows), -60, 400)
    return pl.DataFrame(
        {
            "current_price": price,
            "lower_band": lower,
            "upper_band": upper,
            "signal": says,
            "potential_return": (upper - lower) / lower * 100,
            "total_return": total,
            "sharpe_ratio": total / 60 + rng.normal(0, 0.2, rows),
            "max_drawdown": np.maximum(-total, 0) + 5 + rng.uniform(0, 20, rows),
            "degree": rng.integers(1, 7, rows),
            "kstd": rng.integers(10, 31, rows) / 10,
        }
    )
