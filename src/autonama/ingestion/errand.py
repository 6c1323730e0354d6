"""What a worker in another process has to know of a run: no secret is in it, and the database is the worker's own."""

import socket
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from autonama.config import Settings, load_settings
from autonama.config.kinds import DEFAULT_PASSWORD, EMBEDDED
from autonama.config.model import Keys, NotifySettings
from autonama.database import ledger
from autonama.database.connect import shown
from autonama.database.session import Session
from autonama.errors import ConfigError

if TYPE_CHECKING:
    from autonama.ingestion.pipeline import Job

DATABASE_KEYS = tuple(name for name in Keys.model_fields if name.startswith("database_"))

REMEDY = "Set AUTONAMA_DATABASE_URL where the worker is started to the database that this run writes to."


@dataclass(frozen=True)
class Errand:
    """What is to be judged, for a worker.

    job: what is asked for, without secrets, paths and whom to tell.
    ruleset: what the run judges by. A worker that would judge by anything else takes nothing.
    now: when the run began to judge, UTC: of one run's rows none is in the future because of where it was read.
    """

    job: "Job"
    ruleset: str
    now: datetime


@dataclass(frozen=True)
class RunErrand(Errand):
    """A run, for a worker that publishes sets of it.

    run_id, started_at: by both the run is told, and with it the database: another one has no such run.
    """

    run_id: int
    started_at: datetime


def without_secrets(settings: Settings) -> Settings:
    """The settings as they may pass through a scheduler's memory, log and pages."""
    nothing = {
        "binance_api_key": None,
        "binance_api_secret": None,
        "database_url": None,
        "database_password": SecretStr(DEFAULT_PASSWORD),
        "notify": NotifySettings(),
    }
    return settings.model_copy(update=nothing)


def with_own_database(settings: Settings) -> Settings:
    """The settings of a run, with the database that this machine's own configuration names.

    ConfigError where it names none.
    """
    own = load_settings()
    if own.database_url is None and own.database_host == EMBEDDED:
        raise ConfigError(f"The worker on {socket.gethostname()} knows no database. {REMEDY}")
    return settings.model_copy(update={name: getattr(own, name) for name in DATABASE_KEYS})


def require_same_rules(errand: Errand, ruleset: str) -> None:
    """ConfigError where this worker judges otherwise than the run."""
    if ruleset != errand.ruleset:
        raise ConfigError(
            f"The worker on {socket.gethostname()} judges by the rules {ruleset}, the run by {errand.ruleset}. Install "
            "the same version of Autonama, and the same plug-ins, on every machine."
        )


def require_same_run(errand: RunErrand, session: Session, settings: Settings) -> None:
    """ConfigError where this worker's database is another than the run's, or the run is over."""
    began = session.run(lambda conn: ledger.run_began(conn, errand.run_id))
    if began != errand.started_at:
        raise ConfigError(
            f"The worker on {socket.gethostname()} finds no run {errand.run_id} under way in {shown(settings)}: it is "
            f"another database, or the run is over. {REMEDY}"
        )
