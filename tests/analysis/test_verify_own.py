"""`verify` on the open engine's own files: the same code on the same candles gives the same row, to the last bit."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import candles, frame
from verifying import DOCUMENTED, GIVEN, SMALL, analysed, as_json, issues, market, numbers, verified, written

from autonama.analysis.grid import Grid
from autonama.analysis.rows import Row
from autonama.analysis.stated import NUMBERS, TEXTS


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Candles of two symbols."""
    return market(tmp_path, candles("BTCUSDT", 420, seed=1), candles("ETHUSDT", 420, seed=2))


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("search", ["given", "grid", "drawn"])
def test_every_row_is_reproduced_exactly(tmp_path: Path, source: Path, form: str, search: str) -> None:
    """Given parameters, a searched grid, and combinations drawn from one, in every format, by one process or two."""
    grid = SMALL.draw(5, 3) if search == "drawn" else SMALL
    rows = analysed(source, "BTCUSDT", "ETHUSDT", parameters=GIVEN if search == "given" else None, grid=grid)
    found = verified(written(tmp_path, rows, form), source)
    assert (numbers(found), found.run.status, found.run.exit_code) == ((2, 0, 0), "valid", 0), issues(found)["message"]


def test_two_processes_find_the_same(tmp_path: Path, source: Path) -> None:
    """The result does not depend on --jobs."""
    rows = analysed(source, "BTCUSDT", "ETHUSDT", parameters=None)
    wrong = [rows[0], {**rows[1], "sharpe_ratio": 1.0}]
    path = written(tmp_path, wrong)
    one, two = (verified(path, source, jobs=jobs) for jobs in (1, 2))
    assert numbers(one) == (1, 1, 0)
    assert issues(one).equals(issues(two))


@settings(max_examples=settings.default.max_examples // 10, suppress_health_check=list(HealthCheck))
@given(end=st.integers(300, 420), degree=st.integers(1, 6), kstd=st.integers(50, 300), lookback=st.integers(20, 150))
def test_candles_after_a_row_change_nothing(tmp_path: Path, end: int, degree: int, kstd: int, lookback: int) -> None:
    """A row that was made when fewer candles were known is reproduced from a source that has gone on since."""
    whole = candles("BTCUSDT", 420)
    then = market(tmp_path, whole[:end])
    rows = analysed(then, parameters=replace(GIVEN, degree=degree, kstd=kstd / 100, lookback=lookback))
    for old in (tmp_path / "results").glob("*"):
        old.unlink()
    path = written(tmp_path, rows)
    assert numbers(verified(path, market(tmp_path, whole))) == (1, 0, 0)


def test_rows_of_a_shorter_window_and_with_gaps(tmp_path: Path) -> None:
    """The row says since when it was given candles, so that its gaps and its data points are found again."""
    whole = candles("BTCUSDT", 420)
    kept = np.ones(420, dtype=bool)
    kept[[50, 51, 120]] = False
    source = market(tmp_path, whole[kept][10:])
    [row] = rows = analysed(source)
    assert (row["gaps"], row["data_points"]) == (2, 299)
    assert numbers(verified(written(tmp_path, rows), market(tmp_path, whole[kept]))) == (1, 0, 0)


def nudged(value: object) -> object:
    """The nearest other value of the kind."""
    if isinstance(value, float):
        return math.nextafter(value, math.inf)
    if isinstance(value, int):
        return value + 1
    return {"HOLD": "BUY"}.get(str(value), "HOLD") if value is not None else 1


@pytest.mark.parametrize("search", [False, pytest.param(True, marks=pytest.mark.full)])
def test_the_least_change_of_any_column_is_found(tmp_path: Path, source: Path, search: bool) -> None:
    """One unit in the last place of any number, another word, a value where none was: each is found, by its column.

    A changed term may leave the figures as they were; then it cannot be told, and nothing is false.
    """
    [row] = analysed(source, parameters=None if search else GIVEN)
    terms = {"candles_from", "fee", "slippage", "train_bars", "test_bars", "folds", "sample", "degree", "kstd",
             "lookback"} | {name for name in row if name.startswith("grid_")}  # fmt: skip
    for number, name in enumerate(row.keys() - terms - {"symbol", "interval", "analysis_date"}):
        place = tmp_path / str(number)
        place.mkdir()
        found = verified(written(place, [{**row, name: nudged(row[name])}]), source)
        told = issues(found)
        assert (numbers(found), told["column"].to_list()) == ((0, 1, 0), [name]), told["message"]
        assert told["code"].to_list() == ["not_reproduced"]
        assert told["row"].to_list() == [1]


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"kstd": 1.6}, "lower_band"),
        ({"degree": 1}, "lower_band"),
        ({"lookback": 61}, "lower_band"),
        ({"fee": 0.002}, "total_return"),
        ({"slippage": 0.0}, "total_return"),
        ({"candles_from": "2024-01-02T00:00:00.000+00:00"}, "data_points"),
        ({"sample": "out_of_sample"}, "sample"),
    ],
    ids=str,
)
def test_a_term_that_is_not_the_true_one_is_found(tmp_path: Path, source: Path, change: Row, column: str) -> None:
    """A row that states other parameters than it was made with is not reproduced."""
    [row] = analysed(source)
    found = verified(written(tmp_path, [{**row, **change}]), source)
    assert numbers(found) == (0, 1, 0)
    assert column in issues(found)["column"].to_list()


