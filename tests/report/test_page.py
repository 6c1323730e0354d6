"""The HTML report: one file that needs nothing else, in which nothing of a file is markup."""

import os
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from outcomes import HOSTILE, a_run, a_set, bad_symbol, contradiction, every_kind, hostile_run, result, results

from autonama.errors import FilesError
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.report import write_html

VOID = {"meta", "rect", "line", "br"}


class Page(HTMLParser):
    """A page taken apart: its tags with attributes, its text, and whether every tag is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.style = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text; that of the style sheet apart."""
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """What a reader sees."""
        return " ".join(self.texts)

    def count(self, tag: str) -> int:
        """How many of these tags there are."""
        return sum(name == tag for name, _ in self.tags)


def page_of(run: RunOutcome, directory: Path) -> Page:
    """The written page, taken apart."""
    path = directory / "report.html"
    write_html(run, path)
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("run", every_kind())
def test_every_run_makes_a_sound_page_without_outside_references(run: RunOutcome, tmp_path: Path) -> None:
    """Tags are closed, ids are unique, and nothing is fetched: no script, no link outwards, no import."""
    page = page_of(run, tmp_path)
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form"})
    for _, attributes in page.tags:
        assert attributes.keys().isdisjoint({"src", "srcset", "action", "data", "xlink:href", "style"})
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in page.style
    assert "@import" not in page.style
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_of_a_file_is_markup(tmp_path: Path) -> None:
    """A script in symbol, interval, signal, file name, note, error, code, value and message is text in every place."""
    page = page_of(hostile_run(), tmp_path)
    shown = "[red]<script>alert(1)</script>[/red]\\x1b[31m\\nUSDT"
    assert page.text.count(shown) >= 12
    assert HOSTILE not in page.text
    raw = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in raw
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", raw) is None


def test_findings_tell_what_the_terminal_tells(tmp_path: Path) -> None:
    """Rule, severity, row, line, column, value, message and remedy; errors stand open, warnings closed."""
    run = a_run(a_set("rejected", issues=[bad_symbol(5), contradiction(7)]), status="rejected")
    page = page_of(run, tmp_path)
    for part in ("symbol_format", "1 error", "Invalid symbol format: BTC", "Write the pair as the exchange does",
                 "signal_matches_bands", "1 warning", "SHA-256", "--lenient"):  # fmt: skip
        assert part in page.text
    details = [attributes for tag, attributes in page.tags if tag == "details"]
    assert [("open" in attributes) for attributes in details] == [True, False]


def test_a_flood_is_capped_and_says_so(tmp_path: Path) -> None:
    """Of 1,000 issues 200 are listed, and where the others are is told."""
    page = page_of(a_run(a_set("rejected", issues=[bad_symbol(n) for n in range(1, 1001)])), tmp_path)
    assert sum(text == "Invalid symbol format: BTC" for text in page.texts) == 200
    assert "800 more are not listed here: --json has every one." in page.text
    assert "Row 1 and 999 more: Invalid symbol format: BTC" in page.text


def test_plots_carry_their_numbers_as_words(tmp_path: Path) -> None:
    """Four plots, each with a label for those who do not see it, axes and units."""
    page = page_of(a_run(a_set(issues=[contradiction(2)])), tmp_path)
    labels = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert labels == [
        "Findings by rule: ▲ signal_matches_bands 1",
        "Rows by signal: BUY 3; SELL 4; HOLD 3",
        "Sharpe ratio: 10 rows from 0.10 to 1.00",
        "Total return: 10 rows from 1.00 to 10.00",
    ]
    assert "Total return, %" in page.text


def test_one_row_or_one_value_still_makes_a_plot(tmp_path: Path) -> None:
    """A histogram of one value, of zeros only, and of one outlier among zeros has finite bars."""
    zeros = [result(n, total_return="0", sharpe_ratio="0") for n in range(1, 200)]
    for rows in ([result(1)], zeros[:3], [*zeros, result(200, total_return="1e9", sharpe_ratio="-1e9")]):
        page = page_of(a_run(a_set(rows=results(*rows))), tmp_path)
        sizes = [attributes["height"] or "" for tag, attributes in page.tags if tag == "rect"]
        assert len(sizes) >= 3
        assert all(0 < float(size) <= 130 for size in sizes)


def test_small_prices_are_not_zero(tmp_path: Path) -> None:
    """A price of 0.00002581 is shown with its digits, a large one with separators; times say that they are UTC."""
    rows = results(result(1, current_price="0.00002581"), result(2, current_price="117574.97"))
    page = page_of(a_run(a_set(rows=rows)), tmp_path)
    assert "0.00002581" in page.texts
    assert "117,574.97" in page.texts
    assert "analysed 2026-01-15 10:30 UTC" in page.text


def test_several_sets_are_listed_and_linked(tmp_path: Path) -> None:
    """Each line of the list leads to its set, and the sums stand below."""
    page = page_of(a_run(a_set(), a_set("rejected", issues=[bad_symbol(1)]), status="partial"), tmp_path)
    targets = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert targets == ["#set-1", "#set-2"]
    assert page.count("h2") == 2
    assert "Together" in page.texts


def test_the_page_replaces_the_old_one_whole(tmp_path: Path) -> None:
    """Nothing temporary is left, the old file's rights are kept, and a link stays a link."""
    real = tmp_path / "real.html"
    real.write_text("old")
    real.chmod(0o640)
    link = tmp_path / "link.html"
    link.symlink_to(real)
    write_html(a_run(a_set()), link)
    assert link.is_symlink()
    assert real.read_text().startswith("<!doctype html>")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "real.html"]


def test_a_new_page_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    """It is not its owner's alone, as a temporary file would be."""
    old = os.umask(0o022)
    try:
        write_html(a_run(a_set()), tmp_path / "report.html")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o644


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    """`--report /dev/stdout` and its like get the page; the device stays what it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_html(replace(a_run(), status="nothing_new"), pipe)
        assert os.read(reader, 15) == b"<!doctype html>"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["missing/report.html", "directory", "file/report.html", "n" * 300, "a\0b"])
def test_a_path_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, name: str) -> None:
    """A missing directory, a directory in place of the file, a name too long: FilesError, and nothing left behind."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(FilesError, match=r"^The report could not be written to .*: .*\. Name a file in a directory"):
        write_html(a_run(a_set()), tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "file"]
