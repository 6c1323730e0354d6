"""The environment's AUTONAMA_… variables: their names as places in the settings, their texts as values."""

import math
import re
from collections.abc import Mapping
from typing import Any

from autonama.config.file import parse
from autonama.config.keys import ANY, Kind, Place, known, known_keys
from autonama.config.layers import Layer
from autonama.config.words import nearest
from autonama.visible import visible

PREFIX = "AUTONAMA_"

OTHERS = ("AUTONAMA_CONFIG", "AUTONAMA_WEB_TOKEN", "AUTONAMA_FAULT")
"""Variables of ours that are no setting: the config file's name, the dashboard's token, the tests' planted fault."""

OF_KUBERNETES = re.compile(
    r"AUTONAMA_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=.*"
    r"|AUTONAMA_(\w+_)?PORT=(tcp|udp|sctp)://.*",
    re.DOTALL,
)
"""What Kubernetes sets in every container beside a Service that is called autonama."""

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def from_environment(environment: Mapping[str, str]) -> Layer:
    """The settings of the environment. An empty variable counts as one that is not set.

    AUTONAMA_VALIDATION__STRICT_MODE is `validation.strict_mode`. A section or list can also be given as JSON, a list
    with commas too. A variable with our prefix that names no setting is a problem: it was meant to be one.
    """
    values: dict[str, Any] = {}
    origins: dict[Place, str] = {}
    problems: list[str] = []
    for name, text in sorted(environment.items(), key=lambda item: (item[0].count("__"), item[0])):
        if (
            not name.upper().startswith(PREFIX)
            or name in OTHERS
            or not text
            or OF_KUBERNETES.fullmatch(f"{name}={text}")
        ):
            continue
        place = tuple(name.removeprefix(PREFIX).lower().split("__"))
        generic = known(place) if name.isupper() else None
        if generic is None:
            problems.append(_unknown(name))
            continue
        origins[place] = f"environment variable {name}"
        _put(values, place, _value(text, known_keys()[generic].kind))
    return Layer(values, "environment", origins, tuple(problems))


def _put(values: dict[str, Any], place: Place, value: object) -> None:
    """Set the value at its place, unless what stands above it is refused anyway."""
    *sections, name = place
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            return
    values[name] = value


def _value(text: str, kind: Kind) -> object:
    """The text as the kind of value that the setting wants; as it is where it is none, so that it will be quoted."""
    word = text.strip()
    if kind == "switch" and word.lower() in (*TRUE, *FALSE):
        return word.lower() in TRUE
    if kind == "number" and re.fullmatch(r"[+-]?\d{1,15}", word, re.ASCII):
        return int(word)
    if kind == "number" and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", word, re.ASCII | re.IGNORECASE):
        return float(word) if math.isfinite(float(word)) else text
    if kind == "section" or (kind == "list" and word.startswith("[")):
        return _json(text)
    return [part.strip() for part in text.split(",")] if kind == "list" else text


def _json(text: str) -> object:
    twice: list[str] = []
    try:
        found = parse(text, twice)
    except (ValueError, RecursionError):
        return text
    return text if twice else found


def _unknown(name: str) -> str:
    known_names = [PREFIX + "__".join(place).upper() for place in known_keys() if ANY not in place]
    near = nearest(name.upper(), [*known_names, *OTHERS])
    meant = f"Did you mean {near}?" if near else "README.md lists the settings."
    return f"The environment variable {visible(name)} names no setting. {meant} Rename or unset it."
