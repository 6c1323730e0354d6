"""The same orders through VectorBT: `Portfolio.from_signals` of VectorBT PRO or of the open vectorbt, and its figures.

Fees, slippage, capital and next-bar fills are those of our own backtest, and so are the results, to 1e-9: this is for
those who want VectorBT's word for it. One figure differs by definition: our drawdown counts from the capital on,
VectorBT's from the first bar's close, so that a loss within the first bar is not in it. PRO goes before the open one
where both are installed.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

from autonama.analysis.backtest import Costs, Orders
from autonama.analysis.bands import Floats
from autonama.analysis.metrics import DAYS_A_YEAR, Metrics
from autonama.errors import ConfigError

PACKAGES = ("vectorbtpro", "vectorbt")


@dataclass(frozen=True)
class Installed:
    """An importable VectorBT. It is not imported for this: that takes seconds."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


def installed() -> Installed | None:
    """The VectorBT that the backend would use, or None."""
    for package in PACKAGES:
        if find_spec(package) is not None:
            try:
                return Installed(package, version(package))
            except PackageNotFoundError:
                return Installed(package, "of unknown version")
    return None


def required() -> Installed:
    """The VectorBT that the backend uses. ConfigError with the remedy where there is none."""
    if (found := installed()) is None:
        raise ConfigError(
            "--backend vectorbt needs VectorBT, which is not installed here. Install the open one with "
            "pip install 'autonama[vectorbt]' (860 MB), run this in VectorBT PRO's environment, or leave --backend out."
        )
    return found


def follow_vectorbt(
    opening: Floats, close: Floats, orders: Orders, costs: Costs, bars_a_year: float
) -> tuple[Metrics, Floats]:
    """The metrics of one trial and its returns (bars,), as VectorBT has them. ConfigError where it is not installed."""
    pandas = import_module("pandas")
    step = timedelta(days=DAYS_A_YEAR / bars_a_year)
    index = pandas.date_range("2000-01-01", periods=len(close), freq=pandas.Timedelta(step))
    portfolio = _library().Portfolio.from_signals(
        pandas.Series(close, index),
        pandas.Series(orders[:, 0] > 0, index),
        pandas.Series(orders[:, 0] < 0, index),
        price=pandas.Series(opening, index),
        direction="longonly",
        fees=costs.fee,
        slippage=costs.slippage,
        init_cash=costs.capital,
        freq=step,
    )
    return _metrics(portfolio), np.asarray(_figure(portfolio, "returns"), dtype=np.float64)


@cache
def _library() -> Any:
    return import_module(required().package)


def _metrics(portfolio: Any) -> Metrics:
    closed = _figure(portfolio, "trades").closed
    held = np.asarray(_figure(portfolio, "assets")) > 0
    trades = int(_figure(closed, "count"))
    # Of a course that never moves VectorBT's Sharpe ratio is infinite or 0/0; for us it is not defined.
    sharpe = _figure(portfolio, "sharpe_ratio", year_freq=timedelta(days=DAYS_A_YEAR)) if held.any() else np.nan
    return Metrics(
        total_return=_one(_figure(portfolio, "total_return") * 100),
        sharpe_ratio=_one(sharpe if np.isfinite(sharpe) else np.nan),
        max_drawdown=_one(-_figure(portfolio, "max_drawdown") * 100),
        win_rate=_one(_figure(closed, "win_rate") * 100 if trades else np.nan),
        trades=np.array([trades], dtype=np.int64),
        exposure=_one(held.mean() * 100),
    )


def _figure(owner: Any, name: str, **settings: Any) -> Any:
    """One of VectorBT's figures: a method in the open one; in PRO a property, with a method `get_…` for settings."""
    found = getattr(owner, f"get_{name}", None) or getattr(owner, name)
    return found(**settings) if callable(found) else found


def _one(value: Any) -> Floats:
    return np.array([float(value)])
