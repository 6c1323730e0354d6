"""Parameter sweeps: one row a symbol and combination of parameters, in-sample. `autonama analyze --sweep` writes them.

Rows of a sweep are trials, not advice: they raise no alert.
"""

import polars as pl

from autonama.engines.contract import Column, Engine, Integer, Number, Rule, Text, Timestamp

METRIC = Number(10, 4)

KSTD_SCALE = 2
"""Digits that the stored key has of kstd: with more of them two rows of a file could become one."""


def _share(name: str) -> Rule:
    return Rule(
        f"{name}_in_range",
        ~pl.col(name).is_between(0, 100),
        f"{name} {{{name}}} % is not within 0 and 100",
        f"0 ≤ {name} ≤ 100 (%)",
        column=name,
    )


def _undefined(name: str, where: str, why: str) -> Rule:
    """A metric that has no value is worth a word only where it should have one."""
    return Rule(
        "undefined_metric",
        (pl.col(f"{name}?missing") | pl.col(f"{name}?infinite")) & (pl.col(where) > 0),
        f"{name} is undefined ({{{name}}}) though {where} is {{{where}}}, stored as NULL",
        f"{name} is a finite number, or blank where {why}",
        "warning",
        column=name,
    )


def _always_defined(name: str) -> Rule:
    return Rule(
        "undefined_metric",
        pl.col(f"{name}?missing") | pl.col(f"{name}?infinite"),
        f"{name} is undefined ({{{name}}}), stored as NULL",
        "total_return, max_drawdown, exposure are finite numbers",
        "warning",
        column=name,
    )


OWN_RULES = (
    Rule(
        "degree_valid",
        pl.col("degree") < 1,
        "degree {degree} is not at least 1",
        "degree ≥ 1",
        column="degree",
    ),
    Rule(
        "kstd_valid",
        (pl.col("kstd") <= 0) | (pl.col("kstd") != pl.col("kstd").round(KSTD_SCALE, mode="half_away_from_zero")),
        "kstd {kstd} is not above 0 with at most two digits after the point, as the key stores it",
        "kstd > 0, at most two digits after the point: it is part of the key",
        column="kstd",
    ),
    Rule(
        "lookback_exceeds_degree",
        pl.col("lookback") <= pl.col("degree") + 1,
        "lookback {lookback} leaves no degree of freedom for degree {degree}",
        "lookback > degree + 1",
        column="lookback",
    ),
    Rule(
        "candles_exceed_lookback",
        pl.col("data_points") <= pl.col("lookback"),
        "data_points {data_points} are not more than lookback {lookback}: nothing could be traded",
        "data_points > lookback",
        column="data_points",
    ),
    Rule(
        "trades_counted",
        pl.col("trades") < 0,
        "trades {trades} is below 0",
        "trades ≥ 0",
        column="trades",
    ),
    _share("win_rate"),
    _share("exposure"),
    *map(_always_defined, ("total_return", "max_drawdown", "exposure")),
    _undefined("sharpe_ratio", "exposure", "nothing was ever held"),
    _undefined("win_rate", "trades", "no trade was closed"),
)

ENGINE = Engine(
    name="sweep",
    patterns=(
        "sweep_results_*.csv",
        "sweep_results_*.json",
        "sweep_results_*.ndjson",
        "sweep_results_*.jsonl",
        "sweep_results_*.parquet",
    ),
    columns=(
        Column("symbol", Text(20)),
        Column("interval", Text(10)),
        Column("degree", Integer()),
        Column("kstd", Number(5, 2)),
        Column("lookback", Integer()),
        Column("analysis_date", Timestamp()),
        Column("total_return", METRIC, metric=True),
        Column("sharpe_ratio", METRIC, metric=True),
        Column("max_drawdown", METRIC, metric=True),
        Column("win_rate", METRIC, metric=True),
        Column("trades", Integer()),
        Column("exposure", METRIC, metric=True),
        Column("data_points", Integer()),
    ),
    table="trading.sweep_results",
    # The order of the table's unique key, so that rows arrive in it.
    key=("analysis_date", "interval", "lookback", "degree", "kstd", "symbol"),
    rules=OWN_RULES,
    alerts=False,
    # A sweep has many rows of one symbol, holds bad combinations on purpose, and blanks where nothing was traded.
    skip_rules=("duplicate_key", "negative_sharpe_share", "undefined_metric"),
)
