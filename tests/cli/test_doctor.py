"""`autonama doctor`: what it finds, what it advises, its exit code, and that it changes nothing."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import warm

Found = dict[str, list[dict[str, Any]]]


def doctor(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return warm.run("doctor", *args, cwd=cwd, env={**os.environ, **environment})


def examined(*args: str, cwd: Path, **environment: str) -> tuple[int, Found]:
    """The exit code, and the checks of `--json` by name. Nothing but the object is on stdout."""
    done = doctor("--json", *args, cwd=cwd, **environment)
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    assert report["ok"] == (done.returncode == 0)
    found: Found = {}
    for check in report["checks"]:
        found.setdefault(check["name"], []).append(check)
    return done.returncode, found


def result_file(directory: Path, hours: float = 1) -> Path:
    """A result file of some hours ago."""
    directory.mkdir(parents=True, exist_ok=True)
    time = datetime.now(UTC) - timedelta(hours=hours)
    path = directory / f"vectorbt_analysis_results_{time:%Y%m%d_%H%M%S}.csv"
    path.write_text("symbol\n")
    return path


def test_all_is_well(database_url: str, tmp_path: Path) -> None:
    """With a migrated database and fresh results nothing is a problem, and each part says what it found."""
    newest = result_file(tmp_path / "results")
    code, found = examined("--database-url", database_url, "--engine-results-dir", "results", cwd=tmp_path)
    assert code == 0
    states = {name: {check["state"] for check in checks} for name, checks in found.items()}
    assert {name for name, state in states.items() if "problem" in state} == set()
    for name in ("python", "packages", "configuration", "engines", "database", "clock", "schema", "results"):
        assert states[name] == {"ok"}, found[name]
    assert found["python"][0]["found"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert "polars 2" in found["packages"][0]["found"]
    assert found["configuration"][0]["found"] == "No config.json here; the defaults hold."
    assert found["engines"][0]["found"].startswith("enhanced, sweep, vectorbt")
    assert "PostgreSQL 18" in found["database"][0]["found"]
    assert newest.stem in found["results"][0]["found"]
    assert "enhanced 0, sweep 0, vectorbt 1;" in found["results"][0]["found"]


def test_the_password_is_not_shown(server, tmp_path: Path) -> None:
    """The database's address stands there without its password."""
    url = server.tcp_url("postgres")
    done = doctor("--database-url", url, cwd=tmp_path)
    assert f"postgresql://postgres:***@127.0.0.1:{server.port}/postgres" in done.stdout
    assert "swordfish" not in done.stdout + done.stderr


def test_it_makes_no_schema(empty_database_url: str, tmp_path: Path) -> None:
    """A database without a schema is a warning with the command that makes it, and stays without."""
    _, found = examined("--database-url", empty_database_url, cwd=tmp_path)
    (schema,) = found["schema"]
    assert (schema["state"], schema["advice"]) == ("warning", "Run: autonama db init")
    with psycopg.connect(empty_database_url) as conn:
        schemas = conn.execute("SELECT nspname FROM pg_namespace WHERE nspname IN ('ingestion', 'trading')").fetchall()
    assert schemas == []


def test_a_schema_of_a_newer_version(conn: psycopg.Connection, database_url: str, tmp_path: Path) -> None:
    """A schema that this package does not know is a problem of the database, exit code 3."""
    conn.execute("UPDATE ingestion.alembic_version SET version_num = '9999'")
    result_file(tmp_path)
    code, found = examined("--database-url", database_url, "--engine-results-dir", ".", cwd=tmp_path)
    assert code == 3
    assert "version 9999, which this package does not know" in found["schema"][0]["found"]


