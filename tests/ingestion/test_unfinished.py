"""A file that its engine is still writing is left for the next look, and said to be."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autonama.config import load_settings
from autonama.documented import VectorBTIngestionValidator
from autonama.ingestion import read
from autonama.ingestion.pipeline import Job, check
from writing import csv_text, many, write_csv

WHOLE = {"csv": csv_text(many(4)).encode(), "json": json.dumps(many(4)).encode()}


@pytest.mark.parametrize("form", WHOLE)
def test_half_a_file_is_left_until_it_is_whole(
    form: str, tmp_path: Path, run_ingest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off in the middle of a value and growing: nothing is stored, exit code 4; whole, it is published."""
    path = tmp_path / f"vectorbt_analysis_results_now.{form}"
    path.write_bytes(WHOLE[form][:-10])
    _while_the_reader_waits(monkeypatch, path, lambda: path.write_bytes(WHOLE[form]))
    early = run_ingest(tmp_path)
    assert (early.status, early.sets[0].status, early.exit_code) == ("nothing_new", "changing", 4)
    assert "still being written" in early.sets[0].notes[0]
    assert run_ingest(tmp_path).sets[0].counts.inserted == 4


def test_a_file_that_merely_lacks_its_last_line_end_is_taken(tmp_path: Path) -> None:
    """Left alone for a moment, it is whole as it is."""
    path = tmp_path / "vectorbt_analysis_results_now.csv"
    path.write_bytes(WHOLE["csv"].rstrip())
    assert check(Job("vectorbt", load_settings(), (tmp_path,))).sets[0].status == "valid"


def test_an_unread_file_is_not_called_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented validator says False, and why."""
    path = write_csv(tmp_path, many(3))
    path.write_bytes(path.read_bytes()[:-5])
    _while_the_reader_waits(monkeypatch, path, path.touch)
    is_valid, errors = VectorBTIngestionValidator().validate_csv_file(path)
    assert not is_valid
    assert "still being written" in errors[0]


def _while_the_reader_waits(monkeypatch: pytest.MonkeyPatch, path: Path, write: Callable[[], object]) -> None:
    """Write in the moment that the reader grants a file of just now; of the future, so that it never comes too late."""
    ahead = time.time() + 60
    os.utime(path, (ahead, ahead))
    monkeypatch.setattr(read, "time", SimpleNamespace(sleep=lambda _: write()))
