"""`autonama verify`, as a user types it: its last line, its exit code, and its page."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from exchange_server import Market, serving
from making import after, candles
from verifying import DOCUMENTED, analysed, market, written

import warm

ROOT = Path(__file__).parents[2]
RESULTS = ROOT.parent / "shared" / "data" / "results"


def run(directory: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """`autonama` with these arguments in a directory."""
    return warm.run(*args, cwd=directory, env={**os.environ, "COLUMNS": "200"})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Candles of three symbols."""
    return market(
        tmp_path, *(candles(f"{name}USDT", 420, seed=seed) for seed, name in enumerate(("BTC", "ETH", "SOL")))
    )


def test_the_day_after_it_was_analysed(tmp_path: Path, source: Path) -> None:
    """What `autonama analyze --optimize` wrote is reproduced from the same candles, both formats as one set."""
    flags = ("--source", "candles.parquet", "--days", "3650", "--optimize", "--degree", "2", "--lookback", "60")
    assert run(tmp_path, "analyze", "--symbols", "BTCUSDT,ETHUSDT", *flags, "--output", "results").returncode == 0
    done = run(tmp_path, "verify", "results", "--source", "candles.parquet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Of 2 rows, 2 reproduced, 0 not reproduced, 0 could not be checked."


def test_what_is_not_reproduced_is_told(tmp_path: Path, source: Path) -> None:
    """A changed figure, a symbol without candles: the report names row, column, both values and what to do."""
    rows = analysed(source, "BTCUSDT", "ETHUSDT", "SOLUSDT")
    path = written(tmp_path, [{**rows[0], "sharpe_ratio": 9.5}, {**rows[1], "symbol": "ADAUSDT"}, rows[2]])
    done = run(tmp_path, "verify", str(path), "--source", "candles.parquet")
    assert done.returncode == 1
    told = done.stdout
    assert f"Row 1: sharpe_ratio is 9.5, the candles give {rows[0]['sharpe_ratio']} (relative difference" in told
    assert "Row 2: not checked: the candles of ADAUSDT cannot be used: no candles in candles.parquet" in told
    assert "→ Name a --source with the candles of this symbol and time" in told
    assert told.splitlines()[-1] == "Of 3 rows, 1 reproduced, 1 not reproduced, 1 could not be checked."


def test_several_sets_and_one_json_object(tmp_path: Path, source: Path) -> None:
    """Sets that were named are all compared, each with its own findings; the numbers are of all rows."""
    [row] = analysed(source)
    good, wrong = written(tmp_path, [row]), written(tmp_path, [{**row, "trades": 999}])
    done = run(tmp_path, "verify", str(good), str(wrong), "--source", "candles.parquet", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["verified"]) == (
        1, "partial", {"reproduced": 1, "not_reproduced": 1, "not_checked": 0},
    )  # fmt: skip
    assert [(one["status"], one["issue_counts"]) for one in told["sets"]] == [
        ("valid", {}),
        ("rejected", {"not_reproduced": 1}),
    ]
    [issue] = told["sets"][1]["issues"]
    assert (issue["row"], issue["line"], issue["column"], issue["value"]) == (1, 2, "trades", "999")


@pytest.mark.full
def test_from_the_exchange(tmp_path: Path) -> None:
    """--source binance asks for no more than the rows need, through the cache, which stays good for analyze."""
    (tmp_path / "config.json").write_text(json.dumps({"data_dir": str(tmp_path / "data")}))
    made = Market(
        clock=after(400),
        candles={"BTCUSDT": candles("BTCUSDT", 400)},
        info={"BTCUSDT": ("TRADING", "BTC", "USDT", True)},
        volumes={"BTCUSDT": 1.0},
    )
    with serving(made) as exchange:
        url = ("--exchange-url", exchange.url)
        assert run(tmp_path, "analyze", "--symbols", "BTCUSDT", "--days", "3650", *url, "--output", "r").returncode == 0
        asked = len(exchange.requests)
        done = run(tmp_path, "verify", "r", *url)
        assert (done.returncode, done.stdout.splitlines()[-1][:24]) == (0, "Of 1 row, 1 reproduced, "), done.stderr
        assert len(exchange.requests) - asked <= 2
        assert run(tmp_path, "verify", "r", "--exchange-url", "http://127.0.0.1:9").returncode == 4


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        (("--source", "nowhere"), 4, "no file or directory nowhere"),
        (("--source", "candles.parquet", "--engine", "sweep"), 2, "'sweep' state no current_price, lower_band"),
        (("--source", "candles.parquet", "--tolerance", "2"), 2, "tolerance"),
        (("--source", "candles.parquet", "--lookback", "1"), 2, "lookback"),
    ],
)
def test_what_cannot_be_done_is_told(
    tmp_path: Path, source: Path, flags: tuple[str, ...], code: int, told: str
) -> None:
    """One sentence and the documented exit code."""
    path = written(tmp_path, analysed(source))
    done = run(tmp_path, "verify", str(path), *flags)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert told in done.stderr


