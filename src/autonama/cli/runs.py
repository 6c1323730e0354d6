"""`autonama runs`: what the ledger remembers of the latest runs, or of one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autonama.cli.options import ConfigOption, DatabaseUrlOption, JsonOption, LimitOption
from autonama.errors import AutonamaError

if TYPE_CHECKING:
    from autonama.cli.console import Console

COUNTS = {
    "Sets": "sets",
    "Read": "rows_read",
    "New": "inserted",
    "Upd.": "updated",
    "Same": "unchanged",
    "Aside": "quarantined",
}
"""Titles of a run's numbers, and where they stand."""

FILE_COUNTS = ("rows_read", "rows_quarantined", "rows_open")

LARGEST_ID = 2**63 - 1

RunArgument = Annotated[
    int | None, typer.Argument(metavar="[RUN]", help="One run, in full.", show_default=False, max=LARGEST_ID)
]


def runs(
    run: RunArgument = None,
    limit: LimitOption = 20,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest runs, or show one with its files and its first --limit findings."""
    from autonama.cli.ledger_view import open_ledger, print_json
    from autonama.database import ledger

    with open_ledger(config, database_url) as session:
        listed = session.run(lambda conn: ledger.runs(conn, limit, run))
        if run is None:
            print_json({"runs": listed}) if as_json else _print_runs(listed)
            return
        if not listed:
            raise AutonamaError(f"There is no run {run} in the ledger. `autonama runs` lists them.")
        files = session.run(lambda conn: ledger.run_files(conn, run))
        issues = session.run(lambda conn: ledger.run_issues(conn, run, limit))
    detail = {"run": listed[0], "files": files, "issues": issues}
    print_json(detail) if as_json else _print_run(detail)


def _print_runs(listed: list[dict[str, Any]]) -> None:
    from autonama.cli.console import Console

    console = Console()
    if not listed:
        console.print("No run yet. `autonama ingest` makes the first.")
        return
    _print_table(console, listed)
    console.print(f"`autonama runs {listed[0]['id']}` shows one in full.", highlight=False)


def _print_table(console: Console, listed: Sequence[dict[str, Any]]) -> None:
    from autonama.cli.ledger_view import number, print_table, utc

    rows = [
        (
            str(entry["id"]),
            utc(entry["started_at"])[:-3],
            entry["engine"],
            entry["status"].replace("_", " "),
            *(number(entry[key]) for key in COUNTS.values()),
        )
        for entry in listed
    ]
    print_table(
        console,
        ("Run", "Began (UTC)", "Engine", "Status", *COUNTS),
        rows,
        right=("Run", *COUNTS),
        whole=("Began (UTC)", "Status"),
        optional=("Same", "Sets", "Upd."),
    )


def _print_run(detail: dict[str, Any]) -> None:
    from autonama.cli.console import Console
    from autonama.cli.ledger_view import plain, seconds

    console = Console(highlight=False)
    run = detail["run"]
    _print_table(console, [run])
    console.print(f"It took {seconds(run['started_at'], run['finished_at'])}.")
    if run["error"]:
        console.print(plain(f"Error: {run['error']}"))
    if detail["files"]:
        _print_files(console, detail["files"])
        _print_open(console, detail["files"])
    _print_issues(console, detail)


def _print_files(console: Console, files: Sequence[dict[str, Any]]) -> None:
    from autonama.cli.ledger_view import number, print_table

    numbers = ("ID", "Rows", "Aside", "Open", "Issues")
    rows = [
        (
            str(entry["id"]),
            entry["name"],
            entry["status"],
            *(number(entry[key]) for key in FILE_COUNTS),
            number(sum(entry["issue_counts"].values())),
            entry["sha256"][:12],
        )
        for entry in files
    ]
    titles = ("ID", "File", "Status", *numbers[1:], "SHA-256")
    console.print()
    print_table(console, titles, rows, right=numbers, whole=("Status", "SHA-256"), optional=("SHA-256", "Open"))


def _print_open(console: Console, files: Sequence[dict[str, Any]]) -> None:
    for entry in files:
        if entry["rows_open"]:
            rows = "1 row" if entry["rows_open"] == 1 else f"{entry['rows_open']:,} rows"
            engine = "" if entry["engine"] == "vectorbt" else f" --engine {entry['engine']}"
            console.print(
                f"{rows} of file {entry['id']} still in quarantine: `autonama replay --file {entry['id']}{engine}` "
                "judges again, with `--export FILE` it writes them out to be corrected."
            )


def _print_issues(console: Console, detail: dict[str, Any]) -> None:
    """The findings file by file: row and column beside each, and how many more there are."""
    from autonama.cli.ledger_view import grid, plain

    issues = sorted(detail["issues"], key=lambda found: found["file_id"])
    for _, found in itertools.groupby(issues, key=lambda one: one["file_id"]):
        table = grid(("Severity", "Row", "Column", "Finding"), right=("Row",), whole=("Severity",))
        for entry in found:
            row = "–" if entry["row_number"] is None else f"{entry['row_number']:,}"
            text = entry["message"].removeprefix(f"Row {entry['row_number']}: ")
            told = plain(f"{entry['code']}: {text}")
            table.add_row(plain(entry["severity"]), row, plain(entry["column_name"] or "–"), told)
        console.print()
        console.print(plain(entry["file"]), style="bold")
        console.print(table)
    every = sum(sum(entry["issue_counts"].values()) for entry in detail["files"])
    if every > len(issues):
        command = f"autonama runs {detail['run']['id']} --limit {every}"
        console.print(f"{every - len(issues):,} more findings: `{command}` shows all, with --json for programs.")
