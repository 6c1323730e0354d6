"""Figures, prices and times as people read them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from autonama.ingestion.report.plain import count, counted, figure, moment, price, span


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("117574.970000000000000000000000"), "117,574.97"),
        (Decimal("0.00001094"), "0.00001094"),
        (Decimal("1.094E-10"), "0.0000000001094"),
        (Decimal("3.0601"), "3.0601"),
        (Decimal("105.5"), "105.50"),
        (Decimal(0), "0.00"),
        (Decimal("-0.5"), "-0.50"),
        (0.03682234, "0.0368223"),
        (None, "–"),
    ],
)
def test_a_price_keeps_the_digits_that_count(value: Decimal | float | None, shown: str) -> None:
    """Plain notation, never 0.00 for a price that is not 0, thousands separated."""
    assert price(value) == shown


@pytest.mark.parametrize(
    ("value", "signed", "shown"),
    [
        (1234.5678, False, "1,234.57"),
        (Decimal("0.000417"), False, "0.00042"),
        (-0.0000001, False, "-0.00000010"),
        (-0.0, False, "0.00"),
        (Decimal("12.5"), True, "+12.50"),
        (Decimal("-12.5"), True, "-12.50"),
        (Decimal(0), True, "0.00"),
        (None, True, "–"),
    ],
)
def test_a_figure_has_two_decimals_or_what_it_needs(value: Decimal | float | None, signed: bool, shown: str) -> None:
    """A metric that is not zero never reads as zero, and zero has no sign."""
    assert figure(value, signed=signed) == shown


def test_counts_have_separators_and_nouns() -> None:
    """One row, two rows, a thousand rows."""
    assert count(1_000_000) == "1,000,000"
    assert [counted(n, "row") for n in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]


def test_times_are_utc_and_say_so() -> None:
    """A time of another zone is told in UTC; a day is said once."""
    tokyo = datetime(2026, 1, 15, 19, 30, tzinfo=timezone(timedelta(hours=9)))
    assert moment(tokyo) == "2026-01-15 10:30:00 UTC"
    assert span(tokyo, tokyo) == "2026-01-15 10:30 UTC"
    assert span(tokyo, datetime(2026, 1, 15, 11, tzinfo=UTC)) == "2026-01-15 10:30 to 11:00 UTC"
    assert span(tokyo, datetime(2026, 1, 16, tzinfo=UTC)) == "2026-01-15 10:30 to 2026-01-16 00:00 UTC"
