"""The same rows in every format and compression end in the same tables, once."""

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from writing import Row, csv_text, many

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROWS = [
    {**row, "current_price": price} for row, price in zip(many(4), ("105.5", "1.055e2", "105.125", "109"), strict=True)
]
NUMBERS = ("current_price", "lower_band", "upper_band", "potential_return", "total_return", "sharpe_ratio",
           "max_drawdown", "kstd")  # fmt: skip


def as_numbers(rows: list[Row]) -> list[Row]:
    """The rows with numbers in place of their texts, as a JSON or Parquet writer has them."""
    return [
        {**row, **{name: float(str(row[name])) for name in NUMBERS}, "degree": int(str(row["degree"]))} for row in rows
    ]


def parquet(rows: list[Row]) -> bytes:
    """The rows as a Parquet file."""
    buffer = io.BytesIO()
    pl.DataFrame(rows).with_columns(pl.col("analysis_date").str.to_datetime()).write_parquet(buffer)
    return buffer.getvalue()


NUMERIC = as_numbers(ROWS)
FORMS: dict[str, bytes] = {
    "csv": csv_text(ROWS).encode(),
    "json": json.dumps(NUMERIC).encode(),
    "ndjson": "\n".join(json.dumps(row) for row in NUMERIC).encode(),
    "parquet": parquet(NUMERIC),
}
FORMS |= {f"{name}.gz": gzip.compress(data) for name, data in FORMS.items()}
FORMS |= {f"{name}.zst": zstd.compress(data) for name, data in FORMS.items() if "." not in name}
FORMS["wrapped.json"] = json.dumps({"results": NUMERIC}).encode()


@pytest.mark.parametrize("form", FORMS)
def test_every_format_ends_in_the_same_table(
    form: str, tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """CSV, JSON (bare or under "results"), NDJSON and Parquet, plain, gzip and zstd: the same stored values."""
    path = tmp_path / f"vectorbt_analysis_results_now.{form}"
    path.write_bytes(FORMS[form])
    run = run_ingest(path)
    assert run.sets[0].issues["message"].to_list() == []
    stored = conn.execute(
        "SELECT symbol, current_price::text, lower_band::text, potential_return::text, kstd::text, degree"
        " FROM trading.vectorbt_analysis ORDER BY symbol"
    ).fetchall()
    assert [row[:3] for row in stored] == [
        ("S0USDT", "105.50000000", "100.00000000"),
        ("S1USDT", "105.50000000", "100.00100000"),
        ("S2USDT", "105.12500000", "100.00200000"),
        ("S3USDT", "109.00000000", "100.00300000"),
    ]
    assert [row[3:] for row in stored] == [
        ("10.0000", "1.50", 3), ("9.9989", "1.50", 3), ("9.9978", "1.50", 3), ("9.9967", "1.50", 3)
    ]  # fmt: skip


def test_a_set_of_four_formats_is_published_once(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """All four files of one set agree; one is published and three are its companions."""
    for form in ("csv", "json", "ndjson", "parquet"):
        (tmp_path / f"vectorbt_analysis_results_now.{form}").write_bytes(FORMS[form])
    assert run_ingest(tmp_path).sets[0].counts.inserted == 4
    statuses = conn.execute("SELECT format, status FROM ingestion.files ORDER BY id").fetchall()
    assert statuses == [("csv", "published"), ("json", "companion"), ("ndjson", "companion"), ("parquet", "companion")]


def test_a_compressed_copy_is_known(tmp_path: Path, run_ingest: Any) -> None:
    """The ledger knows the content, not the file: a gzip of published bytes is nothing new."""
    for form in ("csv", "csv.gz", "csv.zst"):
        (tmp_path / f"copy_{form.replace('.', '_')}.{form}").write_bytes(FORMS[form])
    assert run_ingest(tmp_path / "copy_csv.csv").status == "published"
    for form in ("csv.gz", "csv.zst"):
        assert run_ingest(tmp_path / f"copy_{form.replace('.', '_')}.{form}").status == "nothing_new"
