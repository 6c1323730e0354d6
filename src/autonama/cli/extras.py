"""What an extra of the package brings, and what to install where it is not there."""

import importlib.util

from autonama.errors import ConfigError

ANALYSIS = ("numpy", "httpx")
"""What the open engine computes and fetches with."""


def need(what: str, extra: str, packages: tuple[str, ...]) -> None:
    """ConfigError where a package of the extra is not installed. what: begins the sentence."""
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise ConfigError(
            f"{what} needs {', '.join(missing)}, not installed here: pip install 'autonama[{extra}]', or "
            "pip install -r requirements.txt in the project."
        )
