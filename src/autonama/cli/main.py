"""The `autonama` command. Modules of commands import what is heavy when they run, so that --help is quick."""

from typing import Annotated

import typer

from autonama import __version__
from autonama.cli import analyze, cleanup, daily, db, demo, doctor, ingest, replay, rules, runs, verify, watch, web, why
from autonama.cli.edge import at_edge

app = typer.Typer(
    name="autonama",
    help="Carries the result files of backtest engines into PostgreSQL, and lets nothing false, doubled or "
    "half-written through.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 refused, 2 usage or configuration, 3 database, 4 files, 130 interrupted.",
)
app.command()(at_edge(ingest.ingest))
app.command()(at_edge(ingest.validate))
app.command()(at_edge(verify.verify))
app.command()(at_edge(watch.watch))
app.command()(at_edge(replay.replay))
app.command()(at_edge(analyze.analyze))
app.command()(at_edge(daily.daily))
app.command()(at_edge(runs.runs))
app.command()(at_edge(why.why))
app.command()(at_edge(rules.rules))
app.command()(at_edge(cleanup.cleanup))
app.add_typer(db.app, name="db")
app.command()(at_edge(web.web))
app.command()(at_edge(doctor.doctor))
app.command()(at_edge(demo.demo))


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
