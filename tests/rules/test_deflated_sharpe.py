"""The warning for a Sharpe ratio that may be the luck of many trials: an optional column of the engine `vectorbt`."""

from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from autonama.config import load_settings
from autonama.engines import load_engine
from autonama.ingestion.outcome import SetOutcome
from autonama.ingestion.pipeline import Job, check, ingest
from autonama.ingestion.replay import ReplayJob, export, replay
from autonama.ingestion.report import remedy
from autonama.web.words import flag
from writing import Row, good, write_csv, write_json


def found(*paths: Path) -> SetOutcome:
    """The one set of these files, as `autonama validate` judges it."""
    [outcome] = check(Job("vectorbt", load_settings(), paths=paths)).sets
    return outcome


def parquet(directory: Path, rows: list[Row], name: str = "vectorbt_analysis_results_now.parquet") -> Path:
    """The rows as a Parquet file."""
    pl.DataFrame(rows).write_parquet(directory / name)
    return directory / name


WRITERS = [write_csv, write_json, parquet]


@pytest.mark.parametrize("write", WRITERS)
def test_below_the_level_a_row_is_flagged(tmp_path: Path, write: Any) -> None:
    """0.9499… gives the warning with row, column and value, in every format; 0.95 and 1 give none."""
    values = ("0.94999999999999996", "0.95", "1", "0")
    rows = [good(symbol=f"S{n}USDT", deflated_sharpe_ratio=value) for n, value in enumerate(values)]
    outcome = found(write(tmp_path, rows))
    told = outcome.issues.select("code", "severity", "row", "column", "value").rows()
    code, column = "deflated_sharpe", "deflated_sharpe_ratio"
    assert told == [(code, "warning", 1, column, values[0]), (code, "warning", 4, column, "0")]
    assert "Row 4: deflated_sharpe_ratio 0 is below 0.95: the Sharpe ratio may be luck" in outcome.issues["message"]
    assert outcome.status == "valid"


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("blank", [None, "", "NaN", "absent"])
def test_a_file_without_it_is_whole(tmp_path: Path, write: Any, blank: str | None) -> None:
    """VectorBT PRO writes no such column: its absence, and a blank in it, say nothing."""
    row = good() if blank == "absent" else good(deflated_sharpe_ratio=blank)
    assert found(write(tmp_path, [row])).issues.is_empty()


def test_a_set_of_both_formats_is_flagged_once(tmp_path: Path) -> None:
    """The files agree on the column, too: where they do not, the set is refused."""
    low = [good(deflated_sharpe_ratio=0.5)]
    files = write_csv(tmp_path, low), write_json(tmp_path, low)
    assert found(*files).issues["code"].to_list() == ["deflated_sharpe"]
    write_json(tmp_path, [good(deflated_sharpe_ratio=0.6)])
    assert found(*files).status == "rejected"


def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    """A text where a probability has to be is an error of its row, like any other column's."""
    assert found(write_csv(tmp_path, [good(deflated_sharpe_ratio="low")])).issues["code"].to_list() == [
        "invalid_deflated_sharpe_ratio"
    ]


def test_it_is_published_with_its_warning(tmp_path: Path, database_url: str, conn: psycopg.Connection[Any]) -> None:
    """The row is stored in the table that has no such column, and its warning in the ledger, for the dashboard."""
    path = write_csv(tmp_path, [good(deflated_sharpe_ratio="0.5")])
    run = ingest(Job("vectorbt", load_settings(database_url=database_url), paths=(path,)))
    assert (run.status, run.sets[0].counts.inserted) == ("published", 1)
    stored = "SELECT code, severity FROM ingestion.issues"
    assert conn.execute(stored).fetchall() == [("deflated_sharpe", "warning")]


def test_a_row_in_quarantine_keeps_it(tmp_path: Path, database_url: str) -> None:
    """Put aside for another fault, the row is read again from its own text, written out, corrected and flagged then."""
    settings = load_settings(database_url=database_url, validation={"strict_mode": False, "max_quarantine_share": 0.5})
    rows = [good(deflated_sharpe_ratio="0.99"), good(symbol="ETH", deflated_sharpe_ratio="0.5")]
    assert ingest(Job("vectorbt", settings, paths=(write_csv(tmp_path, rows),))).status == "partial"
    assert replay(ReplayJob("vectorbt", settings)).sets[0].counts.quarantined == 1
    corrected = tmp_path / "bad.csv"
    assert export(ReplayJob("vectorbt", settings), corrected) == 1
    corrected.write_text(corrected.read_text().replace("ETH,", "ETHUSDT,"))
    [outcome] = replay(ReplayJob("vectorbt", settings, corrected=corrected)).sets
    assert (outcome.counts.inserted, outcome.issues["code"].to_list()) == (1, ["deflated_sharpe"])


def test_the_config_may_forbid_it(tmp_path: Path) -> None:
    """`validation.severity` can make it an error, so that a result by luck is never published."""
    settings = load_settings(validation={"severity": {"deflated_sharpe": "error"}})
    path = write_csv(tmp_path, [good(deflated_sharpe_ratio="0.5")])
    assert check(Job("vectorbt", settings, paths=(path,))).status == "rejected"


def test_it_has_words_and_a_remedy() -> None:
    """The dashboard has a flag for it, the report a remedy of its own; the column is no part of the table."""
    assert flag("deflated_sharpe") == "Sharpe by luck?"
    assert "trials" in remedy("deflated_sharpe", "warning")
    assert not load_engine("vectorbt").column("deflated_sharpe_ratio").stored
