"""Rows -> database, in one transaction: the rows, the alerts, the findings and the ledger's entry, or nothing."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import polars as pl
import psycopg

from autonama.database import ledger
from autonama.database.ledger import FileEntry
from autonama.engines.contract import Engine
from autonama.faults import reach
from autonama.ingestion.counts import AlertCounts, RowCounts
from autonama.ingestion.issues import as_csv
from autonama.ingestion.judging import Judging
from autonama.ingestion.load import Loader, store_summary
from autonama.ingestion.read import SourceFile


@dataclass(frozen=True)
class Publication:
    """Which set goes to the database, in which run, judged by which rules."""

    run_id: int
    engine: Engine
    set_name: str
    ruleset: str


@dataclass(frozen=True)
class Published:
    """What publishing did. `file_id` is None where the ledger already held every file."""

    file_id: int | None
    rows: RowCounts
    alerts: AlertCounts


class Refused(Exception):
    """The set was judged while it was published, and refused: nothing of it is stored."""


def publish(conn: psycopg.Connection[Any], publication: Publication, judging: Judging) -> Published:
    """Publish a set's good rows and put its bad ones into quarantine; exactly once for the same bytes.

    judging: the first of its files is the one whose rows are published.

    psycopg.Error and Refused leave the database as it was.
    """
    began = time.perf_counter()
    first, *others = judging.sources
    with conn.transaction():
        known = _already_published(conn, publication, judging.sources)
        reach("locked")
        if first.sha256 in known:
            file_id, run_id = known[first.sha256]
            _enter_companions(conn, publication, first, others, known, file_id)
            if run_id != publication.run_id:
                return Published(None, RowCounts(), AlertCounts())
            return _told(conn, file_id, judging)
        file_id = ledger.insert_file(conn, _entry(publication, first, "published"))
        _enter_companions(conn, publication, first, others, known, file_id)
        reach("entered")
        rows, alerts = _store_rows(conn, file_id, publication.engine, judging)
        judged = judging.judged()
        ledger.copy_issues(conn, as_csv(judged.verdict.issues, file_id))
        ledger.copy_quarantine(conn, file_id, judging.originals().iter_rows())
        counts = issue_counts(judged.verdict.issues)
        header = judging.sources[0].header
        ledger.settle_file(conn, file_id, issue_counts=counts, notes=judged.verdict.notes, header=header)
        seconds = time.perf_counter() - began
        ledger.count_file(conn, file_id, rows=asdict(rows), alerts=asdict(alerts), elapsed_s=seconds)
        ledger.notify(conn, f"published {file_id}")
        reach("counted")
    reach("committed")
    return Published(file_id, rows, alerts)


def record_rejection(conn: psycopg.Connection[Any], publication: Publication, judging: Judging) -> int:
    """Enter a refused set with its findings, in a transaction of its own. Returns the file's id."""
    with conn.transaction():
        first, *others = judging.sources
        verdict = judging.judged().verdict
        entry = replace(
            _entry(publication, first, "rejected"),
            rows_read=verdict.read,
            issue_counts=issue_counts(verdict.issues),
            notes=verdict.notes,
        )
        if (entered := ledger.refused_by_run(conn, entry)) is not None:
            return entered
        file_id = ledger.insert_file(conn, entry)
        for source in others:
            ledger.insert_file(conn, _entry(publication, source, "rejected", file_id))
        ledger.copy_issues(conn, as_csv(verdict.issues, file_id))
        ledger.notify(conn, f"rejected {file_id}")
        reach("refusing")
    reach("refused")
    return file_id


def _told(conn: psycopg.Connection[Any], file_id: int, judging: Judging) -> Published:
    """What this run published already: the commit came through, only its answer was lost on the way."""
    for _ in judging.blocks():
        pass
    counts = ledger.counts(conn, file_id)
    return Published(file_id, RowCounts(*counts[:5]), AlertCounts(*counts[5:]))


def _already_published(
    conn: psycopg.Connection[Any], publication: Publication, sources: Iterable[SourceFile]
) -> dict[str, tuple[int, int]]:
    contents = [source.sha256 for source in sources]
    ledger.lock_contents(conn, publication.engine.name, contents)
    return ledger.published(conn, publication.engine.name, contents)


def _enter_companions(
    conn: psycopg.Connection[Any],
    publication: Publication,
    first: SourceFile,
    others: Iterable[SourceFile],
    known: Mapping[str, tuple[int, int]],
    primary_id: int,
) -> None:
    """Enter the set's other files, so that their bytes, too, are known: they agreed with the first."""
    entered = {first.sha256, *known}
    for source in others:
        if source.sha256 not in entered:
            entered.add(source.sha256)
            ledger.insert_file(conn, _entry(publication, source, "companion", primary_id))


def _entry(
    publication: Publication,
    source: SourceFile,
    status: Literal["published", "companion", "rejected"],
    primary_id: int | None = None,
) -> FileEntry:
    """A file as it is entered; where its rows and findings went is settled when they are in."""
    return FileEntry(
        run_id=publication.run_id,
        engine=publication.engine.name,
        set_name=_text(publication.set_name),
        name=_text(source.path.name),
        path=_text(str(source.path.absolute())),
        format=source.format or "",
        sha256=source.sha256,
        size=source.size,
        modified_at=source.modified_at,
        status=status,
        ruleset=publication.ruleset,
        rows_read=0 if status == "published" else source.frame.height,
        primary_id=primary_id,
        header=source.header,
    )


def _text(name: str) -> str:
    """A file name may hold bytes that are no UTF-8; they are kept readable instead of failing the ledger."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _store_rows(
    conn: psycopg.Connection[Any], file_id: int, engine: Engine, judging: Judging
) -> tuple[RowCounts, AlertCounts]:
    try:
        with conn.transaction():
            return _load_rows(conn, Loader(conn, engine, file_id), engine, judging)
    except psycopg.errors.UniqueViolation:
        # Somebody published one of these keys between the look and the COPY: go the way that expects it.
        return _load_rows(conn, Loader(conn, engine, file_id, staged=True), engine, judging)


def _load_rows(
    conn: psycopg.Connection[Any], loader: Loader, engine: Engine, judging: Judging
) -> tuple[RowCounts, AlertCounts]:
    loader.take(judging.blocks())
    judged = judging.judged()
    if not judged.accepted:
        raise Refused
    loader.remove(judging.late())
    inserted, updated = loader.finish()
    reach("merged")
    alerts = loader.raise_alerts() if engine.alerts else AlertCounts()
    reach("alerted")
    verdict = judged.verdict
    if engine.summary is not None and verdict.summary is not None:
        store_summary(conn, loader.file_id, engine, verdict.summary)
    read, quarantined = verdict.read, verdict.bad.height
    return RowCounts(read, inserted, updated, read - quarantined - inserted - updated, quarantined), alerts


def issue_counts(issues: pl.DataFrame) -> Mapping[str, int]:
    """Issues by code, in the order of their first appearance."""
    return dict(issues.group_by("code", maintain_order=True).len().iter_rows())
