"""STAND-IN written by the lead so that others can run; the owner of config replaces this file whole."""
from pathlib import Path
from typing import Any, Literal
from pydantic import BaseModel, SecretStr
import os


class ValidationSettings(BaseModel):
    strict_mode: bool = True
    check_duplicates: bool = True
    validate_prices: bool = True
    max_file_age_hours: float = 24
    max_quarantine_share: float = 0.1
    severity: dict[str, Literal["error", "warning", "off"]] = {}


class EngineSettings(BaseModel):
    enabled: bool = True
    results_pattern: str | None = None
    json_pattern: str | None = None


class Settings(BaseModel):
    database_host: str = "embedded"
    database_port: int = 5432
    database_name: str = "autonama"
    database_user: str = "postgres"
    database_password: SecretStr = SecretStr("postgres")
    database_url: SecretStr | None = None
    engine_results_dir: Path = Path("../autonama.engine/results")
    cleanup_days: int = 30
    validation: ValidationSettings = ValidationSettings()
    engine_timezone: str = "UTC"
    quote_assets: tuple[str, ...] = ("USDT",)
    max_file_size_mb: float = 2048
    data_dir: Path = Path(os.environ.get("AUTONAMA_DATA_DIR", "/tmp/autonama-data"))
    config_file: Path | None = None
    warnings: tuple[str, ...] = ()

    def engine_settings(self, name: str) -> EngineSettings | None:
        return None


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    return Settings(**overrides)


def settings_from_db_config(db_config: Any) -> dict[str, Any]:
    return {}
