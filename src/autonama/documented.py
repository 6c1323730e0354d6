"""The documented Python API, `from vectorbt_ingestion import ...`, on top of the pipeline."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from autonama.config import Settings, load_settings, settings_from_db_config
from autonama.errors import AutonamaError, DatabaseError
from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.pipeline import Job, check, ingest


class VectorBTIngestionValidator:
    """Validates result files one by one, against the rules that ingestion applies.

    settings: those of `autonama.config.load_settings`; default: the config.json of this directory, or the defaults.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or load_settings()

    def validate_csv_file(self, path: str | Path) -> tuple[bool, list[str]]:
        """Whether the CSV file may be published, and the errors that say why not, such as `Row 12: Missing signal`."""
        return self._validate(path)

    def validate_json_file(self, path: str | Path) -> tuple[bool, list[str]]:
        """The same for a JSON file."""
        return self._validate(path)

    def _validate(self, path: str | Path) -> tuple[bool, list[str]]:
        try:
            run = check(Job("vectorbt", self._settings, paths=(Path(path),)))
        except AutonamaError as error:
            return False, [str(error)]
        return run.exit_code == 0, _errors(run) or [note for outcome in run.sets for note in _unread(outcome)]


class VectorBTIngestionProcessor:
    """Validates the newest result set of a directory and publishes it.

    db_config: `{"host", "port", "database", "user", "password"}`, the `database_*` keys of config.json, or a URL.
    ConfigError where it holds anything else.
    """

    def __init__(self, db_config: Mapping[str, Any] | str) -> None:
        self._settings = load_settings(None, **settings_from_db_config(db_config))

    def process_engine_results(self, engine_results_dir: str | Path) -> dict[str, Any]:
        """Ingest the newest set.

        Returns `success`, `files_processed`, `total_results`, `alerts_ingested`, `analysis_ingested`,
        `validation_errors` and `timestamp`, whatever happened. Where `success` is False, nothing of the set is stored,
        the numbers are 0, `error` says why, and of a refused set `files_checked` names the files. Raises nothing that
        Autonama can name.
        """
        try:
            run = ingest(Job("vectorbt", self._settings, paths=(Path(engine_results_dir),)))
        except AutonamaError as error:
            return _failure(sentence(error))
        if run.error is not None:
            return _failure(run.error)
        if changing := [note for outcome in run.sets for note in _unread(outcome)]:
            return _failure(" ".join(changing))
        files = [str(path) for outcome in run.sets for path in outcome.files]
        if run.exit_code:
            return {**_failure("Validation failed", _errors(run)), "files_checked": files}
        rows = [outcome.counts for outcome in run.sets]
        return {
            "success": True,
            "files_processed": files,
            "total_results": sum(count.read for count in rows),
            "alerts_ingested": sum(outcome.alerts.inserted + outcome.alerts.updated for outcome in run.sets),
            "analysis_ingested": sum(count.inserted + count.updated for count in rows),
            "validation_errors": _errors(run),
            "timestamp": _now(),
        }


def _failure(error: str, validation_errors: Sequence[str] = ()) -> dict[str, Any]:
    """The same keys as after a success, so that a program that forgets to look meets zeros and no KeyError."""
    return {
        "success": False,
        "error": error,
        "files_processed": [],
        "total_results": 0,
        "alerts_ingested": 0,
        "analysis_ingested": 0,
        "validation_errors": list(validation_errors),
        "timestamp": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()


def sentence(error: AutonamaError) -> str:
    """An error as the documented door tells it."""
    return f"Database connection failed: {error}" if isinstance(error, DatabaseError) else str(error)


def _unread(outcome: SetOutcome) -> tuple[str, ...]:
    return outcome.notes if outcome.status == "changing" else ()


def _errors(run: RunOutcome) -> list[str]:
    messages: list[str] = []
    for outcome in run.sets:
        messages += outcome.issues.filter(pl.col("severity") == "error")["message"].to_list()
    return messages
