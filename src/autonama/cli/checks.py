"""What `autonama doctor` looks at, one function a part. None of them changes anything in the database."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from autonama.errors import AutonamaError, ConfigError, DatabaseError, FilesError

if TYPE_CHECKING:
    import psycopg

    from autonama.config import Settings
    from autonama.ingestion.discover import ResultSet

State = Literal["ok", "warning", "problem"]

PATIENCE_S = 2
"""How long a server that refuses connections is waited for: this is a look, and it should be quick."""

LITTLE_SPACE, NO_SPACE = 1_000_000_000, 100_000_000
"""Bytes free: below the first a warning, below the second a problem. PostgreSQL stops at a full disk."""

CLOCK_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
"""No machine that runs this can live earlier; one whose battery is empty wakes in 1970 or 2000."""

CLOCK_APART_S = 60
"""Rows are stored with the server's time and files judged by this machine's; a minute disturbs neither."""


@dataclass(frozen=True)
class Check:
    """What was found. `code`: the exit code of a command that met this problem."""

    name: str
    state: State
    found: str
    advice: str = ""
    code: int = 0


def python() -> list[Check]:
    """The interpreter, and the conda environment that it belongs to."""
    conda = os.environ.get("CONDA_DEFAULT_ENV")
    place = f"{sys.executable}{f', conda environment {conda}' if conda else ''}"
    now = datetime.now(UTC)
    checks = [Check("python", "ok", f"{platform.python_version()} ({place})")]
    if now < CLOCK_SINCE:
        found = f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC."
        checks.append(
            Check("clock", "problem", found, "Set it: every result would be of the future.", ConfigError.exit_code)
        )
    return checks


def packages() -> list[Check]:
    """The packages that Autonama needs, against what its own metadata asks for."""
    try:
        required = importlib.metadata.requires("autonama") or []
    except importlib.metadata.PackageNotFoundError:
        return [_unfit(["Autonama itself is not installed, so no engine can be found"], "pip install -e .")]
    there: list[str] = []
    missing: list[str] = []
    for requirement in required:
        name, bounds = re.match(r"([\w.-]+)(?:\[[^]]*\])?([^;]*)", requirement).groups()  # type: ignore[union-attr]
        if "extra ==" in requirement:
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(f"{name} is not installed")
            continue
        there.append(f"{name} {version}")
        if not _within(version, bounds):
            missing.append(f"{name} is {version}, and has to be {bounds.strip()}")
    if missing:
        return [_unfit(missing, "pip install -r requirements.txt")]
    return [Check("packages", "ok", ", ".join(there))]


def _unfit(faults: list[str], remedy: str) -> Check:
    return Check("packages", "problem", f"{'; '.join(faults)}.", f"Run: {remedy}", ConfigError.exit_code)


def _within(version: str, bounds: str) -> bool:
    """Whether a version keeps bounds such as `<3,>=2`; other kinds of bounds are pip's to judge."""
    for sign, bound in re.findall(r"(>=|<)\s*([\d.]+)", bounds):
        below = _release(version) < _release(bound)
        if below != (sign == "<"):
            return False
    return True


def _release(version: str) -> list[int]:
    numbers = re.match(r"[\d.]*", version)
    return [int(part) for part in (numbers[0] if numbers else "").split(".") if part]


def vectorbt() -> list[Check]:
    """VectorBT PRO, or the open vectorbt; neither is imported, since that takes seconds."""
    for package, title in (("vectorbtpro", "VectorBT PRO"), ("vectorbt", "vectorbt")):
        if importlib.util.find_spec(package) is not None:
            version = "of unknown version"
            with suppress(importlib.metadata.PackageNotFoundError):
                version = importlib.metadata.version(package)
            advice = (
                "" if package == "vectorbtpro" else "run_ingestion.py asks for VectorBT PRO, or --skip-conda-check."
            )
            return [Check("vectorbt", "ok", f"{title} {version}", advice)]
    return [
        Check(
            "vectorbt",
            "warning",
            "Neither VectorBT PRO nor vectorbt was found. autonama ingest does without.",
            "For run_ingestion.py: conda activate autonama_vectorbt, or --skip-conda-check.",
        )
    ]


