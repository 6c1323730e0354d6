"""The command, as a user types it: from candles to the database, and what it says when it cannot."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from exchange_server import Market, serving
from making import after, candles, frame

import warm

ROOT = Path(__file__).parents[2]


@pytest.fixture
def market_file(tmp_path: Path) -> Path:
    """A Parquet file of three symbols."""
    every = (candles("BTCUSDT", 500, seed=1), candles("ETHUSDT", 500, seed=2), candles("SOLUSDT", 480, seed=3))
    frame(*every).write_parquet(tmp_path / "candles.parquet")
    return tmp_path / "candles.parquet"


@pytest.fixture
def exchange() -> Iterator[Market]:
    """A served market of two symbols."""
    names = {"BTCUSDT": 1, "ETHUSDT": 2}
    made = Market(
        clock=after(400),
        candles={name: candles(name, 400, seed=seed) for name, seed in names.items()},
        info={name: ("TRADING", name.removesuffix("USDT"), "USDT", True) for name in names},
        volumes={name: float(seed) for name, seed in names.items()},
    )
    with serving(made) as served:
        yield served


def run(directory: Path, *args: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
    """`autonama` with these arguments in a directory."""
    return warm.run(*args, cwd=directory, env={**os.environ, **({"AUTONAMA_DATABASE_URL": url} if url else {})})


OFFLINE = ("--source", "candles.parquet", "--days", "3650", "--output", "results")


def test_analyze_then_ingest(
    tmp_path: Path, market_file: Path, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """The files of `autonama analyze` are published by `autonama ingest`; an outdated symbol is told."""
    done = run(tmp_path, "analyze", "--symbols", "BTCUSDT,ETHUSDT,SOLUSDT", *OFFLINE, "--format", "csv,json,parquet")
    assert (done.returncode, done.stdout.splitlines()[0].endswith("1 left out")) == (0, True), done.stderr
    assert "SOLUSDT is left out: its last candle closed at 2025-04-24" in done.stderr
    assert run(tmp_path, "ingest", "results", url=database_url).returncode == 0
    stored = "SELECT symbol, degree, kstd::float, analysis_date::text FROM trading.alerts ORDER BY symbol"
    date = "2025-05-14 23:59:59.999+00"
    assert conn.execute(stored).fetchall() == [("BTCUSDT", 3, 2.0, date), ("ETHUSDT", 3, 2.0, date)]


def test_optimize_keeps_what_is_given(tmp_path: Path, market_file: Path) -> None:
    """--optimize searches the other parameters only, and counts only their combinations as trials."""
    flags = ("--symbols", "BTCUSDT", "--optimize", "--degree", "2", "--lookback", "60", "--format", "json", "--json")
    done = run(tmp_path, "analyze", *OFFLINE, *flags)
    told = json.loads(done.stdout)
    [row] = json.loads((tmp_path / told["files"][0]).read_text())
    assert (row["degree"], row["lookback"], row["trials"], row["sample"]) == (2, 60, 21, "out_of_sample")
    assert (told["rows"], told["left_out"]) == (1, [])


def test_the_documented_script(tmp_path: Path, market_file: Path) -> None:
    """`python run_vectorbt_analysis.py --config config.json --top-100` does the same, with the config's directory."""
    (tmp_path / "config.json").write_text('{"engine_results_dir": "from_config"}')
    command = (sys.executable, str(ROOT / "run_vectorbt_analysis.py"), "--config", "config.json", "--top-100")
    done = subprocess.run(
        (*command, "--source", "candles.parquet", "--days", "3650"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.suffix for path in (tmp_path / "from_config").iterdir()} == {".csv", ".json"}


def test_the_exchange_is_asked_once_a_day(tmp_path: Path, exchange: Market) -> None:
    """The top of the exchange is analysed through the cache in data_dir; a second run asks only for news."""
    (tmp_path / "config.json").write_text(json.dumps({"data_dir": str(tmp_path / "data")}))
    flags = ("--exchange-url", exchange.url, "--top", "2", "--days", "3650", "--output", "results", "--json")
    for _ in range(2):
        done = run(tmp_path, "analyze", *flags)
        assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, 2), done.stderr
    assert (tmp_path / "data" / "candles.sqlite").exists()
    starts = [int(query["startTime"]) for path, query in exchange.requests if path.endswith("klines")]
    newest = int(candles(bars=400).open_time[-3])
    assert starts[2:] == [newest, newest]


@pytest.mark.parametrize(
    "delay", [0.2, *(pytest.param(delay, marks=pytest.mark.full) for delay in (0.0, 0.05, 0.1, 0.4, 0.8))]
)
def test_ctrl_c_while_processes_start(tmp_path: Path, market_file: Path, delay: float) -> None:
    """Interrupted as its processes are only just starting, the command says one sentence, and so does none of them."""
    frame(*(candles(f"S{nth}USDT", 900, seed=nth) for nth in range(40))).write_parquet(market_file)
    command = (sys.executable, "-m", "autonama", "analyze", "--top-100", "--optimize", *OFFLINE)
    with subprocess.Popen(
        (*command, "--jobs", "2"), cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 60
        while not children.read_text().split() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert (process.returncode, told.splitlines()[-1][:12], "Traceback" in told) == (130, "Interrupted.", False), told
    assert not (tmp_path / "results").exists()


@pytest.mark.full
def test_ctrl_c_ends_all_processes_and_leaves_no_file(tmp_path: Path, market_file: Path) -> None:
    """Interrupted in the middle of an optimisation the command says so, exits with 130, and no file is half-written."""
    frame(*(candles(f"S{nth}USDT", 900, seed=nth) for nth in range(200))).write_parquet(market_file)
    command = (sys.executable, "-m", "autonama", "analyze", "--top-100", "--optimize", "--jobs", "2", *OFFLINE)
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 60
        while len(children.read_text().split()) < 3 and time.monotonic() < deadline:  # two workers and their tracker
            time.sleep(0.1)
        time.sleep(3)
        os.killpg(process.pid, signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert (process.returncode, "Interrupted" in told, "Traceback" in told) == (130, True, False), told
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        (("--symbols", "BTCUSDT", "--top-100"), 2, "only one can be given"),
        (("--symbols", "BTCUSDT", "--format", "xlsx"), 2, "xlsx"),
        (("--symbols", "BTCUSDT", "--interval", "7d"), 2, "has to be one of 1m"),
        (("--symbols", "NONEUSDT"), 4, "no symbol could be analysed"),
        (("--symbols", "BTCUSDT", "--source", "nowhere"), 4, "no file or directory nowhere"),
        (("--symbols", "BTCUSDT", "--degree", "7"), 2, "degree"),
        (("--symbols", "BTCUSDT", "--kstd", "1.005"), 2, "at most two digits"),
        (("--symbols", "BTCUSDT", "--interval", "1M"), 2, "1M cannot be analysed: months are not of equal length"),
        (("--symbols", "BTCUSDT", "--trials", "9"), 2, "--optimize and --sweep"),
        (("--symbols", "BTCUSDT", "--optimize", "--seed", "9"), 2, "nothing is left to chance"),
        (("--symbols", "BTCUSDT", "--backend", "other"), 2, "has to be own or vectorbt"),
    ],
)
def test_what_cannot_be_done_is_told(
    tmp_path: Path, market_file: Path, flags: tuple[str, ...], code: int, told: str
) -> None:
    """One sentence, the documented exit code, and no file."""
    done = run(tmp_path, "analyze", *OFFLINE, *flags)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()