def test_the_tolerances_are_in_the_help(tmp_path: Path) -> None:
    """--help states what is compared how exactly."""
    told = " ".join(re.sub(r"[│\s]+", " ", run(tmp_path, "verify", "--help").stdout).split())
    assert "Default: 0 for rows that state all of their terms" in told
    assert "1e-6 for the bands, price and signal of others" in told


def test_the_page_names_every_column_and_its_commands_run(tmp_path: Path, source: Path) -> None:
    """docs/verify.md: the columns that state a row's terms, and command lines that do what they say."""
    from autonama.analysis.stated import ALWAYS, SEARCHED

    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in (*ALWAYS, *SEARCHED, "grid_lot"))
    rows = analysed(source, "BTCUSDT", "ETHUSDT")
    written(tmp_path, rows)
    other = written(tmp_path / "other", [{name: row[name] for name in DOCUMENTED} for row in rows])
    (tmp_path / "candles").mkdir()
    source.rename(tmp_path / "candles" / "candles.parquet")
    other.rename(tmp_path / "other.csv")
    [block] = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    lines = [line.split("#")[0].split() for line in block.splitlines()]
    assert [line[:2] for line in lines] == [["autonama", "verify"]] * 4
    for line in lines:
        if "--source" in line:
            done = run(tmp_path, *line[1:])
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not RESULTS.is_dir(), reason="no real result files here")
def test_the_six_real_sets(tmp_path: Path, real_market: Path) -> None:
    """As docs/verify.md says: the bands of no row follow from what its file states; no price contradicts its candle."""
    files = [str(path) for path in RESULTS.glob("*.csv")]
    told = json.loads(run(tmp_path, "verify", *files, "--source", str(real_market), "--json").stdout)
    assert told["verified"] == {"reproduced": 0, "not_reproduced": 245, "not_checked": 139}
    columns = {issue["column"] for one in told["sets"] for issue in one["issues"] if issue["code"] == "not_reproduced"}
    assert columns == {"lower_band", "upper_band", "signal"}
    assert sum(one["rows"]["read"] for one in told["sets"]) == 384


@pytest.mark.parametrize("command", ["analyze", "daily", "verify"])
def test_without_the_extra_it_says_what_to_install(tmp_path: Path, command: str) -> None:
    """A machine that only ingests has no numpy: the commands that compute say so, and are no internal error."""
    hidden = (
        "import importlib.util as util; there = util.find_spec;"
        "util.find_spec = lambda name, *rest: None if name == 'numpy' else there(name, *rest);"
        f"from autonama.cli.main import app; app(['{command}'])"
    )
    done = subprocess.run((sys.executable, "-c", hidden), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "needs numpy, not installed here: pip install 'autonama[analysis]'" in done.stderr
