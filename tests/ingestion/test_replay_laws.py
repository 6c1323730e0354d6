"""Replays as values: an engine with nested rows, the law over mixtures of ingests and replays, rows read again."""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_enhanced import NAME, analysis, document

from autonama.config import load_settings
from autonama.database.quarantine import OpenFile, OpenRow
from autonama.engines import load_engine
from autonama.ingestion.corrections import read_back, to_correct
from autonama.ingestion.read import read
from autonama.ingestion.rejudge import reread
from autonama.ingestion.replay import ReplayJob, export, replay
from autonama.ingestion.typed import NUMERAL
from writing import csv_text, good, many, write_csv, write_json

pytestmark = pytest.mark.full


@pytest.fixture
def job(database_url: str) -> Callable[..., ReplayJob]:
    """`job(engine=, file_id=, rows=, corrected=, **settings)`: a replay on the test's database."""

    def make(engine: str = "vectorbt", corrected: Path | None = None, **chosen: Any) -> ReplayJob:
        return ReplayJob(engine, load_settings(database_url=database_url, **chosen), corrected=corrected)

    return make


def test_nested_rows_are_replayed(
    tmp_path: Path, run_ingest: Any, job: Callable[..., ReplayJob], conn: psycopg.Connection[Any]
) -> None:
    """The enhanced engine's row: its own JSON text, its columns under dotted names, its default interval, its JSON."""
    result = document()
    rows = [analysis(f"S{n}USDT") for n in range(20)] + [analysis("BTC")]
    result["individual_analyses"] = rows
    result["summary"] |= {"total_assets_analyzed": 21, "buy_signals": 0, "sell_signals": 0, "hold_signals": 21,
                          "high_risk_assets": 0}  # fmt: skip
    lenient = {"validation": {"strict_mode": False}}
    run = run_ingest(write_json(tmp_path, result, NAME), engine="enhanced", **lenient)
    assert run.sets[0].counts.quarantined == 1
    path = tmp_path / "bad.csv"
    assert export(job("enhanced"), path) == 1
    text = path.read_text()
    assert "polynomial_regression.lower_band" in text.splitlines()[0]
    path.write_text(text.replace("\n1,21,BTC,", "\n1,21,BTCUSDT,"))
    outcome = replay(job("enhanced", path))
    assert (outcome.status, outcome.sets[0].counts.inserted, outcome.sets[0].alerts.inserted) == ("published", 1, 1)
    stored = conn.execute(
        "SELECT interval, lower_band, technical_indicators, confirmations, row_number FROM trading.enhanced_analysis "
        "WHERE symbol = 'BTCUSDT'"
    ).fetchall()
    indicators = {**rows[0]["technical_indicators"], "atr": None}
    assert stored == [("1d", 100, indicators, ["High volume"], 21)]


FORMS = ("csv", "json", "ndjson", "parquet")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    form=st.sampled_from(FORMS),
    changes=st.lists(
        st.fixed_dictionaries(dict.fromkeys(("symbol", "signal", "current_price"), TEXTS)), min_size=1, max_size=6
    ),
)
def test_a_rows_own_text_reads_as_it_read_in_its_file(form: str, changes: list[dict[str, str]], tmp_path: Path) -> None:
    """In every format, for any text in the fields: each row read again alone has the columns it had in its file."""
    engine = load_engine("vectorbt")
    rows = [good(**change) for change in changes]
    path = tmp_path / f"{uuid.uuid4()}.{form}"
    if form == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text(
            {"csv": csv_text(rows), "json": json.dumps(rows), "ndjson": lines}[form], encoding="utf-8", newline=""
        )
    source = read(path, engine, max_bytes=1 << 20)
    names = ["row", "line", *(column.name for column in engine.columns)]
    kept = [
        OpenRow(row, line, raw, ["x: y"]) for row, line, raw in source.frame.select("row", "line", "raw").iter_rows()
    ]
    for part in (kept, kept[-1:]):
        again = reread(OpenFile(1, 1, "s", "s", "s", form, source.header, len(part)), part, engine)
        faults = source.issues.filter(pl.col("row").is_in([row.row_number for row in part]))
        assert again.issues.rows() == faults.rows()
        assert again.frame.select(names).rows() == source.frame.select(names).tail(len(part)).rows()


STEP = st.one_of(
    st.tuples(st.just("ingest"), st.integers(0, 3), st.sampled_from(["csv", "json"]), st.integers(0, 2)),
    st.tuples(st.just("replay"), st.booleans()),
    st.tuples(st.just("correct"), st.sampled_from(["USDT", "EUR", ""]), st.integers(0, 2)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=2, max_size=8))
