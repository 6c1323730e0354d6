"""A result row: the documented columns, and ours behind them.

| column | meaning |
| --- | --- |
| `lookback`, `data_points` | bars of a fit; candles that were used |
| `gaps` | missing stretches before these; what lies before a gap is not used |
| `sample` | of the documented metrics: `out_of_sample` after a walk-forward, else `in_sample` |
| `win_rate`, `trades`, `exposure` | of the same: % of closed trades that gained, closed trades, % of bars held |
| `folds`, `trials` | test windows; combinations that were tried on each training window |
| `in_sample_…` | the metrics of the chosen parameters in the last training window |
| `probabilistic_sharpe_ratio` | probability that the true Sharpe ratio of the sample is above 0 |
| `deflated_sharpe_ratio` | the same of the in-sample returns, above what the best of so many trials shows by luck |

`analysis.stated` adds what the row was made of.
"""

import math

import numpy as np

from autonama.analysis.backtest import signals
from autonama.analysis.bands import rolling_fit
from autonama.analysis.candles import Candles
from autonama.analysis.metrics import Metrics
from autonama.analysis.optimise import Judgement

Value = str | int | float | None
Row = dict[str, Value]

PRICE_DIGITS = 8
"""What the tables keep of a price: NUMERIC(20,8)."""

PRICE_LIMIT = 1e12
METRIC_LIMIT = 1e6
"""NUMERIC(10,4): what a metric has to stay below."""

WORDS = {1: "BUY", -1: "SELL", 0: "HOLD"}


class Unstorable(ValueError):
    """The row would be refused by ingestion; the message is the reason that the user reads."""


def result_row(candles: Candles, judgement: Judgement, gaps: int) -> Row:
    """The row of the last candle. Unstorable where the tables cannot hold its numbers apart, or at all.

    total_return, max_drawdown, potential_return, win_rate, exposure in %; undefined values are None.
    """
    parameters = judgement.parameters
    fit = rolling_fit(candles.close[-parameters.lookback :], parameters.lookback, (parameters.degree,))
    low, high = (float(band[0, -1]) for band in fit.bands(parameters.kstd))
    price = float(candles.close[-1])
    _check_prices(price, low, high)
    return {
        "symbol": candles.symbol,
        "interval": candles.interval,
        "current_price": price,
        "lower_band": low,
        "upper_band": high,
        "signal": WORDS[int(signals(*(np.array(value) for value in (price, low, high))))],
        "potential_return": _metric("potential_return", (high - low) / low * 100) if low > 0 else None,
        **_metrics(judgement.reported),
        "degree": parameters.degree,
        "kstd": parameters.kstd,
        "analysis_date": candles.close_time.isoformat(timespec="milliseconds"),
        "lookback": parameters.lookback,
        "data_points": len(candles),
        "gaps": gaps,
        "win_rate": _defined(float(judgement.reported.win_rate[0])),
        "trades": int(judgement.reported.trades[0]),
        "exposure": float(judgement.reported.exposure[0]),
        "sample": "out_of_sample" if judgement.folds else "in_sample",
        "folds": judgement.folds,
        "trials": judgement.trials,
        **{f"in_sample_{name}": value for name, value in _metrics(judgement.in_sample).items()},
        "probabilistic_sharpe_ratio": _defined(judgement.probabilistic_sharpe),
        "deflated_sharpe_ratio": _defined(judgement.deflated_sharpe),
    }


def _check_prices(price: float, low: float, high: float) -> None:
    if max(abs(low), abs(high), price) >= PRICE_LIMIT:
        raise Unstorable(f"price {price} or bands {low} to {high} exceed what the tables hold.")
    if round(price, PRICE_DIGITS) <= 0 or not high - low >= 2 * 10**-PRICE_DIGITS:
        raise Unstorable(f"price {price} and bands {low} to {high} are too close for the {PRICE_DIGITS} digits kept.")


def _metrics(metrics: Metrics) -> dict[str, Value]:
    names = ("total_return", "sharpe_ratio", "max_drawdown")
    return {name: _metric(name, float(getattr(metrics, name)[0])) for name in names}


def _metric(name: str, value: float) -> float | None:
    if abs(value) >= METRIC_LIMIT:
        raise Unstorable(f"{name} {value} exceeds what the tables hold.")
    return _defined(value)


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
