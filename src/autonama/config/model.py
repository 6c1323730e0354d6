"""The settings by name, with their defaults and what each does."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from autonama.config.kinds import (
    BUILT_IN,
    DEFAULT_PASSWORD,
    EMBEDDED,
    Address,
    Allowed,
    Count,
    Days,
    Directory,
    FileName,
    Glob,
    Host,
    Hours,
    Level,
    Megabytes,
    Occasions,
    Port,
    QuoteAssets,
    Secret,
    Services,
    Severities,
    Share,
    SslAuthority,
    SslFile,
    SslMode,
    Switch,
    Words,
    Zone,
    plug_ins,
)
from autonama.config.secrets import secrets_in

STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
"""An error of pydantic's must not quote its input: it may be a password in the wrong place."""


class ValidationSettings(BaseModel):
    """How result files are judged."""

    model_config = STRICT

    strict_mode: Switch = Field(
        default=True, description="One error refuses the set whole; false: bad rows go to quarantine."
    )
    check_duplicates: Switch = Field(default=True, description="Judge duplicate rows.")
    validate_prices: Switch = Field(default=True, description="Judge prices and bands.")
    max_file_age_hours: Hours = Field(default=24, description="How old a result file may be.")
    max_quarantine_share: Share = Field(
        default=0.10, description="Above this share of bad rows a set is refused in any mode."
    )
    severity: Severities = Field(default={}, description="Severities by rule, in place of the rules' own.")


class EngineSettings(BaseModel):
    """One engine: whether it is used, and the names of its files; None where the engine's own pattern holds."""

    model_config = STRICT

    enabled: Switch = Field(default=True, description="Whether files of this engine may be ingested.")
    results_pattern: Glob | None = Field(default=None, description="Names of its CSV files.")
    json_pattern: Glob | None = Field(default=None, description="Names of its JSON files.")


class VectorBTSettings(EngineSettings):
    """VectorBT PRO, with the documented patterns."""

    results_pattern: Glob | None = Field(
        default="vectorbt_analysis_results_*.csv", description="Names of its CSV files."
    )
    json_pattern: Glob | None = Field(
        default="vectorbt_analysis_results_*.json", description="Names of its JSON files."
    )


class EnhancedSettings(EngineSettings):
    """The enhanced engine, which writes JSON only."""

    json_pattern: Glob | None = Field(
        default="enhanced_analysis_results_*.json", description="Names of its JSON files."
    )


EngineSections = Annotated[
    dict[str, EngineSettings],
    AfterValidator(plug_ins),
    Allowed(f"an object of plug-in engines by name; {' and '.join(BUILT_IN)} have sections of their own"),
]


class LoggingSettings(BaseModel):
    """The log files."""

    model_config = STRICT

    level: Level = Field(default="INFO", description="The least severity that is written.")
    file: FileName = Field(default="ingestion.log", description="The main log; each engine's stands beside it.")
    max_size_mb: Megabytes = Field(default=10, description="A log is rotated before it grows beyond this.")
    backup_count: Count = Field(default=5, description="How many rotated logs are kept; 0 keeps none.")


class NotifySettings(BaseModel):
    """Who is told of a run, and of what."""

    model_config = STRICT

    urls: Services = Field(default=(), description="Services that get one message a run, as apprise spells them.")
    on: Occasions = Field(
        default=("flips", "rejected", "stale"),
        description="What is worth a message: changed signals; anything refused, failed or in quarantine; old results.",
    )


class Keys(BaseModel):
    """What config.json may hold."""

    model_config = STRICT

    binance_api_key: Secret | None = Field(default=None, description="For market data; ingestion does not use it.")
    binance_api_secret: Secret | None = Field(default=None, description="For market data; ingestion does not use it.")
    database_host: Host = Field(
        default=EMBEDDED, description='A PostgreSQL server; "embedded" is the one that comes along.'
    )
    database_port: Port = Field(default=5432, description="Its port.")
    database_name: Words = Field(default="autonama", description="The database on it.")
    database_user: Words = Field(default="postgres", description="Who logs in.")
    database_password: Secret = Field(default=SecretStr(DEFAULT_PASSWORD), description="The user's password.")
    database_url: Address | None = Field(default=None, description="The whole address, in place of the five above.")
    database_sslmode: SslMode | None = Field(default=None, description="Whether and how the connection is encrypted.")
    database_sslrootcert: SslAuthority | None = Field(
        default=None, description="Certificates of the authorities that may vouch for the server."
    )
    database_sslcert: SslFile | None = Field(default=None, description="The user's own certificate.")
    database_sslkey: SslFile | None = Field(default=None, description="The private key of that certificate.")
    engine_results_dir: Directory = Field(
        default=Path("../autonama.engine/results"), description="Where the engine writes."
    )
    cleanup_days: Days = Field(default=30, description="Days of results that cleanup keeps.")
    validation: Annotated[ValidationSettings, Allowed('an object, such as {"strict_mode": true}')] = Field(
        default=ValidationSettings(), description="How result files are judged."
    )
    vectorbt: Annotated[VectorBTSettings, Allowed('an object, such as {"enabled": true}')] = Field(
        default=VectorBTSettings(), description="The VectorBT PRO engine."
    )
    enhanced: Annotated[EnhancedSettings, Allowed('an object, such as {"enabled": true}')] = Field(
        default=EnhancedSettings(), description="The enhanced engine."
    )
    engines: EngineSections = Field(default={}, description="Engines of plug-ins, by name.")
    logging: Annotated[LoggingSettings, Allowed('an object, such as {"level": "INFO"}')] = Field(
        default=LoggingSettings(), description="The log files."
    )
    notify: Annotated[NotifySettings, Allowed('an object, such as {"urls": ["json://localhost:8080"]}')] = Field(
        default=NotifySettings(), description="Messages about runs."
    )
    engine_timezone: Zone = Field(default="UTC", description="Where times without an offset are read.")
    quote_assets: QuoteAssets = Field(default=("USDT",), description="What a symbol may end in.")
    max_file_size_mb: Megabytes = Field(default=2048, description="The largest result file, after decompression.")
    data_dir: Directory | None = Field(default=None, description="Where the embedded PostgreSQL lives.")


class Settings(Keys):
    """The settings in use: paths absolute, the file they came from, and sentences that warn.

    config_file: None where no file was there.
    log_dir: `logs` beside the config file; without one, in the user's state directory. None: no home is known.
    """

    data_dir: Path
    config_file: Path | None = None
    log_dir: Path | None = None
    warnings: tuple[str, ...] = ()

    def engine_settings(self, name: str) -> EngineSettings | None:
        """The section of that engine, or None where a plug-in's engine has none."""
        sections: dict[str, EngineSettings] = {"vectorbt": self.vectorbt, "enhanced": self.enhanced, **self.engines}
        return sections.get(name)

    def described(self) -> dict[str, Any]:
        """All settings as plain JSON values, secrets left out."""
        return self.model_dump(
            mode="json", exclude={**dict.fromkeys(SECRET_KEYS, True), "warnings": True, "notify": {"urls"}}
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must be shown nowhere, in the forms in which they occur; the longest first."""
        return secrets_in(
            [key.get_secret_value() for key in (self.binance_api_key, self.binance_api_secret) if key is not None],
            self.database_password.get_secret_value(),
            None if self.database_url is None else self.database_url.get_secret_value(),
            services=[url.get_secret_value() for url in self.notify.urls],
            public=(self.database_host, self.database_name, self.database_user),
        )


SECRET_KEYS = ("binance_api_key", "binance_api_secret", "database_password", "database_url")