def test_any_mixture_stores_each_key_once_and_loses_no_row(
    steps: list[tuple[Any, ...]],
    tmp_path_factory: pytest.TempPathFactory,
    run_ingest: Any,
    job: Callable[..., ReplayJob],
    conn: psycopg.Connection[Any],
) -> None:
    """After ingests, replays and corrections in any order: each key once, each entry adds up, no row is lost."""
    conn.execute("TRUNCATE ingestion.runs, trading.alerts, trading.vectorbt_analysis CASCADE")
    directory = tmp_path_factory.mktemp("mixture")
    lenient = {"validation": {"strict_mode": False, "max_quarantine_share": 0.9}}
    for number, step in enumerate(steps):
        if step[0] == "ingest":
            _, which, form, price = step
            rows = [*many(2), good(symbol=f"X{which}EUR"), good(symbol="Y", current_price=str(105 + price))]
            write = write_csv if form == "csv" else write_json
            run_ingest(write(directory, rows, f"{number}.{form}"), **lenient)
        elif step[0] == "replay":
            replay(job(quote_assets=["USDT", "EUR"] if step[1] else ["USDT"]))
        else:
            path = directory / f"{number}.csv"
            if export(job(), path):
                text = path.read_text()
                path.write_text(text.replace(",Y,", f",Y{step[1]},").replace(",105,", f",{105 + step[2]},"))
                replay(job(corrected=path))
                again = replay(job(corrected=path))
                assert not any(outcome.counts.inserted for outcome in again.sets)
    _check_laws(conn)


def _check_laws(conn: psycopg.Connection[Any]) -> None:
    for table, key in (
        ("vectorbt_analysis", "engine, symbol, interval, analysis_date"),
        ("alerts", "engine, symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date"),
    ):
        assert conn.execute(f"SELECT 1 FROM trading.{table} GROUP BY {key} HAVING count(*) > 1").fetchall() == []
    assert (
        conn.execute(
            "SELECT id FROM ingestion.files WHERE status = 'published' "
            "AND rows_read <> rows_inserted + rows_updated + rows_unchanged + rows_quarantined"
        ).fetchall()
        == []
    )
    # What was ever put aside is still open, or one replay of its own file counts it among its published rows.
    assert (
        conn.execute(
            "SELECT f.id FROM ingestion.files f LEFT JOIN ingestion.quarantine q ON q.file_id = f.id "
            "WHERE f.replay_of IS NULL AND f.status = 'published' GROUP BY f.id "
            "HAVING count(q.id) <> f.rows_quarantined"
        ).fetchall()
        == []
    )
    assert (
        conn.execute(
            "SELECT r.id FROM ingestion.files r LEFT JOIN ingestion.quarantine q ON q.replayed_by = r.id "
            "AND q.file_id = r.replay_of WHERE r.replay_of IS NOT NULL AND r.status = 'published' "
            "GROUP BY r.id HAVING count(q.id) <> r.rows_inserted + r.rows_unchanged"
        ).fetchall()
        == []
    )
    total = "SELECT coalesce(sum(rows_inserted), 0)::bigint FROM ingestion.files WHERE status = 'published'"
    stored = conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchall()
    assert conn.execute(total).fetchall() == stored


SIGNS = st.text(st.sampled_from("'=+-@\t\r\n＝ 1e.,;\"x"), max_size=6)


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(cells=st.lists(st.one_of(SIGNS, TEXTS), min_size=1, max_size=5))
def test_what_is_exported_comes_back_as_it_was(cells: list[str], tmp_path: Path) -> None:
    """Any text goes through the file and back unchanged, and in the file no cell but a number begins as a formula."""
    engine = load_engine("vectorbt")
    names = [column.name for column in engine.columns]
    count = len(cells)
    frame = pl.DataFrame(
        {"row": range(1, count + 1), "raw": cells, **dict.fromkeys(names, cells)},
        schema_overrides={"row": pl.UInt32, "raw": pl.String} | dict.fromkeys(names, pl.String),
    )
    listed = to_correct(7, frame, [[cell] for cell in cells], engine)
    for cell in listed["original"]:
        assert re.match(r"[=+\-@\t\r\n＝]", cell) is None or re.fullmatch(NUMERAL, cell)
    path = tmp_path / f"{uuid.uuid4()}.csv"
    path.write_text(listed.write_csv(), encoding="utf-8", newline="")
    back = read_back(path, engine, max_bytes=1 << 20)
    assert back.issues.is_empty()
    assert back.frame.select("file_id", "row_number", *names).rows() == [
        (7, number, *(cell for _ in names)) for number, cell in enumerate(cells, 1)
    ]
