"""What each engine writes. An engine is one `Engine` value, found through the entry-point group `autonama.engines`."""

from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec

from autonama.engines.contract import (
    Column,
    Engine,
    Integer,
    Json,
    Number,
    Rule,
    Severity,
    Summary,
    Text,
    Timestamp,
)
from autonama.errors import ConfigError

ENTRY_POINT_GROUP = "autonama.engines"

__all__ = [
    "ENTRY_POINT_GROUP",
    "Column",
    "Engine",
    "Integer",
    "Json",
    "Number",
    "Rule",
    "Severity",
    "Summary",
    "Text",
    "Timestamp",
    "engine_names",
    "load_engine",
    "vectorbt_pro",
]


def engine_names() -> list[str]:
    """The names of the installed engines, sorted. Loads none of them."""
    return sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)})


def load_engine(name: str) -> Engine:
    """The installed engine of that name.

    ConfigError where none has it, where two packages claim it, or where the entry point is no `Engine`.
    """
    found = list({point.value: point for point in entry_points(group=ENTRY_POINT_GROUP, name=name)}.values())
    if not found:
        raise ConfigError(f"There is no engine '{name}'. Installed engines: {', '.join(engine_names())}.")
    if len(found) > 1:
        raise ConfigError(f"Two installed packages declare an engine '{name}'. Uninstall one of them.")
    engine = found[0].load()
    if not isinstance(engine, Engine):
        raise ConfigError(f"The entry point of engine '{name}' is not an autonama.engines.Engine.")
    _check(engine)
    return engine


def _check(engine: Engine) -> None:
    """Refuse a declaration that the stages could not follow."""
    names = {column.name for column in engine.columns}
    if absent := sorted({"symbol", "interval", "analysis_date", *engine.key} - names):
        raise ConfigError(f"Engine '{engine.name}' declares no column {', '.join(absent)}: every result has these.")
    if reserved := sorted(names & {"row", "line", "raw"}):
        raise ConfigError(f"Engine '{engine.name}' declares the column {', '.join(reserved)}: such a name is taken.")


def vectorbt_pro() -> str | None:
    """The version of VectorBT PRO in this environment, or None. It is not imported: that takes seconds."""
    if find_spec("vectorbtpro") is None:
        return None
    try:
        return version("vectorbtpro")
    except PackageNotFoundError:
        return "of unknown version"
