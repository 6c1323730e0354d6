"""The enhanced engine: one JSON object with a summary, an analysis a symbol, and correlations.

A field stands in more than one place there (the price beside the signal, the bands beside the regression); the copies
are read too, and have to agree.
"""

import polars as pl

from autonama.engines.contract import Column, Engine, Integer, Json, Number, Rule, Summary, Text, Timestamp

PRICE = Number(20, 8)
METRIC = Number(10, 4)

RELATIVE_TOLERANCE = 1e-9
RANGE_TOLERANCE = 0.05
"""A price may have left the range of the last 20 days since the range was taken; not by more than 5 %."""


def _float(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64)


def _apart(left: pl.Expr, right: pl.Expr, tolerance: float) -> pl.Expr:
    return (left - right).abs() > tolerance * pl.max_horizontal(left.abs(), right.abs())


def _same_as(name: str, copy: str) -> Rule:
    return Rule(
        "repeated_fields_agree",
        _apart(_float(name), _float(copy), RELATIVE_TOLERANCE),
        f"{name} is {{{name}}} in one place and {{{copy}}} in signal_analysis",
        "current_price and both bands are the same wherever a row repeats them",
        column=name,
    )


def _counted(name: str, count: str, what: str) -> Rule:
    return Rule(
        "summary_counts_agree",
        pl.col(name) != pl.col(count),
        f"The summary says {name} = {{{name}}}, the rows hold {{{count}}} {what}",
        "the summary's counts are those of the rows, its average is theirs",
        level="set",
        column=name,
        summary=True,
    )


def _is(name: str, value: str) -> pl.Expr:
    return (pl.col(name) == value).sum()


def _analysed() -> pl.Expr:
    """Whether a row is an analysis, and not the engine's note that it failed."""
    return pl.col("error?missing")


OWN_RULES = (
    Rule(
        "analysis_failed",
        ~_analysed(),
        "The engine could not analyse {symbol}: {error}",
        "the row is an analysis, and not the engine's note of an error",
        column="error",
    ),
    Rule(
        "trend_valid",
        ~pl.col("trend").is_in(["BULLISH", "BEARISH"]),
        "Invalid trend: {trend}",
        "BULLISH or BEARISH",
        column="trend",
    ),
    Rule(
        "risk_level_valid",
        ~pl.col("risk_level").is_in(["LOW", "MEDIUM", "HIGH", "UNKNOWN"]),
        "Invalid risk_level: {risk_level}",
        "LOW, MEDIUM, HIGH or UNKNOWN",
        column="risk_level",
    ),
    Rule(
        "rsi_in_range",
        ~pl.col("rsi").is_between(0, 100),
        "rsi {rsi} is not within 0 and 100",
        "0 ≤ rsi ≤ 100",
        column="rsi",
    ),
    _same_as("current_price", "signal_price"),
    _same_as("lower_band", "signal_lower_band"),
    _same_as("upper_band", "signal_upper_band"),
    Rule(
        "price_within_support_resistance",
        (_float("current_price") < _float("support_level") * (1 - RANGE_TOLERANCE))
        | (_float("current_price") > _float("resistance_level") * (1 + RANGE_TOLERANCE)),
        "current_price {current_price} is outside support {support_level} and resistance {resistance_level}",
        "support_level ≤ current_price ≤ resistance_level within 5 %",
        "warning",
        column="current_price",
    ),
    Rule(
        "summary_counts_agree",
        # Whether those that failed are counted is the engine's affair.
        (pl.col("total_assets_analyzed") != pl.col("rows")) & (pl.col("total_assets_analyzed") != pl.col("all_rows")),
        "The summary says total_assets_analyzed = {total_assets_analyzed}, the rows hold {rows} analyses",
        level="set",
        column="total_assets_analyzed",
        summary=True,
    ),
    _counted("buy_signals", "buy_rows", "BUY signals"),
    _counted("sell_signals", "sell_rows", "SELL signals"),
    _counted("hold_signals", "hold_rows", "HOLD signals"),
    _counted("high_risk_assets", "high_risk_rows", "HIGH risks"),
    Rule(
        "summary_counts_agree",
        _apart(_float("avg_potential_return"), pl.col("mean_potential_return"), 1e-6),
        "The summary says avg_potential_return = {avg_potential_return}, the rows' mean is {mean_potential_return}",
        level="set",
        column="avg_potential_return",
        summary=True,
    ),
)