def test_an_endless_analysis_date(conn: psycopg.Connection, database_url: str, tmp_path: Path) -> None:
    """Adopted rows of an infinite date are counted, with what to do; without any nothing is said."""
    result_file(tmp_path)
    args = ("--database-url", database_url, "--engine-results-dir", ".")
    assert "rows" not in examined(*args, cwd=tmp_path)[1]
    conn.execute("INSERT INTO trading.alerts (symbol, interval, signal, analysis_date) "
                 "VALUES ('BTCUSDT', '1d', 'BUY', 'infinity'), ('ETHUSDT', '1d', 'BUY', '-infinity')")  # fmt: skip
    code, found = examined(*args, cwd=tmp_path)
    (rows,) = found["rows"]
    assert (code, rows["state"]) == (0, "warning")
    assert rows["found"] == "trading.alerts holds 2 rows whose analysis_date is infinite."
    assert "delete them" in rows["advice"]


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    """Without a server the exit code is 3, the sentence that of the other commands, and the rest is looked at."""
    result_file(tmp_path)
    code, found = examined(
        "--database-url", "postgresql://me:pw@127.0.0.1:1/x", "--engine-results-dir", ".", cwd=tmp_path
    )
    assert code == 3
    assert found["database"][0]["found"].startswith("No PostgreSQL answers at 127.0.0.1:1.")
    assert found["results"][0]["state"] == "ok"
    assert "schema" not in found


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    """Its problems are told one by one, exit code 2; what depends on it is not looked at, the rest is."""
    (tmp_path / "config.json").write_text('{"database_prt": 1, "cleanup_days": 0}')
    code, found = examined(cwd=tmp_path)
    assert code == 2
    told = found["configuration"][0]["found"]
    assert "database_prt (config.json) is not a known key. Did you mean database_port?" in told
    assert "cleanup_days (config.json) is 0" in told
    assert found["packages"][0]["state"] == "ok"
    for name in ("engines", "database", "results", "disk"):
        assert found[name][0]["found"] == "Not looked at, since the configuration cannot be used."


def test_a_named_configuration_and_its_warnings(database_url: str, tmp_path: Path) -> None:
    """The file in use is named; what the settings warn of is a warning here."""
    config = tmp_path / "mine.json"
    config.write_text(json.dumps({"database_url": f"{database_url} password=x", "engines": {"acme": {}}}))
    config.chmod(0o644)
    result_file(tmp_path)
    code, found = examined("--config", "mine.json", "--engine-results-dir", ".", cwd=tmp_path)
    assert code == 0
    assert [check["state"] for check in found["configuration"]] == ["ok", "warning"]
    assert found["configuration"][0]["found"] == str(config)
    assert "chmod 600" in found["configuration"][1]["found"]
    assert "engines.acme is configured, and no installed package has" in found["engines"][0]["found"]


@pytest.mark.parametrize(
    ("prepare", "state", "told"),
    [
        (lambda _: None, "problem", "results does not exist."),
        (lambda directory: directory.write_text("x"), "problem", "results is no directory."),
        (lambda directory: directory.symlink_to(directory), "problem", "results cannot be reached: "),
        (lambda directory: directory.mkdir(), "warning", "result sets by engine: enhanced 0, sweep 0, vectorbt 0."),
        (lambda directory: result_file(directory, 50), "warning", " h old; max_file_age_hours is 24."),
    ],
    ids=["missing", "file", "loop", "empty", "old"],
)
def test_result_directories(prepare, state: str, told: str, database_url: str, tmp_path: Path) -> None:
    """A directory that cannot be used is a problem, exit code 4; an empty one, or old results, a warning."""
    prepare(tmp_path / "results")
    code, found = examined("--database-url", database_url, "--engine-results-dir", "results", cwd=tmp_path)
    assert (found["results"][0]["state"], code) == (state, 4 if state == "problem" else 0)
    assert told in found["results"][0]["found"]
    assert found["results"][0]["advice"]


def test_the_first_class_of_problems_is_the_exit_code(tmp_path: Path) -> None:
    """With a problem of the database and one of the files it is the database's."""
    code, found = examined("--database-url", "host=/nowhere", cwd=tmp_path)
    assert (found["database"][0]["state"], found["results"][0]["state"], code) == ("problem", "problem", 3)


def package(directory: Path, name: str, content: str) -> None:
    """A package that Python finds before the installed ones."""
    (directory / name).mkdir(parents=True)
    (directory / name / "__init__.py").write_text(content)


