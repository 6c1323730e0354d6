"""The documented command, `python run_ingestion.py`: its flags and messages, the pipeline behind them.

It speaks on stdout, as it always did. Only this door insists on VectorBT PRO.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.edge import at_edge, shown
from autonama.cli.told import ingest_and_tell
from autonama.errors import AutonamaError, ConfigError, DatabaseError, FilesError

if TYPE_CHECKING:
    from autonama.config import Settings
    from autonama.ingestion.outcome import RunOutcome

NOT_FOUND = """❌ VectorBTPro not found. Please activate the correct conda environment.
   Run: conda activate autonama_vectorbt"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@at_edge
def run_ingestion(
    engine: Annotated[str, typer.Option(help="vectorbt or enhanced.")] = "vectorbt",
    config: Annotated[
        Path | None, typer.Option(readable=False, help="Configuration file. Default: config.json, if it is there.")
    ] = None,
    engine_results_dir: Annotated[
        Path | None, typer.Option(readable=False, help="Where the engine writes its results.")
    ] = None,
    cleanup_days: Annotated[int | None, typer.Option(help="Days of data to keep. Default: cleanup_days.")] = None,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Validate, change no database.")] = False,
    skip_conda_check: Annotated[
        bool, typer.Option("--skip-conda-check", help="Do not insist on VectorBT PRO.")
    ] = False,
) -> int:
    """Validate the newest result set of an engine and publish it."""
    if not skip_conda_check and not _has_vectorbt_pro():
        return ConfigError.exit_code
    from autonama.config import load_settings

    given = {"engine_results_dir": engine_results_dir, "cleanup_days": cleanup_days}
    try:
        settings = load_settings(config, **{name: value for name, value in given.items() if value is not None})
        _introduce(engine, settings, validate_only=validate_only)
        run = _run(engine, settings, validate_only=validate_only, clean_up=cleanup_days is not None)
    except AutonamaError as error:
        return _fail(error)
    if run.error is not None:
        return _failed_run(run)
    return _conclude(run)


def _say(text: str) -> None:
    typer.echo(shown(text))


def _has_vectorbt_pro() -> bool:
    from autonama.engines import vectorbt_pro

    version = vectorbt_pro()
    _say(NOT_FOUND if version is None else f"✅ VectorBTPro detected: {version}")
    return version is not None


def _introduce(engine: str, settings: Settings, *, validate_only: bool) -> None:
    from autonama.database.connect import shown as address

    for warning in settings.warnings:
        _say(f"⚠️  {warning}")
    _say("🚀 Starting Autonama Ingestion System")
    _say(f"📊 Engine type: {engine}")
    _say(f"📁 Engine results directory: {settings.engine_results_dir}")
    _say(f"🗄️  Database: {address(settings)}")
    _say(f"🔍 Validate only: {validate_only}")
    _say(f"🐍 Conda environment: {os.environ.get('CONDA_DEFAULT_ENV', 'not detected')}")


def _run(engine: str, settings: Settings, *, validate_only: bool, clean_up: bool) -> RunOutcome:
    from autonama.ingestion.pipeline import Job, check
    from autonama.ingestion.report.log import log_run
    from autonama.logs import logging_to

    with logging_to(settings, engine):
        job = Job(engine, settings, clean_up=clean_up)
        run = check(job) if validate_only else ingest_and_tell(job)
        log_run(run)
    return run


def _fail(error: AutonamaError) -> int:
    text = str(error)
    if isinstance(error, DatabaseError):
        _say(f"❌ Database connection failed\n   {text}")
    elif isinstance(error, FilesError | ConfigError) and text.startswith(
        ("Engine results", "Permission", "There is no")
    ):
        _say(f"❌ Error: {text}")
    else:
        _say(f"❌ Ingestion failed: {text}")
    return error.exit_code


def _failed_run(run: RunOutcome) -> int:
    heading = "Database connection failed" if run.exit_code == DatabaseError.exit_code else "Ingestion failed"
    _say(f"❌ {heading}\n   {run.error}")
    for note in run.notes:
        _say(f"⚠️  {note}")
    return run.exit_code


def _conclude(run: RunOutcome) -> int:
    _say(f"\n{'=' * 60}\nINGESTION RESULTS\n{'=' * 60}")
    for note in run.notes:
        _say(f"⚠️  {note}")
    for outcome in run.sets:
        if outcome.status == "changing":
            _say(f"❌ Error: {' '.join(outcome.notes)}")
            return run.exit_code
    errors, warnings = _messages(run, "error"), _messages(run, "warning")
    files = ", ".join(str(path) for outcome in run.sets for path in outcome.files)
    if run.exit_code:
        _say("❌ Ingestion failed: Validation failed\n\n🔍 VALIDATION ERRORS:")
        for message in errors:
            _say(f"  - {message}")
        _say(f"\n📁 Files checked: {files}")
        return run.exit_code
    _say("✅ Validation completed successfully!" if run.validate_only else "✅ Ingestion completed successfully!")
    _say(f"📁 Files processed: {files}")
    _say(f"📊 Total results: {sum(outcome.counts.read for outcome in run.sets)}")
    if not run.validate_only:
        _say_counts(run)
    _say(f"⚠️  Validation warnings: {len(warnings)}")
    for message in warnings[:5]:
        _say(f"  - {message}")
    if len(warnings) > 5:
        _say(f"  … and {len(warnings) - 5} more: autonama validate shows them by rule")
    return 0


def _say_counts(run: RunOutcome) -> None:
    if run.status == "nothing_new":
        _say("📊 Nothing new: these files were published before")
        for note in (note for outcome in run.sets for note in outcome.notes[1:]):
            _say(f"⚠️  {note}")
        return
    alerts = sum(outcome.alerts.inserted + outcome.alerts.updated for outcome in run.sets)
    rows = [outcome.counts for outcome in run.sets]
    _say(f"📊 Alerts ingested: {alerts}")
    _say(f"📈 Analysis ingested: {sum(count.inserted + count.updated for count in rows)}")
    _say(f"🗂️  Quarantined: {sum(count.quarantined for count in rows)}")


def _messages(run: RunOutcome, severity: str) -> list[str]:
    messages: list[str] = []
    for outcome in run.sets:
        for found, message in outcome.issues.select("severity", "message").iter_rows():
            messages += [message] if found == severity else []
    return messages
