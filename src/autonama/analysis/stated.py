"""What a row states of how it was made, so that `autonama verify` can make it again from the same candles.

| column | meaning |
| --- | --- |
| `candles_from` | open time of the first candle that was given, before gaps were looked at |
| `fee`, `slippage` | of each side, as shares of the price |
| `grid_degrees`, `grid_kstds`, `grid_lookbacks` | what was searched, spaces between; blank where nothing was |
| `grid_lot` | how many combinations of it were drawn, and the seed; blank where all of them were tried |
| `train_bars`, `test_bars` | bars of a training and of a test window; blank likewise |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from autonama.analysis.backtest import Costs
from autonama.analysis.grid import Grid, Parameters
from autonama.analysis.optimise import Windows
from autonama.analysis.rows import Row

TEXTS = ("sample", "candles_from", "grid_degrees", "grid_kstds", "grid_lookbacks", "grid_lot", "backend")
"""Columns of our rows beyond the documented ones whose values are words, times or lists."""

NUMBERS = (
    "lookback", "data_points", "gaps", "win_rate", "trades", "exposure", "folds", "trials",
    "in_sample_total_return", "in_sample_sharpe_ratio", "in_sample_max_drawdown",
    "probabilistic_sharpe_ratio", "deflated_sharpe_ratio", "fee", "slippage", "train_bars", "test_bars",
)  # fmt: skip
"""The others, in numbers."""

ALWAYS = ("lookback", "data_points", "gaps", "sample", "folds", "trials", "candles_from", "fee", "slippage")
"""What a row has to state before its metrics can be computed again."""

SEARCHED = ("grid_degrees", "grid_kstds", "grid_lookbacks", "train_bars", "test_bars")
"""And where it was found by walk-forward."""

WIDEST = 1_000
"""What the tables hold of a kstd: NUMERIC(5,2)."""

MOST_TRIALS = 50_000
"""Twelve times the full grid: a row that states more would keep a verification busy for hours, or out of memory."""


@dataclass(frozen=True)
class Terms:
    """How a row was made. parameters: None where the grid was searched. since: `candles_from`."""

    since: datetime
    parameters: Parameters | None
    costs: Costs
    grid: Grid = field(default_factory=Grid)
    windows: Windows = field(default_factory=Windows)


def stated(terms: Terms) -> Row:
    """The columns that state the terms."""
    searched = terms.parameters is None
    grid, windows = terms.grid, terms.windows
    return {
        "candles_from": terms.since.isoformat(timespec="milliseconds"),
        "fee": terms.costs.fee,
        "slippage": terms.costs.slippage,
        "grid_degrees": _listed(grid.degrees) if searched else None,
        "grid_kstds": _listed(grid.kstds) if searched else None,
        "grid_lookbacks": _listed(grid.lookbacks) if searched else None,
        "grid_lot": _listed(grid.lot) if searched and grid.lot else None,
        "train_bars": windows.train if searched else None,
        "test_bars": windows.test if searched else None,
    }


def missing(texts: Mapping[str, str | None]) -> tuple[str, ...]:
    """Which of the columns that the terms are read from a row leaves out."""
    wanted = ALWAYS if (texts.get("folds") or "0").strip() in ("0", "0.0") else (*ALWAYS, *SEARCHED)
    return tuple(name for name in wanted if not (texts.get(name) or "").strip())


def restated(texts: Mapping[str, str | None]) -> Terms:
    """The terms of a row that leaves nothing out, with its `degree` and `kstd`. ValueError where one is no such value.

    texts: the row's own characters by column.
    """
    told = {name: (text or "").strip() for name, text in texts.items()}
    since = datetime.fromisoformat(told["candles_from"])
    if since.tzinfo is None:
        raise ValueError(f"candles_from {told['candles_from']} has no UTC offset")
    costs = Costs(float(told["fee"]), float(told["slippage"]))
    if not (0 <= costs.fee < 1 and 0 <= costs.slippage < 1):
        raise ValueError(f"fee {costs.fee} and slippage {costs.slippage} are not shares from 0 to below 1")
    if not whole(told["folds"]):
        return Terms(since, Parameters(whole(told["degree"]), float(told["kstd"]), whole(told["lookback"])), costs)
    degrees, kstds, lookbacks = (told[name].split() for name in ("grid_degrees", "grid_kstds", "grid_lookbacks"))
    grid = Grid(tuple(map(whole, degrees)), tuple(map(float, kstds)), tuple(map(whole, lookbacks)))
    windows = Windows(whole(told["train_bars"]), whole(told["test_bars"]))
    if min(*grid.degrees, *grid.lookbacks, windows.train, windows.test) < 1:
        raise ValueError("a degree, a look-back or a window is below 1")
    if not all(0 < kstd < WIDEST for kstd in grid.kstds):
        raise ValueError(f"a kstd of the grid is not above 0 and below {WIDEST:,}")
    size = len(grid.degrees) * len(grid.kstds) * len(grid.lookbacks)
    if size > MOST_TRIALS:
        raise ValueError(f"its grid has {size:,} combinations, more than {MOST_TRIALS:,}")
    if told.get("grid_lot"):
        trials, seed = map(whole, told["grid_lot"].split())
        grid = grid.draw(trials, seed)
    return Terms(since, None, costs, grid, windows)


def whole(text: str) -> int:
    """A whole number; `3.0` is one, as pandas writes it beside a blank. ValueError for any other text."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text} is no whole number")
    return int(number)


def _listed(values: tuple[int, ...] | tuple[float, ...]) -> str:
    return " ".join(map(repr, values))
