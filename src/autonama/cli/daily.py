"""`autonama daily`: the whole day in one process, with one report and one exit code."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli import analyze, ingest
from autonama.cli.configured import configured
from autonama.cli.edge import unread_output
from autonama.cli.extras import ANALYSIS, need
from autonama.cli.options import ConfigOption, DatabaseUrlOption, JsonOption
from autonama.errors import AutonamaError

if TYPE_CHECKING:
    from autonama.cli.day import Analysed, Day
    from autonama.config import Settings
    from autonama.ingestion.outcome import RunOutcome
    from autonama.ingestion.pipeline import Job

CleanupOption = Annotated[
    int | None,
    typer.Option("--cleanup-days", help="Days of data to keep; cleans up even where nothing was new."),
]


def daily(
    symbols: analyze.SymbolsOption = None,
    top: analyze.TopOption = None,
    top_100: analyze.Top100Option = False,
    interval: analyze.IntervalOption = "1d",
    days: analyze.DaysOption = 720,
    optimize: analyze.OptimizeOption = False,
    degree: analyze.DegreeOption = None,
    kstd: analyze.KstdOption = None,
    lookback: analyze.LookbackOption = None,
    trials: analyze.TrialsOption = None,
    seed: analyze.SeedOption = None,
    backend: analyze.BackendOption = "own",
    formats: analyze.FormatOption = "csv,json",
    source: analyze.SourceOption = analyze.BINANCE,
    output: analyze.OutputOption = None,
    jobs: analyze.JobsOption = None,
    exchange_url: analyze.UrlOption = None,
    strict: ingest.StrictOption = None,
    cleanup_days: CleanupOption = None,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
    log_format: ingest.LogFormatOption = "text",
    verbose: ingest.VerboseOption = False,
) -> int:
    """Analyse market data, publish the results, clean up, notify: one report, the first failure's exit code."""
    try:
        need("The open engine", "analysis", ANALYSIS)
        chosen, processes = analyze.chosen_symbols(symbols, top, top_100=top_100), jobs or os.cpu_count() or 1
        wish = analyze.Wish(
            chosen,
            interval,
            days,
            optimize,
            degree,
            kstd,
            lookback,
            processes,
            trials=trials,
            seed=seed,
            backend=backend,
        )
        given = ingest.settings_given(strict=strict, database_url=database_url, cleanup_days=cleanup_days)
        settings = configured(config, **given)
        step = Analysing(wish, source, exchange_url, output or settings.engine_results_dir, tuple(formats.split(",")))
        day = _settled(step, settings, log_format, clean_up=cleanup_days is not None)
    except (AutonamaError, KeyboardInterrupt) as ending:
        if as_json:
            _print_json(_broken_off(ending))
        raise
    with unread_output():
        if as_json:
            _print_json(day)
        else:
            _print(day, verbose=verbose)
    return day.exit_code


@dataclass(frozen=True)
class Analysing:
    """The day's first step, not yet done. place: the directory of the result files."""

    wish: analyze.Wish
    source: str
    exchange_url: str | None
    place: Path
    formats: tuple[str, ...]

    def done(self, settings: Settings) -> Analysed:
        """Do it."""
        from autonama.cli.day import Analysed, NothingAnalysed

        began = time.perf_counter()
        market = analyze.opened(self.source, self.exchange_url, self.wish.interval, settings)
        with market as source, analyze.shown_steps() as track:
            result = analyze.perform(self.wish, source, settings, self.formats, track)
        if not result.rows:
            raise NothingAnalysed(result)
        files = analyze.written(result, self.place, self.formats)
        return Analysed(result, tuple(files), time.perf_counter() - began)


def _settled(step: Analysing, settings: Settings, log_format: str, *, clean_up: bool) -> Day:
    from autonama.cli.day import ENGINE, run_day
    from autonama.ingestion.pipeline import ingest as published
    from autonama.ingestion.report.log import log_run
    from autonama.logs import logging_to

    def publish(job: Job) -> RunOutcome:
        with ingest.shown_progress() as progress:
            return published(replace(job, clean_up=clean_up, progress=progress))

    with logging_to(settings, ENGINE, log_format=log_format):
        day = run_day(settings, lambda: step.done(settings), publish)
        log_run(day.run)
    return day


def _broken_off(ending: BaseException) -> Day:
    """The day as this ended it, with what was published until then."""
    from autonama.cli.day import ENGINE, Day
    from autonama.ingestion.outcome import Interrupted, RunOutcome

    if isinstance(ending, Interrupted):
        return Day(None, ending.outcome, (), None)
    failed = RunOutcome(None, ENGINE, "failed", validate_only=False, sets=())
    return Day(None, failed.broken_off(ending), (), None)


def _print(day: Day, *, verbose: bool) -> None:
    from autonama.cli.console import Console
    from autonama.cli.day_report import print_day

    print_day(day, Console(), verbose=verbose)


def _print_json(day: Day) -> None:
    from autonama.cli.day_report import day_as_json
    from autonama.cli.ledger_view import print_json

    print_json(day_as_json(day))
