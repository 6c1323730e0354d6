"""`autonama runs`: what the ledger remembers of the latest runs, or of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from autonama.cli.options import ConfigOption, DatabaseUrlOption, JsonOption, LimitOption
from autonama.errors import AutonamaError

if TYPE_CHECKING:
    from rich.table import Table

    from autonama.cli.console import Console

COUNTS = ("rows_read", "rows_quarantined", "rows_open")

RunArgument = Annotated[int | None, typer.Argument(metavar="[RUN]", help="One run, in full.", show_default=False)]


def runs(
    run: RunArgument = None,
    limit: LimitOption = 20,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest runs, or show one with its files and findings."""
    from autonama.cli.ledger_view import open_ledger, print_json
    from autonama.database import ledger

    with open_ledger(config, database_url) as session:
        listed = session.run(lambda conn: ledger.runs(conn, limit if run is None else 1_000_000))
        if run is None:
            print_json({"runs": listed}) if as_json else _print_runs(listed)
            return
        found = next((entry for entry in listed if entry["id"] == run), None)
        if found is None:
            raise AutonamaError(f"There is no run {run} in the ledger. `autonama runs` lists them.")
        files = session.run(lambda conn: ledger.run_files(conn, run))
        issues = session.run(lambda conn: ledger.run_issues(conn, run, limit))
    detail = {"run": found, "files": files, "issues": issues}
    print_json(detail) if as_json else _print_run(detail)


def _print_runs(listed: list[dict[str, Any]]) -> None:
    from autonama.cli.console import Console

    console = Console()
    if not listed:
        console.print("No run yet. `autonama ingest` makes the first.")
        return
    console.print(_runs_table(listed))
    console.print(f"`autonama runs {listed[0]['id']}` shows one in full.", highlight=False)


def _runs_table(listed: list[dict[str, Any]]) -> Table:
    from autonama.cli.ledger_view import grid, number, utc

    counts = ("Sets", "Read", "New", "Upd.", "Same", "Aside")
    table = grid(
        ("Run", "Began (UTC)", "Engine", "Status", *counts),
        right=("Run", *counts),
        whole=("Began (UTC)", "Engine", "Status"),
    )
    for entry in listed:
        values = (entry[key] for key in ("sets", "rows_read", "inserted", "updated", "unchanged", "quarantined"))
        began = utc(entry["started_at"])[:-3]
        status = entry["status"].replace("_", " ")
        table.add_row(str(entry["id"]), began, entry["engine"], status, *(number(value) for value in values))
    return table


def _print_run(detail: dict[str, Any]) -> None:
    from autonama.cli.console import Console
    from autonama.cli.ledger_view import grid, number, plain, seconds

    console = Console()
    run = detail["run"]
    console.print(_runs_table([run]))
    console.print(f"It took {seconds(run['started_at'], run['finished_at'])}.", highlight=False)
    if run["error"]:
        console.print(plain(f"Error: {run['error']}"))
    numbers = ("Rows", "Aside", "Open", "Issues")
    files = grid(("File", "Status", *numbers, "SHA-256"), right=numbers, whole=("Status", "SHA-256"))
    for entry in detail["files"]:
        issues = sum(entry["issue_counts"].values())
        name, sha256 = plain(entry["name"]), entry["sha256"][:12]
        counts = (number(value) for value in (*(entry[key] for key in COUNTS), issues))
        files.add_row(name, entry["status"], *counts, sha256)
    console.print(files)
    _print_open(console, detail["files"])
    _print_issues(console, detail["issues"])


def _print_open(console: Console, files: list[dict[str, Any]]) -> None:
    for entry in files:
        if entry["rows_open"]:
            rows = "1 row" if entry["rows_open"] == 1 else f"{entry['rows_open']:,} rows"
            engine = "" if entry["engine"] == "vectorbt" else f" --engine {entry['engine']}"
            console.print(
                f"{rows} of file {entry['id']} still in quarantine: `autonama replay --file {entry['id']}{engine}` "
                "judges again, with `--export FILE` it writes them out to be corrected.",
                highlight=False,
            )


def _print_issues(console: Console, issues: list[dict[str, Any]]) -> None:
    from autonama.cli.ledger_view import grid, plain

    if not issues:
        return
    table = grid(("Severity", "Rule", "Finding"), right=(), whole=("Severity", "Rule"))
    for entry in issues:
        table.add_row(entry["severity"], entry["code"], plain(entry["message"]))
    console.print(table)
