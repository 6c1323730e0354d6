"""The engine that docs/engines.md shows, installed and run as it stands there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

DOCS = Path(__file__).parent.parent / "docs" / "engines.md"

RESULTS = """pair;close;band_low;band_high;action;pnl_pct;worst_pct;tested_at
BTCUSDT;97250.5;91000;99800.25;FLAT;41.7;-12.3;2026-01-15T10:30:00Z
ETHUSDT;3100;3150.5;3500;LONG;12;4.5;2026-01-15T10:30:01Z
SOLUSDT;251.25;180;250;SHORT;;-30;2026-01-15T10:30:02Z
"""


def blocks(language: str) -> list[str]:
    """The code blocks of a language in the page."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has the documented engine installed."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "autonama_acme.py").write_text(blocks("python")[0], encoding="utf-8")
    (source / "pyproject.toml").write_text(blocks("toml")[0], encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    subprocess.run((*pip, "--target", str(target), str(source)), check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def test_the_example_is_short() -> None:
    """The declaration has under 40 lines."""
    assert len(blocks("python")[0].splitlines()) < 40


def test_the_example_ingests_its_own_layout(
    installed: dict[str, str], tmp_path: Path, database_url: str, conn: psycopg.Connection
) -> None:
    """Its files, with other columns and words, reach the analysis table and the alerts under its name."""
    (tmp_path / "acme_latest.csv").write_text(RESULTS, encoding="utf-8")
    command = (sys.executable, "-m", "autonama", "ingest", "--engine", "acme", str(tmp_path), "--json")
    done = subprocess.run(
        (*command, "--database-url", database_url), env=installed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)["sets"][0]
    assert outcome["rows"]["inserted"] == outcome["alerts"]["inserted"] == 3
    assert outcome["issue_counts"] == {"undefined_metric": 1, "drawdown_sign": 1}
    rows = conn.execute("SELECT symbol, interval, signal, total_return::text FROM trading.vectorbt_analysis ORDER BY 1")
    assert rows.fetchall() == [
        ("BTCUSDT", "4h", "HOLD", "41.7000"),
        ("ETHUSDT", "4h", "BUY", "12.0000"),
        ("SOLUSDT", "4h", "SELL", None),
    ]
    assert conn.execute("SELECT DISTINCT engine FROM trading.alerts").fetchall() == [("acme",)]
