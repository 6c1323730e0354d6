"""`autonama db dump`, `restore` and `grants`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.configured import configured
from autonama.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    pass

DumpArgument = Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The dump.", show_default=False)]
OverwriteOption = Annotated[bool, typer.Option("--force", help="Replace FILE where it is there already.")]
ReplaceOption = Annotated[
    bool, typer.Option("--force", help="Replace the rows that the database holds. Those that are not in FILE are lost.")
]
WriterOption = Annotated[str, typer.Option("--writer", metavar="ROLE", help="Who ingests, validates and cleans up.")]
ReaderOption = Annotated[str, typer.Option("--reader", metavar="ROLE", help="Who reads, and no more.")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Run the SQL instead of printing it.")]

RIGHTS_LEFT_OUT = "Roles and rights are not part of a dump. Where you use them, run: autonama db grants --apply"


def dump(
    file: DumpArgument,
    force: OverwriteOption = False,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
) -> None:
    """Write all of Autonama's tables, of one moment, to FILE, for `restore`. Runs go on meanwhile."""
    import logging

    from autonama.database import backup, connect
    from autonama.logs import logging_to

    settings = configured(config, database_url=database_url)
    with logging_to(settings):
        made = backup.dump(settings, file, force=force)
        logging.getLogger("autonama.database").info("Dumped %s to %s", connect.shown(settings), made.file)
    typer.echo(f"Dumped to {made.file}: {made.size:,} bytes, schema version {made.version}.")
    typer.echo(RIGHTS_LEFT_OUT)


def restore(
    file: DumpArgument,
    force: ReplaceOption = False,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
) -> None:
    """Bring FILE's tables into the database, all or nothing. One that holds rows of Autonama is refused."""
    import logging

    from autonama.database import backup, connect
    from autonama.logs import logging_to

    settings = configured(config, database_url=database_url)
    with logging_to(settings):
        version = backup.restore(settings, file, force=force)
        logging.getLogger("autonama.database").info("Restored %s from %s", connect.shown(settings), file)
    typer.echo(f"Restored from {file}. {_next(version)}")
    typer.echo(RIGHTS_LEFT_OUT)


def grants(
    writer: WriterOption = "autonama_writer",
    reader: ReaderOption = "autonama_reader",
    apply: ApplyOption = False,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
) -> None:
    """Print the SQL that makes a writer and a read-only role with least rights; the database's owner runs it."""
    from autonama.database.connect import connect, translated
    from autonama.database.grants import statements

    settings = configured(config, database_url=database_url)
    with connect(settings) as conn:
        sql = statements(conn, writer, reader)
        if not apply:
            typer.echo(sql, nl=False)
            return
        with translated(conn):
            conn.execute(sql.encode())
    typer.echo(f"{writer} may write and {reader} may read. A role that was just made has no password yet: set one with")
    typer.echo("ALTER ROLE ... PASSWORD, or with psql's \\password, which shows it nowhere.")


def _next(version: str) -> str:
    from autonama.database.migrate import HEAD, REVISIONS

    if version == HEAD:
        return f"The schema is at version {version}, the latest."
    if version in REVISIONS:
        return f"The schema is at version {version}; this package has {HEAD}. Run: autonama db upgrade"
    return (
        f"The schema has version {version}, which this package does not know: a newer Autonama made it. Run: "
        "pip install --upgrade autonama"
    )
