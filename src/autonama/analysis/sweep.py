"""Every combination of every symbol as one Parquet file, in-sample: what the engine `sweep` reads.

A symbol at a time is computed, by whichever process is free, and written as a part of its own; in the end the parts
stream into one file. So memory does not grow with the symbols, and the bytes do not depend on the processes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from autonama.analysis.analyze import Gathered, Left, Plan
from autonama.analysis.candles import Candles
from autonama.analysis.grid import Parameters, sweep
from autonama.analysis.metrics import Metrics
from autonama.analysis.results import free_stem
from autonama.analysis.rows import METRIC_LIMIT
from autonama.analysis.workers import Track, in_processes, untracked
from autonama.errors import FilesError

STEM = "sweep_results_%Y%m%d_%H%M%S"
"""The name that the engine `sweep` looks for; the time is UTC."""

METRICS = ("total_return", "sharpe_ratio", "max_drawdown", "win_rate", "exposure")

DIGITS = 4
"""What the table keeps of a metric: NUMERIC(10,4). More would double the file for nothing."""

ROW_GROUP = 1 << 17
"""Rows of a Parquet row group: about 10 MB while it is written or read."""


@dataclass(frozen=True)
class Swept:
    """path: of the file. rows: combinations in it. left: symbols that have none, beside those without candles."""

    path: Path
    rows: int
    left: tuple[Left, ...]


def write_sweep(gathered: Gathered, plan: Plan, directory: Path, now: datetime, track: Track = untracked) -> Swept:
    """Write the sweep of the plan's grid; the file has its name when it is complete.

    FilesError where the directory cannot be written to, or no symbol has candles enough.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".sweep_results-", dir=directory) as parts:
            return _written(gathered.candles, plan, directory, Path(parts), now, track)
    except OSError as error:
        raise FilesError(f"Results cannot be written to {directory}: {error.strerror}.") from error


def _written(
    candles: Sequence[Candles], plan: Plan, directory: Path, parts: Path, now: datetime, track: Track
) -> Swept:
    items = [(one, parts / f"{number:06}") for number, one in enumerate(candles)]
    swept = in_processes(partial(_sweep_symbol, plan=plan), items, plan.jobs)
    counts = list(track(swept, "Sweep", len(items)))
    whole = [part for (_, part), count in zip(items, counts, strict=True) if isinstance(count, int)]
    if not whole:
        raise FilesError("There is no sweep to write: no symbol has candles enough.")
    done = parts / "whole"
    pl.scan_parquet(whole).sink_parquet(done, row_group_size=ROW_GROUP)
    with done.open("rb") as file:
        os.fsync(file.fileno())
    with free_stem(directory, STEM, now) as stem:
        path = directory / f"{stem}.parquet"
        done.rename(path)
    rows = sum(count for count in counts if isinstance(count, int))
    return Swept(path, rows, tuple(one for one in counts if isinstance(one, Left)))


def _sweep_symbol(item: tuple[Candles, Path], plan: Plan) -> int | Left:
    """Write the part of one symbol; how many rows it has."""
    candles, part = item
    frame = sweep_rows(candles.after_last_gap(), plan)
    if isinstance(frame, pl.DataFrame):
        frame.write_parquet(part)
        return frame.height
    return frame


def sweep_rows(candles: Candles, plan: Plan) -> pl.DataFrame | Left:
    """The rows of one symbol without gaps, in the order of the grid; look-backs that leave no two bars are left out.

    total_return, max_drawdown, win_rate, exposure in %; undefined values are null.
    """
    grid = plan.grid.up_to(len(candles) - 2)
    if not len(grid):
        return Left(candles.symbol, f"{len(candles)} candles; the shortest look-back needs two more than it.")
    blocks = [
        _block(parameters, metrics)
        for parameters, metrics in sweep(candles.open, candles.close, grid, plan.costs, plan.bars_a_year)
    ]
    frame = pl.concat(blocks).select(
        pl.lit(candles.symbol).alias("symbol"),
        pl.lit(candles.interval).alias("interval"),
        pl.lit(candles.close_time, pl.Datetime("ms", "UTC")).alias("analysis_date"),
        pl.all(),
        pl.lit(len(candles), pl.Int32).alias("data_points"),
    )
    if frame.select(pl.max_horizontal(pl.col(METRICS).abs().max())).item() >= METRIC_LIMIT:
        return Left(candles.symbol, f"a metric of its sweep reaches {METRIC_LIMIT:,.0f}, more than the tables hold.")
    return frame


def _block(parameters: list[Parameters], metrics: Metrics) -> pl.DataFrame:
    values = {name: np.round(getattr(metrics, name), DIGITS) for name in METRICS}
    return pl.DataFrame(
        {
            "degree": pl.Series([one.degree for one in parameters], dtype=pl.Int32),
            "kstd": [one.kstd for one in parameters],
            "lookback": pl.Series([one.lookback for one in parameters], dtype=pl.Int32),
            **values,
            "trades": pl.Series(metrics.trades, dtype=pl.Int32),
        },
        nan_to_null=True,
    )
