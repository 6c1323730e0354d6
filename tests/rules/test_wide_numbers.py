"""How wide a declared number may be: what rules compare exactly, no more, so that no value ends a run."""

from zoneinfo import ZoneInfo

import polars as pl
import pytest

from autonama.engines import Column
from autonama.engines.contract import Number
from autonama.ingestion.typed import type_columns


@pytest.mark.parametrize("text", ["99999999999999", "-99999999999999.4", "1e14", "1e400", "1234567890123456", "1e-400"])
def test_the_widest_number_takes_any_text(text: str) -> None:
    """Fourteen digits before the point are read, more are out of range."""
    frame = pl.DataFrame({"row": [1], "line": [1], "x": [text]})
    typed = type_columns(frame, [Column("x", Number(16, 2))], ZoneInfo("UTC"))
    assert typed["x?out_of_range"].to_list() == [abs(float(text)) >= 1e14]
    assert not typed["x?invalid"].any()


def test_a_wider_one_is_refused_as_it_is_declared() -> None:
    """An engine that declares one says so when it is loaded, not when the first great number comes."""
    with pytest.raises(ValueError, match=r"NUMERIC\(38,8\) has more than 14 digits before the point"):
        Number(38, 8)
