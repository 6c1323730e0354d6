"""The VectorBT PRO engine: one row a symbol, as CSV and JSON. The open engine writes the same layout."""

from autonama.engines.contract import Column, Engine, Integer, Number, Text, Timestamp

PRICE = Number(20, 8)
METRIC = Number(10, 4)

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
    ),
    table="trading.vectorbt_analysis",
)
