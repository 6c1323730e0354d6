"""The values of a Parquet file as texts, decoded in a process of their own.

One damaged byte can make the decoder ask for 2^61 bytes of memory, and then the process is gone; a few bytes can stand
for a value a billion times. `decode` gives that work to a child that may die of it, and hears why. The child is told
what is wanted by its argument, gets the file as its stdin, and writes messages to stdout: a letter, the length of what
follows, and that: the number of rows, the names of the file's columns (JSON), slices of the texts (Arrow IPC), what is
wrong, or the end.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from autonama.ingestion.formats.rows import Unreadable, within
from autonama.visible import visible

ROOM = 10
"""What decoding may take of memory, in times of `max_bytes`: the file, its table, and each value in two texts."""

SPARE = 256 << 20
"""Bytes that decoding a small file takes beside that: the decoder's own."""

THREADS = 4
"""More make a file of some megabytes no faster, and each takes memory of its own."""

PATIENCE_S = 900
"""Seconds of CPU: a damaged file may send the decoder round in circles. A million rows take about one."""

SLICE = 100_000
"""Rows decoded at a time: some 10 MB of texts, and beside them the row group that they stand in."""

ROWS, NAMES, TEXTS, FAULT, END = b"RNTFE"

KILLED = -9
"""How a process ends that the system killed because all memory was gone."""

_DAMAGED = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, OverflowError, MemoryError)


@dataclass(frozen=True)
class Texts:
    """frame: `raw`, a row as a JSON object, if wanted, and a String column for each of the wanted that the file has.

    names: the columns of the file.
    """

    frame: pl.DataFrame
    names: tuple[str, ...]


def length(file: IO[bytes], max_bytes: int) -> int:
    """The number of rows. Arguments and errors are those of `decode`."""
    rows = 0
    for kind, said in _asked(file, {"paths": None, "max_bytes": max_bytes}):
        rows = int(said) if kind == ROWS else rows
    return rows


def decode(
    file: IO[bytes], paths: Mapping[str, str], max_bytes: int, *, raw: bool = True, part: range | None = None
) -> Generator[Texts]:
    """The file's rows as texts, some at a time, at least once.

    Floats are the shortest that reads back, decimals exact, times in ISO 8601.

    file: a file that can be read from any place, at its beginning.
    paths: of the wanted columns, by their names; dots lead into structs.
    max_bytes: of the values as text.
    part: only these rows, counted from 0, of a file of which `length` was asked: it is not measured again.

    Unreadable where the file is damaged, or too large.
    """
    names: tuple[str, ...] = ()
    rows = [part.start, part.stop] if part else None
    for kind, said in _asked(file, {"paths": dict(paths), "max_bytes": max_bytes, "raw": raw, "part": rows}):
        if kind == NAMES:
            names = tuple(json.loads(said))
        elif kind == TEXTS:
            yield Texts(pl.read_ipc(io.BytesIO(said)), names)


def _asked(file: IO[bytes], request: Mapping[str, Any]) -> Generator[tuple[int, bytes]]:
    """What a child answers about the file: kinds of messages, and what they say."""
    command = (sys.executable, "-P", "-m", __name__, json.dumps(request))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "POLARS_MAX_THREADS": str(min(THREADS, os.cpu_count() or 1)),
    }
    with (
        tempfile.TemporaryFile() as last_words,
        subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=last_words, env=environment) as child,
    ):
        assert child.stdout is not None  # noqa: S101 - it is a pipe
        try:
            if not (yield from _told(child.stdout)):
                code = child.wait()
                last_words.seek(0)
                raise Unreadable("file_format", _cause_of_death(code, last_words.read(), request["max_bytes"]))
        finally:
            child.kill()  # where nobody wants the rest


def _told(answers: IO[bytes]) -> Generator[tuple[int, bytes], None, bool]:
    """What the child sends. Returns whether it came to its end."""
    while len(head := answers.read(9)) == 9:
        kind, size = head[0], int.from_bytes(head[1:])
        said = answers.read(size)
        if len(said) < size:
            return False
        if kind == FAULT:
            raise Unreadable("file_format", said.decode())
        if kind == END:
            return True
        yield kind, said
    return False


def _cause_of_death(code: int, stderr: bytes, max_bytes: int) -> str:
    if code == KILLED or b"memory allocation of" in stderr or b"MemoryError" in stderr:
        return (
            f"The Parquet file is damaged, or needs far more memory than the {max_bytes / 1e6:,.0f} MB of "
            "max_file_size_mb. Copy it again, or raise max_file_size_mb in the config file"
        )
    if code > 0:
        raise RuntimeError(f"the decoder of Parquet ended with {code}: {stderr.decode(errors='replace')[-2_000:]}")
    return "The Parquet file is damaged: it cannot be decoded. Copy it again"


