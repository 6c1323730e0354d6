"""`autonama watch`: real processes, real files that arrive in every way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import psycopg
import pytest

from autonama.ingestion.watch import Kind
from watching import PATIENCE_S, Watcher, names
from writing import csv_text, good, many, write_csv, write_json

PUBLISHED = "published"
SETS = ("published", "quarantined", "rejected", "already_published", "already_refused")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The directory that is watched."""
    directory = tmp_path / "results"
    directory.mkdir()
    return directory


def stored(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """What the ledger has of each file."""
    return conn.execute("SELECT name, status, rows_read, run_id FROM ingestion.files ORDER BY id").fetchall()


def test_what_lies_there_is_published_first(
    results: Path, database_url: str, conn: psycopg.Connection[Any], autonama: Any
) -> None:
    """At the start the sets that the ledger does not hold are published, in the order of their times, in one run."""
    first = write_csv(results, many(1), "vectorbt_analysis_results_20260101_000000.csv")
    autonama("ingest", first, "--allow-stale")
    write_csv(results, many(3), "vectorbt_analysis_results_20260103_000000.csv")
    write_csv(results, many(2), "vectorbt_analysis_results_20260102_000000.csv")
    with Watcher(results, database_url) as watcher:
        (known,) = watcher.wait("known")
        assert known["message"] == "1 set lay there that the ledger knows."
        assert [line["set"]["rows"]["read"] for line in watcher.of(*SETS)] == [2, 3]
        write_csv(results, many(4), "vectorbt_analysis_results_20260104_000000.csv")
        watcher.wait(PUBLISHED, number=3)
    assert [(rows, run) for _, _, rows, run in stored(conn)] == [(1, 1), (2, 2), (3, 2), (4, 3)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that a file is open to be written")
def test_a_file_that_is_copied_in_slowly_is_never_read_half(
    results: Path, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """A copy that stalls for longer than --settle, at the end of a row too, is waited for until it is closed."""
    text = csv_text(many(8)).encode()
    ends = [index + 1 for index, sign in enumerate(text) if sign == ord("\n")]
    with Watcher(results, database_url, settle=0.2) as watcher:
        with (results / "vectorbt_analysis_results_slow.csv").open("wb", buffering=0) as copy:
            for start, end in zip([0, *ends[3::3]], [*ends[3::3], None], strict=True):
                copy.write(text[start:end])
                time.sleep(1.1)
        (line,) = watcher.wait(*SETS)
    assert (line["event"], line["set"]["rows"]["inserted"]) == (PUBLISHED, 8)
    assert [(status, rows) for _, status, rows, _ in stored(conn)] == [(PUBLISHED, 8)]


@pytest.mark.full
def test_a_file_that_is_appended_to_is_waited_for(results: Path, database_url: str) -> None:
    """An engine that opens its file anew for every row is done when it has left it alone for a moment."""
    lines = csv_text(many(8)).splitlines(keepends=True)
    with Watcher(results, database_url, settle=0.6) as watcher:
        for line in lines:
            with (results / "vectorbt_analysis_results_now.csv").open("a") as file:
                file.write(line)
            time.sleep(0.25)
        (told,) = watcher.wait(*SETS)
    assert (told["event"], told["set"]["rows"]["inserted"]) == (PUBLISHED, 8)


def test_a_file_that_is_renamed_in(results: Path, database_url: str) -> None:
    """Under a temporary or hidden name a file is nobody's; under its own it is complete."""
    hidden = write_csv(results, many(1), ".vectorbt_analysis_results_1.csv.X7")
    part = write_csv(results, many(2), "vectorbt_analysis_results_2.csv.part")
    with Watcher(results, database_url, settle=0.2) as watcher:
        time.sleep(1.5)
        assert watcher.of(*SETS) == []
        hidden.rename(results / "vectorbt_analysis_results_1.csv")
        part.rename(results / "vectorbt_analysis_results_2.csv")
        assert sum(line["set"]["rows"]["read"] for line in watcher.wait(PUBLISHED, number=2)) == 3


def test_csv_and_json_of_one_set_go_together(results: Path, database_url: str, conn: psycopg.Connection[Any]) -> None:
    """The sibling that comes a moment later is waited for; one that comes much later is entered as of the same set."""
    with Watcher(results, database_url, settle=1.2) as watcher:  # three times as long where one is alone
        write_csv(results, many(3))
        time.sleep(1.3)
        write_json(results, many(3))
        (line,) = watcher.wait(*SETS)
        assert len(line["set"]["files"]) == 2
        write_csv(results, many(2), "vectorbt_analysis_results_late.csv")
        watcher.wait(*SETS, number=2)
        write_json(results, many(2), "vectorbt_analysis_results_late.json")
        watcher.wait("already_published")
    assert [(status, run) for _, status, _, run in stored(conn)] == [
        (PUBLISHED, 1), ("companion", 1), (PUBLISHED, 2), ("companion", 3)
    ]  # fmt: skip


def test_a_refused_set_is_tried_again_with_other_bytes_only(
    results: Path, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """A finding stands in the line; a touch is no news, a correction is published."""
    path = write_csv(results, [*many(4), good(symbol="BTC")])
    with Watcher(results, database_url, settle=0.1) as watcher:
        (line,) = watcher.wait("rejected")
        assert "Row 5: Invalid symbol format: BTC" in line["message"]
        time.sleep(1.2)
        assert len(watcher.of(*SETS)) == 1
        path.touch()
        watcher.wait("already_refused")
        write_csv(results, many(5))
        watcher.wait(PUBLISHED)
    assert [status for _, status, _, _ in stored(conn)] == ["rejected", PUBLISHED]


def test_two_watchers_publish_each_set_once(results: Path, database_url: str, conn: psycopg.Connection[Any]) -> None:
    """Both look at one directory; every set is published by one of them, every row stored once."""
    with Watcher(results, database_url) as one, Watcher(results, database_url) as other:
        for number in range(6):
            write_csv(results, many(10, interval="4h"), f"vectorbt_analysis_results_2026010{number}_000000.csv")
            write_csv(results, many(3 + number), f"vectorbt_analysis_results_2026020{number}_000000.csv")
        told = [*one.wait(*SETS, number=12), *other.wait(*SETS, number=12)]
    assert len(set(names(told))) == 12
    assert {line["event"] for line in told} <= {PUBLISHED, "already_published"}
    ledger = stored(conn)
    assert (len(ledger), {status for _, status, _, _ in ledger}) == (7, {PUBLISHED})  # six have the same bytes
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis").fetchone() == (10 + 8,)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.full)])
def test_it_ends_on_a_signal(number: signal.Signals, results: Path, database_url: str) -> None:
    """Idle, it says that it ended, and has the exit code of every command that was interrupted."""
    with Watcher(results, database_url) as watcher:
        code, said = watcher.end(number)
    assert (code, watcher.lines[-1]["event"]) == (130, "ended")
    assert said.startswith("Interrupted.")
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_a_run_under_way_is_ended_as_interrupted(
    number: signal.Signals, results: Path, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """What was published before stays and is told, the rest is as it was, and the ledger's run says so."""
    conn.execute("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql "
                 "AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'")  # fmt: skip
    conn.execute("CREATE TRIGGER wait BEFORE INSERT ON trading.vectorbt_analysis FOR EACH ROW "
                 "WHEN (NEW.interval = '4h') EXECUTE FUNCTION wait()")  # fmt: skip
    write_csv(results, many(3), "vectorbt_analysis_results_20260101_000000.csv")
    write_csv(results, many(3, interval="4h"), "vectorbt_analysis_results_20260102_000000.csv")
    with Watcher(results, database_url) as watcher:
        deadline = time.monotonic() + PATIENCE_S
        while conn.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone() == (0,):
            assert time.monotonic() < deadline, watcher.lines
            time.sleep(0.05)
        code, said = watcher.end(number)
    assert (code, "Traceback" in said) == (130, False)
    assert [line["event"] for line in watcher.lines] == ["watching", PUBLISHED, "ended"]
    assert conn.execute("SELECT status FROM ingestion.runs").fetchall() == [("interrupted",)]
    assert [status for _, status, _, _ in stored(conn)] == [PUBLISHED]


def test_the_directory_may_go_and_come_back(results: Path, database_url: str) -> None:
    """It says once that the directory is gone, and once that it is back, and goes on with what is there then."""
    with Watcher(results, database_url, settle=0.1) as watcher:
        results.rename(results.with_name("away"))
        watcher.wait("gone")
        time.sleep(1.2)
        results.mkdir()
        watcher.wait("returned")
        write_csv(results, many(2))
        watcher.wait(PUBLISHED)
        write_csv(results, many(3), "vectorbt_analysis_results_2.csv")
        watcher.wait(PUBLISHED, number=2)
        assert [len(watcher.of(event)) for event in ("gone", "returned")] == [1, 1]


def test_a_name_with_a_line_end_stays_on_its_line(results: Path, database_url: str) -> None:
    """Foreign names steer neither the JSON nor the terminal."""
    name = "vectorbt_analysis_results_\n2026 published\x1b[2J.csv"
    write_csv(results, many(1), name)
    write_csv(results, many(2), os.fsdecode(b"vectorbt_analysis_results_\xff.csv"))
    with Watcher(results, database_url) as watcher:
        lines = watcher.wait(PUBLISHED, number=2)
    assert names(lines) == [name.removesuffix(".csv"), r"vectorbt_analysis_results_\udcff"]


def test_text_for_people(results: Path, database_url: str, tmp_path: Path) -> None:
    """Without --json a line has the time, what happened, the set, its counts and the run, and no control character."""
    write_csv(results, many(2), "vectorbt_analysis_results_\n\x1b[2J1.csv")
    words = (sys.executable, "-m", "autonama", "watch", str(results), "--settle", "0.1")
    env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url}
    with subprocess.Popen(
        words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        lines += process.stdout.readlines()
    assert [line[20:].split()[0] for line in lines] == ["watching", "published", "ended"]
    assert lines[1][19:] == (
        r" published         vectorbt_analysis_results_\n\x1b[2J1: 2 read, 2 inserted, 0 updated, 0 unchanged, "
        "0 in quarantine (run 1)\n"
    )


def test_polling_needs_no_events(results: Path, database_url: str, conn: psycopg.Connection[Any]) -> None:
    """--poll finds what comes by looking alone."""
    with Watcher(results, database_url, "--poll", settle=0.1) as watcher:
        write_csv(results, many(2))
        watcher.wait(PUBLISHED)
    assert conn.execute("SELECT count(*) FROM trading.alerts").fetchone() == (2,)


@pytest.mark.full
def test_several_engines_share_a_directory(results: Path, database_url: str, conn: psycopg.Connection[Any]) -> None:
    """Each engine's files go to its own tables."""
    write_csv(results, many(2))
    with Watcher(results, database_url, "--engine", "vectorbt", "--engine", "enhanced") as watcher:
        watcher.wait(PUBLISHED)
        write_json(results, {"results": []}, "enhanced_analysis_results_now.json")
        (line,) = watcher.wait("rejected")
    assert line["engine"] == "enhanced"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("nowhere",), 4, "cannot be watched"),
        ((".", "--settle", "0"), 2, "--settle is 0"),
        ((".", "--engine", "nobody"), 2, "nobody"),
        ((".", "--config", "severe.json"), 2, "no_such_rule"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(
    words: tuple[str, ...], code: int, told: str, autonama: Any, tmp_path: Path
) -> None:
    """A directory that is not there, a senseless time, engine or setting: each a sentence and its exit code."""
    (tmp_path / "severe.json").write_text('{"validation": {"severity": {"no_such_rule": "off"}}}')
    done = autonama("watch", *words)
    assert (done.returncode, told in done.stderr, done.stdout) == (code, True, "")


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that a file is open to be written")
def test_a_set_that_is_kept_open_is_spoken_of_once(results: Path, database_url: str) -> None:
    """After half a minute it is said what a set waits for; it is published when it is closed."""
    with Watcher(results, database_url, settle=0.1) as watcher:
        with (results / "vectorbt_analysis_results_now.csv").open("w") as file:
            file.write(csv_text(many(2)))
            file.flush()
            watcher.wait("open")
            time.sleep(3)
        watcher.wait(PUBLISHED)
        assert len(watcher.of("open")) == 1


def test_every_event_is_on_the_page() -> None:
    """docs/watch.md explains each word that a line may begin with."""
    page = (Path(__file__).parents[2] / "docs" / "watch.md").read_text(encoding="utf-8")
    words = {*get_args(Kind), *SETS, "note", "ended"} - {"set"}
    assert {word for word in words if f"`{word}`" not in page} == set()
