"""The day tells those whom the settings name, once, whichever way it ends."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from receiver import TOKEN, Receiver

import warm
from autonama.analysis import synthetic


@pytest.fixture
def desk(tmp_path: Path, receiver: Receiver) -> Path:
    """A directory whose configuration names the service."""
    (tmp_path / "config.json").write_text(json.dumps({"notify": {"urls": [receiver.url], "on": ["flips", "rejected"]}}))
    return tmp_path


def day(desk: Path, url: str, *, until: int = 0) -> Any:
    """What `autonama daily --json` prints for synthetic candles without the last ones."""
    every = [one[: len(one) - until] for one in synthetic.market(datetime.now(UTC), 300)]
    synthetic.frame(every).write_parquet(desk / "candles.parquet")
    flags = ("--source", "candles.parquet", "--output", "results", "--kstd", "1.5", "--json")
    done = warm.run("daily", *flags, cwd=desk, env={**os.environ, "AUTONAMA_DATABASE_URL": url})
    assert TOKEN not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_one_message_names_the_flips_of_the_report(desk: Path, database_url: str, receiver: Receiver) -> None:
    """A day without a flip sends nothing; the next one sends one message with every flip that the report has."""
    day(desk, database_url, until=1)
    assert receiver.messages == []
    told = day(desk, database_url)
    [message] = receiver.messages
    for flip in told["flips"]:
        assert f"{flip['symbol']} 1d: {flip['before']} -> {flip['now']}" in message["message"]
    assert (told["services"], told["ingestion"]["notes"], bool(told["flips"])) == (1, [], True)


def test_missing_market_data_is_told(desk: Path, database_url: str, receiver: Receiver) -> None:
    """A failed day is news, too: the message has its error."""
    (desk / "candles.parquet").mkdir()
    env = {**os.environ, "AUTONAMA_DATABASE_URL": database_url}
    done = warm.run("daily", "--source", "candles.parquet", cwd=desk, env=env)
    [message] = receiver.messages
    assert (done.returncode, "holds no .csv" in message["message"]) == (4, True), message


def test_a_service_that_refuses_changes_no_exit_code(desk: Path, database_url: str, receiver: Receiver) -> None:
    """The rows are published, the day ends with 0, and a note says that nobody heard of it."""
    day(desk, database_url, until=1)
    receiver.status = 500
    told = day(desk, database_url)
    assert (told["exit_code"], told["status"]) == (0, "published")
    assert "answered with 500" in " ".join(told["ingestion"]["notes"])
