"""Settings: defaults < config.json < environment < flags, each key checked where it stands."""

from autonama.config.legacy import settings_from_db_config
from autonama.config.load import load_settings
from autonama.config.model import EngineSettings, Keys, LoggingSettings, NotifySettings, Settings, ValidationSettings

__all__ = [
    "EngineSettings",
    "Keys",
    "LoggingSettings",
    "NotifySettings",
    "Settings",
    "ValidationSettings",
    "load_settings",
    "settings_from_db_config",
]
