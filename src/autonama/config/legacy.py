"""The documented Python API's `db_config`, as settings."""

import re
from collections.abc import Mapping

from autonama.config.words import nearest
from autonama.errors import ConfigError
from autonama.visible import visible

NAMES = {
    "host": "database_host",
    "port": "database_port",
    "database": "database_name",
    "dbname": "database_name",
    "user": "database_user",
    "password": "database_password",
    **{name: name for name in ("database_host", "database_port", "database_name", "database_user")},
    **{name: name for name in ("database_password", "database_url")},
}
"""What a db_config may hold: psycopg's words, or those of config.json."""


def settings_from_db_config(db_config: Mapping[str, object] | str) -> dict[str, object]:
    """Overrides for `load_settings` from `{"host", "port", "database", "user", "password"}`, or from a URL.

    It is the whole address: a database_url of the config file or the environment does not count any more.
    ConfigError where it holds another key, or the same one in two spellings. Values are checked by `load_settings`.
    """
    if isinstance(db_config, str):
        return {"database_url": db_config}
    if not isinstance(db_config, Mapping):
        raise ConfigError(f"db_config has to be a dictionary or a URL, and is a {type(db_config).__name__}.")
    found: dict[str, object] = {"database_url": None}
    given_as: dict[str, str] = {}
    for key, value in db_config.items():
        name = NAMES.get(key)
        if name is None:
            raise ConfigError(f"db_config holds an unknown key {visible(key)}. {_meant(key)}")
        if name in given_as:
            raise ConfigError(f"db_config holds both {given_as[name]} and {key}. Keep one of them.")
        given_as[name] = key
        if value is not None:
            found[name] = _number(value) if name == "database_port" else value
    return found


def _number(port: object) -> object:
    """Psycopg takes a port as text, too."""
    return int(port) if isinstance(port, str) and re.fullmatch(r"\d{1,9}", port, re.ASCII) else port


def _meant(key: object) -> str:
    near = nearest(str(key), NAMES)
    return f"Did you mean {near}?" if near else "It may hold host, port, database, user and password."
