"""`--json`: one object, always the same keys."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from outcomes import a_run, a_set, bad_symbol, every_kind

from autonama.ingestion.issues import issue
from autonama.ingestion.outcome import AlertCounts, RowCounts, RunOutcome
from autonama.ingestion.report import as_json

RUN_KEYS = ["run_id", "engine", "status", "validate_only", "sets", "cleanup", "elapsed_s", "error", "notes"]
SET_KEYS = ["name", "sha256", "replay_of", "status", "files", "rows", "alerts", "issues", "issue_counts", "notes"]


@pytest.mark.parametrize("run", every_kind())
def test_keys_are_always_all_there(run: RunOutcome) -> None:
    """A run that failed before its first set has the same keys as one that published, and all of it is plain JSON."""
    read = json.loads(json.dumps(as_json(run)))
    assert list(read) == RUN_KEYS
    for outcome in read["sets"]:
        assert list(outcome) == SET_KEYS
        assert list(outcome["rows"]) == ["read", "inserted", "updated", "unchanged", "quarantined"]
        assert list(outcome["alerts"]) == ["inserted", "updated", "unchanged"]


def test_values_are_the_outcome() -> None:
    """Counts, paths and times arrive as they are."""
    outcome = a_set(counts=RowCounts(95, 90, 3, 1, 1), alerts=AlertCounts(88, 4, 2), notes=("read as UTC",))
    told = as_json(a_run(outcome, cleanup={"alerts": 2}, notes=("one file is still being written",)))
    assert told["run_id"] == 12
    assert told["elapsed_s"] == 0.412
    assert told["cleanup"] == {"alerts": 2}
    assert told["notes"] == ["one file is still being written"]
    (one,) = told["sets"]
    assert one["files"] == [str(path) for path in outcome.files]
    assert one["rows"] == {"read": 95, "inserted": 90, "updated": 3, "unchanged": 1, "quarantined": 1}
    assert one["alerts"] == {"inserted": 88, "updated": 4, "unchanged": 2}
    assert one["notes"] == ["read as UTC"]


def test_an_issue_is_the_one_of_the_design() -> None:
    """An issue has seven keys; only one over several rows has an eighth."""
    clash = issue("duplicate_key", "Row 5: Duplicate", row=5, line=6, column="symbol", value="X", rows=[5, 37])
    (one,) = as_json(a_run(a_set(issues=[bad_symbol(5), clash, bad_symbol(7)])))["sets"]
    assert one["issues"][0] == {
        "code": "symbol_format",
        "severity": "error",
        "row": 5,
        "line": 6,
        "column": "symbol",
        "value": "BTC",
        "message": "Row 5: Invalid symbol format: BTC",
    }
    assert [found.get("rows") for found in one["issues"]] == [None, [5, 37], None]
    assert one["issue_counts"] == {"symbol_format": 2, "duplicate_key": 1}


def test_an_issue_of_the_whole_file_has_nulls() -> None:
    """Row, line, column and value are there and null where nothing can be pointed at."""
    (one,) = as_json(a_run(a_set("rejected", issues=[issue("has_rows", "No rows")]), status="rejected"))["sets"]
    assert [one["issues"][0][key] for key in ("row", "line", "column", "value")] == [None] * 4
    assert "rows" not in one["issues"][0]


def test_a_name_that_is_not_utf8_can_be_printed() -> None:
    """A file name of arbitrary bytes becomes text that encodes, with the bytes as escapes."""
    path = Path(os.fsdecode(b"r\xff.csv"))
    told = as_json(a_run(a_set(name=path.name, files=(path,)), error=f"{path} is unreadable"))
    text = json.dumps(told, ensure_ascii=False).encode("utf-8").decode("utf-8")
    assert json.loads(text)["sets"][0]["files"] == [r"r\xff.csv"]


def test_many_issues_are_quick_and_unfolded() -> None:
    """100,000 issues, a third of them over several rows, are all there within seconds."""
    several = pl.int_range(pl.len()) % 3 == 0
    frame = pl.concat([a_set(issues=[bad_symbol(1)]).issues] * 100_000).with_columns(
        rows=pl.when(several).then(pl.concat_list(pl.lit(1), pl.lit(2)).cast(pl.List(pl.UInt32)))
    )
    run = a_run(replace(a_set("rejected"), issues=frame), status="rejected")
    began = time.process_time()
    (one,) = as_json(run)["sets"]
    assert time.process_time() - began < 5
    assert len(one["issues"]) == 100_000
    assert sum("rows" in found for found in one["issues"]) == 33_334
