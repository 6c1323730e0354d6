"""A long file, judged block by block while its rows are copied, ends as it would if it were read at once."""

import gzip
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonama.config import load_settings
from autonama.engines import load_engine
from autonama.errors import FileChanging
from autonama.ingestion import spill, validate
from autonama.ingestion.discover import discover
from autonama.ingestion.judge import judge, max_bytes
from autonama.ingestion.read import fingerprint
from autonama.ingestion.rules import rules_for
from autonama.ingestion.streamed import LONG, Streamed, is_long
from writing import NOW, Row, csv_text, good, many, write_csv

ENGINE = load_engine("vectorbt")
LONG_ROWS = 45_000
"""Rows of a file that is longer than `LONG`."""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The rows of a long file, shuffled as no key is."""
    return sorted(sound(LONG_ROWS), key=lambda row: str(row["symbol"])[::-1])


def sound(count: int) -> list[Row]:
    """Rows without a fault, of as many symbols."""
    thousand = many(1000)
    return [{**thousand[n % 1000], "symbol": f"S{n}USDT", "padding": "x" * 20} for n in range(count)]


CHANGES = st.sampled_from(
    [{"symbol": "BTC"}, {"symbol": "S0USDT"}, {"symbol": "S1USDT"}, {"sharpe_ratio": ""}, {"sharpe_ratio": "12"},
     {"current_price": "abc"}, {"current_price": "-1"}, {"interval": ""}, {"analysis_date": "2999-01-01"},
     {"symbol": 'S2"USDT'}, {"signal": "BUY"}, {"kstd": "1e9"}]
)  # fmt: skip


@given(
    changes=st.dictionaries(st.integers(0, 19), CHANGES, max_size=6),
    strict=st.booleans(),
    ends=st.sampled_from(["\n", "\r\n"]),
    cut=st.integers(0, 40),
    block=st.integers(100, 3000),
    at_once=st.sampled_from([1, 3, 7, 10**6]),
    form=st.sampled_from(["csv", "json"]),
)
@settings(max_examples=settings.default.max_examples * 3 // 10)
def test_the_verdict_is_that_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    changes: dict[int, dict[str, str]],
    strict: bool,
    ends: str,
    cut: int,
    block: int,
    at_once: int,
    form: str,
) -> None:
    """Whatever the format, the faults, the ends of blocks and the rows held: the same findings, bad rows, good rows."""
    given_rows = [{**row, **changes.get(n, {})} for n, row in enumerate(many(20))]
    text = (csv_text(given_rows) if form == "csv" else json.dumps(given_rows, indent=1)).replace("\n", ends)
    directory = tmp_path_factory.mktemp("set")
    path = directory / f"vectorbt_analysis_results_now.{form}"
    path.write_bytes(text[: len(text) - cut].encode())
    os.utime(path, (time.time() - 60,) * 2)  # a file of this moment that is cut would be waited for
    options = load_settings(validation={"strict_mode": strict, "max_quarantine_share": 0.5})
    rules = rules_for(ENGINE, options, now=datetime.now(UTC))
    (result_set,) = discover([path], ENGINE.patterns, zone=UTC)
    seen = fingerprint(path, max_bytes=max_bytes(options))
    assert seen is not None
    whole = judge(result_set, ENGINE, rules, options)
    streamed = Streamed(result_set, ENGINE, rules, options, seen, block=block)
    with patch.object(validate, "COMPARED", at_once), patch.object(spill, "ROOM", at_once):
        taken = list(streamed.blocks())
        found = streamed.judged()
    assert found.accepted == whole.accepted
    assert found.verdict.read == whole.verdict.read
    assert found.verdict.issues.rows() == whole.verdict.issues.rows()
    assert streamed.originals().rows() == whole.originals().rows()
    assert found.verdict.notes == whole.verdict.notes
    if whole.accepted:
        kept = pl.concat(taken).filter(~pl.col("row").is_in(list(streamed.late())))
        assert kept.equals(whole.verdict.good.select(kept.columns))


def stored(conn: psycopg.Connection[Any], table: str = "vectorbt_analysis") -> dict[str, Any]:
    """The total return by symbol."""
    return dict(conn.execute(f"SELECT symbol, total_return FROM trading.{table}").fetchall())


def write_long(directory: Path, rows: list[Row], name: str = "vectorbt_analysis_results_now.csv") -> Path:
    """The rows as a file that is read block by block."""
    path = write_csv(directory, rows, name)
    assert path.stat().st_size > LONG
    (result_set,) = discover([path], ENGINE.patterns, zone=UTC)
    assert is_long(result_set)
    return path


def test_all_rows_arrive(tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Every row of a long file is stored once, raises its alert, and knows its row in the file."""
    run = run_ingest(write_long(tmp_path, rows))
    (told,) = run.sets
    assert (run.status, told.counts.read, told.counts.inserted, told.alerts.inserted) == ("published", *[LONG_ROWS] * 3)
    expected = {row["symbol"]: int(str(row["total_return"])) for row in rows}
    assert stored(conn) == stored(conn, "alerts") == expected
    numbers = dict(conn.execute("SELECT row_number, symbol FROM trading.vectorbt_analysis").fetchall())
    assert [numbers[n + 1] for n in range(LONG_ROWS)] == [row["symbol"] for row in rows]


