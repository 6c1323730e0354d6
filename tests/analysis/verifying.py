"""Result files made of candles by the open engine, and what `verify` says of them."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from making import frame

from autonama.analysis.analyze import Plan, analyze
from autonama.analysis.candles import Candles
from autonama.analysis.grid import Grid, Parameters
from autonama.analysis.offline import Offline
from autonama.analysis.results import write_results
from autonama.analysis.rows import Row
from autonama.config import load_settings
from autonama.ingestion.pipeline import Job
from autonama.verification import Verification, Wish, verify

SMALL = Grid((1, 3), (1.0, 1.5), (50, 60))
GIVEN = Parameters(2, 1.5, 60)
DOCUMENTED = (
    "symbol", "interval", "current_price", "lower_band", "upper_band", "signal", "potential_return", "total_return",
    "sharpe_ratio", "max_drawdown", "degree", "kstd", "analysis_date",
)  # fmt: skip
NAME = "vectorbt_analysis_results_20260115_103000"


def market(directory: Path, *every: Candles) -> Path:
    """A Parquet file of these candles."""
    path = directory / "candles.parquet"
    frame(*every).write_parquet(path)
    return path


def analysed(source: Path, *symbols: str, parameters: Parameters | None = GIVEN, grid: Grid = SMALL) -> list[Row]:
    """The rows of the open engine."""
    plan = Plan(symbols or ("BTCUSDT",), days=3650, parameters=parameters, grid=grid)
    result = analyze(Offline(source, "1d", ("USDT",)), plan, datetime.now(UTC))
    assert not result.left
    return list(result.rows)


def written(directory: Path, rows: list[Row], form: str = "csv") -> Path:
    """A result file of the open engine's own writer."""
    place = directory / "results"
    [path] = write_results(rows, place, [form], datetime.now(UTC))
    return path


def as_json(directory: Path, rows: list[dict[str, Any]]) -> Path:
    """A result file as another engine writes it."""
    path = directory / f"{NAME}.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def verified(path: Path, source: Path, **wish: Any) -> Verification:
    """What `autonama verify` finds."""
    job = Job("vectorbt", load_settings(), paths=(path,), allow_stale=True)
    return verify(job, lambda interval: nullcontext(Offline(source, interval, ("USDT",))), Wish(**wish))


def numbers(found: Verification) -> tuple[int, int, int]:
    """Rows that were reproduced, were not, and could not be checked."""
    return found.reproduced, found.not_reproduced, found.not_checked


def issues(found: Verification) -> pl.DataFrame:
    """The findings of all sets."""
    return pl.concat([one.issues for one in found.run.sets])


def notes(found: Verification) -> str:
    """The sentences beside them."""
    return " ".join(note for one in found.run.sets for note in one.notes)


def shifted(text: str, **by: float) -> str:
    """An ISO time, later."""
    return (datetime.fromisoformat(text) + timedelta(**by)).isoformat()
