"""What a run prints: never wider than the terminal, never styled where nobody sees it, nothing from a file obeyed."""

import io
import re
from dataclasses import replace

import pytest
from outcomes import NAME, a_run, a_set, bad_symbol, contradiction, every_kind, hostile_run, result, results
from rich.cells import cell_len
from rich.console import Console

from autonama.ingestion.issues import issue
from autonama.ingestion.outcome import RowCounts, RunOutcome
from autonama.ingestion.report.terminal import print_run


def printed(run: RunOutcome, width: int = 80, *, verbose: bool = False) -> str:
    """The run as it goes into a pipe."""
    console = Console(file=io.StringIO(), width=width)
    print_run(run, console, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [20, 60, 80, 120])
@pytest.mark.parametrize("run", every_kind())
def test_no_line_is_wider_than_the_terminal(run: RunOutcome, width: int, verbose: bool) -> None:
    """Every kind of run is printed at every width, without trailing blanks or anything for a terminal to obey."""
    text = printed(run, width, verbose=verbose)
    lines = text.splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert [line for line in lines if line != line.rstrip()] == []
    assert "\x1b" not in text


def test_large_figures_do_not_break_the_table() -> None:
    """Where the quantiles do not fit, fewer of them are shown, each in full."""
    rows = results(*(result(n, total_return="999999.99") for n in range(1, 11)))
    (line,) = (line for line in printed(a_run(a_set(rows=rows)), 60).splitlines() if "total return" in line)
    assert line.split()[-3:] == ["999,999.99"] * 3


def test_a_good_set_fits_one_screen() -> None:
    """80 by 24, with warnings of more rules than have lines."""
    issues = [issue(f"rule_{n}", f"Row {n}: odd", severity="warning", row=n) for n in range(1, 8)]
    text = printed(a_run(a_set(issues=issues)))
    assert len(text.splitlines()) <= 24
    assert len(printed(a_run(a_set(issues=issues[:3], notes=("Read as UTC.",)))).splitlines()) <= 24
    assert "and       rule_4 1 · rule_5 1 · rule_6 1 · rule_7 1" in text


def test_counts_of_a_published_set() -> None:
    """Read, inserted, updated, unchanged and quarantined all stand on one line."""
    text = printed(a_run(a_set(counts=RowCounts(195, 90, 103, 1, 1)), cleanup={"alerts": 12}))
    assert "✓ published" in text.splitlines()[0]
    assert "195 read · 90 inserted · 103 updated · 1 unchanged · 1 quarantined" in text
    assert "12 rows of alerts" in text


def test_errors_name_row_value_rule_and_remedy() -> None:
    """Few issues are listed one by one, with what to do under them; the last line says how to go on."""
    text = printed(a_run(a_set("rejected", issues=[bad_symbol(5), bad_symbol(9, "ETH")]), status="rejected"))
    for part in ("✗ 2 errors from 1 rule", "symbol_format  2", "Row 5: Invalid symbol format: BTC",
                 "Row 9: Invalid symbol format: ETH", "→ Write the pair as the exchange does"):  # fmt: skip
        assert part in text
    assert "ingest again" in " ".join(text.splitlines()[-3:])


def test_a_flood_of_errors_is_folded() -> None:
    """The same words over and over are one line; different ones are shown before the rest is folded."""
    same = [issue("missing_kstd", f"Row {n}: Missing kstd", row=n) for n in range(7, 100)]
    other = [bad_symbol(n, f"X{n}") for n in range(1, 9)]
    text = printed(a_run(a_set("rejected", issues=same + other), status="rejected"))
    assert "Row 7 and 92 more: Missing kstd" in text
    assert "Row 8:" not in text
    assert "Row 1: Invalid symbol format: X1\n" in text
    assert "Row 3 and 5 more: Invalid symbol format: X3" in text


def test_warnings_are_one_line_a_rule_unless_verbose() -> None:
    """Row by row, and with a remedy, only on request."""
    run = a_run(a_set(issues=[contradiction(row) for row in range(1, 5)]))
    assert "Row 1 and 3 more: signal BUY" in printed(run)
    assert "Row 4: signal BUY" not in printed(run)
    assert "Row 4: signal BUY" in printed(run, verbose=True)
    assert "→ Do not act on the signal alone" in printed(run, verbose=True)


def test_performance_is_there_for_good_news_only() -> None:
    """A published set shows how its strategies did; a rejected one only on request."""
    good = printed(a_run(a_set(issues=[contradiction(2)])))
    for part in ("BUY 3 · SELL 4 · HOLD 3", "median", "total return, %", "Best      S10USDT +10.00 %",
                 "Worst     S1USDT +1.00 %", "Flagged   1 of 10 rows: S2USDT"):  # fmt: skip
        assert part in good
    refused = a_run(a_set("rejected", issues=[bad_symbol(5)]), status="rejected")
    assert "Performance" not in printed(refused)
    assert "Performance" in printed(refused, verbose=True)