@pytest.mark.parametrize(("name", "title"), [("vectorbtpro", "VectorBT PRO"), ("vectorbt", "vectorbt")])
def test_vectorbt_is_found_and_not_imported(name: str, title: str, tmp_path: Path) -> None:
    """VectorBT PRO and vectorbt are told with their version; a look does not wait seconds for their import."""
    package(tmp_path / "site", name, "raise SystemExit('imported')")
    metadata = tmp_path / "site" / f"{name}-1.2.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n")
    _, found = examined("--database-url", "host=/nowhere", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert (found["vectorbt"][0]["state"], found["vectorbt"][0]["found"]) == ("ok", f"{title} 1.2.3")


def test_without_vectorbt(tmp_path: Path) -> None:
    """Where neither is installed that is a warning that says which door needs it."""
    _, found = examined("--database-url", "host=/nowhere", cwd=tmp_path)
    assert found["vectorbt"][0]["state"] == "warning"
    assert "conda activate autonama_vectorbt" in found["vectorbt"][0]["advice"]


@pytest.mark.parametrize(
    ("broken", "part", "code"), [("psycopg", "database", 3), ("stamina", "database", 3), ("polars", "engines", 2)]
)
def test_a_broken_package_is_survived(broken: str, part: str, code: int, database_url: str, tmp_path: Path) -> None:
    """A package that cannot be imported is the finding of its part, and the others are still looked at."""
    package(tmp_path / "site", broken, "raise ImportError('libpq.so: wrong ELF class')")
    result_file(tmp_path)
    args = ("--database-url", database_url, "--engine-results-dir", ".")
    told, found = examined(*args, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert told == code
    assert found[part][0]["state"] == "problem"
    assert "ImportError: libpq.so: wrong ELF class" in found[part][0]["found"]
    assert found["python"][0]["state"] == "ok"
    assert "disk" in found


def test_a_package_that_does_not_fit(tmp_path: Path) -> None:
    """An older version than the metadata asks for is named with what is allowed, and how to get it."""
    metadata = tmp_path / "site" / "polars-1.9.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: polars\nVersion: 1.9.0\n")
    code, found = examined("--database-url", "host=/x", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert code == 2
    assert found["packages"][0]["found"] == "polars is 1.9.0, and has to be <3,>=2.1."
    assert found["packages"][0]["advice"] == "Run: pip install -r requirements.txt"


def test_an_engine_that_cannot_be_loaded(tmp_path: Path, database_url: str) -> None:
    """A plug-in whose code fails is a problem with its name; the other engines' results are still counted."""
    package(tmp_path / "site", "acme", "1 / 0")
    metadata = tmp_path / "site" / "acme-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[autonama.engines]\nacme = acme:ENGINE\n")
    result_file(tmp_path / "results")
    args = ("--database-url", database_url, "--engine-results-dir", "results")
    code, found = examined(*args, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert code == 2
    assert found["engines"][0]["found"] == (
        "Engine 'acme' of package acme 1 cannot be loaded: ZeroDivisionError: division by zero. "
        "Repair or uninstall that package."
    )
    assert "enhanced 0, sweep 0, vectorbt 1;" in found["results"][0]["found"]


def test_piped_it_is_plain(tmp_path: Path) -> None:
    """Without a terminal each check is a line that begins with its state, without colour; advice stands below."""
    done = doctor("--database-url", "host=/nowhere", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    assert lines[0].split()[:2] == ["ok", "python"]
    assert any(line.startswith("problem  results") for line in lines)
    assert any(line.strip().startswith("-> Run the engine") for line in lines)
    assert lines[-1] == "Problems: 2, warnings: 1"


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_on_a_terminal_it_has_colour(no_color: str, coloured: bool, tmp_path: Path) -> None:
    """A terminal gets a coloured table, unless NO_COLOR is set; the words are there in both."""
    reading, writing = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": no_color, "COLUMNS": "100"}
    command = (sys.executable, "-m", "autonama", "doctor", "--database-url", "host=/nowhere")
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=writing) as process:
        os.close(writing)
        shown = _all_of(reading)
    assert process.returncode == 3
    assert ("\x1b[32m" in shown) == coloured
    assert "problem" in shown
    assert "Problems: 2, warnings: 1" in shown


def _all_of(terminal: int) -> str:
    """What a program writes to its terminal until it ends, which Linux tells as an input/output error."""
    content = b""
    with os.fdopen(terminal, "rb", buffering=0) as screen, suppress(OSError):
        while part := screen.read(4096):
            content += part
    return content.decode()
