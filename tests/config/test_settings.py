"""Where settings come from, and which source wins."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autonama.config import ValidationSettings, load_settings, settings_from_db_config
from autonama.errors import ConfigError

SHIPPED = Path(__file__).parent.parent.parent / "config.json"

DOCUMENTED = {
    "database_host": "localhost",
    "database_port": 5432,
    "database_name": "autonama",
    "database_user": "postgres",
    "cleanup_days": 30,
    "validation": {
        "strict_mode": True,
        "check_duplicates": True,
        "validate_prices": True,
        "max_file_age_hours": 24,
    },
    "vectorbt": {
        "enabled": True,
        "results_pattern": "vectorbt_analysis_results_*.csv",
        "json_pattern": "vectorbt_analysis_results_*.json",
    },
    "logging": {"level": "INFO", "file": "ingestion.log", "max_size_mb": 10, "backup_count": 5},
}


KEYS = {
    "binance_api_key": "your_binance_api_key_here",
    "binance_api_secret": "your_binance_api_secret_here",
    "database_password": "postgres",
    "engine_results_dir": "../autonama.engine/results",
}


def test_the_shipped_file_states_the_defaults() -> None:
    """The shipped config.json holds the documented keys and values, the embedded server aside, and no other default."""
    assert json.loads(SHIPPED.read_text()) == {**DOCUMENTED, **KEYS, "database_host": "embedded"}
    placed = dict.fromkeys(("config_file", "log_dir", "engine_results_dir"))
    shipped = load_settings(SHIPPED)
    assert {**shipped.described(), **placed} == {**load_settings().described(), **placed}
    assert shipped.warnings == ()


def test_both_documented_examples_load(write_config) -> None:
    """The documentation's short and long config.json are taken as they stand, server address and placeholders too."""
    short = {name: value for name, value in {**DOCUMENTED, **KEYS}.items() if name.startswith(("database", "binance"))}
    for example in (short, {**DOCUMENTED, **KEYS}):
        settings = load_settings(write_config(example))
        assert (settings.database_host, settings.database_port) == ("localhost", 5432)
        assert settings.validation == ValidationSettings()


