"""The plain script: one INSERT … ON CONFLICT a row into the keyed table, one commit at the end.

    python row_by_row.py FILE ROWS

ROWS: how many of the file's rows are taken.
"""

import csv
import itertools
import sys

import psycopg

COLUMNS = ("symbol", "interval", "current_price", "lower_band", "upper_band", "signal", "potential_return",
           "total_return", "sharpe_ratio", "max_drawdown", "degree", "kstd", "analysis_date")  # fmt: skip
UPSERT = f"""
    INSERT INTO trading.vectorbt_analysis ({", ".join(COLUMNS)}) VALUES ({", ".join(["%s"] * len(COLUMNS))})
    ON CONFLICT (engine, symbol, interval, analysis_date)
    DO UPDATE SET ({", ".join(COLUMNS)}) = ROW ({", ".join(f"excluded.{name}" for name in COLUMNS)})"""  # noqa: S608

path, rows = sys.argv[1], int(sys.argv[2])
with open(path, newline="", encoding="utf-8") as file, psycopg.connect() as conn:  # noqa: PTH123
    for row in itertools.islice(csv.DictReader(file), rows):
        conn.execute(UPSERT, [row[name] for name in COLUMNS])
