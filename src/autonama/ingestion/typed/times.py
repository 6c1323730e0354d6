"""ISO 8601 times to UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import polars as pl

from autonama.ingestion.typed.flags import flags, true, where
from autonama.ingestion.typed.numbers import blank

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No result is older; what is comes from a zero, a seconds' count or a lost digit."""

ISO_SECONDS = "%Y-%m-%dT%H:%M:%S%.f"
ISO_SHAPE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?$"
ISO_8601 = re.compile(
    r"\d{4}-?\d\d-?\d\d([T ]\d\d(:?\d\d(:?\d\d([.,]\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)


def typed_time(raw: pl.Series, zone: tzinfo) -> list[pl.Series]:
    """The time in UTC, its text, and its flags. `zone`: in which times without an offset are read."""
    distinct = raw.unique()
    if 2 * len(distinct) > len(raw):
        return _typed(raw, zone)
    # One run writes few times: each is read once, and looked up (55 ms -> 10 ms for 200,000 rows of one time).
    table = pl.DataFrame([distinct.alias("raw"), *_typed(distinct.alias(raw.name), zone)])
    found = raw.alias("raw").to_frame().join(table, on="raw", how="left", nulls_equal=True, maintain_order="left")
    return found.drop("raw").get_columns()


def _typed(raw: pl.Series, zone: tzinfo) -> list[pl.Series]:
    text = raw.str.strip_chars()
    plain = text.str.contains(ISO_SHAPE)
    naive = text.to_frame().select(pl.when(plain).then(pl.first())).to_series()
    local = naive.str.to_datetime(ISO_SECONDS, strict=False, time_unit="us")
    there = local.dt.replace_time_zone(str(zone), ambiguous="earliest", non_existent="null")
    once = local.dt.replace_time_zone(str(zone), ambiguous="null", non_existent="null")
    utc = once.dt.convert_time_zone("UTC").alias(raw.name)
    skipped, twice = local.is_not_null() & there.is_null(), there.is_not_null() & once.is_null()
    others = text.filter(text.is_not_null() & ~plain).unique()
    parsed = {value: parse_time(value, zone) for value in others}
    if parsed:
        new = pl.Series([time.utc for time in parsed.values()], dtype=pl.Datetime("us", "UTC"))
        found = text.replace_strict(others, new, default=None, return_dtype=new.dtype)
        utc = utc.zip_with(plain.fill_null(value=False), found)
        plain = plain | text.is_in([value for value, time in parsed.items() if time.naive])
        skipped = skipped | text.is_in([value for value, time in parsed.items() if time.clock == "skipped"])
        twice = twice | text.is_in([value for value, time in parsed.items() if time.clock == "twice"])
    missing = blank(text)
    early = (utc < EARLIEST).fill_null(value=False)
    told = flags(raw.name, missing, ~missing & utc.is_null() & ~true(skipped) & ~true(twice), early)
    utc = where(~early, utc)
    iso = utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").alias(f"{raw.name}=text")
    return [
        utc.alias(raw.name),
        iso,
        *told,
        true(plain & utc.is_not_null()).alias(f"{raw.name}?naive"),
        true(skipped).alias(f"{raw.name}?skipped"),
        true(twice).alias(f"{raw.name}?twice"),
    ]


@dataclass(frozen=True)
class Time:
    """A time in UTC, or None where there is none.

    naive: it came without an offset, and was read in the zone.
    clock: "skipped" or "twice" where the zone's clock did not show it, or showed it two times, as it was moved.
    """

    utc: datetime | None
    naive: bool = False
    clock: str = ""


def parse_time(text: str, zone: tzinfo) -> Time:
    """An ISO 8601 time. `zone`: in which one without an offset is read."""
    if ISO_8601.fullmatch(text) is None:
        return Time(None)
    try:
        time = datetime.fromisoformat(text.replace(",", "."))
        if time.tzinfo is not None:
            return Time(time.astimezone(UTC))
        early, late = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        return Time(None)
    if early == late:
        return Time(early, naive=True)
    # In the hour that was left out, the offset before it gives the later time.
    return Time(None, naive=True, clock="twice" if early < late else "skipped")
