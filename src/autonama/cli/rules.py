"""`autonama rules`: the rule catalogue of an engine, as the configuration leaves it. The docs' table is made by it."""

from __future__ import annotations

from typing import Annotated

import typer

from autonama.cli.options import ConfigOption, EngineOption, JsonOption


def rules(
    engine: EngineOption = "vectorbt",
    config: ConfigOption = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As the table of the documentation.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the rules that an engine's files are judged by, with their severities."""
    from autonama.cli.ledger_view import grid, plain, print_json
    from autonama.config import load_settings
    from autonama.ingestion.catalogue import catalogue, folded

    entries = catalogue(engine, load_settings(config))
    if as_json:
        print_json({"engine": engine, "rules": [entry._asdict() for entry in entries]})
    elif as_markdown:
        typer.echo("| rule | level | severity | holds when |\n| --- | --- | --- | --- |")
        for entry in folded(entries):
            typer.echo(f"| `{entry.code}` | {entry.level} | {entry.severity} | {entry.holds.replace('|', '&#124;')} |")
    else:
        from autonama.cli.console import Console

        table = grid(("Rule", "Level", "Severity", "Holds when"), right=())
        for entry in entries:
            table.add_row(entry.code, entry.level, entry.severity, plain(entry.holds))
        Console().print(table)