@pytest.mark.parametrize("strict", [True, False])
def test_parquet(tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any], strict: bool) -> None:
    """A long Parquet file is read slice by slice: all or nothing where strict, else with its bad rows' own texts."""
    odd = [*rows, *({**row, "symbol": f"P{row['symbol']}"} for row in rows), {**rows[0], "symbol": "BTC"}, rows[7]]
    path = tmp_path / "vectorbt_analysis_results_now.parquet"
    pl.DataFrame(odd).write_parquet(path, compression="uncompressed")
    (result_set,) = discover([path], ENGINE.patterns, zone=UTC)
    assert is_long(result_set)
    (told,) = run_ingest(path, validation={"strict_mode": strict}).sets
    assert (told.status, told.counts.read) == ("rejected" if strict else "quarantined", len(odd))
    assert len(stored(conn)) == (0 if strict else 2 * LONG_ROWS - 1)
    kept = conn.execute(
        "SELECT row_number, original::json ->> 'symbol' FROM ingestion.quarantine ORDER BY 1"
    ).fetchall()
    symbols = [(8, rows[7]["symbol"]), (2 * LONG_ROWS + 1, "BTC"), (2 * LONG_ROWS + 2, rows[7]["symbol"])]
    assert kept == ([] if strict else symbols)


@pytest.mark.parametrize(
    ("indent", "packed"),
    [(2, False), (None, True), *(pytest.param(*one, marks=pytest.mark.full) for one in ((None, False), (2, True)))],
)
def test_a_json_array(
    tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any], indent: int | None, packed: bool
) -> None:
    """A long array is read block by block, in one line or many, packed or not; a bad row keeps its own text."""
    odd = [*rows, {**rows[0], "symbol": "BTC"}, {**rows[1], "symbol": "LASTUSDT"}]
    text = json.dumps(odd, indent=indent).encode()
    path = tmp_path / f"vectorbt_analysis_results_now.json{'.gz' * packed}"
    path.write_bytes(gzip.compress(text, 0) if packed else text)
    (result_set,) = discover([path], ENGINE.patterns, zone=UTC)
    assert is_long(result_set)
    (told,) = run_ingest(path, validation={"strict_mode": False}).sets
    assert (told.status, told.counts.read, told.counts.quarantined) == ("quarantined", LONG_ROWS + 2, 1)
    assert stored(conn) == {row["symbol"]: int(str(row["total_return"])) for row in odd if row["symbol"] != "BTC"}
    kept = conn.execute("SELECT row_number, original::json ->> 'symbol' FROM ingestion.quarantine").fetchall()
    assert kept == [(LONG_ROWS + 1, "BTC")]


def test_a_json_object_is_read_as_a_whole(tmp_path: Path, rows: list[Row], run_ingest: Any) -> None:
    """A document that tells more than its rows has no blocks, and one that is an array no longer is left alone."""
    path = tmp_path / "vectorbt_analysis_results_now.json"
    path.write_text(json.dumps({"results": rows}))
    (result_set,) = discover([path], ENGINE.patterns, zone=UTC)
    assert not is_long(result_set)
    assert run_ingest(path).status == "published"
    options = load_settings()
    streamed = Streamed(result_set, ENGINE, rules_for(ENGINE, options, now=datetime.now(UTC)), options, None)
    with pytest.raises(FileChanging):
        list(streamed.blocks())


