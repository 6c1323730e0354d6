"""Paths and patterns become result sets: the files of one engine run, oldest run first."""

import glob
import os
import shlex
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path

from autonama.config.model import EngineSettings
from autonama.engines.contract import Engine
from autonama.errors import FilesError
from autonama.ingestion.names import COMPRESSIONS, FORMAT_ORDER, FORMATS, ResultName, time_in, utc_of
from autonama.visible import visible

TEMPORARY = (".tmp", ".part", "~")
"""Ends of names under which programs keep what they have not finished writing."""

EXAMPLES = 3
"""Names that a message shows of the files that a directory holds instead."""


@dataclass(frozen=True)
class ResultSet:
    """The files of one engine run: same directory, same stem.

    files: CSV before JSON before NDJSON before Parquet.
    time: UTC; the time in the name, else the newest modification.
    """

    name: str
    files: tuple[Path, ...]
    time: datetime
    time_in_name: bool


def discover(paths: Sequence[Path], patterns: Sequence[str], *, zone: tzinfo) -> tuple[ResultSet, ...]:
    """The result sets at these paths, oldest first.

    A file is taken whatever its name. Of a directory those files are taken whose names match one of the patterns,
    and the files of the same stem beside them; never those in its subdirectories.

    zone: where a time in a name has no offset.

    FilesError: a path is missing, a directory cannot be read, or nothing in them matches.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_matching(path, patterns) if _is_directory(path) else [path]))
    sets: dict[tuple[str, str], dict[str, Path]] = {}
    for path in found:
        place = os.path.abspath(path.parent)  # noqa: PTH100 - resolve() follows links, and a set is told by its names
        sets.setdefault((place, ResultName.of(path.name).stem), {}).setdefault(path.name, path)
    if not sets:
        raise FilesError(" ".join(_nothing(path, patterns) for path in paths))
    results = [_result_set(stem, list(files.values()), zone) for (_, stem), files in sets.items()]
    return tuple(sorted(results, key=lambda result: (result.time, result.name)))


def patterns_of(engine: Engine, own: EngineSettings | None) -> tuple[str, ...]:
    """The names to look for: the configuration's, or, where it names none but the engine's own, all of the engine's.

    So the documented patterns, which name CSV and JSON, leave no set unseen that is there as NDJSON or Parquet alone.
    """
    configured = [glob for glob in (own.results_pattern, own.json_pattern) if glob] if own else []
    return engine.patterns if set(configured) <= set(engine.patterns) else tuple(configured)


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        raise _denied(path) from None
    except OSError:
        if os.path.lexists(path):
            return False  # a link that leads nowhere: the reader says so
    if ResultName.of(path.name).format:
        raise FilesError(f"Result file does not exist: {visible(path)}. Check the name; a directory can be given, too.")
    raise FilesError(
        f"Engine results directory does not exist: {visible(path)}. Name another with --engine-results-dir, "
        "or as engine_results_dir in the config file."
    )


def _entries(directory: Path) -> list[Path]:
    """What lies in a directory, by name, but for hidden and temporary files."""
    try:
        entries = sorted(directory.iterdir())
    except PermissionError:
        raise _denied(directory) from None
    except FileNotFoundError:
        raise FilesError(
            f"Engine results directory does not exist: {visible(directory)}. It was just removed."
        ) from None
    return [path for path in entries if not path.name.startswith(".") and not path.name.endswith(TEMPORARY)]


def _denied(path: Path) -> FilesError:
    return FilesError(f"Permission denied: {visible(path)}. Give this user the right to read it, or name another path.")


def _matching(directory: Path, patterns: Sequence[str]) -> list[Path]:
    entries = _entries(directory)
    taken = [path for path in entries if any(_matches(path.name, pattern) for pattern in patterns)]
    stems = {ResultName.of(path.name).stem for path in taken}
    siblings = [path for path in _known(entries) if ResultName.of(path.name).stem in stems]
    return list(dict.fromkeys([*taken, *siblings]))


def _known(entries: Iterable[Path]) -> Iterator[Path]:
    return (path for path in entries if ResultName.of(path.name).format)


def _matches(name: str, pattern: str) -> bool:
    plain = name
    for suffix in COMPRESSIONS:
        plain = plain.removesuffix(suffix)
    return fnmatchcase(plain, pattern) or fnmatchcase(name, pattern)


def _result_set(stem: str, files: list[Path], zone: tzinfo) -> ResultSet:
    ordered = tuple(sorted(files, key=_format_order))
    named = time_in(stem, zone)
    return ResultSet(stem, ordered, named[0] if named else max(map(_modified_at, files)), named is not None)


def _format_order(path: Path) -> tuple[int, str]:
    form = ResultName.of(path.name).format
    return (FORMAT_ORDER.index(form) if form else len(FORMAT_ORDER), path.name)


def _modified_at(path: Path) -> datetime:
    """A file's time; of the link itself where it leads nowhere."""
    for follow in (True, False):
        try:
            return utc_of(path.stat(follow_symlinks=follow).st_mtime)
        except OSError:
            continue
    return datetime.now(UTC)


def _nothing(directory: Path, patterns: Sequence[str]) -> str:
    wanted = " or ".join(_told(patterns))
    sentence = f"No file in {visible(directory)} matches {wanted}."
    others = [path.name for path in _known(_entries(directory))]
    if not others:
        return (
            f"{sentence} It holds no file that ends in {', '.join(FORMATS)}. Run the engine, or name another directory."
        )
    prefix, _ = Counter(map(_prefix, others)).most_common(1)[0]
    alike = [name for name in others if _prefix(name) == prefix]
    names = ", ".join(map(visible, alike[:EXAMPLES])) + (
        f" and {len(alike) - EXAMPLES} more" if len(alike) > EXAMPLES else ""
    )
    flag = shlex.quote(f"{glob.escape(prefix)}*")
    return f"{sentence} Other files lie there: {names}. To take them, add --results-pattern {flag}"


def _told(patterns: Sequence[str]) -> list[str]:
    """The patterns, those that differ in the format's ending alone as one."""
    endings: dict[str, list[str]] = {}
    for pattern in patterns:
        form = next((ending for ending in FORMATS if pattern.endswith(ending)), "")
        endings.setdefault(pattern.removesuffix(form), []).append(form)
    return [
        shlex.quote(stem + first) + (f" (or {', '.join(others)})" if others else "")
        for stem, (first, *others) in endings.items()
    ]


def _prefix(name: str) -> str:
    """A stem up to its time."""
    stem = ResultName.of(name).stem
    named = time_in(stem, UTC)
    return stem[: named[1]] if named else stem
