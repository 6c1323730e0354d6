"""Speed, as a ratio within one run of the benchmark's own harness, so that a slow machine is slow for both."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LIMITS = {"wall_s": 8.0, "processor": 6.5}
"""Times the bare \\copy of the same file into the same table, start-up included: about twice what a quiet machine
needs (3.3 and 4.1). Processor time is of client and server together; it hardly moves where other programs want the
processor, too."""


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark's modules can be imported."""
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.usefixtures("harness")
def test_ingest_stays_near_a_bare_copy(tmp_path: Path) -> None:
    """50,000 rows through every rule into one table take at most LIMITS times a bare COPY of the same file."""
    from benchmarks.results import read

    out = tmp_path / "figures.json"
    command = (sys.executable, "-m", "benchmarks.bench", "--rows", "50000", "--formats", "csv", "--runs", "3")
    subprocess.run((*command, "--peers", "one_table,copy", "--out", str(out)), cwd=ROOT, check=True)
    section = read(out, "compared")
    assert section is not None
    ours, bare = (next(one for one in section.figures if one.name == name) for name in ("one_table", "copy"))
    assert ours.median() <= LIMITS["wall_s"] * bare.median(), section.figures
    ours_s, bare_s = (one.median("cpu_s") + one.median("backend_cpu_s") for one in (ours, bare))
    assert ours_s <= LIMITS["processor"] * bare_s, section.figures


@pytest.mark.full
@pytest.mark.usefixtures("harness")
def test_who_loads_less_has_not_won() -> None:
    """A peer that leaves a row out, or stores another price, is told as failed and has no time."""
    from benchmarks import bench, contenders, data
    from benchmarks.server import running

    copy = next(one for one in contenders.CONTENDERS if one.name == "copy")
    with running() as server:
        whole, short = data.make(server.directory / "whole", 100), data.make(server.directory / "short", 99)
        other = data.Data(server.directory / "other", whole.rows, whole.total)
        other.path("csv").parent.mkdir(parents=True)
        text = whole.path("csv").read_text(encoding="utf-8")
        other.path("csv").write_text(text.replace("S0USDT,1s,", "S0USDT,1s,1", 1), encoding="utf-8")
        peers = [
            copy,
            replace(copy, name="less", command=lambda server, _, form: copy.command(server, short, form)),
            replace(copy, name="wrong", command=lambda server, _, form: copy.command(server, other, form)),
        ]
        found = {figure.name: figure for figure in bench.rounds(server, whole, "csv", peers, 1, 1.0)}
    assert found["copy"].runs
    assert not found["copy"].failed
    assert found["less"].failed.startswith("less: 99 rows of 100 in analysis")
    assert found["wrong"].failed.startswith("wrong: 100 rows of 100 in analysis")
    assert not found["less"].runs
    assert not found["wrong"].runs


@pytest.mark.usefixtures("harness")
def test_the_page_shows_the_figures() -> None:
    """docs/performance.md and its charts are what the command makes of docs/performance.json."""
    from benchmarks.page import DOCS, PAGE, charts, page, sections

    found = sections()
    assert page(found) == PAGE.read_text(encoding="utf-8")
    for name, svg in charts(found):
        assert svg == (DOCS / "images" / name).read_text(encoding="utf-8")
