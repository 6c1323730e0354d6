"""From candle files to result files that ingestion takes without a word."""

import csv
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import polars as pl
import pytest
from making import after, candles, frame

from autonama.analysis.analyze import Analysis, Plan, analyze
from autonama.analysis.candles import Candles
from autonama.analysis.grid import Grid, Parameters
from autonama.analysis.offline import Offline
from autonama.analysis.optimise import Windows
from autonama.analysis.results import decimal_text, write_results
from autonama.config import load_settings
from autonama.engines import load_engine
from autonama.errors import ConfigError, FilesError
from autonama.ingestion.pipeline import Job, ingest

R = TypeVar("R")

GRID = Grid((1, 3), (1.0, 1.5, 2.0), (50, 60))
WINDOWS = Windows(train=100, test=40)
NOW = datetime.now(UTC)


def source(directory: Path, *every: Candles, quotes: tuple[str, ...] = ("USDT",)) -> Offline:
    """A Parquet file of these candles."""
    frame(*every).write_parquet(directory / "candles.parquet")
    return Offline(directory / "candles.parquet", "1d", quotes)


def market(directory: Path) -> Offline:
    """Three symbols, one of them of a price with seven zeros."""
    return source(
        directory, candles("BTCUSDT", seed=1), candles("ETHUSDT", seed=2), candles("PEPEUSDT", seed=3, start=6.2e-4)
    )


def optimised(found: Offline, *symbols: str, jobs: int = 1) -> Analysis:
    """A small walk-forward of these symbols."""
    return analyze(found, Plan(symbols, grid=GRID, windows=WINDOWS, jobs=jobs), after(400))


def test_ingestion_takes_the_result_set(tmp_path: Path, database_url: str) -> None:
    """CSV, JSON and Parquet of one run are published as one set, every row, without an error."""
    found = optimised(market(tmp_path), "BTCUSDT", "ETHUSDT", "PEPEUSDT")
    paths = write_results(found.rows, tmp_path / "results", ("csv", "json", "parquet"), NOW)
    settings = load_settings(database_url=database_url, engine_results_dir=tmp_path / "results")
    run = ingest(Job("vectorbt", settings))
    assert [(one.status, one.counts.inserted) for one in run.sets] == [("published", 3)]
    assert set(run.sets[0].issues["code"]) <= {"deflated_sharpe"}  # random walks: their Sharpe ratios are luck
    assert sorted(run.sets[0].files) == sorted(paths)


def test_real_candles_make_a_set_that_ingestion_takes(real_market: Path, tmp_path: Path, database_url: str) -> None:
    """The real market's top 60 give rows without an error; what is flagged is the market's doing."""
    found = Offline(real_market, "1d", ("USDT",))
    plan = Plan(tuple(found.top(60)), parameters=Parameters(3, 1.5, 100))
    result = analyze(found, plan, datetime(2025, 8, 15, 12, tzinfo=UTC))
    assert len(result.rows) >= 55
    write_results(result.rows, tmp_path, ("csv", "json", "parquet"), NOW)
    run = ingest(Job("vectorbt", load_settings(database_url=database_url, engine_results_dir=tmp_path)))
    assert run.sets[0].counts.inserted == len(result.rows)
    flagged = {"undefined_metric", "negative_sharpe_share", "extreme_band_share", "deflated_sharpe"}
    assert set(run.sets[0].issues["code"]) <= flagged


def test_a_row_has_the_documented_columns_first(tmp_path: Path) -> None:
    """The engine's contract in its order, then ours; the time is the close of the last closed candle, UTC."""
    [row] = optimised(market(tmp_path), "BTCUSDT").rows
    contract = [column.name for column in load_engine("vectorbt").columns if column.stored]
    assert list(row)[: len(contract)] == contract
    assert row["analysis_date"] == "2025-02-03T23:59:59.999+00:00"
    assert row["current_price"] == candles("BTCUSDT", seed=1).close[-1]
    assert (row["sample"], row["trials"], row["data_points"], row["gaps"]) == ("out_of_sample", 12, 400, 0)


def test_the_result_does_not_depend_on_the_processes(tmp_path: Path) -> None:
    """One process and two write the same bytes."""
    symbols, found = ("BTCUSDT", "ETHUSDT", "PEPEUSDT"), market(tmp_path)
    written = []
    for jobs in (1, 2):
        paths = write_results(optimised(found, *symbols, jobs=jobs).rows, tmp_path / str(jobs), ("csv", "json"), NOW)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


