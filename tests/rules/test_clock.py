"""Times that a change of the clocks skips or shows twice: the reason is said, whatever way they are written."""

from pathlib import Path

import pytest

from autonama.config import load_settings
from autonama.ingestion.pipeline import Job, check
from writing import good, write_csv

SKIPPED = "was skipped by the clocks in Europe/Berlin (`engine_timezone`): write it with its UTC offset"
TWICE = "happens twice in Europe/Berlin (`engine_timezone`): write it with its UTC offset"


@pytest.mark.parametrize("form", ["{}T02:30:00", "{}T02:30:00.125", "{} 02:30:00", "{}T02:30"])
@pytest.mark.parametrize(("day", "reason"), [("2025-03-30", SKIPPED), ("2025-10-26", TWICE)])
def test_the_reason_is_the_clock(tmp_path: Path, form: str, day: str, reason: str) -> None:
    """In the hour of the change a time without an offset is refused, with the true reason and the way out."""
    time = form.format(day)
    settings = load_settings(engine_timezone="Europe/Berlin")
    rows = [good(analysis_date=time), good(symbol="ETHUSDT", analysis_date="soon")]
    issues = check(Job("vectorbt", settings, paths=(write_csv(tmp_path, rows),))).sets[0].issues
    assert issues.select("code", "row", "message").rows() == [
        ("invalid_analysis_date", 1, f"Row 1: Invalid analysis_date: {time} {reason}"),
        ("invalid_analysis_date", 2, "Row 2: Invalid analysis_date: soon is not an ISO 8601 time"),
    ]


@pytest.mark.parametrize("time", ["2025-03-30T01:59:59", "2025-03-30T03:00:00", "2025-10-26T02:30:00+02:00"])
def test_beside_the_change_nothing_is_said(tmp_path: Path, time: str) -> None:
    """The seconds before and after, and a time with its offset, are sound."""
    settings = load_settings(engine_timezone="Europe/Berlin")
    run = check(Job("vectorbt", settings, paths=(write_csv(tmp_path, [good(analysis_date=time)]),)))
    assert run.sets[0].issues.is_empty()
