"""Which files belong together, which run is older, and what is said where nothing is found."""

import os
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from autonama.errors import FilesError
from autonama.ingestion.discover import ResultSet, discover
from autonama.ingestion.names import ResultName, time_in
from autonama.visible import visible

PATTERNS = ["vectorbt_analysis_results_*.csv", "vectorbt_analysis_results_*.json"]
STEM = "vectorbt_analysis_results_20260115_103000"


def lay(directory: Path, *names: str) -> None:
    """Empty files of these names."""
    for name in names:
        (directory / name).touch()


def found(*paths: Path, patterns: list[str] = PATTERNS) -> list[tuple[str, list[str]]]:
    """Names of the sets, and of their files."""
    return [(one.name, [path.name for path in one.files]) for one in discover(paths, patterns, zone=UTC)]


def test_files_of_one_stem_are_one_set(tmp_path: Path) -> None:
    """Matching files and their siblings form a set: CSV before JSON before NDJSON before Parquet."""
    lay(tmp_path, *(STEM + end for end in (".parquet", ".json", ".csv", ".jsonl", ".txt", ".json.gz")), "other.csv")
    files = [STEM + end for end in (".csv", ".json", ".json.gz", ".jsonl", ".parquet")]
    assert found(tmp_path) == [(STEM, files)]


@pytest.mark.parametrize("end", [".csv.gz", ".json.zst"])
def test_compression_needs_no_pattern(tmp_path: Path, end: str) -> None:
    """The suffix of a compression is not part of the name that a pattern has to match, but may be named."""
    lay(tmp_path, STEM + end)
    assert found(tmp_path) == [(STEM, [STEM + end])]
    assert found(tmp_path, patterns=[f"*{end}"]) == [(STEM, [STEM + end])]


def test_patterns_tell_case_apart(tmp_path: Path) -> None:
    """A pattern matches the very letters, on every system."""
    lay(tmp_path, STEM.upper() + ".csv")
    with pytest.raises(FilesError):
        found(tmp_path)


def test_hidden_and_unfinished_files_are_left(tmp_path: Path) -> None:
    """Names of what is not finished are no results, and neither is a subdirectory's content."""
    (tmp_path / "archive").mkdir()
    lay(tmp_path / "archive", STEM + ".csv")
    lay(tmp_path, f".{STEM}.csv", f"{STEM}.csv.tmp", f"{STEM}.csv.part", f"{STEM}.csv~")
    with pytest.raises(FilesError):
        found(tmp_path, patterns=["*.csv*", ".*"])


def test_the_oldest_run_comes_first(tmp_path: Path) -> None:
    """Sets are sorted by the time in their names, not by their names or by when they were written."""
    lay(tmp_path, "b_20260116_090000.csv", "a_20260117.csv", "c_20260115T103000Z.csv")
    os.utime(tmp_path / "b_20260116_090000.csv", (0, 0))
    assert [name for name, _ in found(tmp_path, patterns=["*"])] == [
        "c_20260115T103000Z",
        "b_20260116_090000",
        "a_20260117",
    ]


def test_without_a_time_in_the_name_the_newest_modification_counts(tmp_path: Path) -> None:
    """The set's time is that of its file written last."""
    lay(tmp_path, "r.csv", "r.json")
    os.utime(tmp_path / "r.csv", (100, 100))
    os.utime(tmp_path / "r.json", (200, 200))
    (one,) = discover([tmp_path], ["r.*"], zone=UTC)
    files = (tmp_path / "r.csv", tmp_path / "r.json")
    assert one == ResultSet("r", files, datetime(1970, 1, 1, 0, 3, 20, tzinfo=UTC), time_in_name=False)


