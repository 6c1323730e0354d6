"""The `autonama` command. Modules of commands import what is heavy when they run, so that --help is quick."""

import sys
from typing import Annotated

import typer

from autonama import __version__
from autonama.cli import cleanup, db, demo, doctor, ingest, rules, runs, why
from autonama.cli.edge import guarded

app = typer.Typer(
    name="autonama",
    help="Carries the result files of backtest engines into PostgreSQL, and lets nothing false, doubled or "
    "half-written through.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 refused, 2 usage or configuration, 3 database, 4 files, 130 interrupted.",
)
app.command()(ingest.ingest)
app.command()(ingest.validate)
app.command()(runs.runs)
app.command()(why.why)
app.command()(rules.rules)
app.command()(cleanup.cleanup)
app.add_typer(db.app, name="db")
app.command()(doctor.doctor)
app.command()(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"autonama {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Carry result files into PostgreSQL."""


def run() -> None:
    """Entry point of the console script."""
    sys.exit(guarded(lambda: app(standalone_mode=False)))
