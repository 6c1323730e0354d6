"""The open engine: market data, regression bands, backtest, and the result files that ingestion reads."""