@pytest.mark.parametrize("change", [{"grid_kstds": "1.0 2.5"}, {"train_bars": 150}, {"grid_lot": "3 1"}], ids=str)
def test_another_search_is_found(tmp_path: Path, source: Path, change: Row) -> None:
    """The number of trials, the folds or the chosen parameters are others then."""
    [row] = analysed(source, parameters=None)
    assert numbers(verified(written(tmp_path, [{**row, **change}]), source)) == (0, 1, 0)


def test_other_candles_are_found(tmp_path: Path, source: Path) -> None:
    """One close that a hundredth of a percent was taken from: its symbol is not reproduced, the other one is."""
    path = written(tmp_path, analysed(source, "BTCUSDT", "ETHUSDT"))
    other = candles("ETHUSDT", 420, seed=2)
    other.close[400] *= 0.9999
    found = verified(path, market(tmp_path, candles("BTCUSDT", 420, seed=1), other))
    assert numbers(found) == (1, 1, 0)
    assert set(issues(found)["row"]) == {2}
    assert "relative difference" in issues(found)["message"][0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"symbol": "SOLUSDT"}, "the candles of SOLUSDT cannot be used: no candles in"),
        ({"interval": "1M"}, "the interval 1M cannot be computed, only 1m"),
        ({"analysis_date": "2025-03-01T23:59:59.999+00:00"}, "the date 2025-03-01 23:59 UTC is not in the candles"),
        ({"analysis_date": "2025-02-23T12:00:00+00:00"}, "closed at the row's 2025-02-23T12:00:00+00:00"),
        ({"analysis_date": "2023-02-23T12:00:00+00:00"}, "begin after 2023-02-23 12:00 UTC"),
        ({"candles_from": "2023-12-31T00:00:00.000+00:00"}, "lacks BTCUSDT's candle of 2023-12-31T00:00:00.000+00:00"),
        ({"candles_from": "0001-01-01T00:00:00.000+00:00"}, "the source lacks"),
        ({"candles_from": "yesterday"}, "cannot be: Invalid isoformat string"),
        ({"candles_from": "2024-01-01T00:00:00"}, "has no UTC offset"),
        ({"fee": "free" * 10_000}, "could not convert string to float"),
        ({"fee": -1.0}, "are not shares from 0 to below 1"),
        ({"slippage": "nan"}, "are not shares from 0 to below 1"),
        ({"lookback": 2.5}, "2.5 is no whole number"),
        ({"lookback": 4, "degree": 3}, "no degree of freedom"),
    ],
    ids=str,
)
def test_what_cannot_be_checked_is_said(tmp_path: Path, source: Path, change: Row, told: str) -> None:
    """A row that nothing can be said of is an issue of its own, never passed in silence."""
    [row] = analysed(source)
    found = verified(written(tmp_path, [{**row, **change}]), source)
    assert (numbers(found), found.run.exit_code) == ((0, 0, 1), 1)
    [message] = issues(found)["message"]
    assert message.startswith("Row 1: not checked: ")
    assert told in message
    assert len(message) < 1000


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"grid_degrees": "1 0"}, "is below 1"),
        ({"grid_kstds": "1.0 inf"}, "not above 0 and below 1,000"),
        ({"test_bars": 0}, "is below 1"),
        ({"grid_lookbacks": " ".join(map(str, range(20, 40_000)))}, "more than 50,000"),
        ({"grid_degrees": "60"}, "no degree of freedom"),
        ({"grid_lot": "many"}, "could not convert"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_search_that_cannot_be_is_said(tmp_path: Path, source: Path, change: Row, told: str) -> None:
    """Terms that nobody could have searched with, or would wait hours for, end in a sentence."""
    [row] = analysed(source, parameters=None)
    found = verified(written(tmp_path, [{**row, **change}]), source)
    assert numbers(found) == (0, 0, 1)
    assert told in issues(found)["message"][0]


def test_an_analysis_that_candles_do_not_allow(tmp_path: Path, source: Path) -> None:
    """A look-back longer than the candles never gave a row."""
    [row] = analysed(source)
    found = verified(written(tmp_path, [{**row, "lookback": 419}]), source)
    assert numbers(found) == (0, 1, 0)
    assert "the candles give no row: 420 candles; a look-back of 419 needs two more" in issues(found)["message"][0]


def test_a_tolerance_may_be_given(tmp_path: Path, source: Path) -> None:
    """--tolerance is for files of another processor, whose sums may end in other digits."""
    [row] = analysed(source)
    path = written(tmp_path, [{**row, "sharpe_ratio": float(str(row["sharpe_ratio"])) * (1 + 1e-10)}])
    assert numbers(verified(path, source)) == (0, 1, 0)
    assert numbers(verified(path, source, tolerance=1e-9)) == (1, 0, 0)


def test_figures_of_another_backtest_agree_to_a_billionth(tmp_path: Path, source: Path) -> None:
    """Rows of --backend vectorbt say so, and are compared within what both backtests agree to."""
    [row] = analysed(source)
    near = {**row, "total_return": float(str(row["total_return"])) * (1 + 1e-12), "backend": "vectorbt"}
    assert numbers(verified(written(tmp_path, [near]), source)) == (1, 0, 0)
    far = {**near, "total_return": float(str(row["total_return"])) * (1 + 1e-7)}
    assert numbers(verified(written(tmp_path, [far]), source)) == (0, 1, 0)


def test_rows_with_faults_are_told_as_validation_does(tmp_path: Path, source: Path) -> None:
    """A row that could not be published keeps its own error; the sound one beside it is checked."""
    [row] = analysed(source)
    found = verified(as_json(tmp_path, [row, {**row, "symbol": "BTC"}]), source)
    assert numbers(found) == (1, 0, 1)
    assert issues(found).select("code", "row").rows() == [("symbol_format", 2)]


def test_files_of_a_set_that_disagree(tmp_path: Path, source: Path) -> None:
    """Of a set whose files hold other rows nobody knows which ones to check."""
    [row] = analysed(source)
    path = written(tmp_path, [row])
    other = path.with_suffix(".json")
    other.write_text(as_json(tmp_path, [{**row, "fee": 0.1}]).read_text())
    found = verified(path.parent, source)
    assert (numbers(found), set(issues(found)["code"])) == ((0, 0, 1), {"csv_json_agree"})


def test_every_column_of_ours_is_read(tmp_path: Path, source: Path) -> None:
    """The columns that a verification reads are those that the engine writes."""
    for parameters in (GIVEN, None):
        [row] = analysed(source, parameters=parameters)
        assert {*row, "backend"} - set(DOCUMENTED) == {*NUMBERS, *TEXTS}


def test_the_full_grid_fits_into_its_columns(tmp_path: Path, source: Path) -> None:
    """What was searched stands in the row as plain lists that give the same grid back."""
    [row] = analysed(source, parameters=None, grid=Grid((1,), Grid().kstds, (50, 150)))
    assert row["grid_kstds"] == " ".join(str(tenths / 10) for tenths in range(10, 31))
    assert numbers(verified(written(tmp_path, [row]), source)) == (1, 0, 0)


def test_a_running_candle_at_the_end_of_the_source_is_not_used(tmp_path: Path) -> None:
    """Candles that had not closed at a row's date have no part in it, whatever they hold."""
    whole = candles("BTCUSDT", 421)
    path = written(tmp_path, analysed(market(tmp_path, whole[:420])))
    wild = frame(whole).with_columns(
        pl.when(pl.int_range(pl.len()) == 420).then(pl.col("high") * 9).otherwise("high").alias("high")
    )
    wild.write_parquet(tmp_path / "candles.parquet")
    assert numbers(verified(path, tmp_path / "candles.parquet")) == (1, 0, 0)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_real_candles_of_great_and_of_tiny_prices(tmp_path: Path, real_market: Path, form: str) -> None:
    """Real prices from 0.00001 to 120,000 go through the file's text and come back as the same numbers."""
    names = ("BTCUSDT", "ETHUSDT", "SHIBUSDT", "PEPEUSDT", "1INCHUSDT")
    for parameters in (GIVEN, None):
        rows = analysed(real_market, *names, parameters=parameters)
        found = verified(written(tmp_path, rows, form), real_market)
        assert numbers(found) == (len(names), 0, 0), issues(found)["message"]
