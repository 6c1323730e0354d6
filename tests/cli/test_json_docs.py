"""docs/json.md names every key that `--json` prints, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from autonama.config import load_settings
from autonama.engines import engine_names
from autonama.ingestion.catalogue import catalogue
from autonama.ingestion.outcome import RunStatus, SetStatus
from autonama.ingestion.report.remedies import REMEDIES
from writing import good, many, write_csv

PAGE = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
DATA_KEYS = {"cleanup": "TABLE", "issue_counts": "CODE"}


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
    assert titles == {"ingest, validate, replay", "replay --export", "runs", "runs RUN", "why", "rules", "cleanup",
                      "db status", "doctor"}  # fmt: skip


def test_every_status_is_explained() -> None:
    """The tables of statuses are the program's own lists."""
    for title, kind in (("run", RunStatus), ("set", SetStatus)):
        table = PAGE.split(f"| `status` of a {title} | |\n| --- | --- |\n")[1].split("\n\n")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(kind))


def test_every_code_is_in_the_catalogue_or_on_the_page() -> None:
    """What has a remedy is a rule that `autonama rules` lists, or one of the page's three codes."""
    listed = {entry.code for name in engine_names() for entry in catalogue(name, load_settings())}
    table = PAGE.split("| code | |\n| --- | --- |\n")[1].split("\n\n")[0]
    beyond = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert beyond == {"quarantine_share", "stored_row_kept", "correction_matches"}
    assert REMEDIES.keys() <= listed | beyond
    assert not beyond & listed