def test_an_error_in_the_last_row_takes_all_back(
    tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """One bad row behind 45,000 copied ones refuses the set: nothing is stored, the finding is in the ledger."""
    run = run_ingest(write_long(tmp_path, [*rows, good(symbol="BTC", padding="")]))
    (told,) = run.sets
    assert (run.status, told.counts.read, run.exit_code) == ("rejected", LONG_ROWS + 1, 1)
    assert stored(conn) == stored(conn, "alerts") == {}
    found = conn.execute("SELECT row_number, code FROM ingestion.issues WHERE severity = 'error'").fetchall()
    assert found == [(LONG_ROWS + 1, "symbol_format")]


def test_a_clash_that_the_end_shows(
    tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """Not strict, two rows of a symbol far apart are both put aside with their texts, though they were copied."""
    first, last = rows[0], {**rows[0], "total_return": "7", "analysis_date": (NOW - timedelta(hours=1)).isoformat()}
    path = write_long(tmp_path, [*rows, last])
    run = run_ingest(path, validation={"strict_mode": False})
    (told,) = run.sets
    assert (told.status, told.counts.inserted, told.counts.quarantined) == ("quarantined", LONG_ROWS - 1, 2)
    assert first["symbol"] not in stored(conn)
    assert first["symbol"] not in stored(conn, "alerts")
    kept = conn.execute("SELECT row_number, original FROM ingestion.quarantine ORDER BY 1").fetchall()
    lines = path.read_text().splitlines()
    assert kept == [(1, lines[1]), (LONG_ROWS + 1, lines[-1])]


@pytest.mark.parametrize("later", [NOW - timedelta(minutes=10), NOW - timedelta(days=40)])
def test_a_second_version(
    tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any], later: datetime
) -> None:
    """Rows that are stored are found, whether the first block meets their dates or only a later one does."""
    run_ingest(write_csv(tmp_path, many(3), "vectorbt_analysis_results_1.csv"))
    changed = [{**row, "analysis_date": later.isoformat()} for row in rows]
    changed[-1] = {**good(symbol="S1USDT", total_return="99"), "padding": "x"}
    changed = [row for row in changed[:-1] if row["symbol"] not in ("S0USDT", "S1USDT", "S2USDT")] + changed[-1:]
    run = run_ingest(write_long(tmp_path, changed, "vectorbt_analysis_results_2.csv"), allow_stale=True)
    (told,) = run.sets
    assert (told.counts.inserted, told.counts.updated) == (len(changed) - 1, 1)
    assert stored(conn)["S1USDT"] == 99
    assert len(stored(conn)) == len(changed) + 2


def test_the_same_rows_again(tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Other bytes with the same rows change nothing but who vouches for them."""
    run_ingest(write_long(tmp_path, rows, "vectorbt_analysis_results_1.csv"))
    before = stored(conn)
    run = run_ingest(write_long(tmp_path, rows[::-1], "vectorbt_analysis_results_2.csv"))
    assert (run.sets[0].counts.unchanged, run.sets[0].alerts.unchanged) == (LONG_ROWS, LONG_ROWS)
    assert stored(conn) == before


def test_a_file_that_breaks_off_is_refused(
    tmp_path: Path, rows: list[Row], run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """Where the last row lacks its end, the rows before it are not stored either."""
    path = write_long(tmp_path, rows)
    path.write_bytes(path.read_bytes()[:-60])
    run = run_ingest(path)
    assert run.status == "rejected"
    assert stored(conn) == {}


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_file_that_is_gone_by_then(tmp_path: Path, form: str) -> None:
    """A long file that vanishes between the first look and the reading is a finding, in every format."""
    streamed = looked_at(tmp_path, form)
    (tmp_path / f"set.{form}").unlink()
    assert list(streamed.blocks()) == []
    assert streamed.judged().verdict.issues["code"].to_list() == ["file_exists"]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_bad_row_is_not_quoted_from_another_file(tmp_path: Path, form: str) -> None:
    """Where a file is replaced after its rows were judged, their texts are not taken from what stands there now."""
    streamed = looked_at(tmp_path, form)
    assert sum(block.height for block in streamed.blocks()) == 22
    assert streamed.judged().verdict.bad["row"].to_list() == [1, 22]
    write_rows(tmp_path, form, [good(symbol=f"T{n}USDT") for n in range(22)])
    with pytest.raises(FileChanging):
        streamed.originals()


def looked_at(directory: Path, form: str) -> Streamed:
    """A file in which the first and the last row clash, looked at, not read."""
    path = write_rows(directory, form, [*many(21), many(1)[0]])
    options = load_settings(validation={"strict_mode": False, "max_quarantine_share": 0.5})
    (result_set,) = discover([path], ENGINE.patterns, zone=UTC)
    seen = fingerprint(path, max_bytes=max_bytes(options))
    return Streamed(result_set, ENGINE, rules_for(ENGINE, options, now=datetime.now(UTC)), options, seen, block=500)


def write_rows(directory: Path, form: str, rows: list[Row]) -> Path:
    """The rows in that format, as of a minute ago."""
    path = directory / f"set.{form}"
    if form == "csv":
        path.write_text(csv_text(rows))
    elif form == "json":
        path.write_text(json.dumps(rows))
    else:
        pl.DataFrame(rows).write_parquet(path)
    os.utime(path, (time.time() - 60,) * 2)
    return path


MEASURED = """
import resource, sys
from pathlib import Path
from autonama.config import load_settings
from autonama.ingestion.pipeline import Job, check
run = check(Job("vectorbt", load_settings(), (Path(sys.argv[1]),), allow_stale=True))
print(run.sets[0].counts.read, run.status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def measured(path: Path) -> tuple[int, int]:
    """Rows read by a process that validates the file, and the bytes of memory that it took at most."""
    command = [sys.executable, "-c", MEASURED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=path.parent)
    read, status, most = done.stdout.split()
    assert status == "valid"
    return int(read), int(most)


def test_memory_does_not_follow_the_file(tmp_path: Path) -> None:
    """Validating 480,000 rows takes less than 120 MB beyond validating 60,000: the file is 50 MB longer."""
    small = write_csv(tmp_path, sound(60_000), "vectorbt_analysis_results_1.csv")
    lines = small.read_text().splitlines()
    long = tmp_path / "vectorbt_analysis_results_2.csv"
    with long.open("w") as file:
        file.write(lines[0] + "\n")
        for part in range(8):
            file.writelines(line.replace("USDT,", f"X{part}USDT,", 1) + "\n" for line in lines[1:])
    (few, least), (read, most) = measured(small), measured(long)
    assert (few, read) == (60_000, 480_000)
    assert most - least < 120_000_000


@pytest.mark.full
def test_nor_does_it_follow_a_json_array(tmp_path: Path) -> None:
    """Validating 240,000 rows takes less than 150 MB beyond validating 30,000: the file is 80 MB longer."""
    small, long = (tmp_path / f"vectorbt_analysis_results_{n}.json" for n in range(2))
    text = json.dumps(sound(30_000))[1:-1]
    small.write_text(f"[{text}]")
    with long.open("w") as file:
        for part in range(8):
            file.write(",["[not part] + text.replace("USDT", f"X{part}USDT"))
        file.write("]")
    (few, least), (read, most) = measured(small), measured(long)
    assert (few, read) == (30_000, 240_000)
    assert most - least < 150_000_000


LEFT = """
import os, signal, sys
import polars as pl
from autonama.ingestion import spill
spill.ROOM = 1
rows = spill.Spill()
rows.add(pl.DataFrame({"row": [1, 2, 3]}))
print(rows.lazy().collect().height, flush=True)
if sys.argv[1] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
input()
"""


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Temporary rows of a process that was killed go with the next one's; those of one that lives stay."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", LEFT]
    lives = subprocess.Popen([*command, "live"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert lives.stdout is not None
    assert lives.stdout.readline() == b"3\n"
    (of_the_living,) = tmp_path.iterdir()
    subprocess.run([*command, "die"], env=environment, check=False)
    assert len(list(tmp_path.iterdir())) == 2

    subprocess.run([*command, "end"], env=environment, check=True, input=b"\n")
    assert list(tmp_path.iterdir()) == [of_the_living]
    assert (of_the_living / "0.arrow").exists()
    lives.communicate(b"\n")
    assert lives.returncode == 0
    assert list(tmp_path.iterdir()) == []
