"""Autonama: result files of backtest engines, proved and published into PostgreSQL."""

__version__ = "0.1.0"
