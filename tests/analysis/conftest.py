"""Candles for the tests of the open engine: made ones, and the real ones that lie beside the project."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="session")
def real_market() -> Path:
    """Real daily candles, where they are."""
    path = Path(__file__).parents[3] / "shared" / "data" / "market" / "binance_1d.parquet"
    if not path.is_file():
        pytest.skip("no ../shared/data/market beside the project")
    return path


@pytest.fixture(scope="session")
def real_bitcoin(real_market: Path) -> tuple[np.ndarray, np.ndarray]:
    """Opens and closes of 720 real daily candles."""
    rows = pl.read_parquet(real_market).filter(pl.col("symbol") == "BTCUSDT").sort("open_time")
    return rows["open"].to_numpy(), rows["close"].to_numpy()
