"""How old a result set is. Yesterday's bands are no signal for today."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from autonama.engines.contract import Severity
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.issues import issue, issue_frame


def age_issues(
    result_set: ResultSet, modified: dict[Path, datetime], *, now: datetime, max_hours: float, severity: Severity
) -> pl.DataFrame:
    """The issue `file_age`, or none.

    A file modified too long ago has `severity`. One whose name says that it is old, though it was written lately, was
    copied or unpacked: that is a warning, for its rows carry their own analysis_date.
    """
    limit = timedelta(hours=max_hours)
    oldest = min(modified.values(), default=now)
    if now - oldest > limit and severity != "off":
        way_out = ". Run the engine again, or allow it with --allow-stale" if severity == "error" else ""
        message = (
            f"The file was last written {_hours(now - oldest)} hours ago, more than max_file_age_hours = "
            f"{max_hours:g}{way_out}"
        )
        return issue_frame([issue("file_age", message, severity=severity, value=oldest.isoformat(timespec="seconds"))])
    if result_set.time_in_name and now - result_set.time > limit and severity != "off":
        message = (
            f"By its name the set is {_hours(now - result_set.time)} hours old, though the file was written lately: "
            "a copy of an older result?"
        )
        value = result_set.time.isoformat(timespec="seconds")
        return issue_frame([issue("file_age", message, severity="warning", value=value)])
    return issue_frame([])


def _hours(age: timedelta) -> str:
    return f"{age.total_seconds() / 3600:,.0f}"
