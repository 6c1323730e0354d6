"""dlt: a pipeline from the file to a table of its own, keyed (merge) or not (append).

    python dlt_pipeline.py FILE merge|append|arrow

`merge` and `append` take dlt's own readers and settings as its pages show them; `arrow` is the fastest way that they
name: Arrow tables in, COPY of CSV out.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import dlt
import pyarrow.csv
import pyarrow.parquet
from dlt.sources.filesystem import filesystem, read_csv, read_jsonl, read_parquet

KEY = ("symbol", "interval", "analysis_date")

path, way = Path(sys.argv[1]), sys.argv[2]
kind = path.suffix[1:]


def whole_document() -> Iterator[list[dict]]:
    """Dlt has no reader for a JSON array."""
    yield json.loads(path.read_bytes())


def tables() -> Iterator[pyarrow.Table]:
    """The file as Arrow."""
    yield pyarrow.csv.read_csv(path) if kind == "csv" else pyarrow.parquet.read_table(path)


def resource() -> object:
    """The rows."""
    if way == "arrow":
        return dlt.resource(tables, name="results")
    if kind == "json":
        return dlt.resource(whole_document, name="results")
    reader = {"csv": read_csv, "ndjson": read_jsonl, "parquet": read_parquet}[kind]
    return (filesystem(bucket_url=path.parent.as_uri(), file_glob=path.name) | reader()).with_name("results")


credentials = {
    "host": quote(os.environ["PGHOST"], safe=""),  # it becomes part of an address
    "port": int(os.environ["PGPORT"]),
    "username": os.environ["PGUSER"],
    "password": "unused",
    "database": os.environ["PGDATABASE"],
}
pipeline = dlt.pipeline(
    "bench",
    destination=dlt.destinations.postgres(credentials),
    dataset_name="own",
    pipelines_dir=tempfile.mkdtemp(dir=Path.cwd()),  # it knows nothing of an earlier run
)
if way == "merge":
    pipeline.run(resource(), write_disposition="merge", primary_key=KEY)
elif way == "append":
    pipeline.run(resource(), write_disposition="append")
else:
    pipeline.run(resource(), write_disposition="append", loader_file_format="csv")
