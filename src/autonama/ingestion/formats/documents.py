"""A JSON text read piece by piece, so that every piece knows where it stands and a fault names its place."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from autonama.ingestion.formats.literals import Number

_BLANKS = re.compile(r"[ \t\n\r]*")

_REASONS = (
    ("Expecting ',' delimiter", "expected ',' or the closing bracket"),
    ("Expecting property name", "expected a key in double quotes"),
    ("Expecting ':' delimiter", "expected ':' behind the key"),
    ("Expecting value", "expected a value"),
    ("Unterminated string", "the text that begins here is never closed"),
    ("Invalid control character", "a text holds a line end or another control character"),
    ("Invalid \\", "a text holds a backslash that JSON does not know"),
    ("Illegal trailing comma", "a comma stands before the closing bracket"),
)


class Broken(Exception):
    """The JSON breaks at a position, for a reason."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


@dataclass(frozen=True)
class Element:
    """One value of an array: what it is, and where it stands."""

    value: Any
    start: int
    end: int


class Document:
    """A cursor over a JSON text. `repeated` collects the keys that an object of the last value has twice."""

    def __init__(self, text: str) -> None:
        self.repeated: list[str] = []
        # The decoder knows the list, not the cursor: in a circle the text would stay until garbage is looked for.
        self._decoder = json.JSONDecoder(
            parse_float=Number,
            parse_int=Number,
            parse_constant=Number,
            object_pairs_hook=partial(_object, self.repeated),
        )
        self.begin(text)

    def begin(self, text: str) -> None:
        """Begins another text. A cursor of its own for each line took a third of the time to read it."""
        self.text = text
        self.at = 0
        self.repeated.clear()

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        match = _BLANKS.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def value(self) -> Any:
        """The value that begins here. Broken where it is none."""
        self.repeated.clear()
        try:
            value, self.at = self._decoder.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            reason = next((words for start, words in _REASONS if error.msg.startswith(start)), error.msg)
            raise Broken(reason, error.pos) from None
        except RecursionError:
            raise Broken("the values are nested too deeply", self.at) from None
        return value

    def expect(self, signs: str, words: str) -> str:
        """One of these signs. Broken where another stands here."""
        sign = self.peek()
        if not sign or sign not in signs:
            raise Broken(f"expected {words}", self.at)
        self.at += 1
        return sign

    def keys(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller reads each key's value before asking for the next."""
        self.expect("{", "'{'")
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            if self.peek() != '"':
                raise Broken("expected a key in double quotes", self.at)
            key = self.value()
            self.expect(":", "':' behind the key")
            self.peek()
            yield key
            if self.expect(",}", "',' or '}'") == "}":
                return


def _object(repeated: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        repeated += [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
    return found
