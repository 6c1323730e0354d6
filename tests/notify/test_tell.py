"""One message about a run, to a service of this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from receiver import TOKEN, Receiver

import warm
from autonama.config import Settings, load_settings
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.pipeline import Job, check, ingest
from autonama.notify import tell
from writing import NOW, Row, good, many, write_csv

ROOT = Path(__file__).parents[2]
DAY_BEFORE, TODAY = (NOW - timedelta(hours=hours) for hours in (25, 1))
PRICES = {"HOLD": "105.5", "BUY": "99", "SELL": "111"}


def row(symbol: str, signal: str, date: object = TODAY, **changes: object) -> Row:
    """A row without a fault that has this signal."""
    day = date.isoformat() if hasattr(date, "isoformat") else date
    return good(symbol=symbol, signal=signal, current_price=PRICES[signal], analysis_date=day, **changes)


class Desk:
    """A directory of results, a database, and a service that hears of every run."""

    def __init__(self, directory: Path, url: str, *services: str) -> None:
        self.directory, self.url, self.services = directory, url, services
        self.number = 0

    def settings(self, **notify: object) -> Settings:
        """Settings with these services."""
        return load_settings(database_url=self.url, notify={"urls": list(self.services), **notify})

    def publish(
        self, rows: Sequence[Row], *, every: bool = False, more: tuple[Path, ...] = (), **notify: object
    ) -> Any:
        """Write a set, ingest it, tell of it: the outcome and what could not be sent."""
        self.number += 1
        path = write_csv(self.directory, list(rows), f"vectorbt_analysis_results_{self.number}.csv")
        settings = self.settings(**notify)
        run = ingest(Job("vectorbt", settings, (path, *more), every=every, allow_stale=True))
        return run, tell(settings, run)


@pytest.fixture
def desk(tmp_path: Path, database_url: str, receiver: Receiver) -> Desk:
    """One that starts empty."""
    return Desk(tmp_path, database_url, receiver.url)


def test_two_flips_and_a_refused_set_are_one_message(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    """The signals as they were and are, the refused set with its finding, in one message of plain text."""
    desk.publish(
        [row("BTCUSDT", "HOLD", DAY_BEFORE), row("ETHUSDT", "BUY", DAY_BEFORE), row("XRPUSDT", "BUY", DAY_BEFORE)]
    )
    assert len(receiver.messages) == 1  # the day before is old
    bad = write_csv(tmp_path, [*many(4), good(symbol="BTC")], "vectorbt_analysis_results_bad.csv")
    run, unsent = desk.publish([row("BTCUSDT", "BUY"), row("ETHUSDT", "SELL"), row("XRPUSDT", "BUY")], more=(bad,))
    assert (run.status, unsent) == ("partial", ())
    (_, told) = receiver.messages
    assert told["title"] == "Autonama, vectorbt: 2 signals changed, 1 set refused"
    assert told["message"].splitlines() == [
        "BTCUSDT 1d: HOLD -> BUY",
        "ETHUSDT 1d: BUY -> SELL",
        "",
        "vectorbt_analysis_results_bad was refused:",
        "- Row 5: Invalid symbol format: BTC",
        "",
        f"Run {run.run_id} of the engine vectorbt.",
    ]
    assert told["type"] == "warning"


def test_nothing_is_sent_when_nothing_changed(desk: Desk, receiver: Receiver) -> None:
    """New symbols, the same signals a day later, a set that was published before, and a check are no news."""
    desk.publish([row("BTCUSDT", "BUY", NOW - timedelta(hours=23))])
    run, _ = desk.publish([row("BTCUSDT", "BUY"), row("ETHUSDT", "SELL")])
    again = ingest(Job("vectorbt", desk.settings(), run.sets[0].files))
    assert (run.status, again.status) == ("published", "nothing_new")
    assert tell(desk.settings(), again) == ()
    write_csv(desk.directory, [good(symbol="BTC")], "vectorbt_analysis_results_9.csv")
    assert tell(desk.settings(), check(Job("vectorbt", desk.settings(), (desk.directory,)))) == ()
    assert receiver.messages == []


def test_a_flip_is_told_by_the_run_that_brought_it(desk: Desk, receiver: Receiver) -> None:
    """Another set of the same day with the same signal repeats nothing; one that goes back on it is told."""
    desk.publish([row("BTCUSDT", "HOLD", NOW - timedelta(hours=30))], on=["flips"])
    for hours, signal in ((3, "BUY"), (2, "BUY"), (1, "HOLD")):
        desk.publish([row("BTCUSDT", signal, NOW - timedelta(hours=hours))], on=["flips"])
    desk.publish([row("BTCUSDT", "HOLD", NOW - timedelta(hours=1)), row("NEWUSDT", "BUY")], on=["flips"])
    assert [told["message"].splitlines()[0] for told in receiver.messages] == [
        "BTCUSDT 1d: HOLD -> BUY",
        "BTCUSDT 1d: BUY -> HOLD",
    ]


def test_a_late_set_changes_no_signal_of_today(desk: Desk, receiver: Receiver) -> None:
    """A set of an earlier day that arrives late flips nothing, for the newest alert is another's."""
    for hours, signal in ((50, "HOLD"), (1, "HOLD"), (26, "BUY")):
        desk.publish([row("BTCUSDT", signal, NOW - timedelta(hours=hours))], on=["flips"])
    assert receiver.messages == []


