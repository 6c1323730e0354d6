"""The demo, and the synthetic files that it shows."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autonama import samples
from autonama.config import load_settings
from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.pipeline import Job, check

ANALYSED = datetime.now(UTC).replace(microsecond=0, tzinfo=None)


def judged(tmp_path: Path, rows: list[dict[str, Any]]) -> SetOutcome:
    """The outcome of validating these rows as a CSV file."""
    path = tmp_path / "sample.csv"
    path.write_text(samples.as_csv(rows), encoding="utf-8")
    return check(Job("vectorbt", load_settings(), (path,))).sets[0]


def test_the_good_sample_is_without_a_fault(tmp_path: Path) -> None:
    """Not even a warning."""
    assert judged(tmp_path, samples.good_rows(ANALYSED)).issues["message"].to_list() == []


def test_the_faulty_sample_has_each_fault_once_and_where_it_is_said(tmp_path: Path) -> None:
    """Row by row, the rule of each fault finds it, and the doubled last row is a clash."""
    outcome = judged(tmp_path, samples.faulty_rows(ANALYSED))
    found = dict(zip(outcome.issues["row"], outcome.issues["code"], strict=True))
    expected = {nth: code for nth, (code, _) in enumerate(samples.FAULTS, 1)}
    assert found == expected | {24: "duplicate_key"}
    assert outcome.issues.height == len(expected) + 1


def test_the_same_seed_gives_the_same_bytes() -> None:
    """The sample is reproducible."""
    assert samples.as_json(samples.good_rows(ANALYSED)) == samples.as_json(samples.good_rows(ANALYSED))


def test_the_demo_runs_twice(tmp_path: Path) -> None:
    """First it publishes one set and refuses the other with every reason; then nothing is new. No server is left."""

    def demo() -> str:
        command = (sys.executable, "-m", "autonama", "demo")
        return subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True).stdout

    first, second = demo(), demo()
    assert "Row 1: Invalid symbol format: BTC" in first
    assert "24 rows" in first
    assert "Nothing is new" in second
    assert "BTCUSDT" in second
    assert json.loads((tmp_path / ".demo" / "config.json").read_text())["database_host"] == "embedded"
    assert not (tmp_path / ".demo" / "database" / "pgdata" / "postmaster.pid").exists()
