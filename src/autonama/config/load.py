"""The layers of settings, from the defaults to the flags, as one value."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from autonama.config.caution import warnings_of
from autonama.config.environment import from_environment
from autonama.config.file import read_config
from autonama.config.keys import Place
from autonama.config.kinds import SYSTEM
from autonama.config.layers import Layer
from autonama.config.model import Keys, Settings
from autonama.errors import ConfigError
from autonama.visible import visible

DEFAULT_FILE = Path("config.json")

FLAGS: Mapping[Place, str] = {
    ("database_url",): "flag --database-url",
    ("engine_results_dir",): "flag --engine-results-dir",
    ("cleanup_days",): "flag --cleanup-days",
    ("validation", "strict_mode"): "flag --strict",
}

PATHS = ("engine_results_dir", "data_dir", "database_sslrootcert", "database_sslcert", "database_sslkey")


def load_settings(config: Path | None = None, **overrides: object) -> Settings:
    """The settings: defaults, under the config file, under the environment, under `overrides`.

    config: the file; default: the one that AUTONAMA_CONFIG names, else ./config.json where it is there.
    overrides: settings by name, a section as a mapping; paths in them are relative to the current directory, those of
        the file to the file's.

    ConfigError that names every problem at once.
    """
    file = _config_file(config)
    here = _current_directory()
    layers = (_from_file(file), from_environment(os.environ), _given(overrides))
    _refuse([problem for layer in layers for problem in layer.all_problems()])
    in_use = None if file is None else here / file
    # A pipe, such as bash's <(…), lies in no directory of the user's.
    beside = in_use.parent if in_use is not None and in_use.is_file() else None
    values = _anchored({"engine_results_dir": Keys.model_fields["engine_results_dir"].default}, beside or here)
    for layer, base in zip(layers, (beside or here, here, here), strict=True):
        values = _merged(values, _anchored(layer.values, base))
    values["data_dir"] = values.get("data_dir") or _data_home()
    values["config_file"] = in_use
    values["log_dir"] = beside / "logs" if beside is not None else _home("XDG_STATE_HOME", ".local/state", "logs")
    values["warnings"] = warnings_of(layers, in_use)
    return Settings.model_validate(values)


def _config_file(named: Path | None) -> Path | None:
    """The file to read: the named one whether it is there or not, ./config.json only where it is."""
    named = named or (Path(variable) if (variable := os.environ.get("AUTONAMA_CONFIG")) else None)
    if named is not None:
        try:
            return named.expanduser()
        except RuntimeError:
            return named
    return DEFAULT_FILE if os.path.lexists(DEFAULT_FILE) else None


def _current_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError("The current directory does not exist any more. Change to another one.") from None


def _from_file(path: Path | None) -> Layer:
    if path is None:
        return Layer({}, "no file")
    try:
        return Layer(read_config(path), visible(path))
    except ConfigError as error:
        return Layer({}, visible(path), problems=(str(error),))


def _given(overrides: Mapping[str, object]) -> Layer:
    values = {
        name: value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
        for name, value in overrides.items()
    }
    return Layer(values, "argument", {**{(name,): f"argument {visible(name)}" for name in values}, **FLAGS})


def _refuse(problems: Sequence[str]) -> None:
    if len(problems) == 1:
        raise ConfigError(problems[0])
    if problems:
        raise ConfigError(f"{len(problems)} problems with the configuration:\n- " + "\n- ".join(problems))


def _merged(lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Both, section by section; the higher one wins."""
    both = dict(lower)
    for name, value in higher.items():
        below = both.get(name)
        both[name] = _merged(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return both


def _anchored(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The values with their paths absolute."""
    return {
        name: _placed(Path(value).expanduser(), base) if _is_path(name, value) else value
        for name, value in values.items()
    }


def _is_path(name: str, value: object) -> bool:
    return name in PATHS and value is not None and not (name == "database_sslrootcert" and str(value) == str(SYSTEM))


def _placed(path: Path, base: Path) -> Path:
    """The path seen from `base`, without leading `..`, which is followed as the kernel does: behind symbolic links."""
    if path.parts[:1] != ("..",):
        return base / path
    place, parts = base.resolve(), list(path.parts)
    while parts[:1] == [".."]:
        place, parts = place.parent, parts[1:]
    return place.joinpath(*parts)


def _data_home() -> Path:
    home = _home("XDG_DATA_HOME", ".local/share")
    if home is None:
        raise ConfigError("The home directory of this user is not known. Set HOME, or AUTONAMA_DATA_DIR.")
    return home


def _home(variable: str, below_home: str, *rest: str) -> Path | None:
    """Our directory in the user's, after the XDG base directory specification, which has a relative path ignored."""
    named = Path(os.environ.get(variable, ""))
    try:
        return (named if named.is_absolute() else Path.home() / below_home).joinpath("autonama", *rest)
    except RuntimeError:
        return None