def _answer(
    file: IO[bytes],
    paths: Mapping[str, str] | None,
    max_bytes: int,
    *,
    raw: bool = False,
    part: tuple[int, int] | None = None,
) -> None:
    """Say the texts, or without `paths` the number of rows."""
    try:
        lazy = pl.scan_parquet(_readable(file))
        schema = lazy.collect_schema()
        first, last = part or (0, _refuse_large(lazy, schema, max_bytes))
        if paths is None:
            _say(ROWS, str(last).encode())
        else:
            _say(NAMES, json.dumps(schema.names()).encode())
            wanted = ({"raw": _raw(schema)} if raw else {}) | _wanted(paths, schema)
            _say_texts(lazy, wanted, first, last)
    except Unreadable as fault:
        _say(FAULT, str(fault).encode())
    except _DAMAGED as error:
        _say(FAULT, f"The Parquet file is damaged: {_reason(error)}. Copy it again".encode())
    else:
        _say(END, b"")


def _say_texts(lazy: pl.LazyFrame, wanted: Mapping[str, pl.Expr], first: int, last: int) -> None:
    for start in range(first, max(last, first + 1), SLICE):
        texts = io.BytesIO()
        lazy.slice(start, min(SLICE, last - start)).collect().select(**wanted).write_ipc(texts)
        _say(TEXTS, texts.getvalue())


def _readable(file: IO[bytes]) -> str | IO[bytes]:
    """The open file's own name, under which a part of it can be read; where the system has none, its content."""
    name = f"/dev/fd/{file.fileno()}"
    return name if Path(name).exists() else io.BytesIO(file.read())


def _say(kind: int, what: bytes) -> None:
    sys.stdout.buffer.write(bytes([kind]) + len(what).to_bytes(8) + what)
    sys.stdout.buffer.flush()


def _refuse_large(lazy: pl.LazyFrame, schema: pl.Schema, max_bytes: int) -> int:
    """Counted before any value is a text: of equal texts the table holds one. What else there is has a byte or more.

    Returns the number of rows.
    """
    texts = [name for name, form in schema.items() if form == pl.String]
    rows = int(lazy.select(pl.len()).collect().item())
    size = rows * max(1, len(schema) - len(texts))
    within(size, max_bytes)
    for name in texts:
        length = pl.col(name).str.len_bytes().cast(pl.Int64).sum()
        size += lazy.select(length).collect(engine="streaming").item()
        within(size, max_bytes)
    return rows


def _wanted(paths: Mapping[str, str], schema: pl.Schema) -> dict[str, pl.Expr]:
    return {name: text for name, path in paths.items() if (text := _find(path, schema)) is not None}


def _find(path: str, schema: pl.Schema) -> pl.Expr | None:
    """The text of a column's value; None where the table has no such column."""
    if path in schema:
        return _text(pl.col(path), schema[path])
    first, *steps = path.split(".")
    if first not in schema:
        return None
    value, form = pl.col(first), schema[first]
    for step in steps:
        fields = form.to_schema() if isinstance(form, pl.Struct) else pl.Schema()
        if step not in fields:
            return None
        value, form = value.struct.field(step), pl.Schema(fields)[step]
    return _text(value, form)


def _text(value: pl.Expr, form: pl.DataType) -> pl.Expr:
    if form.is_float():
        return value.cast(pl.String).replace({"inf": "Infinity", "-inf": "-Infinity"})
    if isinstance(form, pl.Datetime):
        return value.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.f{'%:z' if form.time_zone else ''}")
    if isinstance(form, pl.Duration):
        return value.dt.to_string("iso")
    if isinstance(form, pl.Binary):
        return value.map_batches(_decoded, return_dtype=pl.String)
    if form.is_nested():
        wrapped = pl.struct(value.alias("v")).struct.json_encode().str.slice(len('{"v":')).str.strip_suffix("}")
        return pl.when(value.is_not_null()).then(wrapped)
    return value.cast(pl.String)


def _decoded(values: pl.Series) -> pl.Series:
    """Bytes that were meant as text; what is no UTF-8 in them stands escaped."""
    texts = [None if value is None else value.decode("utf-8", "backslashreplace") for value in values]
    return pl.Series(values.name, texts, dtype=pl.String)


def _raw(schema: pl.Schema) -> pl.Expr:
    """A row as a JSON object of its texts, each as exact as the table has it."""
    if not schema:
        return pl.lit("{}")
    return pl.struct(_text(pl.col(name), form).alias(name) for name, form in schema.items()).struct.json_encode()


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return visible(lines[0]) if lines else "it cannot be decoded"


def _hold(max_bytes: int) -> None:
    """Keep this process within its bounds, where the system can: beyond them it is refused memory, or ended."""
    try:
        import resource  # noqa: PLC0415
    except ImportError:  # Windows has no such bounds
        return
    memory = _held() + SPARE + ROOM * max_bytes
    for bound, most in ((resource.RLIMIT_CPU, PATIENCE_S), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, memory)):
        with suppress(ValueError, OSError):  # the user's own bound is narrower
            resource.setrlimit(bound, (most, most))


def _held() -> int:
    """Bytes of memory that are this process's own by now."""
    with suppress(OSError), open("/proc/self/statm") as status:  # noqa: PTH123
        return int(status.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return 0


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    _hold(asked["max_bytes"])
    _answer(sys.stdin.buffer, **asked)
