"""The settings of a command: the config file, the environment, its flags; with what they warn of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autonama.cli.edge import complain

if TYPE_CHECKING:
    from autonama.config import Settings


def configured(config: Path | None, **flags: object) -> Settings:
    """The settings in use; their warnings are said on stderr. A flag of None was not given."""
    from autonama.config import load_settings

    settings = load_settings(config, **{name: value for name, value in flags.items() if value is not None})
    for warning in settings.warnings:
        complain(f"Warning: {warning}")
    return settings
