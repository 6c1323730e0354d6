"""Every rule of the catalogue: silent on the good row, and heard on the least change that breaks it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autonama.config import load_settings
from autonama.ingestion.catalogue import catalogue
from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.pipeline import Job, check
from writing import good, many, write_csv

SOON, LATER = "in 4 minutes", "in 6 minutes"


def timed(change: dict[str, object]) -> dict[str, object]:
    """The change with its relative time as it is now: the suite may have begun minutes ago."""
    minutes = {SOON: 4, LATER: 6}.get(str(change.get("analysis_date")))
    if minutes is None:
        return change
    return {"analysis_date": (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()}


def judged(tmp_path: Path, rows: list[dict[str, object]], **validation: object) -> SetOutcome:
    """The outcome of validating a CSV file with these rows."""
    settings = load_settings(validation=validation)
    run = check(Job("vectorbt", settings, paths=(write_csv(tmp_path, rows),)))
    return run.sets[0]


def codes(outcome: SetOutcome) -> list[str]:
    """The codes of its issues."""
    return outcome.issues["code"].to_list()


BREAKS = [
    ("missing_symbol", {"symbol": ""}),
    ("missing_symbol", {"symbol": "  "}),
    ("missing_interval", {"interval": ""}),
    ("missing_signal", {"signal": ""}),
    ("missing_current_price", {"current_price": ""}),
    ("missing_current_price", {"current_price": "NaN"}),
    ("missing_current_price", {"current_price": "null"}),
    ("missing_lower_band", {"lower_band": ""}),
    ("missing_upper_band", {"upper_band": "nan"}),
    ("missing_degree", {"degree": ""}),
    ("missing_kstd", {"kstd": ""}),
    ("missing_analysis_date", {"analysis_date": ""}),
    ("missing_analysis_date", {"analysis_date": "NaT"}),
    ("invalid_current_price", {"current_price": "abc"}),
    ("invalid_current_price", {"current_price": "inf"}),
    ("invalid_current_price", {"current_price": "-Infinity"}),
    ("invalid_current_price", {"current_price": "1,000.5"}),
    ("invalid_current_price", {"current_price": "1_000"}),
    ("invalid_current_price", {"current_price": "0x10"}),
    ("invalid_current_price", {"current_price": "١٠٥"}),
    ("invalid_lower_band", {"lower_band": "--1"}),
    ("invalid_upper_band", {"upper_band": "1e"}),
    ("invalid_degree", {"degree": "2.5"}),
    ("invalid_kstd", {"kstd": "wide"}),
    ("invalid_total_return", {"total_return": "high"}),
    ("invalid_analysis_date", {"analysis_date": "15/01/2026"}),
    ("invalid_analysis_date", {"analysis_date": "2026-02-30T10:00:00"}),
    ("invalid_analysis_date", {"analysis_date": "yesterday"}),
    ("out_of_range_current_price", {"current_price": "1e12"}),
    ("out_of_range_current_price", {"current_price": "999999999999.999999995"}),
    ("out_of_range_upper_band", {"upper_band": "1e400"}),
    ("out_of_range_upper_band", {"upper_band": "1e999999999"}),
    ("out_of_range_lower_band", {"lower_band": "-1000000000000"}),
    ("out_of_range_kstd", {"kstd": "999.995"}),
    ("out_of_range_degree", {"degree": "2147483648"}),
    ("out_of_range_total_return", {"total_return": "1000000"}),
    ("invalid_potential_return", {"potential_return": "x"}),
    ("invalid_sharpe_ratio", {"sharpe_ratio": "x"}),
    ("invalid_max_drawdown", {"max_drawdown": "x"}),
    ("out_of_range_potential_return", {"potential_return": "1000000"}),
    ("out_of_range_sharpe_ratio", {"sharpe_ratio": "-999999.99995"}),
    ("out_of_range_max_drawdown", {"max_drawdown": "1e6"}),
    ("out_of_range_analysis_date", {"analysis_date": "1999-12-31T23:59:59"}),
    ("out_of_range_analysis_date", {"analysis_date": "0001-01-01T00:00:00"}),
    ("out_of_range_analysis_date", {"analysis_date": "0000-01-01T00:00:00"}),
    ("undefined_metric", {"potential_return": ""}),
    ("undefined_metric", {"total_return": "NaN"}),
    ("undefined_metric", {"sharpe_ratio": "inf"}),
    ("undefined_metric", {"max_drawdown": "-inf"}),
    ("symbol_format", {"symbol": "BTC"}),
    ("symbol_format", {"symbol": "btcusdt"}),
    ("symbol_format", {"symbol": "BTC-USDT"}),
    ("symbol_format", {"symbol": "USDT"}),
    ("symbol_format", {"symbol": " BTCUSDT"}),
    ("symbol_format", {"symbol": "A" * 17 + "USDT"}),
    ("interval_valid", {"interval": "1D"}),
    ("interval_valid", {"interval": "7d"}),
    ("signal_valid", {"signal": "buy"}),
    ("signal_valid", {"signal": "STRONG_BUY"}),
    ("price_positive", {"current_price": "0"}),
    ("price_positive", {"current_price": "0.0000000049"}),
    ("bands_ordered", {"lower_band": "110", "potential_return": "0"}),
    ("bands_ordered", {"lower_band": "110.00000001"}),
    ("analysis_date_valid", {"analysis_date": LATER}),
    ("lower_band_positive", {"lower_band": "0"}),
    ("signal_matches_bands", {"signal": "BUY", "current_price": "100"}),
    ("signal_matches_bands", {"signal": "SELL", "current_price": "110"}),
    ("signal_matches_bands", {"signal": "HOLD", "current_price": "99.99999999"}),
    ("price_near_bands", {"signal": "SELL", "current_price": "221"}),
    ("potential_return_consistent", {"potential_return": "10.011"}),
    ("total_return_realistic", {"total_return": "1000"}),
    ("total_return_realistic", {"total_return": "-100.0001", "max_drawdown": "-100"}),
    ("sharpe_realistic", {"sharpe_ratio": "-10"}),
    ("drawdown_realistic", {"max_drawdown": "100.0001"}),
    ("return_within_drawdown", {"total_return": "-9", "max_drawdown": "-8.99"}),
]

HOLDS = [
    {"symbol": "1000PEPEUSDT"},
    {"symbol": "A" * 16 + "USDT"},
    {"interval": "1M"},
    {"current_price": "1.055e2"},
    {"current_price": "+105.50"},
    {"current_price": " 105.5 "},
    {"current_price": "105.", "kstd": ".5"},
    {"degree": "3.0"},
    {"degree": "2147483647"},
    {"kstd": "999.994"},
    {"kstd": "2.4000000000000004"},
    {"analysis_date": SOON},
    {"analysis_date": "2026-01-15"},
    {"analysis_date": "2026-01-15T10:30:00Z"},
    {"analysis_date": "2026-01-15 10:30:00.123456+05:30"},
    {"analysis_date": "20260115T103000"},
    {"signal": "BUY", "current_price": "99.99999999"},
    {"signal": "SELL", "current_price": "110.00000001"},
    {"signal": "HOLD", "current_price": "100"},
    {"signal": "SELL", "current_price": "220"},
    {"potential_return": "10.0099"},
    {"total_return": "999.9999"},
    {"total_return": "-9", "max_drawdown": "9"},
    {"total_return": "-9", "max_drawdown": "-9"},
    {"sharpe_ratio": "9.9999"},
    {"max_drawdown": "100"},
    {"max_drawdown": "-0.1688"},
    {
        "current_price": "999999999999.999999994",
        "lower_band": "999999999999.1",
        "upper_band": "999999999999.99999999",
        "potential_return": "0",
        "signal": "SELL",
    },
]


@pytest.mark.parametrize(("code", "change"), BREAKS, ids=lambda value: str(value)[:60])
def test_the_least_fault_gives_its_one_issue(tmp_path: Path, code: str, change: dict[str, object]) -> None:
    """One fault gives one issue: its own rule's, with row, line, column and the value as the file has it."""
    change = timed(change)
    outcome = judged(tmp_path, [good(symbol="ETHUSDT"), good(**change)])
    assert codes(outcome) == [code]
    found = outcome.issues.row(0, named=True)
    assert (found["row"], found["line"]) == (2, 3)
    assert found["message"].startswith("Row 2: ")
    assert found["column"] in change
    assert found["value"] == change[found["column"]]
    assert (outcome.status == "rejected") == (found["severity"] == "error")


