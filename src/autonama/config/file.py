"""config.json: its text, read strictly."""

import json
import shlex
from pathlib import Path
from typing import Any

from autonama.errors import ConfigError
from autonama.visible import visible

SIZE_LIMIT = 1024 * 1024
"""Bytes. A configuration has a few thousand; what is larger is another file, named by mistake."""

MISSING = {
    FileNotFoundError: "does not exist. Check the name, or name none to use the defaults",
    IsADirectoryError: "is a directory. Name the file in it, such as config.json",
}

EXPECTED = {
    "Expecting property name enclosed in double quotes": (
        "a key in double quotes has to stand here; after the last one there is no comma"
    ),
    "Expecting value": "a value has to stand here, text in double quotes; after the last one there is no comma",
    "Expecting ',' delimiter": "a comma is missing before this",
    "Expecting ':' delimiter": "a colon is missing after the key",
    "Extra data": "there is more after the end of the object",
    "Unterminated string starting at": "the closing double quote of a text is missing",
    "Invalid control character at": "a text goes over the end of its line, or holds a control character",
}
"""The decoder's words, in ours. They never quote the file: a password may stand there."""


def read_config(path: Path) -> dict[str, Any]:
    """The keys of a configuration file, nested as they stand there.

    ConfigError, with the place, where the file cannot be read, or is not one JSON object without repeated keys.
    """
    twice: list[str] = []
    try:
        found = parse(_text(path), twice)
    except json.JSONDecodeError as error:
        said = EXPECTED.get(error.msg, error.msg.partition(":")[0].lower())
        problem = f"is no valid JSON: line {error.lineno}, column {error.colno}: {said}"
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError:  # Python's limit for whole numbers
        problem = "holds a number of thousands of digits"
    else:
        if isinstance(found, dict) and not twice:
            return found
        problem = f"holds {' and '.join(dict.fromkeys(twice))} more than once. Keep one of them"
        if not isinstance(found, dict):
            problem = 'has to hold a JSON object, such as {"cleanup_days": 30}'
    raise _refused(path, problem)  # outside of `except`, so that nothing drags the file's text along


def parse(text: str, twice: list[str]) -> object:
    """The value of a JSON text. Keys that an object holds more than once are appended to `twice`."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        names = [name for name, _ in pairs]
        twice.extend(f'"{visible(name)}"' for name in found if names.count(name) > 1)
        return found

    return json.loads(text, object_pairs_hook=unique)


def _text(path: Path) -> str:
    content = _content(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise _refused(path, f"is not UTF-8 text (line {line}). Save it as UTF-8")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise _refused(path, MISSING[type(error)]) from None
    except PermissionError:
        raise _refused(path, f"cannot be read: permission denied. Run: chmod u+r {shlex.quote(str(path))}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(path, f"cannot be read: {reason}. Name another with --config") from None
    if len(content) > SIZE_LIMIT:
        raise _refused(path, "is larger than 1 MB, and so no configuration. Name another with --config")
    return content


def _refused(path: Path, what: str) -> ConfigError:
    return ConfigError(f"The configuration file {visible(path)} {visible(what)}.")
