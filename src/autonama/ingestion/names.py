"""What the name of a result file says: its format, its compression, its stem and the time of its run."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal, get_args

Format = Literal["csv", "json", "ndjson", "parquet"]
Compression = Literal["gz", "zst"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".zst": "zst"}
FORMAT_ORDER: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class ResultName:
    """The parts of a file's name. `format` is None where the extension names none that is known."""

    stem: str
    format: Format | None
    compression: Compression | None

    @classmethod
    def of(cls, name: str) -> "ResultName":
        """The parts of `vectorbt_analysis_results_20260115.csv.gz`: its stem, `csv`, `gz`."""
        plain, compression = name, None
        for suffix, known in COMPRESSIONS.items():
            if name.endswith(suffix):
                plain, compression = name.removesuffix(suffix), known
        for suffix, form in FORMATS.items():
            if plain.endswith(suffix) and plain != suffix:
                return cls(plain.removesuffix(suffix), form, compression)
        return cls(name, None, compression)


def utc_of(timestamp: float) -> datetime:
    """A file's timestamp as an aware time. One beyond the years that Python knows counts as now."""
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.now(UTC)


_DAY = r"(?<!\d)(?P<year>19[7-9]\d|2\d{3})(?P<s>[-_.]?)(?P<month>\d\d)(?P=s)(?P<day>\d\d)"
_CLOCK = r"(?P<t>[T_\- ]?)(?P<hour>\d\d)(?P<c>[-_:.]?)(?P<minute>\d\d)(?:(?P=c)(?P<second>\d\d)(?:[.,]\d+)?)?"
_OFFSET = r"(?P<offset>Z|\+\d\d:?\d\d|-\d\d:\d\d)?"
_MOMENTS = (re.compile(rf"{_DAY}{_CLOCK}{_OFFSET}(?!\d)"), re.compile(rf"{_DAY}(?!\d)"))


def time_in(stem: str, zone: tzinfo) -> tuple[datetime, int] | None:
    """The last time that a stem holds, in UTC, and where it begins. None where it holds none.

    Without an offset it is read in `zone`; a day without a time is its midnight. A day that no calendar has, such
    as 20260230, is no time.
    """
    found = [(match.start(), moment) for match in _matches(stem) if (moment := _moment(match, zone))]
    if not found:
        return None
    start, moment = max(found, key=lambda item: item[0])
    return moment, start


def _matches(stem: str) -> list[re.Match[str]]:
    exact = [match for match in _MOMENTS[0].finditer(stem) if _moment(match, UTC)]
    taken = {match.start() for match in exact}
    return exact + [match for match in _MOMENTS[1].finditer(stem) if match.start() not in taken]


def _moment(match: re.Match[str], zone: tzinfo) -> datetime | None:
    parts = match.groupdict()
    numbers = [int(parts.get(part) or 0) for part in ("year", "month", "day", "hour", "minute", "second")]
    try:
        moment = datetime(*numbers, tzinfo=_offset(parts.get("offset")) or zone)  # type: ignore[arg-type,misc]
        return moment.astimezone(UTC)
    except ValueError:
        return None


def _offset(text: str | None) -> tzinfo | None:
    if not text or text == "Z":
        return UTC if text else None
    digits = text[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if text[0] == "-" else size)