@pytest.mark.parametrize("change", HOLDS, ids=str)
def test_what_holds_is_not_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """A row at the good side of a rule's edge has no issue."""
    outcome = judged(tmp_path, [good(**timed(change))])
    assert codes(outcome) == []
    assert outcome.status == "valid"


@pytest.mark.parametrize(
    ("column", "rule", "value"),
    [("symbol", "symbol_format", "A" * 17 + "USDT"), ("interval", "interval_valid", "x" * 11),
     ("signal", "signal_valid", "x" * 11)],
)  # fmt: skip
def test_a_text_too_long_for_its_column_is_refused_whatever_the_config(
    tmp_path: Path, column: str, rule: str, value: str
) -> None:
    """With the column's own rule off, a text that the table could not hold is out of range."""
    outcome = judged(tmp_path, [good(**{column: value})], severity={rule: "off"})
    assert codes(outcome) == [f"out_of_range_{column}"]


def test_duplicate_key_names_every_row(tmp_path: Path) -> None:
    """A symbol that stands three times gives one issue with all three rows."""
    outcome = judged(tmp_path, [good(), good(symbol="ETHUSDT"), good(), good()])
    assert codes(outcome) == ["duplicate_key"]
    found = outcome.issues.row(0, named=True)
    assert (found["row"], found["rows"]) == (1, [1, 3, 4])
    assert "rows 1, 3, 4" in found["message"]