def configuration(settings: Settings) -> list[Check]:
    """The file in use, and what the settings warn of."""
    found = f"{settings.config_file}" if settings.config_file else "No config.json here; the defaults hold."
    return [
        Check("configuration", "ok", found),
        *(Check("configuration", "warning", sentence) for sentence in settings.warnings),
    ]


def engines(settings: Settings) -> list[Check]:
    """The installed engines, whether each can be loaded, and settings of engines that are not there."""
    from autonama.engines import engine_names, load_engine

    checks: list[Check] = []
    names = engine_names()
    for name in names:
        try:
            load_engine(name)
        except AutonamaError as error:
            checks.append(Check("engines", "problem", str(error), code=error.exit_code))
    for name in sorted(settings.engines.keys() - set(names)):
        found = f"engines.{name} is configured, and no installed package has an engine of that name."
        checks.append(Check("engines", "warning", found, "Install the package, or take the section out."))
    off = [name for name in names if (own := settings.engine_settings(name)) and not own.enabled]
    listed = ", ".join(f"{name} (not enabled)" if name in off else name for name in names)
    return checks or [Check("engines", "ok", listed)]


def database(settings: Settings) -> list[Check]:
    """The server, its clock, and the schema. The embedded server is started where it is the one that is set."""
    from autonama.database.connect import connect, shown, translated

    with connect(settings, wait_s=PATIENCE_S) as conn, translated(conn):
        conn.execute("SET default_transaction_read_only = on")
        version = conn.info.parameter_status("server_version")
        checks = [Check("database", "ok", f"{shown(settings)}, PostgreSQL {version}")]
        schema = _schema(conn)
        rows = [*_endless(conn), *_engine_tables(conn)] if schema.state == "ok" else []
        return [*checks, *_standby(conn), *_clock(conn), schema, *rows]


def _standby(conn: psycopg.Connection[Any]) -> Iterator[Check]:
    if conn.execute("SELECT pg_is_in_recovery()").fetchall() == [(True,)]:
        yield Check("database", "warning", "This server is a standby: it can be read only.", "Name the primary server.")


def _clock(conn: psycopg.Connection[Any]) -> Iterator[Check]:
    ((theirs,),) = conn.execute("SELECT clock_timestamp()").fetchall()
    apart = (datetime.now(UTC) - theirs).total_seconds()
    if abs(apart) <= CLOCK_APART_S:
        yield Check("clock", "ok", f"{theirs:%Y-%m-%d %H:%M:%S} UTC, the same here and on the database server")
        return
    order = "ahead of" if apart > 0 else "behind"
    found = f"This machine's clock is {abs(apart):,.0f} s {order} the database server's."
    yield Check("clock", "warning", found, "Let both keep network time (NTP).")


def _schema(conn: psycopg.Connection[Any]) -> Check:
    from autonama.database import migrate

    version = migrate.current(conn)
    if version == migrate.HEAD:
        return Check("schema", "ok", f"version {version}, the latest")
    if version is None:
        return Check("schema", "warning", "The database has no schema of ours yet.", "Run: autonama db init")
    if version in migrate.REVISIONS:
        found = f"The schema is at version {version}; this package has {migrate.HEAD}."
        return Check("schema", "warning", found, "Run: autonama db upgrade")
    found = f"The schema has version {version}, which this package does not know: a newer Autonama made it."
    return Check("schema", "problem", found, "Run: pip install --upgrade autonama", DatabaseError.exit_code)


def _endless(conn: psycopg.Connection[Any]) -> Iterator[Check]:
    """Adopted rows that no new result can ever follow."""
    from psycopg import sql

    for table in ("trading.alerts", "trading.vectorbt_analysis"):
        query = sql.SQL("SELECT count(*) FROM {} WHERE analysis_date IN ('infinity', '-infinity')")
        ((rows,),) = conn.execute(query.format(sql.Identifier(*table.split(".")))).fetchall()
        if rows:
            found = f"{table} holds {rows:,} {'row' if rows == 1 else 'rows'} whose analysis_date is infinite."
            advice = "They stay the newest of their symbol for ever: set a true analysis_date, or delete them."
            yield Check("rows", "warning", found, advice)


