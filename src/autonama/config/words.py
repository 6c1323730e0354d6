"""How values and names stand in a sentence about a setting."""

import difflib
import json
from collections.abc import Collection

from autonama.visible import visible

QUOTED = 60
"""Characters of a value that a sentence quotes."""


def quoted(value: object, *, secret: bool) -> str:
    """A value as config.json would spell it; of a secret, or of what may hold one, only its kind."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return "a number" if secret else _short(json.dumps(value))
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list" if secret else _short(f"[{', '.join(quoted(item, secret=False) for item in value)}]")
    return "text that is not shown" if secret else f'"{_short(visible(value))}"'


def _short(text: str) -> str:
    return text if len(text) <= QUOTED else text[:QUOTED] + "…"


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return found[0] if found else None
