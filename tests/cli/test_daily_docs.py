"""docs/daily.md: its units are what systemd takes, its commands are there, its exit codes are the program's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "daily.md").read_text(encoding="utf-8")
SERVICE, TIMER = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say against them, but that this machine lacks their program and user."""
    here = SERVICE.replace("/home/autonama/autonama/.venv/bin/autonama", sys.executable).replace("User=autonama\n", "")
    (tmp_path / "autonama-daily.service").write_text(here)
    (tmp_path / "autonama-daily.timer").write_text(TIMER)
    units = [str(tmp_path / f"autonama-daily.{kind}") for kind in ("service", "timer")]
    done = subprocess.run(("systemd-analyze", "verify", *units), capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "autonama-daily" in line]
    assert ours == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_timer_is_after_the_candle_in_utc() -> None:
    """Every day, some minutes after midnight UTC, whatever zone the machine has."""
    [when] = re.findall(r"^OnCalendar=(.*)$", TIMER, re.MULTILINE)
    done = subprocess.run(
        ("systemd-analyze", "calendar", "--iterations=2", when), capture_output=True, text=True, check=True
    )
    assert re.search(r"00:07:00 UTC", done.stdout), done.stdout


def test_its_options_are_there() -> None:
    """Every `autonama daily` of the page, in units and crontab too, is made of options that the command has."""
    asked = subprocess.run(
        (sys.executable, "-m", "autonama", "daily", "--help"),
        env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = re.findall(r"autonama daily((?: --?[\w-]+(?:[= ][\w,/]+)?)+)", PAGE)
    assert len(commands) >= 4
    for option in re.findall(r"--[\w-]+", " ".join(commands)):
        assert option in asked, option
