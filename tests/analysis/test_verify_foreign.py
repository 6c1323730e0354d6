"""`verify` on files that state less: bands, price and signal within a tolerance, and every guess called one."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import candles
from verifying import DOCUMENTED, GIVEN, analysed, as_json, issues, market, notes, numbers, verified

from autonama.analysis.bands import rolling_fit

Row = dict[str, Any]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Candles of two symbols."""
    return market(tmp_path, candles("BTCUSDT", 420, seed=1), candles("ETHUSDT", 420, seed=2))


def foreign(source: Path, *symbols: str, **changes: object) -> list[Row]:
    """Rows of the documented columns alone, and these values instead or besides."""
    return [{**{name: row[name] for name in DOCUMENTED}, **changes} for row in analysed(source, *symbols)]


def at_noon(source_bars: int = 410, divisor: str = "free", **changes: object) -> Row:
    """A row of the moment when a candle was running, which counts as a bar with the row's price as its close."""
    whole = candles("BTCUSDT", 420)
    price = math.sqrt(float(whole.low[source_bars] * whole.high[source_bars]))
    close = np.append(whole.close[:source_bars], price)
    fit = rolling_fit(close[-60:], 60, (2,))
    free = 60 - 3
    half = 1.5 * float(fit.deviation[0, -1]) * math.sqrt(free / {"free": free, "n-1": 59, "n": 60}[divisor])
    lower, upper = float(fit.middle[0, -1]) - half, float(fit.middle[0, -1]) + half
    signal = "BUY" if price < lower else "SELL" if price > upper else "HOLD"
    noon = np.datetime64("2024-01-01T12:00:00") + np.timedelta64(source_bars, "D")
    return {
        "symbol": "BTCUSDT", "interval": "1d", "current_price": price, "lower_band": lower, "upper_band": upper,
        "signal": signal, "potential_return": (upper - lower) / lower * 100, "total_return": 1.0, "sharpe_ratio": 1.0,
        "max_drawdown": 5.0, "degree": 2, "kstd": 1.5, "analysis_date": str(noon), "lookback": 60, **changes,
    }  # fmt: skip


def test_a_stated_look_back_reproduces_the_bands(tmp_path: Path, source: Path) -> None:
    """A column `lookback`, or --lookback, is enough for bands, price and signal; no guess is made."""
    rows = foreign(source, "BTCUSDT", "ETHUSDT")
    told = verified(as_json(tmp_path, rows), source, lookback=GIVEN.lookback)
    stated = verified(as_json(tmp_path, [{**row, "lookback": 60} for row in rows]), source)
    for found in (told, stated):
        assert (numbers(found), found.run.status) == ((2, 0, 0), "valid"), issues(found)["message"]
        assert "guess" not in notes(found)
        assert "Bands reproduced in 2 rows with: candles closed by then, deviation of n − degree − 1." in notes(found)


def test_a_look_back_that_is_not_stated_is_a_guess_and_called_one(tmp_path: Path, source: Path) -> None:
    """The best of the grid's look-backs is taken, and the report says so, and how often."""
    found = verified(as_json(tmp_path, foreign(source, "BTCUSDT", "ETHUSDT")), source)
    assert numbers(found) == (2, 0, 0)
    assert "2 rows without a usable look-back: each one's is a guess" in notes(found)
    assert "(rows): 60 (2). State it with --lookback." in notes(found)


@pytest.mark.parametrize("useless", [0, 3, "", None])
def test_a_look_back_without_meaning_is_none(tmp_path: Path, source: Path, useless: object) -> None:
    """Some engines write 0 for their default: what leaves no degree of freedom was not the look-back."""
    found = verified(as_json(tmp_path, foreign(source, lookback=useless)), source)
    assert (numbers(found), "a guess" in notes(found)) == ((1, 0, 0), True)


def test_metrics_are_never_passed_in_silence(tmp_path: Path, source: Path) -> None:
    """What the file does not state is named, and that its metrics were not checked."""
    found = verified(as_json(tmp_path, foreign(source, lookback=60, total_return=77, fee=0.001)), source)
    assert numbers(found) == (1, 0, 0)
    assert (
        "Not checked in 1 row: potential_return, total_return, sharpe_ratio, max_drawdown: the file does not state "
        "data_points, gaps, sample, folds, trials, candles_from, slippage." in notes(found)
    )


@pytest.mark.parametrize(("band", "by"), [("lower_band", -2e-6), ("lower_band", 2e-6), ("upper_band", 2e-6)])
def test_the_tolerance_is_what_is_stated(tmp_path: Path, source: Path, band: str, by: float) -> None:
    """Two millionths off a band is not reproduced by default, half a millionth is; --tolerance sets another level."""
    [row] = foreign(source, lookback=60)
    path = as_json(tmp_path, [{**row, band: row[band] * (1 + by)}])
    found = verified(path, source)
    assert (numbers(found), issues(found)["column"].to_list()) == ((0, 1, 0), [band])
    assert "relative difference 2.0e-06; degree 2, kstd 1.5, look-back 60" in issues(found)["message"][0]
    assert found.run.notes == (
        "Rows that state all of their terms are compared exactly, others within a relative tolerance of 1e-06.",
    )
    loose = verified(path, source, tolerance=3e-6)
    assert (numbers(loose), loose.run.notes) == ((1, 0, 0), ("Compared within a relative tolerance of 3e-06.",))
    assert numbers(verified(as_json(tmp_path, [{**row, band: row[band] * (1 + by / 4)}]), source)) == (1, 0, 0)


