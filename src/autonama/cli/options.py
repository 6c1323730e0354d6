"""Flags that several commands share, in one spelling.

`readable=False` leaves a path's rights to the stage that opens it, which names the file, the right and exit code 4.
"""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", readable=False, help="Configuration file. Default: config.json in this directory, if there is one."
    ),
]
DatabaseUrlOption = Annotated[
    str | None,
    typer.Option("--database-url", help="A PostgreSQL URL, in place of the configured database.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="How many at the most.")]
EngineOption = Annotated[
    str, typer.Option("--engine", help="Whose files they are: vectorbt, enhanced, sweep, or an engine of a plug-in.")
]
ResultsDirOption = Annotated[
    Path | None,
    typer.Option(
        "--engine-results-dir",
        readable=False,
        help="Where the engine writes. Default: engine_results_dir of the config.",
    ),
]