def test_a_time_in_the_name_is_read_in_the_zone(tmp_path: Path) -> None:
    """The engine's clock: 10:30 in Berlin's winter is 9:30 UTC."""
    lay(tmp_path, STEM + ".csv")
    (one,) = discover([tmp_path], PATTERNS, zone=ZoneInfo("Europe/Berlin"))
    assert (one.time, one.time_in_name) == (datetime(2026, 1, 15, 9, 30, tzinfo=UTC), True)


@pytest.mark.parametrize(
    ("stem", "time"),
    [
        ("r_20260115_103059", "2026-01-15T10:30:59"),
        ("r_20260115", "2026-01-15T00:00:00"),
        ("r_2026-01-15", "2026-01-15T00:00:00"),
        ("r_2026-01-15T10-30-00", "2026-01-15T10:30:00"),
        ("r_2026-01-15T10:30:00.123456", "2026-01-15T10:30:00"),
        ("r_2026-01-15 10.30", "2026-01-15T10:30:00"),
        ("r_20260115T103000Z", "2026-01-15T10:30:00"),
        ("r_20260115T103000+0200", "2026-01-15T08:30:00"),
        ("r_2026-01-15T10:30:00-05:00", "2026-01-15T15:30:00"),
        ("r_20260115103000", "2026-01-15T10:30:00"),
        ("20260115_1030_r", "2026-01-15T10:30:00"),
        ("r_20260101_to_20260115_103000", "2026-01-15T10:30:00"),
        ("r_20260115_103000_v2", "2026-01-15T10:30:00"),
        ("r_20260115_99", "2026-01-15T00:00:00"),
        ("r_20260115_996000", "2026-01-15T00:00:00"),
        ("r_20260230_103000", None),
        ("r_20261301", None),
        ("r_120260115", None),
        ("r_202601151", None),
        ("r_18991231", None),
        ("r_1768473000", None),
        ("results", None),
    ],
)
def test_times_in_names(stem: str, time: str | None) -> None:
    """The usual ways to write a time are understood, the last one counts, and impossible dates are no time."""
    named = time_in(stem, UTC)
    assert (named and named[0].replace(tzinfo=None).isoformat()) == time


def test_a_named_file_is_taken_as_it_is(tmp_path: Path) -> None:
    """A file needs no pattern and brings no siblings; two of one stem form a set, one given twice is taken once."""
    lay(tmp_path, "x.csv", "x.json", "y.txt", ".hidden.csv")
    assert found(tmp_path / "x.csv", patterns=[]) == [("x", ["x.csv"])]
    assert found(tmp_path / "x.json", tmp_path / "x.csv", tmp_path / "x.csv") == [("x", ["x.csv", "x.json"])]
    assert found(tmp_path / "y.txt") == [("y.txt", ["y.txt"])]
    assert found(tmp_path / ".hidden.csv") == [(".hidden", [".hidden.csv"])]


