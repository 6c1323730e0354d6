"""Files that cannot be opened, unpacked or trusted to stand still are issues, never exceptions."""

import gzip
import hashlib
import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from backports import zstd
from source_files import PAIR, Reading, findings, messages, texts

from autonama.errors import FileChanging
from autonama.ingestion.read import read

LIMIT = 1 << 30
GOOD = "a,b\n1,2\n"


def codes(path: Path, limit: int = LIMIT) -> list[str]:
    """The codes of a file's issues; it has no rows, and its columns are there all the same."""
    source = read(path, PAIR, max_bytes=limit)
    assert source.frame.columns == ["row", "line", "raw", "a", "b"]
    assert (source.frame.height, source.issues["severity"].unique().to_list()) == (0, ["error"])
    return source.issues["code"].to_list()


def test_a_file_tells_its_content_and_time(tmp_path: Path) -> None:
    """The hash and size are those of the content, the time is the file's, in UTC."""
    path = tmp_path / "r.csv"
    path.write_text(GOOD)
    os.utime(path, (0, 86_400))
    source = read(path, PAIR, max_bytes=LIMIT)
    assert (source.sha256, source.size) == (hashlib.sha256(GOOD.encode()).hexdigest(), len(GOOD))
    assert (source.modified_at, source.format) == (datetime(1970, 1, 2, tzinfo=UTC), "csv")


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd.compress)])
@pytest.mark.parametrize(
    ("form", "content"), [("csv", GOOD), ("json", '[{"a": 1, "b": 2}]'), ("jsonl", '{"a":1,"b":2}')]
)
def test_compressed_files_are_their_content(
    reading: Reading, suffix: str, pack: Callable[[bytes], bytes], form: str, content: str
) -> None:
    """Compressed, a file has the rows, the hash and the size of what it holds."""
    source = reading(pack(content.encode()), f"r.{form}{suffix}")
    assert texts(source) == [("1", "2")]
    assert (source.sha256, source.size) == (hashlib.sha256(content.encode()).hexdigest(), len(content))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd.compress)])
def test_broken_compression_is_named(reading: Reading, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    """A cut, a damaged and a never compressed file cannot be decompressed, and each says so."""
    packed = pack(os.urandom(50_000))
    for broken in (packed[: len(packed) // 2], b"abc" + packed[3:], GOOD.encode(), packed + b"garbage"):
        source = reading(broken, f"r.csv{suffix}")
        assert findings(source) == [("file_format", None, None)]
        assert "cannot be decompressed" in messages(source)[0]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_more_than_the_limit_is_refused(tmp_path: Path, suffix: str) -> None:
    """A file beyond the limit is refused, compressed or not, and what has just the limit is read."""
    path = tmp_path / f"r.csv{suffix}"
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress}
    path.write_bytes(pack[suffix](b"a,b\n" + b"1,2\n" * 1_000_000))
    assert codes(path, limit=4_000_003) == ["file_format"]
    assert read(path, PAIR, max_bytes=4_000_004).frame.height == 1_000_000


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """Ten gigabytes of blanks in a small file stop at the limit: quickly, and in little memory."""
    path = tmp_path / "r.csv.zst"
    block = bytes(1 << 20)
    packed = io.BytesIO()
    with zstd.open(packed, "wb") as file:
        for _ in range(64):
            file.write(block)
    path.write_bytes(packed.getvalue() * 160)
    assert path.stat().st_size < 1 << 21
    began = time.process_time()
    assert codes(path, limit=1 << 24) == ["file_format"]
    assert time.process_time() - began < 2


@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.ndjson", "r.parquet", "r.csv.gz", "r.json.zst"])
def test_no_bytes_are_no_file(tmp_path: Path, name: str) -> None:
    """A file of no bytes is empty under every extension."""
    (tmp_path / name).touch()
    assert codes(tmp_path / name) == ["file_not_empty"]


@pytest.mark.parametrize("content", [" \n\t\r\n ", "\ufeff", "\ufeff\n", "\n"])
@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.ndjson"])
def test_blanks_are_an_empty_file(reading: Reading, name: str, content: str) -> None:
    """Blanks, line ends and byte order marks are nothing."""
    assert findings(reading(content, name)) == [("file_not_empty", None, None)]


def test_an_unknown_extension_is_named(reading: Reading) -> None:
    """The format is told by the name alone, and the message lists the names that are known."""
    source = reading(GOOD, "r.txt")
    assert (source.format, findings(source)) == (None, [("file_format", None, None)])
    assert messages(source)[0].startswith("r.txt has none of the extensions .csv, .json,")


def test_a_missing_file_and_broken_links(tmp_path: Path) -> None:
    """A missing file and a link to nothing do not exist; a link to itself cannot be read."""
    dangling, loop = tmp_path / "dangling.csv", tmp_path / "loop.csv"
    dangling.symlink_to("nowhere.csv")
    loop.symlink_to("loop.csv")
    assert codes(tmp_path / "missing.csv") == ["file_exists"]
    assert codes(dangling) == ["file_exists"]
    assert codes(loop) == ["file_readable"]
    assert "link to a file that does not exist: nowhere.csv" in messages(read(dangling, PAIR, max_bytes=LIMIT))[0]


def test_what_is_no_regular_file_never_blocks(tmp_path: Path) -> None:
    """A directory, a pipe that nobody writes and a device are refused at once."""
    (tmp_path / "dir.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    for name in ("dir.csv", "pipe.csv", "device.csv"):
        assert codes(tmp_path / name) == ["file_readable"]


def test_a_forbidden_file_is_named(tmp_path: Path) -> None:
    """A file that this user may not read says so."""
    path = tmp_path / "r.csv"
    path.write_text(GOOD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert codes(path) == ["file_readable"]


def test_odd_names_are_read_and_shown_escaped(tmp_path: Path) -> None:
    """Spaces, quotes and line ends in a name are no hindrance; a message shows them escaped."""
    path = tmp_path / 'it\'s "a"\n\x1b[31m é.csv'
    path.write_text(GOOD)
    assert texts(read(path, PAIR, max_bytes=LIMIT)) == [("1", "2")]
    path.unlink()
    message = messages(read(path, PAIR, max_bytes=LIMIT))[0]
    assert message.endswith('it\'s "a"\\n\\x1b[31m é.csv')


@pytest.fixture
def once_opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], object]], None]]:
    """`once_opened(work)`: do this whenever a file has been opened and not read yet."""
    handler = signal.getsignal(signal.SIGUSR1)

    def arrange(work: Callable[[], object]) -> None:
        signal.signal(signal.SIGUSR1, lambda *_: work())
        monkeypatch.setenv("AUTONAMA_FAULT", "SIGUSR1@opened")

    yield arrange
    signal.signal(signal.SIGUSR1, handler)


