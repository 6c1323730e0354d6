"""The VectorBT PRO engine: one row a symbol, as CSV and JSON. The open engine writes the same layout."""

import polars as pl

from autonama.engines.contract import Column, Engine, Integer, Number, Rule, Text, Timestamp

PRICE = Number(20, 8)
METRIC = Number(10, 4)

CONFIDENCE = "0.95"
"""Bailey and López de Prado's own example: with less, the Sharpe ratio may be the luck of the best of many trials."""

ENGINE = Engine(
    name="vectorbt",
    patterns=(
        "vectorbt_analysis_results_*.csv",
        "vectorbt_analysis_results_*.json",
        "vectorbt_analysis_results_*.ndjson",
        "vectorbt_analysis_results_*.jsonl",
        "vectorbt_analysis_results_*.parquet",
    ),
    columns=(
        Column("symbol", Text(20)),
        Column("interval", Text(10)),
        Column("current_price", PRICE),
        Column("lower_band", PRICE),
        Column("upper_band", PRICE),
        Column("signal", Text(10)),
        Column("potential_return", METRIC, metric=True),
        Column("total_return", METRIC, metric=True),
        Column("sharpe_ratio", METRIC, metric=True),
        Column("max_drawdown", METRIC, metric=True),
        Column("degree", Integer()),
        Column("kstd", Number(5, 2)),
        Column("analysis_date", Timestamp()),
        Column("deflated_sharpe_ratio", METRIC, required=False, stored=False),
    ),
    table="trading.vectorbt_analysis",
    rules=(
        Rule(
            "deflated_sharpe",
            pl.col("deflated_sharpe_ratio") < pl.lit(CONFIDENCE).cast(pl.Decimal(38, 24)),
            "deflated_sharpe_ratio {deflated_sharpe_ratio} is below 0.95: the Sharpe ratio may be luck",
            "deflated_sharpe_ratio ≥ 0.95, where the file has that column (the open engine writes it)",
            "warning",
            column="deflated_sharpe_ratio",
        ),
    ),
)