def test_many_flips_are_folded(desk: Desk, receiver: Receiver) -> None:
    """A message stays short: twenty flips are listed, the others counted."""
    symbols = [f"S{number:02}USDT" for number in range(23)]
    desk.publish([row(symbol, "HOLD", NOW - timedelta(hours=23)) for symbol in symbols])
    desk.publish([row(symbol, "BUY") for symbol in symbols])
    (told,) = receiver.messages
    assert told["title"] == "Autonama, vectorbt: 23 signals changed"
    assert told["message"].splitlines()[19:21] == ["S19USDT 1d: HOLD -> BUY", "and 3 more"]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (["flips"], "1 signal changed"),
        (["rejected"], "1 set refused"),
        (["stale"], "results are old"),
        (["rejected", "stale"], "1 set refused, results are old"),
    ],
)
def test_only_what_is_asked_for(on: list[str], expected: str, desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    """`on` chooses among flips, anything wrong, and old results."""
    desk.services = ()
    desk.publish([row("BTCUSDT", "HOLD", NOW - timedelta(hours=60))])
    desk.services = (receiver.url,)
    bad = write_csv(tmp_path, [good(symbol="BTC")], "vectorbt_analysis_results_bad.csv")
    desk.publish([row("BTCUSDT", "BUY", NOW - timedelta(hours=30))], more=(bad,), on=on)
    assert [told["title"] for told in receiver.messages] == [f"Autonama, vectorbt: {expected}"]


def test_old_results_are_told_once_a_day(desk: Desk, receiver: Receiver) -> None:
    """The newest analysis and its age stand in the message; the next look of the same day says nothing."""
    run, _ = desk.publish([row("BTCUSDT", "HOLD", NOW - timedelta(hours=30))])
    again = ingest(Job("vectorbt", desk.settings(), run.sets[0].files))
    tell(desk.settings(), again)
    (told,) = receiver.messages
    assert told["message"].startswith("The newest analysis is 30 hours old (")
    assert "more than max_file_age_hours = 24. Does the engine still run?" in told["message"]


def test_rows_in_quarantine_are_wrong(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    """Rows that were put aside are counted, with the first finding of each rule."""
    path = write_csv(tmp_path, [*many(20), good(symbol="BTC")])
    settings = load_settings(database_url=desk.url, notify={"urls": [receiver.url]}, validation={"strict_mode": False})
    run = ingest(Job("vectorbt", settings, (path,)))
    assert tell(settings, run) == ()
    (told,) = receiver.messages
    assert told["title"] == "Autonama, vectorbt: 1 row in quarantine"
    assert told["message"].splitlines()[:2] == [
        "vectorbt_analysis_results_now: 1 of 21 rows in quarantine:",
        "- Row 21: Invalid symbol format: BTC",
    ]


def test_a_failed_run_is_told_without_the_database(receiver: Receiver) -> None:
    """Where PostgreSQL is down the message says so, and what is known without it."""
    settings = load_settings(database_url="postgresql://127.0.0.1:1/none", notify={"urls": [receiver.url]})
    failed = RunOutcome(None, "vectorbt", "failed", validate_only=False, sets=(), error="PostgreSQL is down.",
                        failure_code=3)  # fmt: skip
    assert tell(settings, failed) == ()
    (told,) = receiver.messages
    assert told["title"] == "Autonama, vectorbt: run failed"
    assert told["message"].startswith("The run failed: PostgreSQL is down.\n")


def test_a_database_that_went_away_after_the_run(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    """What could not be asked is said in the message and returned, and the refused set is told all the same."""
    write_csv(tmp_path, [good(symbol="BTC")], "vectorbt_analysis_results_bad.csv")
    run, _ = desk.publish(many(1), more=(tmp_path / "vectorbt_analysis_results_bad.csv",), on=["rejected"])
    gone = load_settings(database_url="postgresql://127.0.0.1:1/none", notify={"urls": [receiver.url]})
    (sentence,) = tell(gone, run)
    assert sentence.startswith("The database could not be asked which signals changed and how old")
    assert "1 set refused" in receiver.messages[-1]["title"]
    assert "could not be asked" in receiver.messages[-1]["message"]


def test_foreign_text_stays_on_its_line(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    """A file's name and a value with line ends, escape codes and direction marks is shown, and steers nothing."""
    evil = "vectorbt_analysis_results_\n\x1b[31mBTCUSDT 1d: SELL -> BUY\u202e.csv"
    write_csv(tmp_path, [good(symbol="<b>\nX"), good(symbol="y" * 5_000)], evil)
    desk.publish(many(1), more=(tmp_path / evil,))
    lines = receiver.messages[0]["message"].splitlines()
    assert lines[0] == r"vectorbt_analysis_results_\n\x1b[31mBTCUSDT 1d: SELL -> BUY\u202e was refused:"
    assert r"<b>\nX" in lines[1]
    assert all(line.isprintable() and len(line) < 320 for line in lines)


@pytest.mark.parametrize("status", [500, pytest.param(404, marks=pytest.mark.full)])
def test_a_service_that_refuses_is_named_by_its_number(status: int, desk: Desk, receiver: Receiver) -> None:
    """Its answer's code is told; a second service gets its message all the same."""
    receiver.status = status
    desk.services = ("json://127.0.0.1:1/hidden-path-1", receiver.url, "nonsense://hidden-path-2")
    _, unsent = desk.publish([good(symbol="BTC")])
    assert unsent == (
        "Service 1 of notify.urls (JSON) did not take the notification: it was not reached, or refused it. "
        "Check its address.",
        f"Service 2 of notify.urls (JSON) did not take the notification: it answered with {status}.",
        "Service 3 of notify.urls is no address that apprise knows: no notification was sent to it.",
    )
    assert len(receiver.messages) == 1


def test_a_service_that_hangs_is_given_up(desk: Desk, receiver: Receiver, deaf: str) -> None:
    """A service that never answers costs some seconds, and keeps no other from its message."""
    desk.services = (deaf, receiver.url)
    began = time.monotonic()
    _, unsent = desk.publish([good(symbol="BTC")])
    assert time.monotonic() - began < 30
    assert [sentence.partition(" did not")[0] for sentence in unsent] == ["Service 1 of notify.urls (JSON)"]
    assert len(receiver.messages) == 1


@pytest.mark.full
def test_a_service_that_answers_a_byte_at_a_time_is_given_up(desk: Desk, receiver: Receiver) -> None:
    """No time-out of a connection ends an answer that never ends: the sender is ended."""
    receiver.drip = True
    _, unsent = desk.publish([good(symbol="BTC")])
    assert unsent == ("Service 1 of notify.urls did not take the notification within 10 s.",)


def test_without_apprise_the_report_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing extra is named with the command that installs it."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.delitem(sys.modules, "apprise")
    hidden = [entry for entry in sys.path if "site-packages" not in entry]
    run, _ = desk.publish([good(symbol="BTC")])
    monkeypatch.setattr(sys, "path", hidden)
    assert tell(desk.settings(), run) == (
        "No notification was sent: apprise is not installed. Run: pip install 'autonama[notify]'",
    )


def test_nobody_pays_who_asked_for_no_message(tmp_path: Path, database_url: str) -> None:
    """Without urls nothing of apprise and of ours for it is imported."""
    write_csv(tmp_path, many(1))
    code = (
        "import sys; from autonama.cli.main import app\n"
        "try: app(['ingest', '.'])\n"
        "finally: print([name for name in sys.modules if name.startswith(('apprise', 'autonama.notify'))])"
    )
    env = {"AUTONAMA_DATABASE_URL": database_url, "HOME": str(tmp_path)}
    done = subprocess.run(
        (sys.executable, "-c", code), cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("status", [503, pytest.param(200, marks=pytest.mark.full)])
def test_no_secret_of_an_address_leaks(
    status: int, tmp_path: Path, database_url: str, conn: psycopg.Connection[Any], receiver: Receiver
) -> None:
    """Neither stdout, stderr, the JSON, the page, the logs nor the ledger holds the token, sent or not."""
    receiver.status = status
    write_csv(tmp_path, [good(symbol="BTC")])
    env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url, "AUTONAMA_NOTIFY__URLS": receiver.url}
    said = ""
    script = (sys.executable, str(ROOT / "run_ingestion.py"), "--skip-conda-check", "--engine-results-dir", ".")
    for done in (
        warm.run("ingest", ".", "--json", "--report", "page.html", "-v", cwd=tmp_path, env=env),
        subprocess.run(script, cwd=tmp_path, env=env, capture_output=True, text=True, check=False),
        warm.run("ingest", "nowhere", cwd=tmp_path, env=env),
        warm.run("doctor", cwd=tmp_path, env=env),
    ):
        said += done.stdout + done.stderr
    assert len(receiver.messages) == 3
    assert said.count("it answered with 503") == (3 if status == 503 else 0)
    written = [path for place in (tmp_path, Path.home()) for path in place.rglob("*") if path.is_file()]
    assert {"page.html", "ingestion.log"} <= {path.name for path in written}
    said += "".join(path.read_text(errors="replace") for path in written)
    for table in ("runs", "files", "issues", "quarantine"):
        said += str(conn.execute(f"SELECT json_agg(t)::text FROM ingestion.{table} AS t".encode()).fetchone())
    assert TOKEN not in said
