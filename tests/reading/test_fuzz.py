"""Sound files that were cut, flipped, spliced and inflated, in every format: a table or findings, and soon."""

import base64
import gzip
import io
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from backports import zstd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from autonama.config import load_settings
from autonama.engines import enhanced, vectorbt
from autonama.engines.contract import Column, Engine, Integer, Json, Number, Timestamp
from autonama.ingestion.catalogue import catalogue
from autonama.ingestion.read import read
from autonama.ingestion.rules import rules_for
from autonama.ingestion.validate import validate
from writing import csv_text, many

SOONEST_S = 5.0
"""Seconds of the processor for one input of some kilobytes. It takes about 10 ms; a loop without end, or time that
grows with a square, does not."""

NUMBERS = (b"1e999999999", b"-1e-999999999", b"9" * 5_000, b"0." + b"0" * 5_000 + b"1", b"1e" + b"9" * 400,
           b"NaN", b"-Infinity", b"0x1p3", b"1_0", b"\xd9\xa1\xd9\xa2", b"--1", b"1e", b"+.5",
           b"1.7976931348623157e309",
           b"2147483648", b"99999-12-31T00:00:00", b"2026-02-30", b"2026-01-15T10:30:00+99:99")  # fmt: skip
NESTED = (b"[" * 100_000, b'{"a":' * 50_000, b"[" * 99 + b"]" * 99, b'{"a":' * 300 + b"1" + b"}" * 300,
          b'["' * 2_000, b"[{" * 2_000)  # fmt: skip
SIGNS = (b"\0", b"\xef\xbb\xbf", b'"', b'""', b"'", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\\", b"\\u0000",
         b"\\ud800", b"\\udc00\\ud800", b"\xed\xa0\x80", b"\xc3", b"\xff\xfe", b"\x1b[2J", b"\xe2\x80\xae", b"\x85",
         b"\xe2\x80\xa8", b"{", b"}", b"[", b"]", b":", b"null", b"true", b"//", b"#", b"=1+1", b"%s", b"{0}",
         b"{symbol}", b"x\x01", b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"K" * 70_000)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252")


def nested(columns: Sequence[Column], **texts: object) -> dict[str, Any]:
    """An object with a value of its type for every column, where its path leads."""
    document: dict[str, Any] = {}
    for column in columns:
        *steps, last = column.path.split(".")
        place = document
        for step in steps:
            place = place.setdefault(step, {})
        match column.type:
            case Number() | Integer():
                value: object = 3
            case Timestamp():
                value = "2026-01-15T10:30:00"
            case Json():
                value = {}
            case _:
                value = "BTCUSDT"
        if not isinstance(place.get(last), dict):
            place[last] = texts.get(column.name, value)
    return document


def parquet(table: pl.DataFrame, **options: Any) -> bytes:
    """The table as a Parquet file."""
    file = io.BytesIO()
    table.write_parquet(file, **options)
    return file.getvalue()


def sound() -> dict[str, list[bytes]]:
    """Files without a fault, by the extension of their format."""
    rows = many(4)
    table = pl.DataFrame(rows)
    typed = table.with_columns(
        pl.col("current_price", "lower_band").cast(pl.Float64), pl.col("upper_band").cast(pl.Decimal(20, 8)),
        pl.col("degree").cast(pl.Int32), pl.col("analysis_date").str.to_datetime(), pl.col("symbol").cast(pl.Binary),
        pl.struct("signal", "kstd").alias("more"), pl.concat_list("interval", "signal").alias("list"),
    )  # fmt: skip
    enhanced_file = {
        "summary": nested(enhanced.ENGINE.summary_columns)["summary"],
        "individual_analyses": [nested(enhanced.ENGINE.columns, symbol=f"S{number}USDT") for number in range(3)],
    }
    quoted = csv_text(rows).replace("HOLD", '"HO\n""LD, "').replace("\n", "\r\n")
    return {
        "csv": [csv_text(rows).encode(), quoted.encode()],
        "json": [json.dumps(content).encode() for content in (rows, {"results": rows}, enhanced_file)],
        "ndjson": ["\n".join(map(json.dumps, rows)).encode()],
        "parquet": [parquet(table, compression="uncompressed"), parquet(typed, compression="snappy"), parquet(typed)],
    }


SOUND = sound()
FILES = [(content, f"r.{form}{end}") for form, contents in SOUND.items() for content in contents
         for end in ("", ".gz", ".zst")]  # fmt: skip
PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd.compress}


Change = Callable[[bytes, random.Random], bytes]

CHANGES: tuple[Change, ...] = (
    lambda _chunk, _dice: b"",
    lambda chunk, dice: bytes([dice.randrange(256)]) + chunk[1:],
    lambda chunk, dice: chunk * dice.choice((2, 3, 40)),
    lambda chunk, dice: dice.choice(SIGNS) + chunk,
    lambda chunk, dice: dice.choice(NESTED) + chunk,
    lambda chunk, dice: chunk.replace(dice.choice((b"105.5", b"10", b"3", b"1d")), dice.choice(NUMBERS)),
    lambda chunk, dice: encoded(chunk, dice.choice(ENCODINGS)),
    lambda chunk, dice: dice.choice(FILES)[0][: len(chunk)],
)
"""What may stand in a piece's place: nothing, a flipped byte, the piece over and over, and so on."""


def encoded(data: bytes, encoding: str) -> bytes:
    """The text of some bytes in another encoding."""
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def mutated(content: bytes, dice: random.Random) -> bytes:
    """The content with one change; of Parquet half of the changes fall into its footer."""
    low = 0
    if content.endswith(b"PAR1") and dice.random() < 0.5:
        low = max(0, len(content) - 8 - int.from_bytes(content[-8:-4], "little"))
    at, until = sorted(dice.randint(low, len(content)) for _ in range(2))
    if dice.random() < 0.1:
        return content[:at]
    return content[:at] + dice.choice(CHANGES)(content[at:until], dice) + content[until:]


