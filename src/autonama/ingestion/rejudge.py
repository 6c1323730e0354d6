"""One file's quarantined rows, in one transaction: read again, judged, and published or kept."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, cast

import polars as pl
import psycopg

from autonama.database import ledger, quarantine
from autonama.database.ledger import FileEntry
from autonama.database.quarantine import OpenFile, OpenRow
from autonama.engines import Engine
from autonama.faults import reach
from autonama.ingestion.counts import AlertCounts, RowCounts
from autonama.ingestion.formats.originals import Original, read_csv, read_json, shown_nul
from autonama.ingestion.formats.rows import Rows
from autonama.ingestion.issues import as_csv, issue, issue_frame, no_issues
from autonama.ingestion.load import add_rows, table_of
from autonama.ingestion.names import Format
from autonama.ingestion.outcome import REPORTED, SetOutcome, SetStatus, reported
from autonama.ingestion.publish import issue_counts
from autonama.ingestion.read import SourceFile
from autonama.ingestion.rules import RuleSet
from autonama.ingestion.selection import Target
from autonama.ingestion.validate import Verdict, validate


@dataclass(frozen=True)
class Bench:
    """What rows are judged by: the rules, and the zone in which times without an offset are read."""

    engine: Engine
    rules: RuleSet
    zone: tzinfo


def reread(file: OpenFile, rows: Sequence[OpenRow], engine: Engine) -> Rows:
    """The rows from their own texts. An issue without a row where the header, with the columns' names, is not kept."""
    originals = [
        Original(row.row_number, row.line_number, row.original, shown_nul(row.original, row.reasons)) for row in rows
    ]
    if file.format != "csv":
        return read_json(originals, engine)
    if file.header is not None:
        return read_csv(originals, file.header, engine)
    blank = read_csv(originals, "", engine)
    return Rows(blank.frame, issue_frame([_headless(file)]))


def rejudge(
    conn: psycopg.Connection[Any], run_id: int, bench: Bench, target: Target, *, corrected_in: Path | None
) -> SetOutcome:
    """Judge the target's rows again and publish those that pass; inside the caller's transaction.

    Rows that another replay published meanwhile are left out.
    """
    began = time.perf_counter()
    file = target.file
    quarantine.lock_file(conn, file.id)
    taken = quarantine.open_rows(conn, file.id, target.rows)
    reach("locked")
    if not taken:
        return _outcome(file, "", "already_published", None, RowCounts(), AlertCounts())
    source = _source(target, taken, bench.engine)
    verdict = validate(source, bench.engine, bench.rules, bench.zone, keep=REPORTED)
    verdict = verdict.with_issues(_published_beside(conn, file.id, verdict, bench))
    reach("validated")
    notes = (f"Corrected in {corrected_in.name}.",) if corrected_in else ()
    replay_id = ledger.insert_file(conn, _entry(run_id, bench, file, source, verdict, notes))
    reach("entered")
    inserted, alerts = 0, AlertCounts()
    if not verdict.good.is_empty():
        inserted, alerts, held = add_rows(conn, replay_id, bench.engine, verdict.good)
        verdict = verdict.with_issues(_held(source, held))
    passed = verdict.good["row"].to_list()
    counts = RowCounts(len(taken), inserted, 0, len(passed) - inserted, len(taken) - len(passed))
    quarantine.close_rows(conn, file.id, passed, replay_id)
    quarantine.renew_reasons(conn, file.id, dict(verdict.bad.select("row", "reasons").iter_rows()))
    ledger.copy_issues(conn, as_csv(verdict.issues, replay_id))
    elapsed = time.perf_counter() - began
    ledger.count_file(conn, replay_id, rows=asdict(counts), alerts=asdict(alerts), elapsed_s=elapsed)
    entered = "published" if passed else "rejected"
    quarantine.settle_replay(conn, replay_id, entered, issue_counts(verdict.issues))
    ledger.notify(conn, f"{entered} {replay_id}")
    reach("counted")
    status: SetStatus = "rejected" if not passed else "quarantined" if counts.quarantined else "published"
    return _outcome(file, source.sha256, status, verdict, counts, alerts)


