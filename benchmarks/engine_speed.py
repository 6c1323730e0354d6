"""How long the open engine takes for the full grid, and how much longer the plain ways take.

    python benchmarks/engine_speed.py [--symbols 100] [--bars 720] [--jobs 2] [--compare]

Every combination of the full grid (3,906 a symbol) is fitted at every bar, traded and measured (return, Sharpe,
drawdown, trades, win rate, exposure); then the same symbols go through the walk-forward optimisation. With --compare
two other ways do the sweep of one symbol, in seconds of processor time:
- plain: numpy.polyfit for each window, and one loop over the bars for each combination, scaled from a part of them;
- vectorbt, where it is installed: Portfolio.from_signals and its metrics; our bands are its input, and cost it nothing.
Candles are seeded random walks. What is timed includes the start of the processes.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context

import numpy as np

from autonama.analysis.backtest import Costs, signals
from autonama.analysis.bands import Floats, rolling_fit
from autonama.analysis.grid import Grid, orders, sweep
from autonama.analysis.optimise import Market, Windows, optimise

GRID, COSTS, YEAR = Grid(), Costs(), 365.0


def market(seed: int, bars: int) -> Market:
    """A random walk of daily candles."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, bars)))
    return Market(np.concatenate(([100.0], close[:-1])), close, YEAR)


def full_grid(seed: int, bars: int) -> int:
    """All combinations of one symbol; how many they were."""
    made = market(seed, bars)
    return sum(len(metrics.trades) for _, metrics in sweep(made.opening, made.close, GRID, COSTS, YEAR))


def walk_forward(seed: int, bars: int) -> int:
    """The optimisation of one symbol; how many combinations each training window tried."""
    return optimise(market(seed, bars), GRID, Windows(), COSTS).trials


def over_symbols(work: Callable[[int, int], int], symbols: int, bars: int, jobs: int) -> float:
    """Seconds for the work of all symbols."""
    began = time.perf_counter()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = sum(pool.map(work, range(symbols), [bars] * symbols))
    assert done == symbols * len(GRID)
    return time.perf_counter() - began


def plain_symbol(bars: int, windows: int = 400, combinations: int = 20) -> float:
    """Seconds that the plain way would take for one symbol, from a part of its windows and combinations."""
    made = market(0, bars)
    rng = np.random.default_rng(1)
    count = sum(max(bars - lookback + 1, 0) for lookback in GRID.lookbacks) * len(GRID.degrees)
    began = time.process_time()
    for _ in range(windows):
        lookback, degree = int(rng.choice(GRID.lookbacks)), int(rng.choice(GRID.degrees))
        x = np.linspace(-1, 1, lookback)
        window = made.close[-lookback:]
        residual = window - np.polyval(np.polyfit(x, window, degree), x)
        np.sqrt((residual**2).sum() / (lookback - degree - 1))
    fits = (time.process_time() - began) / windows * count
    fit = rolling_fit(made.close, 50, (2,))
    signal = signals(made.close, *fit.bands(1.5))[0]
    began = time.process_time()
    for _ in range(combinations):
        plain_backtest(made, signal)
    return fits + (time.process_time() - began) / combinations * len(GRID)


def plain_backtest(made: Market, signal: np.ndarray) -> tuple[float, float, float]:
    """Return, Sharpe and drawdown of one combination, bar by bar."""
    cash, coins, equity = COSTS.capital, 0.0, [COSTS.capital]
    buying, selling = (1 + COSTS.slippage) * (1 + COSTS.fee), (1 - COSTS.slippage) * (1 - COSTS.fee)
    for bar in range(1, len(signal)):
        if signal[bar - 1] > 0 and not coins:
            cash, coins = 0.0, cash / (made.opening[bar] * buying)
        elif signal[bar - 1] < 0 and coins:
            cash, coins = coins * made.opening[bar] * selling, 0.0
        equity.append(cash + coins * made.close[bar])
    values: Floats = np.array(equity)
    returns = values[1:] / values[:-1] - 1
    deviation = float(returns.std(ddof=1)) or float("nan")
    drawdown = float((1 - values / np.maximum.accumulate(values)).max())
    return float(values[-1] / values[0] - 1), float(returns.mean()) / deviation * YEAR**0.5, drawdown


def vectorbt_symbol(bars: int) -> float:
    """Seconds of vectorbt for one symbol, a look-back at a time; compiled before the clock starts."""
    import pandas as pd  # noqa: PLC0415 - an extra
    import vectorbt as vbt  # noqa: PLC0415 - an extra

    made = market(0, bars)
    index = pd.date_range("2024-01-01", periods=bars, freq="D")
    close, opening = pd.Series(made.close, index), pd.Series(made.opening, index)
    parts = [part for _, part in orders(made.close, GRID)]

    def measured(part: np.ndarray) -> None:
        frames = (pd.DataFrame(part > 0, index), pd.DataFrame(part < 0, index))
        portfolio = vbt.Portfolio.from_signals(
            close, *frames, price=opening, fees=COSTS.fee, slippage=COSTS.slippage, init_cash=COSTS.capital, freq="1D"
        )
        portfolio.total_return(), portfolio.sharpe_ratio(year_freq="365 days"), portfolio.max_drawdown()
        portfolio.trades.closed.count(), portfolio.trades.closed.win_rate(), (portfolio.assets() > 0).mean()

    measured(parts[0])
    began = time.process_time()
    for part in parts:
        measured(part)
    return time.process_time() - began


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="The open engine's speed.")
    for flag, default in (("--symbols", 100), ("--bars", 720), ("--jobs", 2)):
        parser.add_argument(flag, type=int, default=default)
    parser.add_argument("--compare", action="store_true")
    given = parser.parse_args()
    say = print
    ours = over_symbols(full_grid, given.symbols, given.bars, given.jobs)
    say(f"{given.symbols} symbols × {given.bars} bars × {len(GRID):,} combinations, {given.jobs} processes")
    say(f"full grid, fitted, traded and measured: {ours:.1f} s")
    walked = over_symbols(walk_forward, given.symbols, given.bars, given.jobs)
    say(f"walk-forward optimisation:              {walked:.1f} s")
    if given.compare:
        began = time.process_time()
        full_grid(0, given.bars)
        alone = time.process_time() - began
        say(f"one symbol, full grid: {alone:.2f} s of processor time")
        rivals = {"plain": plain_symbol, **({"vectorbt": vectorbt_symbol} if find_spec("vectorbt") else {})}
        for name, rival in rivals.items():
            seconds = rival(given.bars)
            say(f"the same, {name}: {seconds:.1f} s, {seconds / alone:.0f} times as long")


if __name__ == "__main__":
    main()
