"""The engine `sweep`: what a row of a sweep has to be, and that its key has the parameters in it."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonama.config import load_settings
from autonama.ingestion.catalogue import catalogue
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job, ingest
from autonama.ingestion.report.remedies import REMEDIES
from writing import Row, write_csv

TRIAL: Row = {
    "symbol": "BTCUSDT", "interval": "1d", "degree": "3", "kstd": "1.5", "lookback": "100",
    "analysis_date": "2026-01-14T23:59:59.999+00:00", "total_return": "12.5", "sharpe_ratio": "0.8",
    "max_drawdown": "30", "win_rate": "60", "trades": "5", "exposure": "40", "data_points": "720",
}  # fmt: skip


def trial(**changes: object) -> Row:
    """A row of a sweep without a fault, with these values instead."""
    return {**TRIAL, **changes}


def publish(directory: Path, database_url: str, *rows: Row, **settings: Any) -> RunOutcome:
    """What became of these rows as one file of the engine `sweep`."""
    write_csv(directory, list(rows), f"sweep_results_20260115_1030{len(list(directory.iterdir())):02}.csv")
    configured = load_settings(database_url=database_url, engine_results_dir=directory, **settings)
    return ingest(Job("sweep", configured, allow_stale=True))


def codes(run: RunOutcome) -> set[tuple[str, str]]:
    """Rules and columns of the last set's findings, but for the file's age."""
    return {(code, column) for code, column in run.sets[-1].issues.select("code", "column").iter_rows()
            if code != "file_age"}  # fmt: skip


def test_a_sweep_is_published_and_raises_no_alert(
    tmp_path: Path, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """Combinations of one symbol stand beside each other, with engine, file and row; nothing is advised."""
    rows = [trial(degree=str(degree), kstd=kstd) for degree in (2, 3) for kstd in ("1.5", "1.6")]
    run = publish(tmp_path, database_url, *rows)
    assert (run.sets[0].status, run.sets[0].counts.inserted, codes(run)) == ("published", 4, set())
    stored = (
        "SELECT degree, kstd::text, win_rate::text, engine, file_id, row_number FROM trading.sweep_results ORDER BY id"
    )
    assert conn.execute(stored).fetchall()[0] == (2, "1.50", "60.0000", "sweep", 1, 1)
    assert conn.execute("SELECT count(*) FROM trading.alerts").fetchall() == [(0,)]


def test_later_values_replace_and_the_same_ones_do_not(tmp_path: Path, database_url: str) -> None:
    """A second file changes what differs, combination by combination, and leaves the rest as it is."""
    publish(tmp_path, database_url, trial(), trial(lookback="110"))
    counts = (
        publish(tmp_path, database_url, trial(trades="6"), trial(lookback="110"), trial(lookback="120")).sets[-1].counts
    )
    assert (counts.inserted, counts.updated, counts.unchanged) == (1, 1, 1)


@pytest.mark.parametrize("check_duplicates", [True, False])
def test_the_same_combination_twice_is_refused(tmp_path: Path, database_url: str, check_duplicates: bool) -> None:
    """The finding names the parameters and every row, whatever the configuration says: the table has room for one."""
    twice = [trial(), trial(degree="4"), trial(kstd="1.50")]
    run = publish(tmp_path, database_url, *twice, validation={"check_duplicates": check_duplicates})
    assert (run.sets[0].status, codes(run)) == ("rejected", {("duplicate_key", "symbol")})
    [message] = run.sets[0].issues.filter(code="duplicate_key")["message"]
    assert (
        "BTCUSDT at 1d and 2026-01-14T23:59:59.999+00:00, lookback 100, degree 3, kstd 1.5 stands in rows 1, 3"
        in message
    )


@pytest.mark.parametrize(
    ("changes", "code", "column"),
    [
        ({"degree": "0"}, "degree_valid", "degree"),
        ({"kstd": "0"}, "kstd_valid", "kstd"),
        ({"kstd": "1.501"}, "kstd_valid", "kstd"),
        ({"lookback": "4"}, "lookback_exceeds_degree", "lookback"),
        ({"lookback": "100.5"}, "invalid_lookback", "lookback"),
        ({"data_points": "100"}, "candles_exceed_lookback", "data_points"),
        ({"trades": "-1"}, "trades_counted", "trades"),
        ({"trades": ""}, "missing_trades", "trades"),
        ({"win_rate": "100.01"}, "win_rate_in_range", "win_rate"),
        ({"exposure": "-0.01"}, "exposure_in_range", "exposure"),
        ({"symbol": "BTC"}, "symbol_format", "symbol"),
        ({"analysis_date": "2199-01-01T00:00:00Z"}, "analysis_date_valid", "analysis_date"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, database_url: str, changes: Row, code: str, column: str) -> None:
    """One fault gives one finding, at its column, and refuses the file."""
    run = publish(tmp_path, database_url, trial(**changes), trial(symbol="ETHUSDT"))
    assert (run.sets[0].status, codes(run)) == ("rejected", {(code, column)})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"win_rate": "", "trades": "0"}, set()),
        ({"win_rate": "", "trades": "0", "sharpe_ratio": "", "exposure": "0"}, set()),
        ({"win_rate": ""}, {("undefined_metric", "win_rate")}),
        ({"sharpe_ratio": "NaN"}, {("undefined_metric", "sharpe_ratio")}),
        ({"sharpe_ratio": "inf"}, {("undefined_metric", "sharpe_ratio")}),
        ({"total_return": ""}, {("undefined_metric", "total_return")}),
        ({"exposure": "nan"}, {("undefined_metric", "exposure")}),
        ({"total_return": "-40"}, {("return_within_drawdown", "max_drawdown")}),
        ({"sharpe_ratio": "11"}, {("sharpe_realistic", "sharpe_ratio")}),
    ],
)  # fmt: skip
def test_what_is_worth_a_word_is_published_with_it(
    tmp_path: Path, database_url: str, conn: psycopg.Connection[Any], changes: Row, told: set[tuple[str, str]]
) -> None:
    """A metric may be blank where nothing traded; elsewhere that is flagged, and stored as NULL."""
    run = publish(tmp_path, database_url, trial(**changes))
    assert (run.sets[0].status, codes(run)) == ("published", told)
    blank = [name for name, value in changes.items() if str(value).lower() in ("", "nan", "inf")]
    for name in blank:
        assert conn.execute(f"SELECT {name} FROM trading.sweep_results").fetchall() == [(None,)]


def test_losing_combinations_are_no_finding(tmp_path: Path, database_url: str) -> None:
    """Most of a sweep may lose: it is there to show that."""
    rows = [trial(lookback=str(lookback), sharpe_ratio="-1") for lookback in range(50, 61)]
    constant = ("total_return", "sharpe_ratio", "max_drawdown")
    assert codes(publish(tmp_path, database_url, *rows)) == {("constant_metric", name) for name in constant}


def test_both_formats_of_a_sweep_agree(tmp_path: Path, database_url: str) -> None:
    """A CSV and an NDJSON file of one sweep are one set, its rows matched by their parameters."""
    rows = [trial(lookback=str(lookback)) for lookback in (50, 60, 70)]
    write_csv(tmp_path, rows, "sweep_results_20260115_103000.csv")
    text = "".join(f"{str(row).replace(chr(39), chr(34))}\n" for row in rows)
    (tmp_path / "sweep_results_20260115_103000.ndjson").write_text(text)
    run = ingest(Job("sweep", load_settings(database_url=database_url, engine_results_dir=tmp_path), allow_stale=True))
    assert [(one.status, one.counts.inserted) for one in run.sets] == [("published", 3)]


def test_the_catalogue_reads_well() -> None:
    """Its rules are listed with what holds and what to do, duplicate_key with the whole key, and no rule of bands."""
    entries = {entry.code: entry for entry in catalogue("sweep", load_settings())}
    assert entries["duplicate_key"].holds.startswith(
        "analysis_date + interval + lookback + degree + kstd + symbol once"
    )
    assert {"signal_matches_bands", "price_positive", "negative_sharpe_share"}.isdisjoint(entries)
    own = {"degree_valid", "kstd_valid", "lookback_exceeds_degree", "candles_exceed_lookback", "trades_counted",
           "win_rate_in_range", "exposure_in_range"}  # fmt: skip
    assert own <= set(entries) & set(REMEDIES)
