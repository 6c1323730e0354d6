"""What is allowed and yet wants a word: a password that others can read, an address that is not used."""

import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autonama.config.kinds import DEFAULT_PASSWORD, EMBEDDED
from autonama.config.layers import Layer
from autonama.config.secrets import PLACEHOLDER, has_password
from autonama.visible import visible

ADDRESS = ("database_host", "database_port", "database_name", "database_user", "database_password")


def warnings_of(layers: Sequence[Layer], file: Path | None) -> tuple[str, ...]:
    """Sentences about the layers, the config file's first, and the file itself."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer.values
    found = [] if file is None else [_readable_by_others(file, layers[0].values, merged)]
    return tuple(sentence for sentence in (*found, *_unused(layers)) if sentence)


def _readable_by_others(file: Path, values: Mapping[str, Any], merged: Mapping[str, Any]) -> str:
    held = [name for name in ("database_password", "database_url", "binance_api_secret") if _real(name, values, merged)]
    if (notify := values.get("notify")) and notify.get("urls"):
        held.append("notify.urls")
    try:
        status = file.stat()
    except OSError:
        return ""
    others = stat.S_IRWXG | stat.S_IRWXO
    if not held or os.name != "posix" or not stat.S_ISREG(status.st_mode) or not status.st_mode & others:
        return ""
    return (
        f"{visible(file)} holds {' and '.join(held)}, and other users of this machine may open it "
        f"(mode {stat.S_IMODE(status.st_mode):o}). Run: chmod 600 {visible(shlex.quote(str(file)))}"
    )


def _real(name: str, values: Mapping[str, Any], merged: Mapping[str, Any]) -> bool:
    """Whether the file holds a secret there. The documented password counts where a server is asked with it."""
    value = values.get(name)
    if value is None:
        return False
    if name == "database_url":
        return has_password(value)
    if name == "binance_api_secret":
        return PLACEHOLDER.fullmatch(value) is None
    elsewhere = merged.get("database_host", EMBEDDED) != EMBEDDED or merged.get("database_url") is not None
    return bool(value) and (value != DEFAULT_PASSWORD or elsewhere)


def _unused(layers: Sequence[Layer]) -> list[str]:
    """Parts of an address from a higher layer than the whole address that makes them void."""
    holding = [position for position, layer in enumerate(layers) if "database_url" in layer.values]
    if not holding or layers[holding[-1]].values["database_url"] is None:
        return []
    whole = layers[holding[-1]].origin(("database_url",))
    return [
        f"{name} ({layer.origin((name,))}) is not used: database_url ({whole}) is the whole address."
        for layer in layers[holding[-1] + 1 :]
        for name in ADDRESS
        if name in layer.values
    ]
