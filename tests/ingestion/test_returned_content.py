"""Content that was published, replaced by another set, and comes back."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import many, write_csv


@pytest.mark.parametrize("every", [False, True])
def test_content_that_comes_back_is_told_what_replaced_it(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any], every: bool
) -> None:
    """A, then B under a new name, then A again: nothing is published, and the note names set, run and rows."""
    first = write_csv(tmp_path, many(5), "vectorbt_analysis_results_1.csv")
    run_ingest(first)
    assert run_ingest(first, every=every).sets[0].notes == ("Published by run 1.",)
    second = many(5)
    for row in second[:2]:
        row["total_return"] = "77"
    run_ingest(write_csv(tmp_path, second, "vectorbt_analysis_results_2.csv"))
    again = run_ingest(first, every=every)
    assert (again.status, again.sets[0].status) == ("nothing_new", "already_published")
    published, replaced = again.sets[0].notes
    assert published == "Published by run 1."
    assert replaced.startswith("2 of its rows were replaced since by vectorbt_analysis_results_2 (run 3), ")
    assert "run the engine again" in replaced
    assert conn.execute("SELECT count(*) FROM trading.vectorbt_analysis WHERE total_return = 77").fetchone() == (2,)


def test_a_later_set_with_the_same_values_replaces_nothing(tmp_path: Path, run_ingest: Any) -> None:
    """Rows that a later set only vouches for are the same rows: no word of it."""
    first = write_csv(tmp_path, many(3), "vectorbt_analysis_results_1.csv")
    run_ingest(first)
    other = [*many(3), *many(1, interval="4h")]
    run_ingest(write_csv(tmp_path, other, "vectorbt_analysis_results_2.csv"))
    other[3]["kstd"] = "2"
    run_ingest(write_csv(tmp_path, other, "vectorbt_analysis_results_3.csv"))
    assert run_ingest(first).sets[0].notes == ("Published by run 1.",)
