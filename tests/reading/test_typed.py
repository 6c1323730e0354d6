"""A value is typed as what it says, whatever stands beside it: columns are cast at once, odd values by themselves."""

from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_numerals import NUMERALS

from autonama.engines.contract import Column, Integer, Json, Number, Text, Timestamp
from autonama.ingestion.typed import type_columns

COLUMNS = (
    Column("price", Number(20, 8)),
    Column("text", Number(5, 2), metric=True),
    Column("value", Integer()),
    Column("symbol", Text(20)),
    Column("note", Text()),
    Column("early", Timestamp()),
    Column("more", Json()),
)
"""Some are named as what the typing itself calls its steps."""

ODD_NUMBERS = st.sampled_from(["NaN", "-inf", "", "  ", " 3 ", "1_0", "abc", "0e-99999", "1e400", "9" * 30, "１"])
NUMBERS = NUMERALS | ODD_NUMBERS | st.integers(-(2**33), 2**33).map(str)
TEXTS = st.text(max_size=24) | st.sampled_from(["BTCUSDT", "NaN", "[1]", "[", '{"a":1}', "\u00a0", "~", "\x7f", "\tX"])
JSON = st.sampled_from(["{}", "null", "", "[1", '{"a":NaN}', "[1]", "3"])

YEARS, DAYS = st.from_regex(r"(19|20|00)[0-9]{2}", fullmatch=True), st.from_regex(r"[0-3][0-9]", fullmatch=True)
CLOCKS = st.from_regex(r"[T ]([01][0-9]|2[0-5]):[0-6][0-9](:[0-6][0-9]([.,][0-9]{1,10})?)?", fullmatch=True)
OFFSETS = st.sampled_from(["", "", "", "Z", "+00:00", "+02:00", "-0330", "+24:00"])
MOVED = st.from_regex(r"2026-(03-29|10-25)T0[0-3]:[0-5]0:00(\\+02:00)?", fullmatch=True)
TIMES = (
    st.builds("{}-{}-{}{}{}".format, YEARS, st.sampled_from(["01", "02", "12", "13"]), DAYS, CLOCKS, OFFSETS)
    | MOVED
    | st.sampled_from(["", "NaT", " 2026-01-15T10:30:00 ", "2026-01-15", "20260115T103000", "2026-01-15T23:59:60"])
)
KINDS = {Number: NUMBERS, Integer: NUMBERS, Text: TEXTS, Timestamp: TIMES, Json: JSON}
ROWS = st.fixed_dictionaries({column.name: st.none() | KINDS[type(column.type)] for column in COLUMNS})
PLAIN = [
    {
        "price": f"{number}.5", "text": str(number), "value": str(number), "symbol": f"S{number}USDT", "note": "x",
        "early": f"2026-01-15T10:30:{number:02}", "more": "{}",
    }
    for number in range(1, 60)
]  # fmt: skip
"""So many times that they are read at once."""

NEW_YORK = "America/New_York"
NOTHING = dict.fromkeys(PLAIN[0])


def typed(rows: list[dict[str, Any]], zone: str, nests: bool) -> list[dict[str, Any]]:
    """The rows after typing, without their numbers."""
    schema = dict.fromkeys(("row", "line"), pl.UInt32) | dict.fromkeys((column.name for column in COLUMNS), pl.String)
    frame = pl.DataFrame([{**row, "row": 1, "line": 1} for row in rows], schema=schema)
    return type_columns(frame, COLUMNS, ZoneInfo(zone), nests=nests).to_dicts()


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(ROWS, min_size=1, max_size=5), st.sampled_from(["UTC", "Europe/Berlin", NEW_YORK]), st.booleans())
@example([NOTHING | {"price": "123456789.1234567890123456", "early": "2026-01-15T24:00:00"}], "UTC", False)
@example([NOTHING | {"price": "1e-30", "early": "2026-01-15T23:59:60"}], "UTC", False)
@example(
    [NOTHING | {"early": "0000-02-29T00:00:00"}, NOTHING | {"early": "0001-01-01T00:00:00"}], "Europe/Berlin", True
)
@example([NOTHING | {"early": "9999-12-31T23:00:00"}, NOTHING | {"early": "2026-11-01T01:30:00"}], NEW_YORK, True)
def test_a_value_is_typed_among_others_as_by_itself(rows: list[dict[str, Any]], zone: str, nests: bool) -> None:
    """Typed value, what is sent, its double and every flag are those that it has alone, among odd and plain ones."""
    alone = [typed([row], zone, nests)[0] for row in rows]
    assert typed(rows, zone, nests) == alone
    assert typed(rows + PLAIN, zone, nests)[: len(rows)] == alone