def test_each_layer_wins_over_the_one_below(write_config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults, then the file, then the environment, then overrides; within a section key by key."""
    config = write_config({"cleanup_days": 1, "validation": {"strict_mode": False, "max_file_age_hours": 1}})
    monkeypatch.setenv("AUTONAMA_VALIDATION__MAX_FILE_AGE_HOURS", "2.5")
    monkeypatch.setenv("AUTONAMA_CLEANUP_DAYS", "2")
    settings = load_settings(config, cleanup_days=3)
    assert settings.cleanup_days == 3
    assert settings.validation == ValidationSettings(strict_mode=False, max_file_age_hours=2.5)
    strict = load_settings(config, validation={"strict_mode": True})
    assert strict.validation == ValidationSettings(strict_mode=True, max_file_age_hours=2.5)
    assert load_settings(config, validation=ValidationSettings(strict_mode=True)) == strict
    assert strict.cleanup_days == 2


def test_which_file_is_read(write_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The named file, else the one of AUTONAMA_CONFIG, else ./config.json where it is, else none."""
    assert load_settings().config_file is None
    here = write_config({"cleanup_days": 1})
    assert (load_settings().cleanup_days, load_settings().config_file) == (1, here)
    other = write_config({"cleanup_days": 2}, "other.json")
    monkeypatch.setenv("AUTONAMA_CONFIG", "other.json")
    assert (load_settings().cleanup_days, load_settings().config_file) == (2, other)
    named = write_config({"cleanup_days": 3}, "named.json")
    assert load_settings(named).cleanup_days == 3
    monkeypatch.setenv("AUTONAMA_CONFIG", "")
    assert load_settings().cleanup_days == 1


def test_a_partial_section_keeps_the_other_defaults(write_config) -> None:
    """To switch an engine off leaves its documented patterns."""
    settings = load_settings(write_config({"vectorbt": {"enabled": False}}))
    assert not settings.vectorbt.enabled
    assert settings.vectorbt.json_pattern == "vectorbt_analysis_results_*.json"


def test_sections_of_engines(write_config) -> None:
    """The built-in engines always have a section, a plug-in's engine the one that is configured."""
    settings = load_settings(write_config({"engines": {"acme": {"results_pattern": "acme_*.csv"}}}))
    assert settings.engine_settings("vectorbt") == settings.vectorbt
    assert settings.engine_settings("enhanced") == settings.enhanced
    acme = settings.engine_settings("acme")
    assert acme is not None
    assert (acme.enabled, acme.results_pattern, acme.json_pattern) == (True, "acme_*.csv", None)
    assert settings.engine_settings("other") is None


def test_paths_of_the_file_are_seen_from_the_file(write_config, tmp_path: Path) -> None:
    """A relative path in config.json, and the default one, start at its directory; a flag's at the current one."""
    config = write_config({"engine_results_dir": "out", "data_dir": "pg"}, "etc/config.json")
    settings = load_settings(config)
    assert (settings.engine_results_dir, settings.data_dir) == (tmp_path / "etc/out", tmp_path / "etc/pg")
    assert settings.log_dir == tmp_path / "etc/logs"
    assert load_settings(config, engine_results_dir=Path("out")).engine_results_dir == tmp_path / "out"
    assert load_settings(config, engine_results_dir="/abs").engine_results_dir == Path("/abs")
    default = load_settings(write_config({}, "etc/empty.json")).engine_results_dir
    assert default == tmp_path.resolve() / "autonama.engine/results"


def test_a_path_upwards_follows_links_as_the_kernel_does(write_config, tmp_path: Path) -> None:
    """`../x` in a file that lies behind a symbolic link to a directory is beside the real directory."""
    write_config({"engine_results_dir": "../out"}, "real/place/config.json")
    (tmp_path / "link").symlink_to(tmp_path / "real/place")
    assert load_settings(tmp_path / "link/config.json").engine_results_dir == tmp_path.resolve() / "real/out"


def test_homes(private_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Data and logs lie in the user's home, or where the XDG variables or AUTONAMA_DATA_DIR say; `~` is the home."""
    settings = load_settings(engine_results_dir="~/results")
    assert settings.data_dir == private_home / ".local/share/autonama"
    assert settings.log_dir == private_home / ".local/state/autonama/logs"
    assert settings.engine_results_dir == private_home / "results"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert load_settings().data_dir == tmp_path / "data/autonama"
    assert load_settings().log_dir == private_home / ".local/state/autonama/logs"
    monkeypatch.setenv("AUTONAMA_DATA_DIR", "here")
    assert load_settings().data_dir == tmp_path / "here"


def test_a_configuration_can_come_through_a_pipe(tmp_path: Path) -> None:
    """`--config <(decrypt config.json)` is read once; its paths start at the current directory, logs go to the home."""
    reading, writing = os.pipe()
    os.write(writing, b'{"engine_results_dir": "out"}')
    os.close(writing)
    settings = load_settings(Path(f"/dev/fd/{reading}"))
    os.close(reading)
    assert settings.engine_results_dir == tmp_path / "out"
    assert settings.log_dir is not None
    assert "/dev" not in str(settings.log_dir)


def test_numbers_of_json(write_config) -> None:
    """JSON has one kind of number: 30.0 days are 30; an integer is a share or a size as well."""
    settings = load_settings(write_config('{"cleanup_days": 30.0, "validation": {"max_quarantine_share": 1}}'))
    assert (settings.cleanup_days, type(settings.cleanup_days)) == (30, int)
    assert settings.validation.max_quarantine_share == 1


def test_a_byte_order_mark_is_no_content(write_config) -> None:
    """What Notepad writes before the text is left out."""
    assert load_settings(write_config(b'\xef\xbb\xbf{"cleanup_days": 7}')).cleanup_days == 7


def test_log_levels_in_any_case(write_config) -> None:
    """`info` is INFO."""
    assert load_settings(write_config({"logging": {"level": "debug"}})).logging.level == "DEBUG"


def test_settings_do_not_change() -> None:
    """Settings are a value."""
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.cleanup_days = 3


@pytest.mark.parametrize(
    "db_config",
    [
        {"host": "db", "port": 5433, "database": "quant", "user": "me", "password": "pw"},
        {"host": "db", "port": "5433", "dbname": "quant", "user": "me", "password": "pw"},
        {f"database_{name}": value for name, value in {"host": "db", "port": 5433, "name": "quant"}.items()}
        | {"database_user": "me", "database_password": "pw"},
    ],
    ids=["psycopg2", "psycopg", "config.json"],
)
def test_db_config_of_the_documented_api(db_config: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each spelling names the whole address, over whatever the environment says."""
    monkeypatch.setenv("AUTONAMA_DATABASE_URL", "postgresql://elsewhere/db")
    settings = load_settings(**settings_from_db_config(db_config))
    assert (settings.database_host, settings.database_port, settings.database_name) == ("db", 5433, "quant")
    assert (settings.database_user, settings.database_password.get_secret_value()) == ("me", "pw")
    assert settings.database_url is None


def test_db_config_as_a_url() -> None:
    """A URL is taken, too; in a dictionary under its name in config.json."""
    for given in ("postgresql://me@db/quant", {"database_url": "postgresql://me@db/quant"}):
        settings = load_settings(**settings_from_db_config(given))
        assert settings.database_url is not None
        assert settings.database_url.get_secret_value() == "postgresql://me@db/quant"


@pytest.mark.parametrize(
    ("db_config", "told"),
    [
        ({"hots": "db"}, "db_config holds an unknown key hots. Did you mean host?"),
        ({"zzz": 1}, "It may hold host, port, database, user and password."),
        ({"host": "a", "database_host": "b"}, "db_config holds both host and database_host. Keep one of them."),
        (["db"], "db_config has to be a dictionary or a URL, and is a list."),
        ({"port": 70000}, "database_port (argument database_port) is 70000"),
        ({"port": "x"}, 'database_port (argument database_port) is "x", and has to be a whole number'),
    ],
)
def test_a_db_config_that_is_none(db_config: dict[str, object], told: str) -> None:
    """What the dictionary must not hold is named."""
    with pytest.raises(ConfigError) as refused:
        load_settings(**settings_from_db_config(db_config))
    assert told in str(refused.value)


def test_importing_the_settings_is_quick() -> None:
    """Neither polars nor the driver nor the terminal's library is loaded by them."""
    code = (
        "import sys; from autonama.config import load_settings; load_settings(); "
        "print([name for name in ('polars', 'psycopg', 'rich', 'typer', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_described_is_plain_json(write_config) -> None:
    """The description can be stored as JSON; it holds every setting but the secrets."""
    settings = load_settings(write_config({"database_password": "pw"}), database_url="postgresql://me:pw@h/db")
    described = json.loads(json.dumps(settings.described()))
    assert described["validation"]["strict_mode"] is True
    assert not {"database_password", "database_url", "binance_api_key", "binance_api_secret"} & described.keys()