def damaged(seed: int) -> tuple[bytes, str]:
    """A file's content and name: a sound file changed up to three times, packed, and perhaps changed again."""
    dice = random.Random(seed)  # noqa: S311
    content, name = dice.choice(FILES)
    for _ in range(dice.randint(0, 3)):
        content = mutated(content, dice)
    pack = PACK.get(Path(name).suffix)
    if pack is not None:
        content = pack(content)
        if dice.random() < 0.3:
            content += pack(dice.choice(FILES)[0])
        if dice.random() < 0.4:
            content = mutated(content, dice)
    return content, name


SETTINGS = load_settings(engine_results_dir=".")
ENGINES = (vectorbt.ENGINE, enhanced.ENGINE)
RULES = {engine.name: rules_for(engine, SETTINGS, now=datetime.now(UTC)) for engine in ENGINES}
CODES = {name: {entry.code for entry in catalogue(name, SETTINGS)} for name in RULES}


def prove(path: Path, engine: Engine) -> None:
    """The law: within its time a file ends in rows or in findings of the catalogue, and what is good can be stored."""
    began = time.process_time()
    source = read(path, engine, max_bytes=1 << 22)
    verdict = validate(source, engine, RULES[engine.name], UTC)
    assert time.process_time() - began < SOONEST_S
    assert set(verdict.issues["code"]) <= CODES[engine.name]
    assert source.frame["row"].to_list() == list(range(1, source.frame.height + 1))
    assert source.frame.height or not source.issues.filter(severity="error").is_empty()
    assert verdict.condemned or verdict.good.height + verdict.bad.height == verdict.read
    kept = [source.frame, verdict.good]
    kept += [] if verdict.summary is None else [verdict.summary]
    texts = [series for frame in kept for series in frame if series.dtype == pl.String]
    assert not any(series.str.contains("\0", literal=True).any() for series in texts)
    for column in engine.columns:
        if isinstance(column.type, Number) and not verdict.good.is_empty():
            limit = pl.lit(column.type.limit).cast(pl.Float64)
            assert verdict.good.select((pl.col(column.name).cast(pl.Float64).abs() < limit).all()).item()


@pytest.fixture
def tried(tmp_path: Path) -> Callable[[bytes, str], None]:
    """Writes content under that name, as of a minute ago, and proves the law for both engines."""

    def write_and_prove(content: bytes, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        os.utime(path, (time.time() - 60,) * 2)
        for engine in ENGINES if "json" in name else ENGINES[:1]:
            prove(path, engine)

    return write_and_prove


@pytest.mark.parametrize("examples", [25, pytest.param(3_000, marks=pytest.mark.full)])
def test_damaged_files_end_in_rows_or_findings(examples: int, tried: Callable[[bytes, str], None]) -> None:
    """Whatever was done to a sound file of any format, packed or not: rows or findings, within its time."""

    @settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.explicit, Phase.generate],  # the seed says all: there is nothing to shrink
    )
    @given(st.integers(0, 2**64))
    def holds(seed: int) -> None:
        tried(*damaged(seed))

    holds()


@pytest.mark.parametrize("examples", [25, pytest.param(3_000, marks=pytest.mark.full)])
def test_any_bytes_end_in_findings(examples: int, tried: Callable[[bytes, str], None]) -> None:
    """Bytes that never were a file, with the signs in them at which readers stumble, under the name of any format."""

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.sampled_from([*SIGNS, *NUMBERS]) | st.binary(max_size=8), max_size=12).map(b"".join),
        st.sampled_from(sorted({name for _, name in FILES})),
    )
    def holds(content: bytes, name: str) -> None:
        tried(content, name)

    holds()


CRASHERS = {
    # One byte of a data page makes the decoder ask for 2^61 bytes: no exception, the process is gone.
    "abort.parquet": (
        "P(e~L6$BLu6$(rh0u=xN0096106`T16%Z8=EERth5ETX$1^@s8000030RRIP3>h^51`rt-26K6BVsC5}02TxmRu)z!EG7s585|ZY6*3k8000#N87"
        "xQya&K>R6#@Vi3?%{>26K6BVsC6E08AVJ000&Q85|iLCV~MR6$}|Q00s~l7zT5BZDMb16#y0l7FHHkCM+fh02Y`56%+s#Ru%*%2o_cp000>r7z{y"
        "DQcqVpb7N>_ZDAOo0WU8vFE27UK|w)5ML|J9K{$3VFE4meK|w)5ML|JDK|w)5OF=<%K|?`7OF=<VK`T%%FE4j@K|w)5NkKtpK|w)5ML|JDK|w)5M"
        "L|J9K{rq@FE4p_K|w)5XF)+hK}SJBK|w)9RY5^PQ9(jUK|(=6Q9(jQK|?`7K|w)xK|w)5K|xS@FE1}RML|JPK|*IiK|x4PHDXsvc49$6JpdR^P;Y"
        "Eua&sUkaCvlSZ*D0dc4cyNX>V>IGA=PLFd!&mb!lv5AU9??Ffw9fGiGLFGB;*sI5K20G%`0hVK6yiGC4J7W-?|sVP#}FGAS7x8~^|SVgUdEP(e~L"
    ),
}


@pytest.mark.parametrize("name", CRASHERS)
def test_what_once_crashed_is_a_finding(name: str, tried: Callable[[bytes, str], None], capfd: Any) -> None:
    """Files at which a reader died, or wrote a decoder's own traceback to stderr."""
    tried(base64.b85decode(CRASHERS[name]), name)
    assert capfd.readouterr() == ("", "")
