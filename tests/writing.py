"""Result files for tests: a row without a fault, and files made of rows."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

Row = dict[str, object]

NOW = datetime.now(UTC).replace(microsecond=0, tzinfo=None)

GOOD: Row = {
    "symbol": "BTCUSDT",
    "interval": "1d",
    "current_price": "105.5",
    "lower_band": "100",
    "upper_band": "110",
    "signal": "HOLD",
    "potential_return": "10",
    "total_return": "12.5",
    "sharpe_ratio": "1.25",
    "max_drawdown": "8.75",
    "degree": "3",
    "kstd": "1.5",
    "analysis_date": (NOW - timedelta(minutes=10)).isoformat(),
}


def good(**changes: object) -> Row:
    """A row without a fault, with these values instead."""
    return {**GOOD, **changes}


def many(count: int, **changes: object) -> list[Row]:
    """Rows without a fault, of as many symbols; their metrics differ."""
    return [good(symbol=f"S{n}USDT", total_return=str(n), sharpe_ratio=f"{n}e-3", max_drawdown=str(n % 90 + 1),
                 lower_band=str(100 + n / 1000), potential_return=repr((110 - 100 - n / 1000) / (100 + n / 1000) * 100),
                 **changes) for n in range(count)]  # fmt: skip


def csv_text(rows: list[Row], header: list[str] | None = None) -> str:
    """The rows as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=header or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(directory: Path, rows: list[Row], name: str = "vectorbt_analysis_results_now.csv") -> Path:
    """The rows as a CSV file."""
    path = directory / name
    path.write_text(csv_text(rows), encoding="utf-8")
    return path


def write_json(directory: Path, rows: object, name: str = "vectorbt_analysis_results_now.json") -> Path:
    """The rows as a JSON file."""
    path = directory / name
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path
