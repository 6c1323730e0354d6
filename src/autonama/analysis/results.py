"""Result files as ingestion reads them: written under another name, complete before they have their own."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from autonama.analysis.rows import Row, Value
from autonama.errors import ConfigError, FilesError

STEM = "vectorbt_analysis_results_%Y%m%d_%H%M%S"
"""The documented name, which the engine `vectorbt` looks for; the time is UTC."""


def write_results(rows: Sequence[Row], directory: Path, formats: Sequence[str], now: datetime) -> list[Path]:
    """Write one result set, a file a format; the paths in the order of the formats.

    A set of the same second is not replaced: the name moves on to the next free second.
    ConfigError for an unknown format, FilesError where the directory cannot be written to or there are no rows.
    """
    check_formats(formats)
    if not rows:
        raise FilesError("There is no row to write: no symbol could be analysed.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with free_stem(directory, STEM, now) as stem:
            # Everything is complete before the first file has a name that ingestion looks for.
            wanted = [(one, directory / f"{stem}.{one}") for one in dict.fromkeys(formats)]
            parts = [(_written(rows, directory, stem, one), path) for one, path in wanted]
            for part, path in parts:
                part.rename(path)
    except OSError as error:
        raise FilesError(f"Results cannot be written to {directory}: {error.strerror}.") from error
    return [path for _, path in parts]


def check_formats(formats: Sequence[str]) -> None:
    """ConfigError where there is none, or one that is unknown."""
    if unknown := [one for one in formats if one not in WRITERS]:
        raise ConfigError(f"--format has '{', '.join(unknown)}', and has to be of {', '.join(WRITERS)}.")


def decimal_text(value: float) -> str:
    """A float as decimal text without an exponent that gives the same float back: 0.00000062."""
    return format(Decimal(repr(value)), "f")


@contextmanager
def free_stem(directory: Path, stem: str, now: datetime) -> Iterator[str]:
    """The name with that time in it, or with the next second at which no file of the directory has it.

    Inside nobody else is given it: of two processes in one second, one would replace a file of the other.
    """
    while True:
        name = now.strftime(stem)
        place = directory / f".{name}.part"
        if _made(place):
            try:
                if not any(directory.glob(f"{name}.*")):
                    yield name
                    return
            finally:
                place.unlink()
        now += timedelta(seconds=1)


def _made(place: Path) -> bool:
    try:
        place.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _written(rows: Sequence[Row], directory: Path, stem: str, form: str) -> Path:
    part = directory / f".{stem}.{form}.{os.getpid()}.part"
    with ExitStack() as unless_whole:
        unless_whole.callback(part.unlink, missing_ok=True)
        WRITERS[form](rows, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        unless_whole.pop_all()
    return part


def _csv(rows: Sequence[Row], path: Path) -> None:
    text = [",".join(rows[0]), *(",".join("" if v is None else _text(v) for v in row.values()) for row in rows)]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")


def _json(rows: Sequence[Row], path: Path) -> None:
    objects = (",\n".join(f"    {json.dumps(name)}: {_literal(value)}" for name, value in row.items()) for row in rows)
    path.write_text("[\n" + ",\n".join(f"  {{\n{one}\n  }}" for one in objects) + "\n]\n", encoding="utf-8")


def _parquet(rows: Sequence[Row], path: Path) -> None:
    pl.DataFrame(list(rows), infer_schema_length=None).write_parquet(path)


def _text(value: Value) -> str:
    return decimal_text(value) if isinstance(value, float) else str(value)


def _literal(value: Value) -> str:
    return decimal_text(value) if isinstance(value, float) else json.dumps(value)


WRITERS: dict[str, Callable[[Sequence[Row], Path], None]] = {"csv": _csv, "json": _json, "parquet": _parquet}