@pytest.mark.parametrize("signal", ["BUY", "SELL"])
def test_a_signal_against_the_bands_is_not_reproduced(tmp_path: Path, source: Path, signal: str) -> None:
    """The bands are right, the word is not."""
    [row] = foreign(source, lookback=60)
    assert row["signal"] == "HOLD"
    found = verified(as_json(tmp_path, [{**row, "signal": signal}]), source)
    assert numbers(found) == (0, 1, 0)
    [message] = issues(found)["message"]
    assert message.startswith(f"Row 1: signal is {signal}, the candles give HOLD (degree 2")


@pytest.mark.parametrize(("divisor", "words"), [("free", "n − degree − 1"), ("n-1", "n − 1"), ("n", "n")])
def test_the_running_candle_and_the_deviation_are_found_out(
    tmp_path: Path, source: Path, divisor: str, words: str
) -> None:
    """A row of midday is reproduced with its own price as the last close, and the report says by which deviation."""
    found = verified(as_json(tmp_path, [at_noon(divisor=divisor)]), source)
    assert (numbers(found), found.run.exit_code) == ((1, 0, 0), 0), issues(found)["message"]
    assert f"the running candle with the row's price as its close, deviation of {words}." in notes(found)


def test_what_came_after_a_row_has_no_part_in_it(tmp_path: Path) -> None:
    """Other closes of the running candle and of all later ones change nothing; nor does an end of the source."""
    whole = candles("BTCUSDT", 420)
    path = as_json(tmp_path, [at_noon()])
    later = candles("BTCUSDT", 420)
    for column in later.values[:4]:
        column[411:] *= 3
    later.close[410] = later.low[410]
    assert numbers(verified(path, market(tmp_path, later))) == (1, 0, 0)
    cut = verified(path, market(tmp_path, whole[:410]))
    assert numbers(cut) == (1, 0, 0)
    assert "current_price: it is not the last close, and the source lacks the candle that was running" in notes(cut)


def test_a_price_that_the_market_never_had(tmp_path: Path, source: Path) -> None:
    """The price has to be the last close, or to lie in the candle that was running."""
    whole = candles("BTCUSDT", 420)
    found = verified(as_json(tmp_path, [at_noon(current_price=float(whole.high[410]) * 1.001)]), source)
    assert numbers(found) == (0, 1, 0)
    told = issues(found).filter(column="current_price")["message"]
    assert "and the candle that was running went from" in told[0]


@pytest.mark.parametrize(
    ("bars", "change", "told"),
    [
        (50, {}, "50 candles of BTCUSDT without a gap up to the row's date; a look-back of 60"),
        (420, {"lookback": 1e15}, "a look-back of 1000000000000000 needs that many"),
        (420, {"degree": 2_000_000_000, "lookback": ""}, "more than degree + 1"),
        (420, {"lookback": "long"}, "could not convert string to float"),
        (420, {"symbol": "XUSDT"}, "the candles of XUSDT cannot be used"),
        (420, {"interval": "1s"}, "the interval 1s cannot be computed"),
        (
            420,
            {"interval": "4h"},
            "is not in the candles of BTCUSDT: the last one before it closed at 2025-02-14 03:59",
        ),
        (420, {"analysis_date": "2025-02-25T00:00:00"}, "the last one before it closed at 2025-02-23 23:59 UTC"),
    ],
    ids=str,
)
def test_what_cannot_be_checked_is_said(tmp_path: Path, bars: int, change: Row, told: str) -> None:
    """No candles, too few, another interval's, none of the time: an issue of the row that says which."""
    source = market(tmp_path, candles("BTCUSDT", bars))
    row = at_noon(**{"analysis_date": "2024-02-20T12:00:00" if bars == 50 else "2025-02-14T12:00:00", **change})
    found = verified(as_json(tmp_path, [row]), source)
    assert (numbers(found), found.run.exit_code) == ((0, 0, 1), 1), issues(found)["message"]
    assert issues(found)["code"].to_list() == ["not_checked"]
    assert told in issues(found)["message"][0]


@settings(max_examples=settings.default.max_examples * 15 // 100, suppress_health_check=list(HealthCheck))
@given(places=st.lists(st.sampled_from(["good", "moved", "absent", "bad"]), min_size=1, max_size=12))
def test_every_row_is_counted_once(tmp_path: Path, places: list[str]) -> None:
    """Reproduced, not reproduced and not checked add up to the rows of the file, whatever it holds."""
    names = [f"S{number}USDT" for number in range(len(places))]
    source = market(tmp_path, *(candles(name, 300, seed=seed) for seed, name in enumerate(names)))
    rows = foreign(source, *names, lookback=60)
    for row, place in zip(rows, places, strict=True):
        if place == "moved":
            row["upper_band"] *= 1.01
        if place in ("absent", "bad"):
            row["symbol"] = f"A{row['symbol']}" if place == "absent" else "?"
    found = verified(as_json(tmp_path, rows), source)
    expected = places.count("good"), places.count("moved"), places.count("absent") + places.count("bad")
    assert numbers(found) == expected
    assert found.run.exit_code == (0 if expected == (len(places), 0, 0) else 1)
