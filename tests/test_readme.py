"""The README's commands, run, and its tables, compared with the program."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from autonama.cli import db
from autonama.cli.main import app
from writing import good, many, write_csv, write_json

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What the README takes for granted: config.json and the scripts, and a directory of results."""
    for name in ("config.json", "run_ingestion.py", "vectorbt_ingestion.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    results = tmp_path / "results"
    results.mkdir()
    rows = [good(), *many(11)]
    write_csv(results, rows, "vectorbt_analysis_results_20260115_103000.csv")
    write_json(results, rows, "vectorbt_analysis_results_20260115_103000.json")
    return tmp_path


def run(line: str, directory: Path, url: str) -> subprocess.CompletedProcess[str]:
    """One line of a block as a user types it, on the test's database and with this interpreter's programs first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "AUTONAMA_DATABASE_URL": url, "AUTONAMA_ENGINE_RESULTS_DIR": "results"}
    line = line.replace("/path/to/results", "results")
    return subprocess.run(line, shell=True, cwd=directory, env=env, capture_output=True, text=True, check=False)  # noqa: S602


def test_the_first_two_commands_are_make_targets() -> None:
    """`make demo` and `make test` come first; .ci/run runs both in a clean clone."""
    assert blocks("bash")[0] == "make demo\nmake test\n"
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make (\w+)", script, re.MULTILINE)[0::2] == ["demo", "test"]


def test_the_documented_commands_run(directory: Path, database_url: str) -> None:
    """Every `python run_ingestion.py` line succeeds where VectorBT PRO is there, or says that it is not."""
    lines = [line for line in blocks("bash")[1].splitlines() if line.startswith("python")]
    assert len(lines) == 5
    for line in lines:
        done = run(line, directory, database_url)
        if "--skip-conda-check" in line:
            assert done.returncode == 0, done.stdout
        else:
            assert (done.returncode, "VectorBTPro not found" in done.stdout) == (2, True), done.stdout


def test_the_autonama_commands_run(directory: Path, database_url: str) -> None:
    """Every `autonama` line of the README succeeds, in its order."""
    lines = blocks("bash")[2].splitlines()
    assert len(lines) == 11
    for line in lines:
        done = run(line, directory, database_url)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert done.stdout, line
    assert (directory / "report.html").exists()


def test_the_python_example_runs(
    directory: Path, database_url: str, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python lines do what they say."""
    monkeypatch.chdir(directory)
    monkeypatch.syspath_prepend(str(directory))
    parts = conninfo_to_dict(database_url)
    db_config = {"host": parts["host"], "port": parts["port"], "database": parts["dbname"], "user": parts["user"]}
    names: dict[str, Any] = {"db_config": db_config}
    exec(blocks("python")[0], names)  # noqa: S102 - the README is ours
    assert (names["is_valid"], names["errors"], names["results"]["alerts_ingested"]) == (True, [], 12)
    assert conn.execute("SELECT count(*) FROM trading.alerts").fetchone() == (12,)


def test_the_rule_table_is_the_programs_own(directory: Path, database_url: str) -> None:
    """The catalogues in the README and of the other engines are what `autonama rules --markdown` prints."""
    printed = run("autonama rules --markdown", directory, database_url).stdout
    assert printed in README
    for engine in ("enhanced", "sweep"):
        own = run(f"autonama rules --engine {engine} --markdown", directory, database_url).stdout
        assert own in (ROOT / "docs" / f"{engine}.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme() -> None:
    """No command is undocumented."""
    names = [info.name or (info.callback.__name__ if info.callback else "") for info in app.registered_commands]
    for name in names:
        assert re.search(rf"\| `{name}\b", README), name


def test_every_database_command_is_in_the_readme() -> None:
    """No command below `db` is undocumented."""
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `db "))
    names = [info.name or (info.callback.__name__ if info.callback else "") for info in db.app.registered_commands]
    assert len(names) >= 8
    for name in names:
        assert re.search(rf"`(db )?{name}\b", table), name


def test_every_setting_is_in_the_readme() -> None:
    """No key of the configuration is undocumented."""
    from autonama.config import Keys

    for name in Keys.model_fields:
        assert f"`{name}" in README, name