def test_many_sets_have_a_line_each_and_a_sum() -> None:
    """Names keep their end, which tells them apart; only what was refused is told in full."""
    refused = replace(a_set("rejected", issues=[bad_symbol(5)]), name="vectorbt_analysis_results_20260116_103000")
    text = printed(a_run(a_set(issues=[contradiction(1)]), refused, status="partial"))
    assert re.search(r"✓ published +…\S*0115_103000 +10 +10 +0 +0 +1\n", text)
    assert re.search(r"✗ rejected +…\S*0116_103000 +10 +0 +0 +1 +0\n", text)
    assert re.search(r"Together +20 +10 +0 +1 +1\n", text)
    assert "Row 5: Invalid symbol format: BTC" in text
    assert "signal_matches_bands 1 · Row 1: signal BUY contradicts" in text


@pytest.mark.parametrize("width", [80, 100, 120])
def test_six_sets_fit_one_screen_with_all_that_matters(width: int) -> None:
    """80 by 24: of each set its warnings by rule with an example, and its performance; and where the rest stands."""
    issues = [*(contradiction(row) for row in range(1, 6)), issue("odd", "Row 9: odd", severity="warning", row=9)]
    sets = [replace(a_set(issues=issues), name=f"{NAME[:-6]}10300{n}") for n in range(5)]
    refused = a_set("rejected", issues=[bad_symbol(row) for row in range(1, 9)] + [issue("has_rows", "None", row=1)])
    lines = printed(a_run(*sets, refused, status="partial"), width).splitlines()
    assert len(lines) <= 24
    assert sum(line.startswith("    ▲ signal_matches_bands 5 · odd 1 · Row 1: signal BUY con") for line in lines) == 5
    assert sum(line.startswith("    BUY 3 SELL 4 HOLD 3 · median return 5.50 %") for line in lines) == 5
    assert any(line.startswith("    ✗ symbol_format 8 · has_rows 1 · Row 1: Invalid") for line in lines)
    assert "  Every finding: autonama runs 12 · performance: the same with validate -v" in lines
    assert "published does not enter twice" in " ".join(lines[-2:])


def test_many_rules_are_counted_where_they_do_not_fit() -> None:
    """Beside the frequent rules stands how many more there are; the example keeps its place."""
    issues = [issue(f"a_rule_of_some_length_{n}", f"Row {n}: odd", severity="warning", row=n) for n in range(1, 8)]
    text = printed(a_run(a_set(issues=issues), a_set()))
    assert "    ▲ a_rule_of_some_length_1 1 · 6 rules more · Row 1: odd" in text


def test_replaced_content_is_told_among_many_sets() -> None:
    """A set that the ledger knows says so when other values stand in its place."""
    known = a_set("already_published", rows=results(), notes=("Published by run 1.", "3 of its rows were replaced"))
    text = printed(a_run(known, known, status="nothing_new"))
    assert "    3 of its rows were replaced" in text
    assert "Published by run 1" not in text


def test_what_a_file_holds_is_shown_and_not_obeyed() -> None:
    """Markup, escape sequences and newlines of a symbol or file name are printed literally, even in colour."""
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    print_run(hostile_run(), console, verbose=True)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "[red]<script>alert(1)</script>[/red]\\x1b[31m\\nUSDT" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text).count("\x1b") == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("run", every_kind())
def test_a_terminal_without_unicode_gets_plain_marks(run: RunOutcome, encoding: str) -> None:
    """Where the encoding has no ✓ and no Chinese, marks become plain and letters become escapes."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    print_run(replace(run, notes=("比特币",)), Console(file=file, width=80))
    lines = file.buffer.getvalue().decode(encoding).splitlines()
    assert lines[0][:2] in ("+ ", "x ", "! ", "- ")
    assert "  \\u6bd4\\u7279\\u5e01" in lines
    assert max(map(len, lines)) <= 80


def test_colour_obeys_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colour; with NO_COLOR none, and the words and marks still say it all."""
    run = a_run(a_set("rejected", issues=[bad_symbol(5)]), status="rejected")

    def on_terminal() -> str:
        console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
        print_run(run, console)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31m✗ rejected" in on_terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    assert re.search(r"\x1b\[[0-9;]*3[0-7]", on_terminal()) is None
    assert "✗ rejected" in on_terminal()
