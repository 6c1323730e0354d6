"""Which quarantined rows a replay takes: all, those that were named, or those that a corrected file names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import psycopg

from autonama.database import quarantine
from autonama.database.quarantine import OpenFile
from autonama.errors import AutonamaError, ConfigError
from autonama.ingestion.corrections import Corrections
from autonama.ingestion.counts import AlertCounts, RowCounts
from autonama.ingestion.issues import issue, issue_frame
from autonama.ingestion.outcome import SetOutcome

Ranges = tuple[tuple[int, int], ...]
"""First and last numbers of rows, as `--rows 5,7-9` names them."""


@dataclass(frozen=True)
class Target:
    """Rows of one file.

    rows: None for all.
    corrected: `row_number` and the contract's columns, as a person wrote them.
    """

    file: OpenFile
    rows: list[int] | None = None
    corrected: pl.DataFrame | None = None


def kept_rows(conn: psycopg.Connection[Any], engine: str, file_id: int | None, ranges: Ranges) -> list[Target]:
    """All that is in quarantine of an engine, or of one file, or those of its rows.

    AutonamaError where the ledger has no such file of this engine, or a range holds no row that is in quarantine.
    """
    if file_id is None:
        return [Target(file) for file in quarantine.open_files(conn, engine)]
    owner = quarantine.engine_of(conn, file_id)
    if owner is None:
        raise AutonamaError(
            f"The ledger has no file {file_id}. `autonama runs RUN` shows the numbers of a run's files."
        )
    if owner != engine:
        raise ConfigError(f"File {file_id} is of engine {owner}: add --engine {owner}.")
    fates = {row: run for (_, row), run in quarantine.fates(conn, engine, [file_id]).items()}
    rows = [row for row, run in sorted(fates.items()) if run is None and _within(row, ranges)]
    for first, last in ranges:
        if not any(first <= row <= last for row in rows):
            raise AutonamaError(_absent(file_id, first, last, fates))
    return [Target(file, rows if ranges else None) for file in quarantine.open_files(conn, engine, [file_id])]


def corrected_rows(
    conn: psycopg.Connection[Any], engine: str, corrections: Corrections
) -> tuple[list[Target], SetOutcome | None]:
    """The rows that a corrected file names, by file; and what the file itself has to be told, if anything."""
    if corrections.condemned:
        return [], _told(corrections, corrections.issues, ())
    frame = corrections.frame
    fates = quarantine.fates(conn, engine, frame["file_id"].drop_nulls().unique().to_list())
    keys = list(zip(frame["file_id"].to_list(), frame["row_number"].to_list(), strict=True))
    lines: dict[tuple[int, int], list[int]] = {}
    for at, key in zip(frame["row"].to_list(), keys, strict=True):
        lines.setdefault(key, []).append(at)
    unknown = [_unknown(key, at) for key, places in lines.items() if key not in fates for at in places]
    twice = [_twice(key, places) for key, places in lines.items() if key in fates and len(places) > 1]
    before = [key for key, places in lines.items() if len(places) == 1 and fates.get(key, 0)]
    usable = frame.filter(
        pl.Series([len(lines[key]) == 1 and fates.get(key, 0) is None for key in keys], dtype=pl.Boolean)
    )
    issues = pl.concat([corrections.issues, issue_frame([*unknown, *twice])]).sort("row", nulls_last=False)
    ids = usable["file_id"].unique().sort().to_list()
    files = quarantine.open_files(conn, engine, ids)
    targets = [_target(file, usable.filter(file_id=file.id)) for file in files]
    notes = [f"Rows replayed before, and left alone: {len(before):,}."] if before else []
    return targets, _told(corrections, issues, notes) if notes or not issues.is_empty() else None


def _target(file: OpenFile, corrected: pl.DataFrame) -> Target:
    return Target(file, corrected["row_number"].to_list(), corrected)


def _within(row: int, ranges: Ranges) -> bool:
    return not ranges or any(first <= row <= last for first, last in ranges)


def _absent(file_id: int, first: int, last: int, fates: dict[int, int | None]) -> str:
    if first == last and (run := fates.get(first)) is not None:
        return f"Row {first} of file {file_id} is in quarantine no more: run {run} published it."
    named = f"Row {first}" if first == last else f"None of the rows {first} to {last}"
    return f"{named} of file {file_id} is {'not ' if first == last else ''}in quarantine."


def _unknown(key: tuple[int | None, int | None], at: int) -> dict[str, Any]:
    if None in key:
        message = f"Row {at}: file_id and row_number are no whole numbers; leave both columns as they were written"
    else:
        message = f"Row {at}: row {key[1]} of file {key[0]} was never in this engine's quarantine"
    return issue("correction_matches", message, row=at, column="row_number")


def _twice(key: tuple[int, int], places: Sequence[int]) -> dict[str, Any]:
    listed = ", ".join(map(str, places))
    message = f"Row {places[0]}: row {key[1]} of file {key[0]} is corrected more than once, in rows {listed}"
    return issue("correction_matches", message, row=places[0], column="row_number", rows=list(places))


def _told(corrections: Corrections, issues: pl.DataFrame, notes: Sequence[str]) -> SetOutcome:
    """The corrected file's own outcome: refused where a row of it could not be used."""
    errors = issues.filter(severity="error")
    rows = pl.concat([errors["row"].drop_nulls(), errors["rows"].drop_nulls().explode(empty_as_null=True).drop_nulls()])
    outcome = SetOutcome(
        name=corrections.path.name,
        sha256=corrections.sha256,
        status="rejected" if errors.height else "already_published",
        files=(corrections.path,),
        counts=RowCounts(read=rows.n_unique()),
        alerts=AlertCounts(),
        issues=issues,
    )
    return replace(outcome, notes=tuple(notes))
