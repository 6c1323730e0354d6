"""Issues grouped by rule, their remedies, and the next step."""

from dataclasses import replace
from typing import get_args

import pytest
from outcomes import HOSTILE, a_run, a_set, bad_symbol, contradiction, result, results

from autonama.config import load_settings
from autonama.ingestion.catalogue import catalogue
from autonama.ingestion.issues import issue, issue_frame
from autonama.ingestion.outcome import RowCounts, RunStatus, SetStatus
from autonama.ingestion.report.findings import findings
from autonama.ingestion.report.next_step import next_step
from autonama.ingestion.report.remedies import OTHER_ERROR, OTHER_WARNING, remedy
from autonama.ingestion.report.status import MARKS, STATUS_WORDS


def test_errors_come_first_then_the_whole_set_then_the_frequent() -> None:
    """The order in which somebody has to look at them."""
    issues = [contradiction(1), contradiction(2), bad_symbol(1), issue("share", "Half of it", severity="warning")]
    issues += [issue("missing_kstd", f"Row {n}: Missing kstd", row=n) for n in (3, 4)]
    found = findings(issue_frame(issues), 1)
    assert [(one.code, one.count) for one in found] == [
        ("missing_kstd", 2),
        ("symbol_format", 1),
        ("share", 1),
        ("signal_matches_bands", 2),
    ]


def test_a_flood_is_folded_into_one_line() -> None:
    """The first row stands for the rest, and only as many as asked for are kept."""
    (flood,) = findings(issue_frame([bad_symbol(row) for row in range(7, 100)]), 3)
    assert flood.folded() == "Row 7 and 92 more: Invalid symbol format: BTC"
    assert len(flood.first) == 3
    assert flood.hidden == 90


def test_a_finding_on_the_set_folds_without_a_row() -> None:
    """Where no row is named, the message stands as it is."""
    once, twice = (findings(issue_frame([issue("constant_metric", "Same")] * n), 3)[0].folded() for n in (1, 2))
    assert once == "Same"
    assert twice == "Same (and 1 more)"


@pytest.mark.parametrize("engine", ["vectorbt", "enhanced"])
def test_every_rule_of_the_catalogue_has_a_remedy(engine: str) -> None:
    """No built-in rule falls back on the sentence for unknown ones."""
    remedies = {entry.code: remedy(entry.code, entry.severity) for entry in catalogue(engine, load_settings(None))}
    assert [code for code, told in remedies.items() if told in (OTHER_ERROR, OTHER_WARNING)] == []


def test_a_custom_rule_has_a_remedy_by_its_severity() -> None:
    """A rule that somebody else wrote gets what its severity means."""
    assert remedy("volume_known", "error") == OTHER_ERROR
    assert remedy("volume_known", "warning") == OTHER_WARNING


def test_every_status_has_a_mark_and_a_word() -> None:
    """A status that is added has to be given both."""
    statuses = {*get_args(RunStatus), *get_args(SetStatus)}
    assert statuses == set(STATUS_WORDS)
    assert statuses <= set(MARKS)


def test_published_leads_to_why() -> None:
    """The first symbol that was stored is the example, quoted for a shell where it has to be."""
    assert next_step(a_run(a_set())).endswith("autonama why S1USDT")
    odd = a_run(a_set(rows=results(result(1, symbol=HOSTILE))))
    assert next_step(odd).endswith(f"autonama why '{HOSTILE}'")
    assert "autonama runs" in next_step(a_run(a_set(rows=results())))


def test_few_bad_rows_lead_to_lenient() -> None:
    """--lenient is named with the share that decides; not where most rows are bad, or the file as a whole."""
    few = a_set("rejected", issues=[bad_symbol(3), bad_symbol(3)])
    assert "add --lenient: up to max_quarantine_share it puts bad rows aside, here 1 of 10." in next_step(
        a_run(few, status="rejected")
    )
    many = a_set("rejected", issues=[bad_symbol(3, rows=[1, 2, 3, 4, 5, 6])])
    assert "--lenient" not in next_step(a_run(many, status="rejected"))
    whole = a_set("rejected", issues=[bad_symbol(3), issue("columns_present", "No column kstd")])
    assert "--lenient" not in next_step(a_run(whole, status="rejected"))


def test_only_age_leads_to_allow_stale() -> None:
    """Where the age is the only error, there is a flag for it."""
    old = a_set("rejected", issues=[issue("file_age", "30 hours"), contradiction(1)])
    assert "--allow-stale" in next_step(a_run(old, status="rejected"))
    both = a_set("rejected", issues=[issue("file_age", "30 hours"), bad_symbol(1)])
    assert "--allow-stale" not in next_step(a_run(both, status="rejected"))


def test_partial_tells_what_was_left_out() -> None:
    """Refused sets and rows in quarantine are counted; a mere check says that nothing was stored."""
    aside = a_set("quarantined", counts=RowCounts(10, 9, 0, 0, 1))
    run = a_run(aside, a_set("rejected", issues=[bad_symbol(1)]), status="partial")
    assert next_step(run).startswith("1 set refused, 1 row put aside in quarantine:")
    assert next_step(replace(run, validate_only=True)).startswith("Nothing was stored")


def test_a_failure_tells_what_stayed() -> None:
    """What was published before the failure is not lost, and nothing is claimed where there is nothing."""
    assert next_step(a_run(status="failed", error="…")).startswith("Nothing was stored.")
    assert next_step(a_run(a_set(), status="failed", error="…")).startswith("1 set published before it stays.")


def test_refused_before_is_not_called_ingested() -> None:
    """A set that is skipped because it was refused with the same bytes is not told as done."""
    skipped = a_run(a_set("already_refused"), status="nothing_new")
    assert next_step(skipped).startswith("Refused files have not changed")
    assert "ingested before" in next_step(a_run(a_set("already_published"), status="nothing_new"))
