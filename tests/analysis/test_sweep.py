"""`autonama analyze --sweep`: every combination of every symbol, in one file that the engine `sweep` publishes."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psycopg
import pytest
from making import candles, frame
from test_command import OFFLINE, run

from autonama.analysis.analyze import Gathered, Plan, gather
from autonama.analysis.backtest import Costs
from autonama.analysis.grid import Grid, Parameters
from autonama.analysis.offline import Offline
from autonama.analysis.optimise import Market, judge
from autonama.analysis.sweep import write_sweep
from autonama.config import load_settings
from autonama.engines import load_engine
from autonama.errors import FilesError
from autonama.ingestion.pipeline import Job, ingest

GRID = Grid((1, 3), (1.0, 1.5, 2.0), (50, 60, 300))
PLAN = Plan(("BTCUSDT", "ETHUSDT", "SOLUSDT"), grid=GRID)
NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def gathered(*bars: int) -> Gathered:
    """Symbols with so many candles."""
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")[: len(bars)]
    return Gathered(tuple(candles(name, count, seed=count) for name, count in zip(names, bars, strict=True)), ())


def test_a_row_is_what_its_parameters_come_to_alone(tmp_path: Path) -> None:
    """Every combination once, by symbol and look-back, with the metrics that `analyze` reports for it, rounded."""
    found = gathered(400, 350)
    swept = write_sweep(found, PLAN, tmp_path, NOW)
    rows = pl.read_parquet(swept.path)
    assert (swept.rows, swept.path.name) == (2 * len(GRID), "sweep_results_20260115_103000.parquet")
    assert rows.columns == [
        "symbol", "interval", "analysis_date", "degree", "kstd", "lookback", "total_return", "sharpe_ratio",
        "max_drawdown", "win_rate", "exposure", "trades", "data_points",
    ]  # fmt: skip
    keys = rows.select("symbol", "degree", "kstd", "lookback").rows()
    every = [(one.degree, one.kstd, one.lookback) for bars in GRID.lookbacks for one in GRID.combinations(bars)]
    assert keys == [(one.symbol, *key) for one in found.candles for key in every]
    for one in found.candles:
        market = Market(one.open, one.close, 365.0)
        for row in rows.filter(symbol=one.symbol).iter_rows(named=True):
            alone = judge(market, Parameters(row["degree"], row["kstd"], row["lookback"]), Costs()).reported
            for name in ("total_return", "sharpe_ratio", "max_drawdown", "win_rate", "exposure", "trades"):
                value = float(getattr(alone, name)[0])
                assert row[name] == (None if np.isnan(value) else pytest.approx(value, abs=5.1e-5)), (row, name)
            assert (row["analysis_date"], row["data_points"]) == (one.close_time, len(one))


def test_the_bytes_do_not_depend_on_the_processes(tmp_path: Path) -> None:
    """One process and three write the same file, and so does the same run again."""
    found, written = gathered(400, 200, 380), []
    for nth, jobs in enumerate((1, 3, 3)):
        (tmp_path / str(nth)).mkdir()
        written.append(write_sweep(found, replace(PLAN, jobs=jobs), tmp_path / str(nth), NOW).path.read_bytes())
    assert written[0] == written[1] == written[2]


def test_what_has_no_sweep_has_a_reason(tmp_path: Path) -> None:
    """Look-backs without room are left out, symbols without room for any by name; nothing at all makes no file."""
    swept = write_sweep(gathered(400, 62, 61, 51), PLAN, tmp_path, NOW)
    rows = pl.read_parquet(swept.path)
    found = {key: sorted(set(part["lookback"])) for (key,), part in rows.group_by("symbol", maintain_order=True)}
    assert found == {"BTCUSDT": [50, 60, 300], "ETHUSDT": [50, 60], "SOLUSDT": [50]}
    [left] = swept.left
    assert (left.symbol, left.reason) == ("XRPUSDT", "51 candles; the shortest look-back needs two more than it.")
    with pytest.raises(FilesError, match="no symbol has candles enough"):
        write_sweep(gathered(20), PLAN, tmp_path / "none", NOW)
    assert list((tmp_path / "none").iterdir()) == []


def test_a_return_beyond_the_table_leaves_its_symbol_out(tmp_path: Path) -> None:
    """A symbol whose return NUMERIC(10,4) cannot hold is left out; the file is one that can be published."""
    wild, factor = candles("SOLUSDT", 200), np.repeat((1.0, 0.5, 1e5), (146, 4, 50))  # bought at half, then a jump
    prices = {name: getattr(wild, name) * factor for name in ("open", "high", "low", "close")}
    found = Gathered((candles("BTCUSDT", 200), replace(wild, **prices)), ())
    swept = write_sweep(found, replace(PLAN, grid=Grid((1,), (0.01, 0.5, 1.0), (20,))), tmp_path, NOW)
    assert [one.symbol for one in swept.left] == ["SOLUSDT"]
    assert set(pl.read_parquet(swept.path)["symbol"]) == {"BTCUSDT"}


def test_a_sweep_of_the_same_second_is_not_replaced(tmp_path: Path) -> None:
    """The second one moves on to the next second, and no unfinished file is left."""
    for _ in range(2):
        write_sweep(gathered(100), PLAN, tmp_path, NOW)
    names = ["sweep_results_20260115_103000.parquet", "sweep_results_20260115_103001.parquet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_an_interrupted_sweep_leaves_nothing(tmp_path: Path) -> None:
    """Whatever breaks it off, the directory is as it was."""

    def broken(results: Any, _what: str, _total: int) -> Any:
        for nth, one in enumerate(results):
            if nth == 1:
                raise KeyboardInterrupt
            yield one

    with pytest.raises(KeyboardInterrupt):
        write_sweep(gathered(100, 100, 100), PLAN, tmp_path, NOW, broken)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(FilesError, match="cannot be written"):
        write_sweep(gathered(100), PLAN, tmp_path / "file", NOW)


@pytest.mark.parametrize(
    ("symbols", "grid"),
    [
        pytest.param(6, Grid(kstds=(1.0, 2.0, 3.0), lookbacks=(50, 200, 350)), id="few"),
        pytest.param(100, Grid(), id="all", marks=pytest.mark.full),
    ],
)
def test_real_candles_make_a_sweep_that_is_published(
    real_market: Path, tmp_path: Path, database_url: str, conn: psycopg.Connection[Any], symbols: int, grid: Grid
) -> None:
    """The sweep of real candles is published row by row, without an error and without a word about blank metrics."""
    found = Offline(real_market, "1d", ("USDT",))
    plan = Plan(tuple(found.top(symbols)), grid=grid, jobs=2)
    swept = write_sweep(gather(found, plan, datetime(2025, 8, 15, 12, tzinfo=UTC)), plan, tmp_path, NOW)
    settings = load_settings(database_url=database_url, engine_results_dir=tmp_path)
    outcome = ingest(Job("sweep", settings, allow_stale=True))
    [published] = outcome.sets
    assert (published.status, published.counts.inserted) == ("published", swept.rows)
    flagged = {"total_return_realistic", "sharpe_realistic", "file_age"}
    assert set(published.issues["code"]) <= flagged
    assert set(published.issues["severity"]) <= {"warning"}
    stored = "SELECT count(*), count(sharpe_ratio) FROM trading.sweep_results WHERE exposure > 0 AND engine = 'sweep'"
    rows, sharpes = conn.execute(stored).fetchall()[0]
    assert rows == sharpes > 0


def test_the_command(tmp_path: Path, database_url: str, conn: psycopg.Connection[Any]) -> None:
    """--sweep writes the result set and beside it the sweep, in-sample as it says; each engine takes its own file."""
    frame(candles("BTCUSDT", 400), candles("ETHUSDT", 400, seed=2)).write_parquet(tmp_path / "candles.parquet")
    flags = ("--sweep", "--degree", "2", "--trials", "40", "--seed", "7", "--jobs", "2")
    done = run(tmp_path, "analyze", "--symbols", "BTCUSDT,ETHUSDT", *OFFLINE, *flags)
    assert done.returncode == 0, done.stderr
    assert "Sweep: 80 combinations, in-sample: the best of so many is partly luck" in done.stdout
    assert "Publish with: autonama ingest --engine sweep results" in done.stdout
    for flag, advice in (((), "autonama why BTCUSDT"), (("--engine", "sweep"), "autonama runs")):
        published = run(tmp_path, "ingest", "results", *flag, url=database_url)
        assert (published.returncode, published.stdout.splitlines()[-1].endswith(advice)) == (0, True), published.stdout
    swept = conn.execute("SELECT count(*), count(DISTINCT symbol), min(degree), max(degree) FROM trading.sweep_results")
    assert swept.fetchall() == [(80, 2, 2, 2)]
    assert conn.execute("SELECT count(*), min(degree) FROM trading.alerts").fetchall() == [(2, 2)]
    again = json.loads(run(tmp_path, "analyze", "--symbols", "BTCUSDT", *OFFLINE, *flags, "--json").stdout)
    assert (again["sweep"]["rows"], again["sweep"]["left_out"]) == (40, [])
    assert Path(again["sweep"]["file"]).suffix == ".parquet"


def test_a_seed_draws_the_same_trials_every_time() -> None:
    """The same seed gives the same combinations, another seed others; more than there are gives all of them."""
    drawn = [Grid().draw(100, seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(one) for one in drawn] == [100, 100, 100]
    full = {one for bars in Grid().lookbacks for one in Grid().combinations(bars)}
    assert drawn[0].drawn is not None
    assert drawn[0].drawn < full
    assert Grid().draw(10_000, 3).drawn == full
    first = min(drawn[0].drawn, key=lambda one: (one.lookback, one.degree, one.kstd))
    assert first == Parameters(1, 2.3, 50)  # of seed 1, in every Python


def test_drawn_trials_are_those_of_the_whole_sweep(tmp_path: Path) -> None:
    """Chance decides which rows there are, never what stands in them."""
    whole = pl.read_parquet(write_sweep(gathered(400), PLAN, tmp_path / "whole", NOW).path)
    some = pl.read_parquet(write_sweep(gathered(400), replace(PLAN, grid=GRID.draw(5, 3)), tmp_path / "some", NOW).path)
    assert some.height == 5
    assert some.join(whole, on=some.columns, how="semi", nulls_equal=True).height == 5


def test_the_file_is_in_the_layout_of_the_engine() -> None:
    """The engine's contract has every column that a sweep writes, and no other."""
    names = {column.name for column in load_engine("sweep").columns}
    assert names == {"symbol", "interval", "analysis_date", "degree", "kstd", "lookback", "data_points", "trades",
                     "total_return", "sharpe_ratio", "max_drawdown", "win_rate", "exposure"}  # fmt: skip
