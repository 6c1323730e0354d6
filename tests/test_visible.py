"""Foreign text made visible."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonama.visible import visible


@given(st.text(st.characters(exclude_categories=[]) | st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Co"])))
def test_nothing_is_hidden_and_nothing_acts(text: str) -> None:
    """Whatever the text: the result can be printed and encoded, and what could be seen stands in it unchanged."""
    shown = visible(text)
    assert shown.isprintable()
    shown.encode()
    assert not any(unicodedata.category(sign) in ("Cs", "Cc", "Cf", "Zl", "Zp") for sign in shown)
    assert visible(shown) == shown
    seen = [sign for sign in text if sign.isprintable()]
    assert seen == [sign for sign in seen if sign in shown]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m\nb\x00\u202ec\udcff", "a\\x1b[31m\\nb\\x00\\u202ec\\udcff"),
        ("\t\r\x85\u2028", "\\t\\r\\x85\\u2028"),
        ("BTC\u200bUSDT", "BTC\\u200bUSDT"),
        ("\U000e0041\xad\xa0", "\\U000e0041\\xad\\xa0"),
        ("比特币 Ünïcode 🚀 \\n", "比特币 Ünïcode 🚀 \\n"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    """Escape sequences, line ends, direction marks, joiners, tags; letters of any script are kept."""
    assert visible(text) == shown


def test_what_is_to_be_kept_is_kept() -> None:
    """A sentence of several lines keeps its line ends, and no other control character."""
    assert visible("one\ntwo\r\x1b", keep="\n") == "one\ntwo\\r\\x1b"
