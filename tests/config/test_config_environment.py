"""The environment's variables as settings."""

import pytest

from autonama.config import load_settings


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("AUTONAMA_DATABASE_HOST", "db.example", lambda settings: settings.database_host == "db.example"),
        ("AUTONAMA_DATABASE_PORT", "5433", lambda settings: settings.database_port == 5433),
        (
            "AUTONAMA_DATABASE_PASSWORD",
            "5433",
            lambda settings: settings.database_password.get_secret_value() == "5433",
        ),
        ("AUTONAMA_DATABASE_URL", "host=x", lambda settings: settings.database_url.get_secret_value() == "host=x"),
        ("AUTONAMA_CLEANUP_DAYS", " 7 ", lambda settings: settings.cleanup_days == 7),
        ("AUTONAMA_VALIDATION__STRICT_MODE", "false", lambda settings: not settings.validation.strict_mode),
        ("AUTONAMA_VALIDATION__STRICT_MODE", "0", lambda settings: not settings.validation.strict_mode),
        ("AUTONAMA_VALIDATION__STRICT_MODE", "Off", lambda settings: not settings.validation.strict_mode),
        (
            "AUTONAMA_VALIDATION__MAX_QUARANTINE_SHARE",
            "1e-2",
            lambda settings: settings.validation.max_quarantine_share == 0.01,
        ),
        (
            "AUTONAMA_VALIDATION__SEVERITY__SHARPE_REALISTIC",
            "off",
            lambda settings: settings.validation.severity == {"sharpe_realistic": "off"},
        ),
        ("AUTONAMA_VALIDATION", '{"strict_mode": false}', lambda settings: not settings.validation.strict_mode),
        ("AUTONAMA_LOGGING__LEVEL", "warning", lambda settings: settings.logging.level == "WARNING"),
        ("AUTONAMA_QUOTE_ASSETS", "USDT, USDC", lambda settings: settings.quote_assets == ("USDT", "USDC")),
        ("AUTONAMA_QUOTE_ASSETS", '["BTC"]', lambda settings: settings.quote_assets == ("BTC",)),
        ("AUTONAMA_ENGINES__ACME__ENABLED", "no", lambda settings: not settings.engine_settings("acme").enabled),
        (
            "AUTONAMA_VECTORBT__RESULTS_PATTERN",
            "a*.csv",
            lambda settings: settings.vectorbt.results_pattern == "a*.csv",
        ),
    ],
)
def test_a_variable_sets(name: str, text: str, found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of setting can be given as text; two underscores go one section down."""
    assert not found(
        load_settings(database_url="host=other") if name.endswith("URL") else load_settings(engines={"acme": {}})
    )
    monkeypatch.setenv(name, text)
    assert found(load_settings(engines={"acme": {}}))


def test_a_single_setting_wins_over_its_section(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a section is given as JSON and one of its settings by name, the latter holds; the rest is joined."""
    monkeypatch.setenv("AUTONAMA_LOGGING__LEVEL", "DEBUG")
    monkeypatch.setenv("AUTONAMA_LOGGING", '{"level": "ERROR", "backup_count": 1}')
    logging = load_settings().logging
    assert (logging.level, logging.backup_count) == ("DEBUG", 1)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "AUTONAMA_CLEANUP_DAYS",
            "abc",
            'cleanup_days (environment variable AUTONAMA_CLEANUP_DAYS) is "abc", and has to be a whole number from 1 '
            "to 36500.",
        ),
        ("AUTONAMA_CLEANUP_DAYS", "1_000", 'is "1_000", and has to be a whole number'),
        ("AUTONAMA_CLEANUP_DAYS", "9" * 5000, 'is "999'),
        ("AUTONAMA_DATABASE_PORT", "70000", "is 70000, and has to be a whole number from 1 to 65535."),
        ("AUTONAMA_VALIDATION__STRICT_MODE", "maybe", 'is "maybe", and has to be true or false.'),
        ("AUTONAMA_VALIDATION__MAX_FILE_AGE_HOURS", "nan", 'is "nan", and has to be a number above 0'),
        (
            "AUTONAMA_VALIDATION",
            "{bad",
            'validation (environment variable AUTONAMA_VALIDATION) is "{bad", and has to be',
        ),
        ("AUTONAMA_LOGGING", '{"level": "INFO", "level": "DEBUG"}', "and has to be an object, such as"),
        (
            "AUTONAMA_LOGGING",
            '{"lvl": "INFO"}',
            "logging.lvl (environment variable AUTONAMA_LOGGING) is not a known key.",
        ),
        ("AUTONAMA_QUOTE_ASSETS", "usdt", 'is ["usdt"], and has to be a list of quote assets in capitals'),
        (
            "AUTONAMA_DATABSE_URL",
            "postgresql://h/d",
            "The environment variable AUTONAMA_DATABSE_URL names no setting. Did you mean AUTONAMA_DATABASE_URL? "
            "Rename or unset it.",
        ),
        ("AUTONAMA_VALIDATION_STRICT_MODE", "no", "Did you mean AUTONAMA_VALIDATION__STRICT_MODE?"),
        ("autonama_database_host", "h", "Did you mean AUTONAMA_DATABASE_HOST?"),
        ("AUTONAMA_DATABSE_PORT", "5433", "Did you mean AUTONAMA_DATABASE_PORT?"),
        ("AUTONAMA_WEB_TOKN", "x", "Did you mean AUTONAMA_WEB_TOKEN?"),
        ("AUTONAMA_ZZZ", "x", "The environment variable AUTONAMA_ZZZ names no setting. README.md lists the settings."),
        ("AUTONAMA_VALIDATION__SEVERITY__A__B", "off", "names no setting"),
        ("AUTONAMA_DATABASE_HOST__X", "h", "names no setting"),
        ("AUTONAMA_", "x", "names no setting"),
        ("AUTONAMA_DATABASE_NAME", "a\udcff", "database_name (environment variable AUTONAMA_DATABASE_NAME) is "),
    ],
)
def test_a_variable_that_is_none(refusal, name: str, text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is none is told with the variable's name; so is a variable that names no setting."""
    monkeypatch.setenv(name, text)
    assert told in refusal()


def test_a_broken_section_and_a_setting_of_it(refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A section whose JSON is broken is told once, whatever else is set in it."""
    monkeypatch.setenv("AUTONAMA_LOGGING", "{")
    monkeypatch.setenv("AUTONAMA_LOGGING__LEVEL", "DEBUG")
    assert refusal().startswith("logging (environment variable AUTONAMA_LOGGING) is ")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`AUTONAMA_DATABASE_URL=` is how a compose file says that there is none."""
    monkeypatch.setenv("AUTONAMA_DATABASE_URL", "")
    monkeypatch.setenv("AUTONAMA_CLEANUP_DAYS", "")
    assert load_settings() == load_settings(database_url=None)
    assert load_settings().cleanup_days == 30


def test_variables_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours that are no settings, and those that Kubernetes sets beside a Service named autonama, are left alone."""
    before = load_settings()
    for name, text in {
        "AUTONAMA_WEB_TOKEN": "x",
        "AUTONAMA_FAULT": "x",
        "AUTONAMA_SERVICE_HOST": "10.0.0.1",
        "AUTONAMA_SERVICE_PORT": "80",
        "AUTONAMA_SERVICE_PORT_HTTP": "80",
        "AUTONAMA_PORT": "tcp://10.0.0.1:80",
        "AUTONAMA_PORT_80_TCP": "tcp://10.0.0.1:80",
        "AUTONAMA_PORT_80_TCP_ADDR": "10.0.0.1",
        "AUTONAMA_DB_SERVICE_HOST": "10.0.0.2",
        "AUTONAMA_DB_PORT": "tcp://10.0.0.2:5432",
        "MY_AUTONAMA_X": "x",
    }.items():
        monkeypatch.setenv(name, text)
    assert load_settings() == before
