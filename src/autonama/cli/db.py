"""`autonama db`: the database's schema, state and address, the embedded server; backup and rights in `backup`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli import backup
from autonama.cli.configured import configured
from autonama.cli.edge import at_edge
from autonama.cli.options import ConfigOption, DatabaseUrlOption, JsonOption

if TYPE_CHECKING:
    from autonama.config import Settings
    from autonama.database.status import Status

app = typer.Typer(help="Make, upgrade, look at and stop the database.", no_args_is_help=True)

ShowPasswordOption = Annotated[
    bool, typer.Option("--show-password", help="Print the password too, for a program that has to log in.")
]


@app.command()
@at_edge
def init(config: ConfigOption = None, database_url: DatabaseUrlOption = None) -> None:
    """Make the database ready: the embedded server, if it is the one that is set, and the schema."""
    from autonama.database import connect

    settings = configured(config, database_url=database_url)
    _bring_to_head(settings)
    typer.echo(f"Ready: {connect.shown(settings)}")


@app.command()
@at_edge
def upgrade(config: ConfigOption = None, database_url: DatabaseUrlOption = None) -> None:
    """Bring the schema to this package's version, all or nothing. Tables of the older scripts are adopted."""
    _bring_to_head(configured(config, database_url=database_url))


@app.command()
@at_edge
def status(config: ConfigOption = None, database_url: DatabaseUrlOption = None, as_json: JsonOption = False) -> None:
    """Show the server, the schema's version, and how much is stored."""
    from autonama.cli.ledger_view import print_json
    from autonama.database import connect, migrate
    from autonama.database.session import Session
    from autonama.database.status import status as look

    settings = configured(config, database_url=database_url)
    with Session(settings) as session:
        found = session.run(look)
    address = connect.shown(settings)
    if as_json:
        print_json({**vars(found), "address": address, "head": migrate.HEAD})
    else:
        _print_status(found, address)


@app.command()
@at_edge
def url(
    config: ConfigOption = None, database_url: DatabaseUrlOption = None, show_password: ShowPasswordOption = False
) -> None:
    """Print the database's address, as `psql "$(autonama db url --show-password)"` takes it."""
    from autonama.database import connect

    typer.echo(
        connect.address(connect.conninfo(configured(config, database_url=database_url)), show_password=show_password)
    )


@app.command()
@at_edge
def stop(config: ConfigOption = None) -> None:
    """Stop the embedded server. The next command that needs it starts it again."""
    from autonama.database import embedded

    settings = configured(config)
    stopped = embedded.stop(settings.data_dir)
    typer.echo("The embedded PostgreSQL was stopped." if stopped else "The embedded PostgreSQL was not running.")


app.command()(at_edge(backup.dump))
app.command()(at_edge(backup.restore))
app.command()(at_edge(backup.grants))


def _bring_to_head(settings: Settings) -> None:
    import logging

    from autonama.database import connect, migrate
    from autonama.logs import logging_to

    with logging_to(settings), connect.connect(settings) as conn:
        said = migrate.upgrade(conn, connect.conninfo(settings))
        for sentence in said:
            logging.getLogger("autonama.database").info(sentence)
    for sentence in said or [f"Nothing to do: the schema is at version {migrate.HEAD}."]:
        typer.echo(sentence)


def _print_status(found: Status, address: str) -> None:
    from autonama.cli.console import Console
    from autonama.cli.ledger_view import grid, number, plain, utc
    from autonama.database.migrate import HEAD

    console = Console(highlight=False)
    console.print(plain(f"Database  {address}"), soft_wrap=True)
    console.print(f"Server    PostgreSQL {found.server_version}, up since {utc(found.started_at)} UTC")
    console.print(f"Size      {found.size_bytes / 1e6:,.1f} MB")
    if found.schema_version is None:
        console.print(f"Schema    none yet. `autonama db init` makes version {HEAD}.")
    elif found.schema_version == HEAD:
        console.print(f"Schema    version {HEAD}, the latest")
    else:
        console.print(f"Schema    version {found.schema_version}; this package has {HEAD}. Run: autonama db upgrade")
    table = grid(("Table", "Rows"), right=("Rows",))
    for name, rows in found.rows.items():
        table.add_row(name, number(rows))
    if found.rows:
        console.print(table)
