"""Text that a spreadsheet would run as a formula, and the apostrophe that keeps it text."""

import re

_SIGNS = r"[=+\-@\t\r\n＝＋－＠]"

FORMULA = f"^'*{_SIGNS}"
"""What a spreadsheet would run; with apostrophes in front too, so that taking one back is always right."""

GUARDED = f"^'('*{_SIGNS})"
"""What `guarded` makes of it; the group is the text without the guard."""


def guarded(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would run it."""
    return f"'{text}" if re.match(FORMULA, text) else text