ENGINE = Engine(
    name="enhanced",
    patterns=(
        "enhanced_analysis_results_*.json",
        "enhanced_analysis_results_*.ndjson",
        "enhanced_analysis_results_*.jsonl",
        "enhanced_analysis_results_*.parquet",
    ),
    rows_at="individual_analyses",
    columns=(
        Column("symbol", Text(20)),
        Column("interval", Text(10), default="1d"),
        Column("analysis_date", Timestamp()),
        Column("current_price", PRICE),
        Column("lower_band", PRICE, "polynomial_regression.lower_band"),
        Column("upper_band", PRICE, "polynomial_regression.upper_band"),
        Column("regression_line", PRICE, "polynomial_regression.regression_line"),
        Column("degree", Integer(), "polynomial_regression.degree"),
        Column("kstd", Number(5, 2), "polynomial_regression.kstd"),
        Column("signal", Text(10), "signal_analysis.signal"),
        Column("signal_strength", METRIC, "signal_analysis.signal_strength"),
        Column("potential_return", METRIC, "signal_analysis.potential_return", metric=True),
        Column("risk_level", Text(10), "signal_analysis.risk_level"),
        Column("confirmations", Json(), "signal_analysis.confirmations", required=False),
        Column("band_width", PRICE, "signal_analysis.band_width"),
        Column("price_change_24h", PRICE, metric=True),
        Column("volatility", PRICE, metric=True),
        Column("volume_ratio", PRICE, metric=True),
        Column("trend", Text(10)),
        Column("support_level", PRICE),
        Column("resistance_level", PRICE),
        Column("technical_indicators", Json()),
        Column("data_points", Integer()),
        Column("analysis_period_days", Integer()),
        Column("error", Text(), required=False, stored=False, instead=True),
        Column("rsi", Number(10, 4), "technical_indicators.rsi", required=False, stored=False),
        Column("signal_price", PRICE, "signal_analysis.current_price", required=False, stored=False),
        Column("signal_lower_band", PRICE, "signal_analysis.lower_band", required=False, stored=False),
        Column("signal_upper_band", PRICE, "signal_analysis.upper_band", required=False, stored=False),
    ),
    table="trading.enhanced_analysis",
    rules=OWN_RULES,
    # This engine's potential return is the band's width over the price, not over the lower band.
    skip_rules=("potential_return_consistent",),
    summary=Summary(
        table="trading.analysis_summary",
        columns=(
            Column("total_assets_analyzed", Integer(), "summary.total_assets_analyzed"),
            Column("buy_signals", Integer(), "summary.buy_signals"),
            Column("sell_signals", Integer(), "summary.sell_signals"),
            Column("hold_signals", Integer(), "summary.hold_signals"),
            Column("avg_potential_return", PRICE, "summary.avg_potential_return", metric=True),
            Column("high_risk_assets", Integer(), "summary.high_risk_assets"),
            Column("analysis_timestamp", Timestamp(), "summary.analysis_timestamp"),
            Column("correlation_analysis", Json(), required=False),
        ),
        counts={
            "rows": _analysed().sum(),
            "all_rows": pl.len(),
            "buy_rows": _is("signal", "BUY"),
            "sell_rows": _is("signal", "SELL"),
            "hold_rows": _is("signal", "HOLD"),
            "high_risk_rows": _is("risk_level", "HIGH"),
            "mean_potential_return": _float("potential_return").mean(),
        },
    ),
)
