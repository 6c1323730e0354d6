"""docs/json.md names every key that `--json` prints, and nothing else."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from autonama.analysis import synthetic
from autonama.config import load_settings
from autonama.engines import engine_names
from autonama.ingestion.catalogue import catalogue
from autonama.ingestion.outcome import RunStatus, SetStatus
from autonama.ingestion.report.remedies import REMEDIES
from watching import Watcher
from writing import good, many, write_csv

PAGE = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
DATA_KEYS = {"cleanup": "TABLE", "issue_counts": "CODE", "signals": "SIGNAL"}


def section(title: str) -> str:
    """The text below a heading of the page."""
    return next(part for part in parts() if part.splitlines()[0] == title)


def parts() -> list[str]:
    """The page's sections, each with its heading."""
    return re.split(r"^## ", PAGE, flags=re.MULTILINE)


def documented(title: str) -> set[str]:
    """The keys of a section's first table."""
    table = section(title).split("| --- | --- |\n")[1].split("\n\n")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))


def keys(value: object, at: str = "", named: str = "") -> set[str]:
    """The paths of all keys in a JSON value, written as on the page; `named` stands for keys that are data."""
    if isinstance(value, list):
        return set().union(*(keys(element, f"{at}[]") for element in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, inner in value.items():
        place = f"{at}.{named or key}".lstrip(".")
        found |= {place} | keys(inner, place, DATA_KEYS.get(key, ""))
    return found


@pytest.fixture
def printed(autonama: Any, tmp_path: Path) -> Any:
    """`printed("ingest", path, ...)` -> the object that the command prints with `--json`."""

    def run(*words: object) -> Any:
        return json.loads(autonama(*words, "--json").stdout)

    return run


def test_ingest_validate_and_replay(printed: Any, tmp_path: Path) -> None:
    """Runs that publish, refuse, put aside, replay, check, fail and find nothing new print the page's keys."""
    mixed = write_csv(tmp_path, [*many(20), good(symbol="BTC")], "vectorbt_analysis_results_1.csv")
    twice = write_csv(tmp_path, [good(), good()], "vectorbt_analysis_results_2.csv")
    told = [
        printed("ingest", mixed, "--lenient"),
        printed("ingest", mixed),
        printed("ingest", twice),
        printed("replay"),
        printed("replay", "--dry-run"),
        printed("validate", twice),
        printed("validate", tmp_path / "nowhere"),
    ]
    assert {one["status"] for one in told} == {"partial", "nothing_new", "rejected", "failed"}
    assert set().union(*map(keys, told)) == documented("ingest, validate, replay")
    exported = printed("replay", "--export", tmp_path / "bad.csv")
    assert keys(exported) == documented("replay --export")


def test_verify_adds_to_validate(printed: Any, tmp_path: Path) -> None:
    """What verify prints is what validate prints, and its own keys; also where it cannot begin."""
    candles = tmp_path / "candles.csv"
    candles.write_text("symbol,open_time,open,high,low,close,volume\nETHUSDT,0,1,1,1,1,1\n")
    path = write_csv(tmp_path, [good()])
    for source, status in ((candles, "rejected"), (tmp_path / "nowhere", "failed")):
        told = printed("verify", path, "--source", source)
        assert told["status"] == status
        assert keys(told) - documented("ingest, validate, replay") == documented("verify")


def test_analyze_and_its_sweep(printed: Any, tmp_path: Path) -> None:
    """An analysis with a sweep, where symbols are left out of either, prints the page's keys."""
    every = synthetic.market(datetime.now(UTC), 300)[:3]
    short = every[1][-25:]
    synthetic.frame([every[0], short]).write_parquet(tmp_path / "candles.parquet")
    symbols = f"{every[0].symbol},{short.symbol},NONEUSDT"
    flags = ("--source", tmp_path, "--output", tmp_path / "out", "--lookback", "40", "--trials", "20")
    assert keys(printed("analyze", "--symbols", symbols, *flags, "--sweep")) == documented("analyze")


def test_daily_has_the_object_of_ingest_in_its_own(printed: Any, tmp_path: Path) -> None:
    """Two days, and one without candles, print the page's keys, and those of `ingest` below `ingestion`."""
    told = []
    for until in (1, 0):
        every = [one[: len(one) - until] for one in synthetic.market(datetime.now(UTC), 300)]
        synthetic.frame(every).write_parquet(tmp_path / "candles.parquet")
        told.append(printed("daily", "--source", tmp_path, "--output", tmp_path / "out", "--kstd", "1.5"))
    told.append(printed("daily", "--source", tmp_path / "nowhere"))
    assert [one["exit_code"] for one in told] == [0, 0, 4]
    found = set().union(*map(keys, told))
    below = {key for key in found if key.startswith("ingestion.")}
    assert {key.removeprefix("ingestion.") for key in below} <= documented("ingest, validate, replay")
    assert found - below == documented("daily")


def test_each_line_of_watch_has_the_same_keys(tmp_path: Path, database_url: str) -> None:
    """A line of `watch --json` has every key of the page, those of a set where it is about one."""
    write_csv(tmp_path, [*many(3), good(symbol="BTC")])
    with Watcher(tmp_path, database_url, settle=0.1) as watcher:
        watcher.wait("rejected")
    lines = [keys(line) for line in watcher.lines]
    assert lines[1] == documented("watch")
    assert lines[0] == {key for key in documented("watch") if not key.startswith("set.")}


def test_the_commands_that_only_read(printed: Any, tmp_path: Path) -> None:
    """runs, runs RUN, why, rules, cleanup, db status and doctor likewise."""
    printed("ingest", write_csv(tmp_path, [good(sharpe_ratio="12")]))
    commands = {"runs RUN": ("runs", "1"), "why": ("why", "BTCUSDT"), "db status": ("db", "status")}
    for title in ("runs", "runs RUN", "why", "rules", "cleanup", "db status", "doctor"):
        found = printed(*commands.get(title, (title,)))
        for data in ("rows",) if title in ("cleanup", "db status") else ():
            found[data] = {"TABLE": 0} if found[data] else {}
        assert keys(found) == documented(title), title


def test_no_section_is_left_out() -> None:
    """The tests above look at every section of the page."""
    titles = {part.splitlines()[0] for part in parts()[1:]}
    assert titles == {"ingest, validate, replay", "verify", "daily", "watch", "replay --export", "runs", "runs RUN",
                      "why", "rules", "cleanup", "db status", "doctor", "analyze"}  # fmt: skip


def test_every_status_is_explained() -> None:
    """The tables of statuses are the program's own lists."""
    for title, kind in (("run", RunStatus), ("set", SetStatus)):
        table = PAGE.split(f"| `status` of a {title} | |\n| --- | --- |\n")[1].split("\n\n")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(kind))


def test_every_code_is_in_the_catalogue_or_on_the_page() -> None:
    """What has a remedy is a rule that `autonama rules` lists, or one of the page's own codes."""
    listed = {entry.code for name in engine_names() for entry in catalogue(name, load_settings())}
    table = PAGE.split("| code | |\n| --- | --- |\n")[1].split("\n\n")[0]
    beyond = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert beyond == {"quarantine_share", "stored_row_kept", "correction_matches", "not_reproduced", "not_checked"}
    assert REMEDIES.keys() <= listed | beyond
    assert not beyond & listed
