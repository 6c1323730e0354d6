"""The enhanced engine's nested file: its rows, its summary, its alerts, and the rules of its own."""

import copy
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import NOW, write_json

NAME = "enhanced_analysis_results_20260115_103000.json"
Document = dict[str, Any]


def analysis(symbol: str, signal: str = "HOLD", price: float = 105.5, risk: str = "LOW") -> Document:
    """One analysis without a fault."""
    return {
        "symbol": symbol,
        "analysis_date": NOW.isoformat(),
        "current_price": price,
        "price_change_24h": -1.25,
        "volatility": 3.5,
        "trend": "BULLISH",
        "support_level": 101.0,
        "resistance_level": 112.0,
        "volume_ratio": 1.75,
        "technical_indicators": {"rsi": 55.5, "macd": None, "sma_20": 104.0, "sma_50": 103.0, "bb_upper": 111.0,
                                 "bb_lower": 99.0, "atr": float("nan")},
        "polynomial_regression": {"upper_band": 110.0, "lower_band": 100.0, "regression_line": 105.0, "degree": 4,
                                  "kstd": 2.0},
        "signal_analysis": {"signal": signal, "signal_strength": 50, "potential_return": 9.4786, "risk_level": risk,
                            "confirmations": ["High volume"], "current_price": price, "upper_band": 110.0,
                            "lower_band": 100.0, "band_width": 10.0},
        "data_points": 720,
        "analysis_period_days": 720,
    }  # fmt: skip


def document() -> Document:
    """A result without a fault: one BUY, one SELL, one HOLD."""
    rows = [analysis("BTCUSDT", "BUY", 99.5, "HIGH"), analysis("ETHUSDT", "SELL", 110.5), analysis("SOLUSDT")]
    return {
        "summary": {"total_assets_analyzed": 3, "buy_signals": 1, "sell_signals": 1, "hold_signals": 1,
                    "avg_potential_return": 9.4786, "high_risk_assets": 1, "analysis_timestamp": NOW.isoformat()},
        "individual_analyses": rows,
        "correlation_analysis": {"high_correlation_pairs": [{"pair": ["BTCUSDT", "ETHUSDT"], "correlation": 0.91}]},
        "top_buy_signals": rows[:1],
        "top_sell_signals": rows[1:2],
        "high_risk_assets": rows[:1],
    }  # fmt: skip