def test_a_file_and_its_directory_are_one_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a path is written, the same file is taken once; the same stem elsewhere is another set."""
    (tmp_path / "more").mkdir()
    lay(tmp_path, STEM + ".csv")
    lay(tmp_path / "more", STEM + ".csv")
    monkeypatch.chdir(tmp_path)
    sets = discover([Path(STEM + ".csv"), tmp_path, tmp_path / "more"], PATTERNS, zone=UTC)
    assert [one.files for one in sets] == [(Path(STEM + ".csv"),), (tmp_path / "more" / (STEM + ".csv"),)]


@pytest.mark.parametrize(
    "name", ["a b_1.csv", "it's_1.csv", 'say "hi"_1.csv', "two\nlines_1.csv", "[1]_1.csv", "é_1.csv"]
)
def test_odd_names_are_found(tmp_path: Path, name: str) -> None:
    """Spaces, quotes, line ends and brackets in names are no hindrance."""
    lay(tmp_path, name)
    assert found(tmp_path, patterns=["*_1.csv"]) == [(name.removesuffix(".csv"), [name])]


def test_a_name_that_is_no_text_is_found_and_shown_escaped(tmp_path: Path) -> None:
    """A name in another encoding than UTF-8 is taken, and a message shows its bytes escaped."""
    name = os.fsdecode(b"caf\xe9_1.csv")
    try:
        lay(tmp_path, name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert found(tmp_path, patterns=["*_1.csv"]) == [(name.removesuffix(".csv"), [name])]
    assert visible(name) == "caf\\udce9_1.csv"


def test_what_is_no_file_is_a_set_all_the_same(tmp_path: Path) -> None:
    """A directory, a link to nothing and a link to itself under a result's name are for the reader to refuse."""
    (tmp_path / f"{STEM}.csv").mkdir()
    (tmp_path / f"{STEM}1.csv").symlink_to("nowhere")
    (tmp_path / f"{STEM}2.csv").symlink_to(f"{STEM}2.csv")
    assert len(found(tmp_path)) == 3
    assert found(tmp_path / f"{STEM}2.csv") == [(f"{STEM}2", [f"{STEM}2.csv"])]


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The documented message, with the two places where the directory is set; exit code 4."""
    with pytest.raises(FilesError, match=r"Engine results directory does not exist: .*nowhere") as failure:
        found(tmp_path / "nowhere")
    assert "--engine-results-dir" in str(failure.value)
    assert failure.value.exit_code == 4


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A missing path with a known extension is a missing file; its name is shown escaped."""
    with pytest.raises(FilesError, match=r"^Result file does not exist: .*no\\n\.csv\.gz\. "):
        found(tmp_path / "no\n.csv.gz")
    lay(tmp_path, "file")
    with pytest.raises(FilesError, match="does not exist"):
        found(tmp_path / "file" / "below.csv")


def test_a_forbidden_directory_is_named(tmp_path: Path) -> None:
    """A directory that this user may not list says what to do, and so does one on the way."""
    closed = tmp_path / "closed"
    (closed / "results").mkdir(parents=True)
    closed.chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("this user may read everything")
        for path in (closed, closed / "results"):
            with pytest.raises(FilesError, match=r"^Permission denied: .* Give this user the right to read it"):
                found(path)
    finally:
        closed.chmod(0o700)


def test_nothing_that_matches_names_what_lies_there(tmp_path: Path) -> None:
    """The message names directory and patterns, three of the files there, and the flag that takes all of them."""
    names = [f"crypto_analysis_results_2025081{day}_142248.{end}" for day in range(4) for end in ("csv", "json")]
    lay(tmp_path, *names, "test_export.csv", "notes.txt")
    with pytest.raises(FilesError) as failure:
        found(tmp_path)
    assert str(failure.value) == (
        f"No file in {tmp_path} matches 'vectorbt_analysis_results_*.csv' (or .json). "
        f"Other files lie there: {', '.join(names[:3])} and 5 more. "
        "To take them, add --results-pattern 'crypto_analysis_results_*'"
    )
    assert len(found(tmp_path, patterns=["crypto_analysis_results_*"])) == 4


@pytest.mark.parametrize("name", ["export.csv", "my [old] results_20260115.json.gz", "it's_2026-01-15.csv"])
def test_the_named_flag_takes_the_file(tmp_path: Path, name: str) -> None:
    """The pattern of the message matches the file that it was made from, whatever signs its name has."""
    import shlex

    lay(tmp_path, name)
    with pytest.raises(FilesError) as failure:
        found(tmp_path)
    pattern = shlex.split(str(failure.value).partition("--results-pattern ")[2])[0]
    assert fnmatchcase(name, pattern)
    assert found(tmp_path, patterns=[pattern]) == [(ResultName.of(name).stem, [name])]


def test_an_empty_directory_says_so(tmp_path: Path) -> None:
    """Without any file of a known format the message lists the formats; every directory given is named."""
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(FilesError, match=r"It holds no file that ends in \.csv, \.json") as failure:
        found(tmp_path, other)
    assert f"No file in {other} matches" in str(failure.value)
