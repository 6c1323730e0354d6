"""What a run changed on the board, as the database has it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from autonama.config import Settings
from autonama.database.connect import connect, translated
from autonama.database.queries import load
from autonama.engines import load_engine
from autonama.engines.contract import Engine
from autonama.errors import AutonamaError, DatabaseError
from autonama.ingestion.load import table_of
from autonama.ingestion.outcome import RunOutcome

WAIT_S = 2
"""How long a server that refuses connections is waited for. The run is over; nobody waits for its news much longer."""


@dataclass(frozen=True)
class Flip:
    """A signal that the run changed."""

    symbol: str
    interval: str
    before: str
    now: str


@dataclass(frozen=True)
class Stale:
    """The newest analysis of the engine, which is too old. max_hours: what `max_file_age_hours` allows."""

    newest: datetime
    hours: float
    max_hours: float


@dataclass(frozen=True)
class News:
    """unknown: sentences on what the database could not be asked."""

    flips: tuple[Flip, ...] = ()
    stale: Stale | None = None
    unknown: tuple[str, ...] = ()


def news_of(settings: Settings, outcome: RunOutcome) -> News:
    """What of `notify.on` the database has to say. A run that the database ended asks it nothing more."""
    wanted: set[str] = set(settings.notify.on)
    if not _stored(outcome):
        wanted.discard("flips")
    if outcome.failure_code == DatabaseError.exit_code:
        return News(unknown=_unknown(wanted & {"flips"}, "the run ended without it"))
    if not wanted & {"flips", "stale"}:
        return News()
    try:
        engine = load_engine(outcome.engine)
        with connect(settings, wait_s=WAIT_S) as conn, translated(conn):
            conn.execute(load("notify")["be_brief"])
            flips = flips_of(conn, engine, outcome) if "flips" in wanted and engine.alerts else ()
            return News(flips, _stale(conn, engine, outcome, settings) if "stale" in wanted else None)
    except AutonamaError as error:
        return News(unknown=_unknown(wanted & {"flips", "stale"}, str(error)))


def _stored(outcome: RunOutcome) -> bool:
    return outcome.run_id is not None and any(one.status in ("published", "quarantined") for one in outcome.sets)


def _unknown(wanted: Collection[str], why: str) -> tuple[str, ...]:
    words = {"flips": "which signals changed", "stale": "how old the newest analysis is"}
    asked = " and ".join(words[name] for name in sorted(wanted))
    return (f"The database could not be asked {asked}: {why}",) if asked else ()


def flips_of(conn: psycopg.Connection[Any], engine: Engine, outcome: RunOutcome) -> tuple[Flip, ...]:
    """The signals that the run changed, by symbol; none where it was entered nowhere."""
    query = sql.SQL(load("notify")["flips"]).format(table=table_of(engine))
    return tuple(Flip(*row) for row in conn.execute(query, {"run_id": outcome.run_id}))


def _stale(conn: psycopg.Connection[Any], engine: Engine, outcome: RunOutcome, settings: Settings) -> Stale | None:
    table = sql.Identifier("trading", "alerts") if engine.alerts else table_of(engine)
    limit = settings.validation.max_file_age_hours
    query = sql.SQL(load("notify")["stale"]).format(table=table)
    found = conn.execute(query, {"engine": engine.name, "hours": limit, "run_id": outcome.run_id}).fetchone()
    return None if found is None else Stale(found[0], float(found[1]), limit)