def _engine_tables(conn: psycopg.Connection[Any]) -> Iterator[Check]:
    """Tables of plug-in engines that publishing or cleanup would not find as they need them."""
    from autonama.database.retention import can_be_cleaned
    from autonama.engines import engine_tables

    for table in engine_tables():
        ((there,),) = conn.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchall()
        if not there:
            yield Check("schema", "warning", f"{table}, which an engine writes to, is not there.", "Create it.")
        elif not can_be_cleaned(conn, table):
            found = f"{table} has no id and created_at columns: cleanup never deletes anything there."
            yield Check("schema", "warning", found, "Add both, or delete old rows yourself.")


def results(settings: Settings) -> list[Check]:
    """The directory that the engines write to, and how many result sets of each lie there."""
    directory = settings.engine_results_dir
    if fault := _unusable(directory):
        advice = "Run the engine, or name the directory: engine_results_dir, or --engine-results-dir."
        return [Check("results", "problem", f"{directory} {fault}.", advice, FilesError.exit_code)]
    sets = _sets(settings, directory)
    counts = ", ".join(f"{name} {len(found)}" for name, found in sets.items())
    found = f"{directory}: result sets by engine: {counts}"
    newest = max((result for of_engine in sets.values() for result in of_engine), key=_time, default=None)
    if newest is None:
        return [Check("results", "warning", f"{found}.", "Run the engine, or look at the patterns of the config.")]
    hours = (datetime.now(UTC) - newest.time).total_seconds() / 3600
    found = f"{found}; the newest is {newest.name}, {hours:,.1f} h old"
    if hours <= settings.validation.max_file_age_hours:
        return [Check("results", "ok", found)]
    limit = f"max_file_age_hours is {settings.validation.max_file_age_hours:g}"
    return [Check("results", "warning", f"{found}; {limit}.", "Run the engine, or ingest with --allow-stale.")]


def _time(result: ResultSet) -> datetime:
    return result.time


def _unusable(directory: Path) -> str:
    """Why nothing can be read there, or nothing."""
    try:
        if not stat.S_ISDIR(directory.stat().st_mode):
            return "is no directory"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be reached: {error.strerror}"
    return "" if os.access(directory, os.R_OK | os.X_OK) else "cannot be read: permission denied"


def _sets(settings: Settings, directory: Path) -> dict[str, tuple[ResultSet, ...]]:
    """The result sets of every engine that is enabled and can be loaded."""
    from zoneinfo import ZoneInfo

    from autonama.engines import engine_names, load_engine
    from autonama.ingestion.discover import discover, patterns_of

    sets: dict[str, tuple[ResultSet, ...]] = {}
    for name in engine_names():
        own = settings.engine_settings(name)
        if own is not None and not own.enabled:
            continue
        try:
            patterns = patterns_of(load_engine(name), own)
        except ConfigError:  # the check of the engines tells it
            continue
        try:
            sets[name] = discover((directory,), patterns, zone=ZoneInfo(settings.engine_timezone))
        except FilesError:
            sets[name] = ()
    return sets


def disk(settings: Settings) -> list[Check]:
    """Room where the embedded server's data and the logs go, and whether they may be written."""
    places = {"logs": settings.log_dir}
    if settings.database_url is None and settings.database_host == "embedded":
        places = {"data": settings.data_dir, **places}
    return [_room(name, place) for name, place in places.items() if place is not None]


def _room(name: str, place: Path) -> Check:
    there = next(parent for parent in (place, *place.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    found = f"{place} ({name}): {free / 1e9:,.1f} GB free"
    if not os.access(there, os.W_OK | os.X_OK):
        moved = "data_dir or AUTONAMA_DATA_DIR" if name == "data" else "logging.file"
        found = f"{place} ({name}) cannot be written by this user."
        state: State = "problem" if name == "data" else "warning"
        return Check("disk", state, found, f"Make it writable, or set {moved} to another place.", FilesError.exit_code)
    if free >= LITTLE_SPACE:
        return Check("disk", "ok", found)
    return Check("disk", "problem" if free < NO_SPACE else "warning", found, "Free some space.", FilesError.exit_code)