def test_its_rows_summary_and_alerts_are_stored(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """One file fills the enhanced table, the summary with its correlation pairs, and the alerts, at interval 1d."""
    run = run_ingest(write_json(tmp_path, document(), NAME), engine="enhanced")
    assert run.sets[0].issues["code"].to_list() in ([], ["file_age"])
    assert (run.status, run.sets[0].counts.inserted, run.sets[0].alerts.inserted) == ("published", 3, 3)
    columns = "symbol, interval, signal, current_price::text, lower_band::text, risk_level, degree, engine, row_number"
    rows = conn.execute(f"SELECT {columns} FROM trading.enhanced_analysis ORDER BY id").fetchall()
    assert rows[0] == ("BTCUSDT", "1d", "BUY", "99.50000000", "100.00000000", "HIGH", 4, "enhanced", 1)
    stored = conn.execute("SELECT technical_indicators, confirmations FROM trading.enhanced_analysis").fetchone()
    assert stored is not None
    assert stored[0] == {"rsi": 55.5, "macd": None, "sma_20": 104, "sma_50": 103, "bb_upper": 111, "bb_lower": 99,
                         "atr": None}  # fmt: skip
    assert stored[1] == ["High volume"]
    summary = conn.execute(
        "SELECT total_assets_analyzed, buy_signals, high_risk_assets, correlation_pairs FROM trading.analysis_summary"
    ).fetchall()
    assert summary == [(3, 1, 1, [{"pair": ["BTCUSDT", "ETHUSDT"], "correlation": 0.91}])]
    alerts = conn.execute("SELECT symbol, signal, total_return, potential_return::text FROM trading.alerts ORDER BY 1")
    assert alerts.fetchall() == [("BTCUSDT", "BUY", None, "9.4786"), ("ETHUSDT", "SELL", None, "9.4786"),
                                 ("SOLUSDT", "HOLD", None, "9.4786")]  # fmt: skip


def test_an_interval_of_its_own_is_kept(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """The interval is 1d unless a field says otherwise."""
    result = document()
    result["individual_analyses"][0]["interval"] = "4h"
    run_ingest(write_json(tmp_path, result, NAME), engine="enhanced")
    intervals = conn.execute("SELECT interval FROM trading.enhanced_analysis ORDER BY symbol").fetchall()
    assert intervals == [("4h",), ("1d",), ("1d",)]


BREAKS = [
    ("summary_counts_agree", "error", ("summary", "buy_signals"), 2),
    ("summary_counts_agree", "error", ("summary", "total_assets_analyzed"), 4),
    ("summary_counts_agree", "error", ("summary", "high_risk_assets"), 0),
    ("summary_counts_agree", "error", ("summary", "avg_potential_return"), 9.5),
    ("missing_hold_signals", "error", ("summary", "hold_signals"), None),
    ("rsi_in_range", "error", ("individual_analyses", 2, "technical_indicators", "rsi"), 100.5),
    ("repeated_fields_agree", "error", ("individual_analyses", 2, "signal_analysis", "current_price"), 105.6),
    ("repeated_fields_agree", "error", ("individual_analyses", 2, "signal_analysis", "lower_band"), 100.0000002),
    ("repeated_fields_agree", "error", ("individual_analyses", 2, "signal_analysis", "upper_band"), 111.0),
    ("price_within_support_resistance", "warning", ("individual_analyses", 2, "support_level"), 111.1),
    ("price_within_support_resistance", "warning", ("individual_analyses", 2, "resistance_level"), 100.4),
    ("trend_valid", "error", ("individual_analyses", 2, "trend"), "SIDEWAYS"),
    ("risk_level_valid", "error", ("individual_analyses", 2, "signal_analysis", "risk_level"), "SEVERE"),
    ("invalid_current_price", "error", ("individual_analyses", 2, "current_price"), {"usd": 1}),
    ("undefined_metric", "warning", ("individual_analyses", 2, "volatility"), float("nan")),
]

HOLDS = [
    (("individual_analyses", 2, "technical_indicators", "rsi"), None),
    (("individual_analyses", 2, "technical_indicators", "rsi"), 100),
    (("individual_analyses", 2, "support_level"), 110.7),
    (("individual_analyses", 2, "resistance_level"), 100.5),
    (("individual_analyses", 2, "signal_analysis", "lower_band"), 100.00000001),
    (("correlation_analysis",), {}),
]


def changed(path: tuple[str | int, ...], value: object) -> Document:
    """The good document with one value replaced."""
    result = copy.deepcopy(document())
    place: Any = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return result


@pytest.mark.parametrize(("code", "severity", "path", "value"), BREAKS, ids=str)
def test_its_own_rules_find_the_least_fault(
    tmp_path: Path, run_ingest: Any, code: str, severity: str, path: tuple[str | int, ...], value: object
) -> None:
    """Each rule of its own finds its fault, and nothing else is said."""
    run = run_ingest(write_json(tmp_path, changed(path, value), "enhanced_analysis_results_x.json"), engine="enhanced")
    issues = run.sets[0].issues
    assert issues.select("code", "severity").rows() == [(code, severity)]
    assert issues["row"][0] == (3 if path[0] == "individual_analyses" else None)
    assert run.exit_code == (severity == "error")


@pytest.mark.parametrize(("path", "value"), HOLDS, ids=str)
def test_its_own_rules_are_silent_at_the_good_edge(
    tmp_path: Path, run_ingest: Any, path: tuple[str | int, ...], value: object
) -> None:
    """What is allowed gives no issue."""
    run = run_ingest(write_json(tmp_path, changed(path, value), "enhanced_analysis_results_x.json"), engine="enhanced")
    assert run.sets[0].issues["message"].to_list() == []


def test_a_file_without_its_rows_is_refused(tmp_path: Path, run_ingest: Any) -> None:
    """A document that holds the engine's own error in place of results is refused in the engine's words."""
    path = tmp_path / NAME
    path.write_text(json.dumps({"error": "Comprehensive analysis failed"}))
    run = run_ingest(path, engine="enhanced", allow_stale=True)
    assert run.exit_code == 1
    message = "The engine wrote no results, but error: Comprehensive analysis failed"
    assert run.sets[0].issues["code"].to_list() == ["file_format"]
    assert run.sets[0].issues["message"][0].startswith(message)
    assert "individual_analyses" in run.sets[0].issues["message"][0]


FAILED = {"symbol": "XRPUSDT", "error": "Insufficient data: 12 candles"}


@pytest.mark.parametrize("counted", [3, 4])
@pytest.mark.parametrize("words", ["Insufficient data: 12 candles", "[Errno 104] reset by peer"])
def test_an_analysis_that_failed_is_one_finding_in_the_engines_words(
    tmp_path: Path, run_ingest: Any, counted: int, words: str
) -> None:
    """A row that only says why there is none gives one error that quotes it, whether the summary counts it or not."""
    result = document()
    result["individual_analyses"].append({**FAILED, "error": words})
    result["summary"]["total_assets_analyzed"] = counted
    run = run_ingest(write_json(tmp_path, result, "enhanced_analysis_results_x.json"), engine="enhanced")
    (found,) = run.sets[0].issues.to_dicts()
    assert (found["code"], found["severity"], found["row"], found["value"]) == (
        "analysis_failed", "error", 4, words)  # fmt: skip
    assert found["message"] == f"Row 4: The engine could not analyse XRPUSDT: {words}"


def test_where_every_analysis_failed_no_column_is_missed(tmp_path: Path, run_ingest: Any) -> None:
    """A file of failures alone says so row by row, and not that it lacks the columns of results."""
    result = document()
    result["individual_analyses"] = [FAILED, {**FAILED, "symbol": "ADAUSDT"}]
    zero = {"total_assets_analyzed": 0, "buy_signals": 0, "sell_signals": 0, "hold_signals": 0, "high_risk_assets": 0}
    result["summary"] |= {**zero, "avg_potential_return": None}
    run = run_ingest(write_json(tmp_path, result, "enhanced_analysis_results_x.json"), engine="enhanced")
    codes = run.sets[0].issues.filter(severity="error")["code"].to_list()
    assert codes == ["analysis_failed", "analysis_failed"]


def test_the_rest_is_published_leniently(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Put aside, the failed analysis holds nobody up, and its own text is kept."""
    result = document()
    result["individual_analyses"].append(FAILED)
    path = write_json(tmp_path, result, "enhanced_analysis_results_x.json")
    run = run_ingest(path, engine="enhanced", validation={"strict_mode": False, "max_quarantine_share": 0.5})
    assert (run.status, run.sets[0].counts.inserted, run.sets[0].counts.quarantined) == ("partial", 3, 1)
    assert conn.execute("SELECT original::jsonb FROM ingestion.quarantine").fetchone() == (FAILED,)