def test_a_candle_that_is_not_closed_is_not_read(tmp_path: Path) -> None:
    """While the last candle is open, the row is that of the one before it."""
    found = market(tmp_path)
    plan = Plan(("BTCUSDT",), parameters=Parameters(2, 1.5, 60))
    [row] = analyze(found, plan, after(399)).rows
    assert row["analysis_date"] == "2025-02-02T23:59:59.999+00:00"
    assert row["current_price"] == candles("BTCUSDT", seed=1).close[-2]


def test_only_the_last_days_count(tmp_path: Path) -> None:
    """`days` takes that many daily candles, the newest."""
    plan = Plan(("BTCUSDT",), days=300, parameters=Parameters(2, 1.5, 60))
    assert analyze(market(tmp_path), plan, after(400)).rows[0]["data_points"] == 300


def test_what_has_no_row_has_a_reason(tmp_path: Path) -> None:
    """Unknown, misnamed, outdated, unsound, short and unstorable symbols are left out by name; the others have rows."""
    broken = candles("BADUSDT", seed=4)
    broken.high[7] = broken.low[7]
    found = source(
        tmp_path,
        candles("BTCUSDT"),
        candles("OLDUSDT", 390),
        broken,
        candles("NEWUSDT", 400)[slice(350, None)],
        candles("DUSTUSDT", start=3e-8),
    )
    symbols = ("BTCUSDT", "NONEUSDT", "BTC-USD", "OLDUSDT", "BADUSDT", "NEWUSDT", "DUSTUSDT")
    result = analyze(found, Plan(symbols, parameters=Parameters(2, 1.0, 60)), after(400))
    reasons = {one.symbol: one.reason for one in result.left}
    assert [row["symbol"] for row in result.rows] == ["BTCUSDT"]
    assert "no candles in" in reasons["NONEUSDT"]
    assert "end in USDT" in reasons["BTC-USD"]
    assert "last candle closed at 2025-01-24 23:59 UTC, those of most at 2025-02-03 23:59" in reasons["OLDUSDT"]
    assert "the candle of 2024-01-08 00:00 UTC has a high below another of its prices" in reasons["BADUSDT"]
    assert "50 candles; a look-back of 60" in reasons["NEWUSDT"]
    assert "too close for the 8 digits kept" in reasons["DUSTUSDT"]


def test_one_newer_symbol_shuts_nobody_out(tmp_path: Path) -> None:
    """The close that most symbols share is that of all rows: a newer symbol is cut there."""
    names = ("BTCUSDT", "ETHUSDT", "PEPEUSDT")
    found = source(
        tmp_path, *(candles(name, 400, seed=seed) for seed, name in enumerate(names)), candles("SOLUSDT", 401)
    )
    result = analyze(found, Plan((*names, "SOLUSDT"), parameters=Parameters(2, 1.5, 60)), after(401))
    assert {row["symbol"]: row["analysis_date"] for row in result.rows} == dict.fromkeys(
        (*names, "SOLUSDT"), "2025-02-03T23:59:59.999+00:00"
    )
    assert result.rows[3]["current_price"] == candles("SOLUSDT", 400).close[-1]
    two = analyze(found, Plan(("BTCUSDT", "SOLUSDT"), parameters=Parameters(2, 1.5, 60)), after(401))
    assert ([row["symbol"] for row in two.rows], [one.symbol for one in two.left]) == (["SOLUSDT"], ["BTCUSDT"])


def test_a_newer_symbol_without_the_common_candle_is_left_out(tmp_path: Path) -> None:
    """A symbol that misses the candle at which the others end has no price of that time."""
    newer = candles("SOLUSDT", 401)
    newer = newer[newer.open_time != newer.open_time[399]]
    found = source(tmp_path, candles("BTCUSDT"), candles("ETHUSDT"), newer)
    result = analyze(found, Plan(("BTCUSDT", "ETHUSDT", "SOLUSDT"), parameters=Parameters(2, 1.5, 60)), after(401))
    assert [(one.symbol, one.reason[:43]) for one in result.left] == [
        ("SOLUSDT", "its last candle closed at 2025-02-02 23:59 UTC"[:43])
    ]


def test_progress_is_told_step_by_step(tmp_path: Path) -> None:
    """Each kind of work says how many symbols it has, and takes a step for each."""
    steps: list[str] = []

    def track(results: Iterable[R], what: str, total: int, /) -> Iterable[R]:
        for nth, one in enumerate(results, 1):
            steps.append(f"{what} {nth}/{total}")
            yield one

    plan = Plan(("BTCUSDT", "NONEUSDT", "ETHUSDT"), parameters=Parameters(2, 1.5, 60))
    analyze(market(tmp_path), plan, after(400), track)
    assert steps == ["Candles 1/3", "Candles 2/3", "Candles 3/3", "Analysis 1/2", "Analysis 2/2"]


