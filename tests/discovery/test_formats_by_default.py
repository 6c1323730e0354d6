"""Without a word about patterns every format is found, alone or beside others, compressed or not."""

from pathlib import Path

import pytest

from autonama.config import load_settings
from autonama.engines import load_engine
from autonama.ingestion.discover import patterns_of
from autonama.ingestion.pipeline import Job, check
from writing import csv_text, many

NAMES = ("ndjson", "jsonl", "parquet", "ndjson.gz", "jsonl.zst", "parquet.gz", "csv.zst", "json.gz")


@pytest.mark.parametrize("config", [{}, {"vectorbt": {"results_pattern": "vectorbt_analysis_results_*.csv"}}])
@pytest.mark.parametrize("ending", NAMES)
def test_a_set_of_one_format_is_found(tmp_path: Path, ending: str, config: dict[str, object]) -> None:
    """A set that is there in one format alone is found with the shipped configuration and with the documented keys."""
    (tmp_path / f"vectorbt_analysis_results_1.{ending}").write_bytes(b"no matter what")
    (tmp_path / "vectorbt_analysis_results_1.txt").write_text("notes")
    run = check(Job("vectorbt", load_settings(engine_results_dir=tmp_path, **config)))
    assert [path.name for outcome in run.sets for path in outcome.files] == [f"vectorbt_analysis_results_1.{ending}"]


def test_the_enhanced_engines_too(tmp_path: Path) -> None:
    """One analysis a line, or a table, of the enhanced engine."""
    for ending in ("ndjson", "parquet"):
        (tmp_path / f"enhanced_analysis_results_{ending}.{ending}").write_bytes(b"no matter what")
    assert len(check(Job("enhanced", load_settings(), (tmp_path,), every=True)).sets) == 2


def test_a_pattern_of_ones_own_replaces_them_all(tmp_path: Path) -> None:
    """Whoever names other files gets those, and not the engine's own beside them."""
    (tmp_path / "vectorbt_analysis_results_1.parquet").write_bytes(b"")
    (tmp_path / "mine_1.csv").write_text(csv_text(many(1)))
    settings = load_settings(vectorbt={"results_pattern": "mine_*.csv"})
    assert patterns_of(load_engine("vectorbt"), settings.vectorbt)[0] == "mine_*.csv"
    run = check(Job("vectorbt", settings, (tmp_path,), every=True))
    assert [outcome.name for outcome in run.sets] == ["mine_1"]
