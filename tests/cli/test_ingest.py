"""`autonama ingest` and `validate` from outside: output, exit codes, files that nobody would want."""

import gzip
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import csv_text, good, many, write_csv, write_json

DESIGN_KEYS = {"run_id", "engine", "status", "validate_only", "sets", "cleanup", "elapsed_s", "error"}
SET_KEYS = {"name", "sha256", "status", "files", "rows", "alerts", "issues", "issue_counts"}
ANSI = re.compile(r"\x1b\[")


def test_json_is_the_contract_and_stands_alone(autonama: Any, tmp_path: Path) -> None:
    """`--json` prints one object with the contract's keys on stdout, and nothing on stderr."""
    write_csv(tmp_path, [*many(4), good(symbol="BTC")])
    done = autonama("ingest", tmp_path, "--json")
    outcome = json.loads(done.stdout)
    assert done.returncode == 1
    assert done.stderr == ""
    assert set(outcome) >= DESIGN_KEYS
    assert set(outcome["sets"][0]) >= SET_KEYS
    assert outcome["status"] == "rejected"
    assert outcome["sets"][0]["issues"] == [
        {"code": "symbol_format", "severity": "error", "row": 5, "line": 6, "column": "symbol", "value": "BTC",
         "message": "Row 5: Invalid symbol format: BTC"}
    ]  # fmt: skip


def test_an_error_is_json_too(autonama: Any, tmp_path: Path) -> None:
    """With `--json` a run that could not begin still prints its object, with the sentence in it."""
    done = autonama("ingest", tmp_path / "nowhere", "--json")
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["status"], outcome["run_id"]) == (4, "failed", None)
    assert "nowhere" in outcome["error"]
    assert done.stderr.startswith("Error: ")


def test_piped_output_is_plain(autonama: Any, tmp_path: Path) -> None:
    """No colour codes in a pipe; the last line says what to do next."""
    write_csv(tmp_path, many(3))
    done = autonama("ingest", tmp_path)
    assert done.returncode == 0, done.stderr
    assert not ANSI.search(done.stdout)
    assert "published" in done.stdout
    assert "autonama why" in done.stdout.strip().splitlines()[-1]


def test_validate_touches_no_database(autonama: Any, tmp_path: Path) -> None:
    """`validate` and `--validate-only` work without any server."""
    write_csv(tmp_path, many(3))
    dead = {"AUTONAMA_DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    assert autonama("validate", tmp_path, **dead).returncode == 0
    assert autonama("ingest", tmp_path, "--validate-only", **dead).returncode == 0


def test_report_is_written(autonama: Any, tmp_path: Path) -> None:
    """`--report` writes an HTML page with the finding in it."""
    write_csv(tmp_path, [good(symbol="BTC")])
    done = autonama("validate", tmp_path, "--report", tmp_path / "out.html")
    assert done.returncode == 1
    assert "Invalid symbol format: BTC" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_lenient_and_strict_flags(autonama: Any, tmp_path: Path) -> None:
    """`--lenient` puts the bad row aside and succeeds; `--strict` refuses."""
    write_csv(tmp_path, [*many(20), good(symbol="BTC")])
    assert autonama("validate", tmp_path, "--strict").returncode == 1
    done = autonama("ingest", tmp_path, "--lenient", "--json")
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["status"], outcome["sets"][0]["status"]) == (0, "partial", "quarantined")


def test_no_match_names_the_flag_that_would_take_them(autonama: Any, tmp_path: Path) -> None:
    """A directory of files under another name: exit code 4, and the flag to add."""
    write_csv(tmp_path, many(1), "crypto_analysis_results_20250815_001646.csv")
    done = autonama("ingest", tmp_path)
    assert done.returncode == 4
    assert "--results-pattern 'crypto_analysis_results_*'" in done.stderr
    assert autonama("ingest", tmp_path, "--results-pattern", "crypto_analysis_results_*").returncode == 0


def test_usage_errors_are_two(autonama: Any) -> None:
    """An unknown flag, an unknown engine and an unknown command are exit code 2 without a traceback."""
    for words in (("ingest", "--no-such-flag"), ("ingest", "--engine", "nobody"), ("frobnicate",)):
        done = autonama(*words)
        assert done.returncode == 2, words
        assert "Traceback" not in done.stderr


HOSTILE: dict[str, bytes] = {
    "empty.csv": b"",
    "blank.json": b"  \n",
    "header_only.csv": csv_text([good()]).splitlines()[0].encode(),
    "truncated.json": json.dumps([good(), good(symbol="ETHUSDT")])[:-60].encode(),
    "truncated.csv.gz": gzip.compress(csv_text(many(50)).encode())[:-40],
    "utf16.csv": csv_text([good()]).encode("utf-16"),
    "latin1.csv": csv_text([good(symbol="BÄRUSDT")]).encode("latin-1"),
    "nul.csv": csv_text([good()]).encode().replace(b"HOLD", b"HO\0LD"),
    "ragged.csv": csv_text(many(3)).encode() + b"BTCUSDT,1d\n",
    "wide.csv": b",".join(b"c%d" % n for n in range(10_000)) + b"\n" + b",".join([b"1"] * 10_000) + b"\n",
    "stray_quote.csv": csv_text([good(symbol='BTC"USDT')]).encode().replace(b'"BTC""USDT"', b'BTC"USDT'),
    "unclosed.csv": csv_text([good()]).encode() + b'"ETHUSDT,1d,1\nSOLUSDT,1d\n',
    "semicolon.csv": csv_text([good()]).replace(",", ";").encode(),
    "twice.csv": csv_text([good()]).encode().replace(b"interval", b"symbol", 1),
    "case.csv": csv_text([good()]).encode().replace(b"symbol", b"Symbol", 1),
    "scalar.json": b"42",
    "deep.json": b"[" * 100_000,
    "not.parquet": b"PAR1 not really PAR1",
    "noise.csv": bytes(range(256)) * 50,
    "name.txt": b"symbol\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(autonama: Any, tmp_path: Path, name: str) -> None:
    """Each is refused with exit code 1 and issues that name it; no traceback, no hang."""
    (tmp_path / name).write_bytes(HOSTILE[name])
    done = autonama("validate", tmp_path / name, "--json")
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["sets"][0]["status"]) == (1, "rejected")
    assert all(found["message"] for found in outcome["sets"][0]["issues"])
    assert "Traceback" not in done.stderr


