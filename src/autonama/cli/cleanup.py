"""`autonama cleanup`: delete results that are older than some days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.configured import configured
from autonama.cli.options import ConfigOption, DatabaseUrlOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Mapping

DaysOption = Annotated[
    int | None, typer.Option("--days", help="Keep this many days. Default: cleanup_days of the config.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only count what would be deleted.")]


def cleanup(
    days: DaysOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete results stored longer ago than --days. The ledger stays: no published file is published again."""
    import logging

    from autonama.cli.ledger_view import print_json
    from autonama.database.connect import connect
    from autonama.database.retention import cleanup as delete_old
    from autonama.engines import engine_tables
    from autonama.logs import logging_to

    settings = configured(config, database_url=database_url)
    kept_days = settings.cleanup_days if days is None else days
    with logging_to(settings), connect(settings) as conn:
        rows = delete_old(conn, kept_days, tables=engine_tables(), dry_run=dry_run)
        if not dry_run:
            told = ", ".join(f"{table} {count:,}" for table, count in rows.items())
            logging.getLogger("autonama.database").info("Cleanup of rows older than %s days: %s", kept_days, told)
    if as_json:
        print_json({"days": kept_days, "dry_run": dry_run, "rows": rows})
    else:
        _print(rows, kept_days, dry_run)


def _print(rows: Mapping[str, int], days: int, dry_run: bool) -> None:
    did = "would be deleted" if dry_run else "deleted"
    for table, count in rows.items():
        place = table if "." in table else f"trading.{table}"
        typer.echo(f"{place}: {count:,} {'row' if count == 1 else 'rows'} older than {days} days {did}")
