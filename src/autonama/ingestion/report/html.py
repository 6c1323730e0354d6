"""A run as one HTML page that needs nothing else: no request, no script, light and dark, phone and wide screen."""

import os
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from tempfile import NamedTemporaryFile

from autonama.errors import FilesError
from autonama.ingestion.outcome import RunOutcome
from autonama.ingestion.report.findings import severities
from autonama.ingestion.report.markup import NUMBER, Heading, mark, table, text
from autonama.ingestion.report.next_step import next_step
from autonama.ingestion.report.plain import count, counted, moment, path_text
from autonama.ingestion.report.sections import set_section
from autonama.ingestion.report.status import STATUS_WORDS
from autonama.visible import visible

SET_HEADINGS = (
    Heading("Set", "name"),
    Heading("Status"),
    Heading("Read", NUMBER),
    Heading("Inserted", NUMBER),
    Heading("Updated", NUMBER),
    Heading("Unchanged", NUMBER),
    Heading("Quarantined", NUMBER),
    Heading("Errors", NUMBER),
    Heading("Warnings", NUMBER),
)


def write_html(run: RunOutcome, path: Path) -> None:
    """Write the page. The file is complete or the old one: it is renamed into place.

    FilesError where it cannot be written.
    """
    page = as_html(run).encode("utf-8", "backslashreplace")
    try:
        _write(page, path)
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the path.
        reason = getattr(error, "strerror", None) or str(error)
        raise FilesError(
            f"The report could not be written to {visible(path_text(path))}: {reason}. "
            "Name a file in a directory that exists and that you may write to."
        ) from error


def _write(page: bytes, path: Path) -> None:
    # A symbolic link stays one; a device or a pipe such as /dev/stdout must not be replaced by a file.
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        target.write_bytes(page)
        return
    with NamedTemporaryFile(dir=target.parent, prefix=".autonama-", suffix=".html", delete=False) as file:
        try:
            file.write(page)
            file.close()
            Path(file.name).chmod(_mode(target))
            Path(file.name).replace(target)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _mode(target: Path) -> int:
    """The rights of the file that is replaced, or those of any new file: a temporary one is its owner's alone."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def as_html(run: RunOutcome) -> str:
    """The page as text."""
    alone = len(run.sets) == 1
    name = run.sets[0].name if alone else counted(len(run.sets), "result set") if run.sets else run.engine
    about = ["Autonama", run.engine, *([] if run.run_id is None else [f"run {run.run_id}"])]
    body = [_notes(run), "" if alone or not run.sets else _overview(run)]
    body += [set_section(outcome, number, alone=alone) for number, outcome in enumerate(run.sets, start=1)]
    return _template("page.html").substitute(
        title=text(f"{name}: {STATUS_WORDS[run.status]}"),
        style=_template("page.css").template,
        about=text(" · ".join(about)),
        heading=f"{mark(run.status)} {text(name)}",
        next=text(next_step(run)),
        error=f'<p class="failure">{text(run.error)}</p>' if run.error else "",
        body="".join(body),
        footer=text(f"Written {moment(datetime.now(UTC))} after a run of {run.elapsed_s:,.2f} s. All times are UTC."),
    )


def _template(name: str) -> Template:
    return Template(files("autonama.ingestion.report").joinpath(name).read_text(encoding="utf-8"))


def _notes(run: RunOutcome) -> str:
    told = [*run.notes]
    told += [f"Cleaned up: {counted(number, 'row')} of {name}." for name, number in run.cleanup.items() if number]
    return f'<div class="files soft">{"".join(f"<div>{text(note)}</div>" for note in told)}</div>' if told else ""


def _overview(run: RunOutcome) -> str:
    """One line a set, and their sums."""
    rows, sums = [], [0] * (len(SET_HEADINGS) - 2)
    for number, one in enumerate(run.sets, start=1):
        counts = one.counts
        told = [counts.read, counts.inserted, counts.updated, counts.unchanged, counts.quarantined]
        told += severities(one.issues)
        sums = [whole + part for whole, part in zip(sums, told, strict=True)]
        rows.append([f'<a href="#set-{number}">{text(one.name)}</a>', mark(one.status), *map(count, told)])
    listed = table(SET_HEADINGS, rows, about="Result sets", foot=["Together", "", *map(count, sums)])
    return f"<h3>Result sets</h3>{listed}"