def test_one_symbol_at_two_intervals_is_no_duplicate(tmp_path: Path) -> None:
    """The key is symbol and interval together."""
    assert codes(judged(tmp_path, [good(), good(interval="4h")])) == []


def test_duplicates_are_sought_among_sound_keys_only(tmp_path: Path) -> None:
    """Two rows without a symbol are two missing symbols, not a clash."""
    assert codes(judged(tmp_path, [good(symbol=""), good(symbol="")])) == ["missing_symbol"] * 2


def test_check_duplicates_off_still_keeps_the_database_key(tmp_path: Path) -> None:
    """Switched off, the rule lets a symbol stand at two times, but never twice at the same one."""
    other_time = good(analysis_date="2026-01-15T10:30:00")
    assert codes(judged(tmp_path, [good(), other_time], check_duplicates=False)) == []
    assert codes(judged(tmp_path, [good(), good()], check_duplicates=False)) == ["duplicate_key"]


def test_negative_sharpe_share_is_over_half(tmp_path: Path) -> None:
    """Half of the rows below zero is allowed; more is a warning."""
    half = [good(symbol=f"{s}USDT", sharpe_ratio=v) for s, v in zip("ABCD", ("-1", "-2", "1", "2"), strict=True)]
    assert codes(judged(tmp_path, half)) == []
    more = [*half, good(symbol="EUSDT", sharpe_ratio="-3")]
    assert codes(judged(tmp_path, more)) == ["negative_sharpe_share"]


def test_extreme_band_share_is_over_a_tenth(tmp_path: Path) -> None:
    """One in ten rows may have bands wider than the lower band; one in nine is a warning."""
    wide = {"upper_band": "201", "potential_return": "101"}
    rows = [*many(9), good(symbol="WIDEUSDT", **wide)]
    assert codes(judged(tmp_path, rows)) == []
    assert codes(judged(tmp_path, rows[1:])) == ["extreme_band_share"]


@pytest.mark.parametrize("metric", ["potential_return", "total_return", "sharpe_ratio", "max_drawdown"])
def test_constant_metric_needs_ten_equal_rows(tmp_path: Path, metric: str) -> None:
    """A metric that never changes over ten rows is a warning; over nine, or with one other value, it is not."""
    value = "5" if metric == "sharpe_ratio" else "10"
    same = [{**row, metric: value} for row in many(10)]
    if metric == "potential_return":
        same = [{**row, "lower_band": "100"} for row in same]
    outcome = judged(tmp_path, same)
    assert codes(outcome) == ["constant_metric"]
    assert outcome.issues["column"][0] == metric
    assert codes(judged(tmp_path, same[1:])) == []
    different = "10.001" if metric == "potential_return" else "6"
    assert codes(judged(tmp_path, [*same[1:], {**same[0], metric: different}])) == []


def test_a_severity_of_the_config_holds(tmp_path: Path) -> None:
    """`validation.severity` makes a warning an error, and an error a warning, and turns a rule off."""
    row = [good(sharpe_ratio="12")]
    assert judged(tmp_path, row, severity={"sharpe_realistic": "error"}).status == "rejected"
    assert codes(judged(tmp_path, row, severity={"sharpe_realistic": "off"})) == []
    swapped = judged(tmp_path, [good(current_price="0")], severity={"price_positive": "warning"})
    assert (swapped.status, codes(swapped)) == ("valid", ["price_positive"])


def test_validate_prices_off_leaves_the_shape(tmp_path: Path) -> None:
    """The documented switch turns the price rules off; a missing price is still missing."""
    assert codes(judged(tmp_path, [good(current_price="0")], validate_prices=False)) == []
    assert codes(judged(tmp_path, [good(current_price="")], validate_prices=False)) == ["missing_current_price"]


def test_the_catalogue_lists_every_code_of_the_design() -> None:
    """Every code that the design names is in the catalogue, and every one that a test above breaks."""
    listed = {entry.code for entry in catalogue("vectorbt", load_settings())}
    file_rules = {"file_exists", "file_readable", "file_not_empty", "file_format", "file_encoding", "file_age",
                  "columns_present", "columns_unique", "has_rows", "csv_json_agree"}  # fmt: skip
    assert file_rules | {code for code, _ in BREAKS} <= listed