def test_the_analysis_begins_after_a_gap(tmp_path: Path) -> None:
    """Candles before a missing one are not joined to those after it, and the row says how many gaps there were."""
    whole = candles("BTCUSDT")
    keep = (whole.open_time != whole.open_time[100]) & (whole.open_time != whole.open_time[200])
    plan = Plan(("BTCUSDT",), parameters=Parameters(2, 1.5, 60))
    [row] = analyze(source(tmp_path, whole[keep]), plan, after(400)).rows
    assert (row["gaps"], row["data_points"]) == (2, 199)
    (tmp_path / "after").mkdir()
    [alone] = analyze(source(tmp_path / "after", whole[slice(201, None)]), plan, after(400)).rows
    assert {**alone, "gaps": 2, "candles_from": row["candles_from"]} == row


def test_undefined_is_blank_and_null(tmp_path: Path) -> None:
    """A symbol that never traded has no Sharpe: blank in CSV, null in JSON and Parquet, never NaN or infinity."""
    plan = Plan(("BTCUSDT",), parameters=Parameters(1, 50.0, 60))
    rows = analyze(market(tmp_path), plan, after(400)).rows
    paths = write_results(rows, tmp_path / "results", ("csv", "json", "parquet"), NOW)
    [line] = csv.DictReader(paths[0].read_text().splitlines())
    assert (line["sharpe_ratio"], line["win_rate"], line["total_return"]) == ("", "", "0.0")
    assert (float(line["lower_band"]) < 0, line["potential_return"]) == (True, "")  # no price can reach that band
    assert json.loads(paths[1].read_text())[0]["sharpe_ratio"] is None
    assert pl.read_parquet(paths[2])["sharpe_ratio"].to_list() == [None]
    assert "nan" not in paths[1].read_text().lower()


def test_numbers_round_trip(tmp_path: Path) -> None:
    """Every number of the files is decimal text that gives the same float back, small prices without an exponent."""
    rows = optimised(market(tmp_path), "PEPEUSDT").rows
    paths = write_results(rows, tmp_path / "results", ("csv", "json", "parquet"), NOW)
    [line] = csv.DictReader(paths[0].read_text().splitlines())
    for name, value in rows[0].items():
        if isinstance(value, float):
            assert (float(line[name]), "e" in line[name]) == (value, False)
    assert json.loads(paths[1].read_text()) == list(rows)
    assert pl.read_parquet(paths[2]).to_dicts() == list(rows)
    assert decimal_text(6.2e-07) == "0.00000062"


def test_a_set_of_the_same_second_is_not_replaced(tmp_path: Path) -> None:
    """The second set moves on to the next second; no temporary file is left behind."""
    rows = optimised(market(tmp_path), "BTCUSDT").rows
    results, now = tmp_path / "results", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    for _ in range(2):
        write_results(rows, results, ("csv",), now)
    assert sorted(path.name for path in results.iterdir()) == [
        "vectorbt_analysis_results_20260115_103000.csv",
        "vectorbt_analysis_results_20260115_103001.csv",
    ]


def test_nothing_to_write_and_unknown_formats_are_refused(tmp_path: Path) -> None:
    """No rows make no file; a format that is none is named."""
    rows = optimised(market(tmp_path), "BTCUSDT").rows
    with pytest.raises(FilesError, match="no row to write"):
        write_results((), tmp_path / "results", ("csv",), NOW)
    with pytest.raises(ConfigError, match="xlsx"):
        write_results(rows, tmp_path / "results", ("csv", "xlsx"), NOW)
    (tmp_path / "file").write_text("")
    with pytest.raises(FilesError, match="cannot be written"):
        write_results(rows, tmp_path / "file", ("csv",), NOW)
    assert not (tmp_path / "results").exists()


def test_an_unknown_interval_is_refused(tmp_path: Path) -> None:
    """The message names the intervals that there are."""
    with pytest.raises(ConfigError, match="7d, and has to be one of 1m 3m"):
        analyze(market(tmp_path), Plan(("BTCUSDT",), interval="7d"), after(400))


@pytest.mark.parametrize(("interval", "why"), [("1s", "63 million candles"), ("1M", "months are not of equal length")])
def test_intervals_that_a_regression_cannot_use_are_told(tmp_path: Path, interval: str, why: str) -> None:
    """1s and 1M are intervals of the exchange, and the message says why there is no analysis at them."""
    with pytest.raises(ConfigError, match=f"The interval {interval} cannot be analysed: .*{why}"):
        analyze(market(tmp_path), Plan(("BTCUSDT",), interval=interval), after(400))
