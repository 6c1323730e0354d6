"""scripts/daily_analysis_and_ingestion.sh, end to end on candles of a file, in the documented directories."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonama.analysis import synthetic

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "daily_analysis_and_ingestion.sh"
DOCUMENTED = ROOT.parent / "shared" / "DOCUMENTED.md"
COMPLETE = "Daily VectorBTPro analysis and ingestion complete!\n"
OFFLINE = ("--source", "../market", "--days", "300")

CONDA = """#!/bin/sh
[ "$*" = "shell.bash hook" ] || exit 9
cat <<'HOOK'
conda() {
    [ "$1 $2" = "activate autonama_vectorbt" ] && [ -d "LICENSED" ] || return 1
    export CONDA_DEFAULT_ENV=$2 PYTHONPATH=LICENSED
    : "$SOMETHING_UNSET"
}
HOOK
"""
"""What a shell sees of conda: a program whose hook defines the function that activates."""

Day = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """autonama.engine and autonama.ingestion side by side, candles beside them, and a conda with VectorBT PRO in it."""
    engine, ingestion = tmp_path / "autonama.engine", tmp_path / "autonama.ingestion"
    for place, script in ((engine, "run_vectorbt_analysis.py"), (ingestion, "run_ingestion.py")):
        place.mkdir()
        shutil.copy(ROOT / script, place)
        shutil.copy(ROOT / "config.json", place)
    shutil.copytree(ROOT / "scripts", ingestion / "scripts", ignore=lambda _, names: set(names) - {SCRIPT.name})
    (tmp_path / "market").mkdir()
    candles = synthetic.market(datetime.now(UTC), 300)
    synthetic.frame(candles).write_parquet(tmp_path / "market" / "candles.parquet")
    licensed, programs = tmp_path / "licensed", tmp_path / "programs"
    (licensed / "vectorbtpro").mkdir(parents=True)
    (licensed / "vectorbtpro" / "__init__.py").touch()
    (licensed / "vectorbtpro-2026.1.1.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: vectorbtpro\nVersion: 2026.1.1\n"
    (licensed / "vectorbtpro-2026.1.1.dist-info" / "METADATA").write_text(metadata)
    programs.mkdir()
    (programs / "conda").write_text(CONDA.replace("LICENSED", str(licensed)))
    (programs / "conda").chmod(0o755)
    return tmp_path


@pytest.fixture
def day(home: Path, database_url: str) -> Day:
    """`day(option, ..., cwd=..., NAME=...)`: the finished script."""

    def run(*options: str, cwd: Path = home, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{home / 'programs'}:{Path(sys.executable).parent}:/usr/bin:/bin"
        env = {**os.environ, "PATH": path, "AUTONAMA_DATABASE_URL": database_url, "PYTHONPATH": "", **environment}
        command = ("bash", str(home / "autonama.ingestion" / "scripts" / SCRIPT.name), *options)
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_its_commands_are_the_documented_ones() -> None:
    """The two commands and the last line are those of the documentation."""
    if not DOCUMENTED.exists():
        pytest.skip("no ../shared/DOCUMENTED.md beside the project")
    documented = DOCUMENTED.read_text(encoding="utf-8").split("# daily_analysis_and_ingestion.sh\n")[1].split("```")[0]
    script = SCRIPT.read_text(encoding="utf-8")
    assert 'echo "Daily VectorBTPro analysis and ingestion complete!"' in documented
    for command in re.findall(r"^python (\S+\.py .*?)(?: --top-100 --optimize)?$", documented, re.MULTILINE):
        assert command in script
    assert "set -- --top-100 --optimize" in script
    assert script.rstrip().endswith('echo "Daily VectorBTPro analysis and ingestion complete!"')


def test_the_whole_day_from_candles_to_rows(day: Day, home: Path, conn: psycopg.Connection[Any]) -> None:
    """It activates conda, analyses, ingests, says both programs' own words and the documented last line."""
    done = day(*OFFLINE)
    assert (done.returncode, done.stdout.endswith(COMPLETE)) == (0, True), done.stdout + done.stderr
    assert "✅ VectorBTPro detected: 2026.1.1" in done.stdout
    assert "🐍 Conda environment: autonama_vectorbt" in done.stdout
    assert "✅ Ingestion completed successfully!" in done.stdout
    assert {path.suffix for path in (home / "autonama.engine" / "results").iterdir()} == {".csv", ".json"}
    assert conn.execute("SELECT count(*) FROM trading.alerts").fetchone() == (24,)


def test_it_finds_its_directories_from_anywhere(day: Day, home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As cron starts it, elsewhere: the directory that the project lies in, or the one that AUTONAMA_HOME names."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert day(*OFFLINE, cwd=elsewhere).stdout.endswith(COMPLETE)
    moved = home.rename(home.with_name("moved"))
    assert (
        "AUTONAMA_HOME"
        in subprocess.run(
            ("bash", str(SCRIPT), "--skip-conda-check"),
            cwd=elsewhere,
            env={**os.environ, "AUTONAMA_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        ).stderr
    )
    moved.rename(home)


def test_without_vectorbt_pro_only_where_that_is_said(day: Day, home: Path) -> None:
    """No conda: exit code 2 and what to do, nothing written; --skip-conda-check goes on with the python on PATH."""
    (home / "programs" / "conda").unlink()
    refused = day(*OFFLINE)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "conda was not found" in refused.stderr
    assert "--skip-conda-check" in refused.stderr
    assert not (home / "autonama.engine" / "results").exists()
    assert day("--skip-conda-check", *OFFLINE).stdout.endswith(COMPLETE)


def test_an_environment_that_is_not_there(day: Day, home: Path) -> None:
    """A conda without the environment: exit code 2, and how to make it."""
    shutil.rmtree(home / "licensed")
    done = day(*OFFLINE)
    assert (done.returncode, "conda env create -f environment.yml" in done.stderr) == (2, True), done.stderr


def test_a_failing_analysis_ends_the_day(day: Day, conn: psycopg.Connection[Any]) -> None:
    """Its exit code is the script's; nothing is ingested, and the last line is not said."""
    done = day("--source", "nowhere")
    assert (done.returncode, COMPLETE in done.stdout) == (4, False)
    assert "Analysis ended with exit code 4. Nothing was ingested" in done.stderr
    assert conn.execute("SELECT count(*) FROM ingestion.runs").fetchone() == (0,)


def test_a_failing_ingestion_ends_the_day(day: Day, home: Path) -> None:
    """Its exit code is the script's, and the files stay."""
    strict = {
        "validation": {"severity": {"undefined_metric": "error"}},
        "engine_results_dir": "../autonama.engine/results",
    }
    (home / "autonama.ingestion" / "config.json").write_text(json.dumps(strict))
    done = day(*OFFLINE, "--kstd", "9")
    assert (done.returncode, COMPLETE in done.stdout) == (1, False), done.stdout
    assert "Ingestion ended with exit code 1. The result files stay" in done.stderr
    assert len(list((home / "autonama.engine" / "results").iterdir())) == 2
