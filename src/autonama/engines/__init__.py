"""What each engine writes. An engine is one `Engine` value, found through the entry-point group `autonama.engines`."""

from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
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
    "engine_tables",
    "load_engine",
    "origin",
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
    try:
        engine = found[0].load()
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"Engine '{name}' of {_package(found[0])} cannot be loaded: {type(error).__name__}: {error}. "
            "Repair or uninstall that package."
        ) from error
    if not isinstance(engine, Engine):
        raise ConfigError(f"The entry point of engine '{name}' is not an autonama.engines.Engine.")
    _check(engine)
    return engine


def origin(name: str) -> str:
    """The distribution that an engine comes from, with its version."""
    return next((_package(point) for point in entry_points(group=ENTRY_POINT_GROUP, name=name)), "no installed package")


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"package {point.dist.name} {point.dist.version}"


def engine_tables() -> list[str]:
    """The tables, `schema.table`, that the installed engines write to."""
    tables: dict[str, None] = {}
    for name in engine_names():
        try:
            engine = load_engine(name)
        except ConfigError:
            continue  # it writes nothing either; `autonama doctor` names it
        tables |= dict.fromkeys([engine.table, *([engine.summary.table] if engine.summary else [])])
    return list(tables)


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
