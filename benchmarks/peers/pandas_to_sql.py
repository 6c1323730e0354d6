"""pandas: read the file, append the frame to the keyed table.

python pandas_to_sql.py FILE default|multi
"""

import os
import sys

import pandas as pd
from sqlalchemy import create_engine

READERS = {
    "csv": lambda path: pd.read_csv(path, parse_dates=["analysis_date"]),
    "json": lambda path: pd.read_json(path, convert_dates=["analysis_date"]),
    "ndjson": lambda path: pd.read_json(path, lines=True, convert_dates=["analysis_date"]),
    "parquet": pd.read_parquet,
}
MULTI = {"method": "multi", "chunksize": 5000}  # a statement takes 65,535 parameters, a row has 13

path, method = sys.argv[1:]
frame = READERS[path.rpartition(".")[2]](path)
engine = create_engine(f"postgresql://{os.environ['PGUSER']}@/{os.environ['PGDATABASE']}?host={os.environ['PGHOST']}")
more = MULTI if method == "multi" else {}
frame.to_sql("vectorbt_analysis", engine, schema="trading", if_exists="append", index=False, **more)