OnceOpened = Callable[[Callable[[], object]], None]


def test_a_growing_file_is_left_alone(tmp_path: Path, once_opened: OnceOpened) -> None:
    """A file that its engine is still writing raises FileChanging instead of being judged half-written."""
    path = tmp_path / "r.csv"
    path.write_text(GOOD)

    def grow() -> None:
        with path.open("a") as file:
            file.write("3,4\n")

    once_opened(grow)
    with pytest.raises(FileChanging, match="changed while it was read"):
        read(path, PAIR, max_bytes=LIMIT)


def test_a_replaced_file_is_left_alone(tmp_path: Path, once_opened: OnceOpened) -> None:
    """A file in whose place another is moved while it is read raises FileChanging, too."""
    path, other = tmp_path / "r.csv", tmp_path / "other.tmp"
    for one in (path, other):
        one.write_text(GOOD)
        os.utime(one, (0, 86_400))
    once_opened(lambda: other.replace(path))
    with pytest.raises(FileChanging, match="changed while it was read"):
        read(path, PAIR, max_bytes=LIMIT)


def test_a_file_removed_meanwhile_is_named(tmp_path: Path, once_opened: OnceOpened) -> None:
    """A file that is removed while it is read is an issue that says so."""
    path = tmp_path / "r.csv"
    path.write_text(GOOD)
    once_opened(path.unlink)
    assert messages(read(path, PAIR, max_bytes=LIMIT)) == [
        f"{path} was removed while it was read. Run the engine again"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.ndjson"])
def test_wide_encodings_are_named(reading: Reading, encoding: str, name: str) -> None:
    """UTF-16 and UTF-32, with a mark or without, are refused with the remedy."""
    source = reading((GOOD * 4).encode(encoding), name)
    assert findings(source) == [("file_encoding", None, None)]
    assert "Save it as UTF-8" in messages(source)[0]


@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.ndjson"])
def test_latin_1_is_named_with_its_place(reading: Reading, name: str) -> None:
    """The first byte that is no UTF-8 is named with line, byte and what it would be in Latin-1."""
    content = b"\xef\xbb\xbfa,b\r\nok,\xc3\xa9\r\ncaf\xe9,2\r\n"
    source = reading(content, name)
    assert messages(source) == ["line 3, byte 4: 0xE9 is not UTF-8 (in Latin-1 it is 'é'). Save the file as UTF-8"]
    assert findings(source) == [("file_encoding", None, 3)]


def test_a_bad_byte_beyond_the_first_chunk_is_found(reading: Reading) -> None:
    """Checked in chunks of 8 MiB, a character over the border is whole and a bad byte behind it has its line."""
    rows = b"a,b\n" + "é,2\n".encode() * 2_000_001
    assert reading(rows).frame.height == 2_000_001
    assert findings(reading(rows + b"\x80,2\n")) == [("file_encoding", None, 2_000_003)]
    assert findings(reading(rows + b"\xc3")) == [("file_encoding", None, 2_000_003)]


def test_nul_in_json_is_named_with_its_line(reading: Reading) -> None:
    """A NUL byte in JSON is an issue of the file, with the line."""
    assert findings(reading('[{"a": 1,\n"b": "\0"}]', "r.json")) == [("file_encoding", None, 2)]


def test_an_engine_with_no_column_found_still_has_rows(reading: Reading) -> None:
    """Rows are kept with their text even where the contract knows none of their columns."""
    source = reading("x\n1\n2\n", engine=replace(PAIR))
    assert source.frame["raw"].to_list() == ["1", "2"]
    assert texts(source) == [(None, None)] * 2