def test_what_is_no_file_is_refused(autonama: Any, tmp_path: Path) -> None:
    """A directory in a file's place, a symlink loop, a dangling link, a FIFO: exit code 4, recorded, no hang."""
    for name in ("d", "loop", "dangling", "fifo"):
        place = tmp_path / name
        place.mkdir()
        path = place / "vectorbt_analysis_results_x.csv"
        match name:
            case "d":
                path.mkdir()
            case "loop":
                path.symlink_to(path)
            case "dangling":
                path.symlink_to(tmp_path / "gone.csv")
            case "fifo":
                os.mkfifo(path)
        done = autonama("ingest", place, "--json")
        assert done.returncode == 4, (name, done.stdout)
        assert json.loads(done.stdout)["sets"][0]["status"] == "rejected"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_code_four(autonama: Any, tmp_path: Path) -> None:
    """A file without read permission says so."""
    path = write_csv(tmp_path, many(1))
    path.chmod(0)
    done = autonama("ingest", path)
    assert done.returncode == 4
    assert "Permission denied" in done.stdout + done.stderr


def test_odd_names_are_taken_and_shown_escaped(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """Spaces, quotes, newlines and terminal codes in a name neither break a run nor reach the terminal as they are."""
    name = "vectorbt_analysis_results_a 'b' \"c\"\n\x1b[31m[red].csv"
    write_csv(tmp_path, many(2), name)
    done = autonama("ingest", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert conn.execute("SELECT name FROM ingestion.files").fetchall() == [(name,)]


def test_two_runs_at_once_publish_once(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """Two processes over the same directory: every row once, each set published by exactly one of them."""
    for n in range(8):
        rows = [{**row, "analysis_date": f"2026-01-{n + 1:02d}T10:00:00"} for row in many(50)]
        write_csv(tmp_path, rows, f"vectorbt_analysis_results_2026010{n + 1}_100000.csv")
        write_json(tmp_path, rows, f"vectorbt_analysis_results_2026010{n + 1}_100000.json")
    env = {**os.environ, "AUTONAMA_DATABASE_URL": conn.info.dsn}
    command = (sys.executable, "-m", "autonama", "ingest", str(tmp_path), "--all", "--json")
    running = [subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outcomes = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    statuses = [[s["status"] for s in sorted(o["sets"], key=lambda s: s["name"])] for o in outcomes]
    assert all({a, b} == {"published", "already_published"} for a, b in zip(*statuses, strict=True))
    for table in ("vectorbt_analysis", "alerts"):
        assert conn.execute(f"SELECT count(*) FROM trading.{table}").fetchone() == (400,)


def test_sigterm_ends_cleanly(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """A run that waits for a lock and is told to stop exits with 130 and a sentence; nothing is stored."""
    write_csv(tmp_path, many(3))
    autonama("validate", tmp_path)
    env = {**os.environ, "AUTONAMA_DATABASE_URL": conn.info.dsn}
    with conn.transaction():
        conn.execute("LOCK TABLE trading.vectorbt_analysis")
        process = subprocess.Popen(
            (sys.executable, "-m", "autonama", "ingest", str(tmp_path)),
            env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with psycopg.connect(conn.info.dsn, autocommit=True) as watcher:
            for _ in range(200):
                if watcher.execute(waiting).fetchone() != (0,):
                    break
                time.sleep(0.05)
        process.terminate()
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted" in stderr
    assert "Traceback" not in stderr
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (0,)
    assert conn.execute("SELECT status FROM ingestion.runs").fetchall() == [("interrupted",)]


def test_no_secret_reaches_output_logs_or_ledger(
    autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any], server: Any
) -> None:
    """A password planted in the config is nowhere in stdout, stderr, log files or the ledger, on success or failure."""
    secret = "pl4nted-S3cret"
    config = {"database_host": "127.0.0.1", "database_port": server.port, "database_password": secret,
              "binance_api_secret": f"{secret}-2"}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    write_csv(tmp_path, many(2))
    failing = subprocess.run(
        (sys.executable, "-m", "autonama", "ingest", str(tmp_path), "--json"),
        cwd=tmp_path, env={**os.environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert failing.returncode == 3
    working = autonama("ingest", tmp_path)
    assert working.returncode == 0, working.stderr
    kept = conn.execute("SELECT options::text || coalesce(error, '') FROM ingestion.runs").fetchall()
    logs = [path.read_text() for path in (tmp_path / "logs").iterdir()]
    assert logs
    shown = "".join((failing.stdout, failing.stderr, working.stdout, working.stderr, *logs, str(kept)))
    assert secret not in shown
    assert "world" in failing.stderr or "chmod 600" in failing.stderr


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    """With its reader gone the command ends with 0 and without a word: 1 would mean that a set was refused."""
    write_csv(tmp_path, many(400))
    command = f'{sys.executable} -m autonama validate "{tmp_path}" | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(("bash", "-c", command), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
