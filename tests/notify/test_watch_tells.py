"""Messages of `autonama watch`."""

import time
from pathlib import Path

from receiver import TOKEN, Receiver

from watching import Watcher
from writing import good, many, write_csv


def test_a_refused_set_is_one_message(tmp_path: Path, database_url: str, receiver: Receiver) -> None:
    """A set that is published without news sends none; one that is refused sends one, and no line holds the token."""
    results = tmp_path / "results"
    results.mkdir()
    write_csv(results, many(2), "vectorbt_analysis_results_20260101_000000.csv")
    write_csv(results, [good(symbol="BTC")], "vectorbt_analysis_results_20260102_000000.csv")
    with Watcher(results, database_url, settle=0.1, env={"AUTONAMA_NOTIFY__URLS": receiver.url}) as watcher:
        watcher.wait("rejected")
        assert [told["title"] for told in receiver.messages] == ["Autonama, vectorbt: 1 set refused"]
        receiver.status = 500
        write_csv(results, [good(symbol="ETH")], "vectorbt_analysis_results_20260103_000000.csv")
        watcher.wait("rejected", number=2)
        (note,) = watcher.of("note")
    assert note["message"] == "Service 1 of notify.urls (JSON) did not take the notification: it answered with 500."
    assert TOKEN not in str(watcher.lines)


def test_an_outage_is_one_message(tmp_path: Path, receiver: Receiver) -> None:
    """A database that stays away is told once, however often it is tried."""
    write_csv(tmp_path, many(1))
    dead = "postgresql://127.0.0.1:1/none"
    with Watcher(tmp_path, dead, settle=0.1, env={"AUTONAMA_NOTIFY__URLS": receiver.url}) as watcher:
        watcher.wait("waiting")
        time.sleep(2.5)
        assert len(watcher.of("waiting")) == 1
    assert [told["title"] for told in receiver.messages] == ["Autonama, vectorbt: run failed"]
