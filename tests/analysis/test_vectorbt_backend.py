"""`--backend vectorbt`: VectorBT's own figures of the same signals, and what is said where it is not installed."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from making import candles, frame, walk
from test_command import OFFLINE, run

from autonama.analysis import vectorbt_backend
from autonama.analysis.backtest import Costs
from autonama.analysis.follow import follow, follower
from autonama.analysis.grid import Grid, Parameters, orders
from autonama.analysis.metrics import Metrics
from autonama.analysis.optimise import Market, Windows, judge, optimise
from autonama.errors import ConfigError

HERE = any(find_spec(package) for package in vectorbt_backend.PACKAGES)

with_vectorbt = pytest.mark.skipif(not HERE, reason="vectorbt, an extra of 860 MB, is not installed")
without_vectorbt = pytest.mark.skipif(HERE, reason="vectorbt is installed")
theirs_may_warn = pytest.mark.filterwarnings("ignore")
METRICS = ("total_return", "sharpe_ratio", "max_drawdown", "win_rate", "trades", "exposure")


def agree(theirs: tuple[Metrics, np.ndarray], ours: tuple[Metrics, np.ndarray], what: object) -> None:
    """All figures and returns are the same to 1e-9, but for a drawdown below the capital, which is ours alone."""
    np.testing.assert_allclose(theirs[1], ours[1], rtol=1e-9, atol=1e-12)
    below_capital = 100 * (1 - np.cumprod(1 + ours[1]).min())
    for name in METRICS:
        expected, found = getattr(ours[0], name), getattr(theirs[0], name)
        if name == "max_drawdown":
            found = np.maximum(found, below_capital)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=f"{what} {name}")


@with_vectorbt
@theirs_may_warn
@pytest.mark.parametrize("bars_a_year", [365.0, 365.0 * 24])
def test_its_figures_are_ours(bars_a_year: float) -> None:
    """Metrics and returns of 18 trials are ours to 1e-9, with a buy in the first bar, and where none ever traded."""
    opening, close = walk(300)
    grid = Grid((1, 3), (1.0, 2.0, 50.0), (20, 60, 120))
    for parameters, ordered in orders(close, grid):
        for trial in range(len(parameters)):
            given = (opening, close, ordered[:, trial, None], Costs(), bars_a_year)
            agree(follower("vectorbt")(*given), follow(*given), parameters[trial])
            buys = np.flatnonzero(ordered[:, trial] > 0)
            first = slice(int(buys[0]) if len(buys) else 0, None)
            part = (opening[first], close[first], ordered[first, trial, None], Costs(), bars_a_year)
            agree(follower("vectorbt")(*part), follow(*part), (parameters[trial], first))


@with_vectorbt
@theirs_may_warn
def test_both_judge_alike() -> None:
    """Given and searched parameters come to the same judgement, whoever follows the orders."""
    market = Market(*walk(200), 365.0)
    grid, windows = Grid((1, 3), (1.0, 1.5), (20, 30)), Windows(60, 20)
    theirs = follower("vectorbt")
    pairs = [
        (optimise(market, grid, windows, Costs()), optimise(market, grid, windows, Costs(), theirs)),
        (judge(market, Parameters(3, 1.5, 30), Costs()), judge(market, Parameters(3, 1.5, 30), Costs(), theirs)),
    ]
    for ours, other in pairs:
        assert (ours.parameters, ours.trials, ours.folds) == (other.parameters, other.trials, other.folds)
        assert other.deflated_sharpe == pytest.approx(ours.deflated_sharpe, rel=1e-9)
        for part in ("reported", "in_sample"):
            for name in ("total_return", "sharpe_ratio", "win_rate", "trades", "exposure"):
                pair = (getattr(getattr(one, part), name) for one in (other, ours))
                np.testing.assert_allclose(*pair, rtol=1e-9, atol=1e-9)


@with_vectorbt
@pytest.mark.parametrize("flags", [(), ("--optimize", "--kstd", "1", "--lookback", "50", "--jobs", "2")])
def test_the_command_says_whose_figures_they_are(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """The rows name their backend; without the flag a note says that there is one, and the rows are ours."""
    import json

    frame(candles("BTCUSDT", 500), candles("ETHUSDT", 500, seed=2)).write_parquet(tmp_path / "candles.parquet")
    told = []
    for backend in ((), ("--backend", "vectorbt")):
        command = ("analyze", "--symbols", "BTCUSDT,ETHUSDT", *OFFLINE, "--format", "json", "--json", *flags, *backend)
        done = run(tmp_path, *command)
        assert done.returncode == 0, done.stderr
        assert ("is installed here; with --backend vectorbt" in done.stderr) == (not backend)
        told.append(json.loads((tmp_path / json.loads(done.stdout)["files"][0]).read_text()))
    for ours, theirs in zip(*told, strict=True):
        assert ours.get("backend") is None
        assert theirs["backend"].startswith("vectorbt")
        for name in ("total_return", "sharpe_ratio", "in_sample_sharpe_ratio"):
            assert theirs[name] == (None if ours[name] is None else pytest.approx(ours[name], rel=1e-9, abs=1e-9))


@without_vectorbt
def test_where_it_is_not_installed_the_remedy_is_told(tmp_path: Path) -> None:
    """Exit code 2, what to install or leave out, and no file."""
    frame(candles("BTCUSDT", 400)).write_parquet(tmp_path / "candles.parquet")
    done = run(tmp_path, "analyze", "--symbols", "BTCUSDT", *OFFLINE, "--backend", "vectorbt")
    assert done.returncode == 2
    assert "pip install 'autonama[vectorbt]'" in done.stderr
    assert not (tmp_path / "results").exists()
    with pytest.raises(ConfigError, match="VectorBT PRO's environment"):
        vectorbt_backend.required()
