"""The demo: synthetic candles, true analyses of them, and one set with every fault."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from autonama import samples
from autonama.analysis import synthetic
from autonama.analysis.analyze import Plan, analyze
from autonama.analysis.candles import DAY
from autonama.analysis.grid import Parameters
from autonama.analysis.offline import Offline
from autonama.config import load_settings
from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.pipeline import Job, check

NOW = datetime.now(UTC)
MILLISECOND = timedelta(milliseconds=1)


def judged(tmp_path: Path, rows: list[dict[str, object]]) -> SetOutcome:
    """The outcome of validating these rows as a CSV file."""
    path = tmp_path / "sample.csv"
    path.write_text(samples.as_csv(rows), encoding="utf-8")
    return check(Job("vectorbt", load_settings(), (path,))).sets[0]


@pytest.fixture
def analysed(tmp_path: Path) -> tuple[Mapping[str, object], ...]:
    """Rows of the open engine, of synthetic candles."""
    path = tmp_path / "candles.parquet"
    synthetic.frame(synthetic.market(NOW, 400)).write_parquet(path)
    source = Offline(path, "1d", ("USDT",))
    return analyze(source, Plan(tuple(source.top(100)), parameters=Parameters(3, 1.5, 100)), NOW).rows


def test_the_synthetic_market_is_a_market() -> None:
    """Candles keep every invariant, end with the last closed day, and cost from 0.00001 to 60,000."""
    market = synthetic.market(NOW, 500)
    for candles in market:
        assert candles.checked().gaps == []
        assert candles.close_time < NOW <= candles.close_time + timedelta(days=1, milliseconds=1)
        assert np.all(np.diff(candles.open_time) == DAY)
    last = sorted(float(candles.close[-1]) for candles in market)
    assert last[0] < 0.00002
    assert last[-1] > 50_000
    assert {len(candles) for candles in market} == {500, *synthetic.YOUNG.values()}


def test_the_same_seed_gives_the_same_market_on_any_day() -> None:
    """Only the times move; another seed gives another one."""
    today, later = (synthetic.frame(synthetic.market(time, 200)) for time in (NOW, NOW + timedelta(days=9)))
    prices = pl.exclude("open_time")
    assert today.select(prices).equals(later.select(prices))
    assert (later["open_time"] - today["open_time"]).unique().to_list() == [timedelta(days=9)]
    assert not today.equals(synthetic.frame(synthetic.market(NOW, 200, seed=synthetic.SEED + 1)))


def test_the_faulty_sample_has_each_fault_once_and_where_it_is_said(
    tmp_path: Path, analysed: tuple[Mapping[str, object], ...]
) -> None:
    """Row by row, the rule of each fault finds it and no other does, and the doubled last row is a clash."""
    rows = samples.faulty_rows(analysed)
    outcome = judged(tmp_path, rows)
    found = dict(zip(outcome.issues["row"], outcome.issues["code"], strict=True))
    expected = {nth: code for nth, (code, _) in enumerate(samples.FAULTS, 1)}
    assert found == expected | {len(rows) - 1: "duplicate_key"}
    assert outcome.issues.height == len(expected) + 1


def demo(tmp_path: Path) -> str:
    """What `autonama demo` prints."""
    command = (sys.executable, "-m", "autonama", "demo")
    return subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True).stdout


@pytest.mark.full
def test_the_demo_runs_twice(tmp_path: Path) -> None:
    """First it does the day and refuses the faulty set with every reason; then nothing is new. No server is left."""
    first, second = demo(tmp_path), demo(tmp_path)
    for told in (
        "no market data, made from a seed",
        "Published 59 days before today",
        "24 of 25 symbols",
        "Left out  TIAUSDT: 40 candles",
        "Flips     FLOKIUSDT 1d SELL → HOLD",
        "✓ published",
        "Row 1: Invalid symbol format: BTC",
        "trading.alerts: 24 rows",
        "the dashboard, at http://127.0.0.1:8765/",
    ):
        assert told in first, first
    assert first.index("✓ published") < first.index("✗ rejected") < first.index("trading.alerts")
    assert "Nothing is new" in second
    assert "BTCUSDT" in second
    assert json.loads((tmp_path / ".demo" / "config.json").read_text())["database_host"] == "embedded"
    assert not (tmp_path / ".demo" / "database" / "pgdata" / "postmaster.pid").exists()
    _every_band_is_a_true_one(tmp_path / ".demo")


def _every_band_is_a_true_one(made: Path) -> None:
    """Each day's bands are those of numpy.polyfit on the candles that had closed by its analysis_date."""
    candles = pl.read_parquet(made / "market" / "candles.parquet")
    closes = {str(name): part for (name,), part in candles.partition_by("symbol", as_dict=True).items()}
    files = [*(made / "earlier").iterdir(), *(made / "results").glob("*.csv")]
    assert len(files) == 60
    for file in files:
        for row in list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))[::8]:
            known = closes[row["symbol"]].filter(
                pl.col("open_time") <= datetime.fromisoformat(row["analysis_date"]) - timedelta(days=1) + MILLISECOND
            )
            y = known["close"].to_numpy()[-int(row["lookback"]) :]
            x = np.linspace(-1, 1, len(y))
            fitted = np.polyval(np.polyfit(x, y, int(row["degree"])), x)
            spread = np.sqrt(np.sum((y - fitted) ** 2) / (len(y) - int(row["degree"]) - 1))
            bands = fitted[-1] + np.array([-1, 1]) * float(row["kstd"]) * spread
            assert float(row["current_price"]) == y[-1]
            assert [float(row["lower_band"]), float(row["upper_band"])] == pytest.approx(bands, rel=1e-9)
