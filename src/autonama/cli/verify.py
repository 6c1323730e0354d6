"""`autonama verify`: result files computed again from market data."""

from __future__ import annotations

import json
import os
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.analyze import JobsOption, SourceOption, UrlOption, opened, shown_steps
from autonama.cli.configured import configured
from autonama.cli.edge import unread_output
from autonama.cli.extras import ANALYSIS, need
from autonama.cli.ingest import PathsArgument, PatternOption, VerboseOption
from autonama.cli.options import ConfigOption, EngineOption, JsonOption
from autonama.errors import AutonamaError

if TYPE_CHECKING:
    from autonama.analysis.analyze import Source
    from autonama.verification import Verification

LookbackOption = Annotated[
    int | None,
    typer.Option("--lookback", min=3, max=5000, help="Of rows that state none. Default: the grid's are tried."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Every set of a directory, oldest first, not just the newest.")]
ToleranceOption = Annotated[
    float | None,
    typer.Option(
        "--tolerance",
        min=0,
        max=1,
        help="Largest relative difference. Default: 0 for rows that state all of their terms, as the open engine's do; "
        "1e-6 for the bands, price and signal of others.",
        show_default=False,
    ),
]


def verify(
    paths: PathsArgument = None,
    source: SourceOption = "binance",
    engine: EngineOption = "vectorbt",
    lookback: LookbackOption = None,
    tolerance: ToleranceOption = None,
    config: ConfigOption = None,
    results_pattern: PatternOption = None,
    every: AllOption = False,
    jobs: JobsOption = None,
    exchange_url: UrlOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Compute result files again from market data, and say what is not reproduced. No database is touched."""
    need("Verifying", "analysis", ANALYSIS)
    from autonama.ingestion.outcome import RunOutcome
    from autonama.ingestion.pipeline import Job
    from autonama.ingestion.report.log import log_run
    from autonama.logs import logging_to
    from autonama.verification import Verification, Wish
    from autonama.verification import verify as compare

    settings = configured(config)
    job = Job(engine, settings, tuple(paths or ()), results_pattern, every=every, allow_stale=True)
    wish = Wish(lookback, tolerance, jobs or os.cpu_count() or 1)

    def open_source(interval: str) -> AbstractContextManager[Source]:
        return opened(source, exchange_url, interval, settings)

    try:
        with logging_to(settings), shown_steps() as track:
            done = compare(job, open_source, wish, track)
            log_run(done.run)
    except (AutonamaError, KeyboardInterrupt) as ending:
        if as_json:
            run = RunOutcome(None, engine, "failed", validate_only=True, sets=())
            _print_json(Verification(run.broken_off(ending), 0, 0, 0))
        raise
    with unread_output():
        _print_json(done) if as_json else _print(done, verbose=verbose)
    return done.run.exit_code


def _print(done: Verification, *, verbose: bool) -> None:
    from autonama.cli.console import Console
    from autonama.ingestion.report.terminal import print_run

    print_run(done.run, Console(), verbose=verbose, closing=done.told)


def _print_json(done: Verification) -> None:
    from autonama.ingestion.report import as_json

    counts = {"reproduced": done.reproduced, "not_reproduced": done.not_reproduced, "not_checked": done.not_checked}
    sys.stdout.write(json.dumps({**as_json(done.run), "verified": counts}, ensure_ascii=False) + "\n")
