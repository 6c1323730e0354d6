"""The performance analysis of a set's good rows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from outcomes import BEGAN, a_set, contradiction, result, results

from autonama.ingestion.issues import issue, issue_frame, no_issues
from autonama.ingestion.report import performance


def test_no_rows_have_no_performance() -> None:
    """A set of which nothing was good, or nothing was read, has none."""
    assert performance(results(), no_issues()) is None
    assert performance(None, no_issues()) is None


def test_signals_stand_in_the_order_that_traders_say_them() -> None:
    """BUY, SELL, HOLD, then what is no word of ours; a null is no signal."""
    rows = results(*(result(n, signal=word) for n, word in enumerate(["HOLD", "EXIT", "BUY", "HOLD", None, "SELL"])))
    found = performance(rows, no_issues())
    assert found is not None
    assert list(found.signals.items()) == [("BUY", 1), ("SELL", 1), ("HOLD", 2), ("EXIT", 1)]


def test_quantiles_are_interpolated_over_defined_values() -> None:
    """Of the returns 1 to 10 and a null: the median lies between 5 and 6, and ten rows are counted."""
    rows = results(*(result(n) for n in range(1, 11)), result(11, total_return=None))
    found = performance(rows, no_issues())
    assert found is not None
    spread = found.spreads["total_return"]
    assert spread.defined == 10
    assert dict(spread.quantiles) == pytest.approx(
        {"min": 1, "5 %": 1.45, "25 %": 3.25, "median": 5.5, "75 %": 7.75, "95 %": 9.55, "max": 10}
    )


def test_an_undefined_metric_is_left_out() -> None:
    """A metric without a single value has no quantiles."""
    found = performance(results(result(1, sharpe_ratio=None)), no_issues())
    assert found is not None
    assert list(found.spreads) == ["total_return", "max_drawdown", "potential_return"]


def test_best_and_worst_are_exact_and_stable() -> None:
    """Five each by total return, as Decimals; equal returns stay in the file's order; a null never ranks."""
    rows = results(*(result(n) for n in range(1, 9)), result(9, total_return="8"), result(10, total_return=None))
    found = performance(rows, no_issues())
    assert found is not None
    assert [one.symbol for one in found.best] == ["S8USDT", "S9USDT", "S7USDT", "S6USDT", "S5USDT"]
    assert [one.total_return for one in found.worst] == [Decimal(n) for n in range(1, 6)]
    assert found.best[0].sharpe == Decimal("0.8")


def test_columns_may_be_absent() -> None:
    """The enhanced engine has no total_return, Sharpe ratio or drawdown: only what is there is told."""
    rows = results(result(1), result(2)).drop("total_return", "sharpe_ratio", "max_drawdown", "interval")
    found = performance(rows, no_issues())
    assert found is not None
    assert list(found.spreads) == ["potential_return"]
    assert found.best == found.worst == ()
    bare = performance(results(result(1)).select("row", "line", "total_return"), issue_frame([contradiction(1)]))
    assert bare is not None
    assert bare.signals == {}
    assert bare.since is None
    assert bare.best[0].symbol is None
    assert bare.flagged_rows == 1


def test_flagged_rows_are_counted_once_with_all_their_rules() -> None:
    """Warnings flag good rows; errors and set-wide findings do not; one over several rows flags each of them."""
    issues = issue_frame(
        [
            contradiction(2),
            issue("sharpe_realistic", "Row 2: …", severity="warning", row=2),
            issue("sharpe_realistic", "Row 2: …", severity="warning", row=2),
            issue("same_fields", "Rows 4 and 5", severity="warning", row=4, rows=[4, 5]),
            issue("constant_metric", "All the same", severity="warning"),
            issue("symbol_format", "Row 3: …", row=3),
            contradiction(99),
        ]
    )
    found = performance(a_set().rows, issues)
    assert found is not None
    assert found.flagged_rows == 3
    assert [(one.row, one.symbol, one.codes) for one in found.flagged] == [
        (2, "S2USDT", ("sharpe_realistic", "signal_matches_bands")),
        (4, "S4USDT", ("same_fields",)),
        (5, "S5USDT", ("same_fields",)),
    ]


def test_the_time_of_the_analysis_is_a_span() -> None:
    """From the first to the last analysis_date."""
    found = performance(a_set().rows, no_issues())
    assert found is not None
    assert found.since == BEGAN + timedelta(seconds=1)
    assert found.until == BEGAN + timedelta(seconds=10)