def _source(target: Target, taken: Sequence[OpenRow], engine: Engine) -> SourceFile:
    """The rows as a file of their own. Its content is told by the file that they came from and by their texts."""
    rows = reread(target.file, taken, engine)
    if target.corrected is not None:
        rows = _corrected(target.corrected, rows, engine)
    content = hashlib.sha256(f"{target.file.id}".encode())
    size = 0
    for part in _parts(rows.frame, target):
        content.update(part)
        size += len(part)
    path, form = Path(target.file.path), cast(Format, target.file.format)
    return SourceFile(path, form, content.hexdigest(), size, datetime.now(UTC), rows.frame, rows.issues)


def _parts(frame: pl.DataFrame, target: Target) -> Iterator[bytes]:
    shown = frame.select("row", "raw") if target.corrected is None else frame.drop("line", "raw")
    return ((json.dumps(row, ensure_ascii=False) + "\n").encode() for row in shown.iter_rows())


def _corrected(corrected: pl.DataFrame, kept: Rows, engine: Engine) -> Rows:
    """The corrected texts under the rows' own numbers; a row that was left as it is keeps what its own text says."""
    names = [column.name for column in engine.columns]
    texts = corrected.select(pl.col("row_number").cast(pl.UInt32).alias("row"), *names)
    frame = kept.frame.select("row", "line", "raw").join(texts, on="row", how="left", maintain_order="left")
    same = (frame.select(names).fill_null("") == kept.frame.select(names).fill_null("")).select(
        pl.all_horizontal(names)
    )
    untouched = frame.filter(same.to_series())["row"]
    return Rows(frame, kept.issues.filter(pl.col("row").is_in(untouched.implode())))


def _published_beside(conn: psycopg.Connection[Any], file_id: int, verdict: Verdict, bench: Bench) -> pl.DataFrame:
    """`duplicate_key` against what was published from the same file. A looser key is the table's own affair."""
    rule = next((one for one in bench.rules.rules if one.same == ("symbol", "interval")), None)
    good = verdict.good
    if rule is None or good.is_empty():
        return no_issues()
    symbols = good["symbol"].unique().to_list()
    beside = quarantine.published_beside(conn, table_of(bench.engine), file_id, symbols)
    found = [
        issue(
            rule.code,
            f"Row {row}: Duplicate symbol: {symbol} at {interval} is published from row {other} of the same file",
            severity=rule.severity,
            row=row,
            line=line,
            column=rule.column,
            value=symbol,
        )
        for row, line, symbol, interval in good.select("row", "line", "symbol", "interval").iter_rows()
        if (other := beside.get((symbol, interval))) is not None
    ]
    return issue_frame(found)


def _held(source: SourceFile, held: dict[int, str]) -> pl.DataFrame:
    lines = dict(source.frame.select("row", "line").iter_rows())
    return issue_frame(
        [
            issue(
                "stored_row_kept",
                f"Row {row}: other values are stored under its key ({place}); a replay overwrites nothing",
                row=row,
                line=lines[row],
            )
            for row, place in sorted(held.items())
        ]
    )


def _headless(file: OpenFile) -> dict[str, Any]:
    return issue(
        "file_format",
        f"Rows of {file.name} were put aside by an older version, which did not keep the header: their fields have no "
        f"names. Write them out with autonama replay --file {file.id} --export FILE, fill in the columns, give it back",
    )


def _entry(
    run_id: int, bench: Bench, file: OpenFile, source: SourceFile, verdict: Verdict, notes: tuple[str, ...]
) -> FileEntry:
    return FileEntry(
        run_id=run_id,
        engine=bench.engine.name,
        set_name=file.set_name,
        name=file.name,
        path=file.path,
        format=file.format,
        sha256=source.sha256,
        size=source.size,
        modified_at=source.modified_at,
        status="rejected" if verdict.good.is_empty() else "published",
        ruleset=bench.rules.version,
        rows_read=source.frame.height,
        issue_counts=issue_counts(verdict.issues),
        notes=(*verdict.notes, *notes),
        header=file.header,
        replay_of=file.id,
    )


def _outcome(
    file: OpenFile, sha256: str, status: SetStatus, verdict: Verdict | None, counts: RowCounts, alerts: AlertCounts
) -> SetOutcome:
    first = f"From the quarantine of file {file.id}, which run {file.run_id} published."
    return SetOutcome(
        name=file.set_name,
        sha256=sha256,
        status=status,
        files=(Path(file.path),),
        counts=counts,
        alerts=alerts,
        issues=verdict.issues if verdict else no_issues(),
        rows=reported(verdict) if verdict else None,
        kept=verdict.kept if verdict else None,
        notes=(first, *(verdict.notes if verdict else ())),
        replay_of=file.id,
    )
