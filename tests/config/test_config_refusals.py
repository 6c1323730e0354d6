"""What is no configuration, and the sentence that says so."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonama.config import Keys, load_settings
from autonama.errors import ConfigError


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"database_port": 70000}, "database_port ({file}) is 70000, and has to be a whole number from 1 to 65535."),
        ({"database_port": 0}, "database_port ({file}) is 0, and has to be a whole number from 1 to 65535."),
        ({"cleanup_days": -1}, "cleanup_days ({file}) is -1, and has to be a whole number from 1 to 36500."),
        ({"cleanup_days": 0}, "cleanup_days ({file}) is 0, and has to be a whole number from 1 to 36500."),
        ({"cleanup_days": 1.5}, "cleanup_days ({file}) is 1.5, and has to be a whole number from 1 to 36500."),
        ({"cleanup_days": True}, "cleanup_days ({file}) is true, and has to be a whole number from 1 to 36500."),
        ({"cleanup_days": None}, "cleanup_days ({file}) is null, and has to be a whole number from 1 to 36500."),
        (
            {"cleanup_days": "30"},
            'cleanup_days ({file}) is "30", and has to be a whole number from 1 to 36500, without quotes.',
        ),
        (
            {"validation": {"strict_mode": "true"}},
            'validation.strict_mode ({file}) is "true", and has to be true or false, without quotes.',
        ),
        ({"validation": {"strict_mode": 1}}, "validation.strict_mode ({file}) is 1, and has to be true or false."),
        (
            '{"validation": {"max_file_age_hours": NaN}}',
            "validation.max_file_age_hours ({file}) is NaN, and has to be a number above 0, at most 1000000.",
        ),
        (
            '{"max_file_size_mb": 1e400}',
            "max_file_size_mb ({file}) is Infinity, and has to be a number above 0, at most 1000000000.",
        ),
        (
            {"validation": {"max_quarantine_share": 10}},
            "validation.max_quarantine_share ({file}) is 10, and has to be a number from 0 to 1, such as 0.1 for 10 %.",
        ),
        (
            {"validation": []},
            'validation ({file}) is [], and has to be an object, such as {{"strict_mode": true}}.',
        ),
        (
            {"validation": {"severity": {"price_positive": "fatal"}}},
            'validation.severity.price_positive ({file}) is "fatal", and has to be "error", "warning" or "off".',
        ),
        (
            {"logging": {"level": "LOUD"}},
            'logging.level ({file}) is "LOUD", and has to be DEBUG, INFO, WARNING, ERROR or CRITICAL.',
        ),
        ({"logging": {"backup_count": -1}}, "logging.backup_count ({file}) is -1, and has to be a whole number from 0"),
        ({"logging": {"file": "logs/"}}, 'logging.file ({file}) is "logs/", and has to be the name of a file.'),
        (
            {"engine_timezone": "Europe/Berln"},
            'engine_timezone ({file}) is "Europe/Berln", and has to be the name of a time zone, such as UTC or '
            "Europe/Berlin. Did you mean Europe/Berlin?",
        ),
        ({"engine_timezone": "Europe"}, 'engine_timezone ({file}) is "Europe", and has to be the name of a time zone'),
        ({"engine_timezone": "/etc/passwd"}, 'engine_timezone ({file}) is "/etc/passwd", and has to be the name of'),
        ({"engine_timezone": 1}, "engine_timezone ({file}) is 1, and has to be the name of a time zone"),
        (
            {"quote_assets": ["usdt"]},
            'quote_assets ({file}) is ["usdt"], and has to be a list of quote assets in capitals, such as ["USDT", ',
        ),
        ({"quote_assets": []}, "quote_assets ({file}) is [], and has to be a list"),
        ({"quote_assets": "USDT"}, 'quote_assets ({file}) is "USDT", and has to be a list'),
        ({"engine_results_dir": ""}, 'engine_results_dir ({file}) is "", and has to be the path of a directory.'),
        ({"data_dir": "~nobody-at-all/x"}, 'data_dir ({file}) is "~nobody-at-all/x", and has to be the path of a'),
        ({"database_name": " "}, 'database_name ({file}) is " ", and has to be text that is not empty.'),
        ({"database_user": "a\0b"}, 'database_user ({file}) is "a\\x00b", and has to be text that is not empty.'),
        (
            {"database_host": "https://db"},
            "database_host ({file}) is text that is not shown, and has to be a host name",
        ),
        (
            {"database_url": "mysql://h/d"},
            "database_url ({file}) is text that is not shown, and has to be a PostgreSQL address: "
            "postgresql://user:password@host:5432/database, with %40 for an @ in the password.",
        ),
        ({"vectorbt": {"results_pattern": "a/*.csv"}}, "vectorbt.results_pattern ({file}) is "),
        ({"engines": {"vectorbt": {}}}, "engines ({file}) is an object, and has to be an object of plug-in engines by"),
        (
            {"engines": {"acme": {"enabled": "no"}}},
            'engines.acme.enabled ({file}) is "no", and has to be true or false',
        ),
        ({"engines": {"acme": 3}}, "engines.acme ({file}) is 3, and has to be an object"),
        ({"databse_host": "x"}, "databse_host ({file}) is not a known key. Did you mean database_host?"),
        (
            {"validation": {"strict": True}},
            "validation.strict ({file}) is not a known key. Did you mean validation.strict_m",
        ),
        ({"strict_mode": True}, "strict_mode ({file}) is not a known key. Did you mean validation.strict_mode?"),
        ({"max_file_age": 3}, "max_file_age ({file}) is not a known key. "),
        ({"vectorbt": {"enbled": True}}, "vectorbt.enbled ({file}) is not a known key. Did you mean vectorbt.enabled?"),
        (
            {"logging": {"colour": 1}},
            "logging.colour ({file}) is not a known key. Known here: level, file, max_size_mb,",
        ),
        (
            {"acme": {"enabled": True}},
            "acme ({file}) is not a known key. The section of a plug-in's engine stands under",
        ),
        ({"config_file": "x"}, "config_file ({file}) is not a known key."),
        ({"warnings": []}, "warnings ({file}) is not a known key."),
        ({"a\nb\x1b[31m": 1}, "a\\nb\\x1b[31m ({file}) is not a known key."),
        ('{"\\ud800": 1}', "\\ud800 ({file}) is not a known key."),
        ('{"database_name": "\\ud800"}', 'database_name ({file}) is "\\ud800", and has to be text'),
    ],
)
def test_a_value_or_key_that_is_none(write_config, refusal, content: object, told: str) -> None:
    """One sentence names the key, the file, what stands there and what may stand there."""
    file = write_config(content)
    said = refusal(file)
    assert said.startswith(told.format(file=file))
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"cleanup_days": 30,}', "line 1, column 21: a key in double quotes has to stand here"),
        ('{"a": 1\n "b": 2}', "line 2, column 2: a comma is missing before this"),
        ("{\n  'a': 1}", "line 2, column 3: a key in double quotes has to stand here"),
        ('{"a": True}', "line 1, column 7: a value has to stand here"),
        ('{"a" 1}', "line 1, column 6: a colon is missing after the key"),
        ("", "line 1, column 1: a value has to stand here"),
        ("{} {}", "line 1, column 4: there is more after the end of the object"),
        ('{"a": "b', "line 1, column 7: the closing double quote of a text is missing"),
        ('{"a": "b\n"}', "line 1, column 9: a text goes over the end of its line"),
        ('{"a": "\\q"}', "line 1, column 8: invalid \\escape."),
        ("[1]", "has to hold a JSON object"),
        ('"text"', "has to hold a JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"cleanup_days": ' + "9" * 5000 + "}", "holds a number of thousands of digits"),
        ('{"cleanup_days": 1, "cleanup_days": 2}', 'holds "cleanup_days" more than once'),
        ('{"logging": {"level": "INFO", "level": "DEBUG"}}', 'holds "level" more than once'),
        (b'{"a": 1,\n "b": "\xe9"}', "is not UTF-8 text (line 2)"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8 text (line 1)"),
        (b" " * (1 << 20) + b"{}", "is larger than 1 MB"),
    ],
)
def test_a_file_that_is_none(write_config, refusal, content: str | bytes, told: str) -> None:
    """Text that is not one JSON object is refused with the file's name and the place."""
    file = write_config(content)
    said = refusal(file)
    assert said.startswith(f"The configuration file {file} ")
    assert told in said


def test_a_named_file_that_is_missing(refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a file that nobody named may be missing; a link that leads nowhere is there."""
    said = refusal(tmp_path / "custom.json")
    missing = "does not exist. Check the name, or name none to use the defaults."
    assert said == f"The configuration file {tmp_path}/custom.json {missing}"
    monkeypatch.setenv("AUTONAMA_CONFIG", str(tmp_path / "other.json"))
    assert "other.json does not exist" in refusal()
    monkeypatch.delenv("AUTONAMA_CONFIG")
    (tmp_path / "config.json").symlink_to("nowhere")
    assert "config.json does not exist" in refusal()


def test_a_directory_in_the_place_of_the_file(refusal, tmp_path: Path) -> None:
    """A directory is no configuration, named or not."""
    assert f"The configuration file {tmp_path} is a directory." in refusal(tmp_path)
    (tmp_path / "config.json").mkdir()
    assert "The configuration file config.json is a directory." in refusal()


def test_an_unreadable_file(write_config, refusal, ordinary_user) -> None:
    """Without the right to read it the user is told the command that gives it."""
    file = write_config({}, mode=0o000)
    with ordinary_user():
        said = refusal(file)
    assert said == f"The configuration file {file} cannot be read: permission denied. Run: chmod u+r {file}."


def test_a_name_that_is_none(refusal) -> None:
    """A NUL in the name, or a name too long, is told like any other."""
    assert "config\\x00 cannot be read" in refusal(Path("config\0"))
    assert "cannot be read: File name too long" in refusal(Path("x" * 5000))


def test_all_problems_at_once(write_config, refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's, the environment's and the flags' problems stand in one message, each on its line."""
    file = write_config({"database_port": 70000, "databse_host": "x", "validation": {"strict_mode": "yes"}})
    monkeypatch.setenv("AUTONAMA_LOGGING__LEVEL", "LOUD")
    said = refusal(file, cleanup_days=0, engine_results_dir="", database_url="x://y", validation={"strict_mode": 3})
    first, *lines = said.splitlines()
    assert first == "8 problems with the configuration:"
    assert [re.sub(r" (is|names) .*", "", line) for line in lines] == [
        f"- database_port ({file})",
        f"- validation.strict_mode ({file})",
        f"- databse_host ({file})",
        "- logging.level (environment variable AUTONAMA_LOGGING__LEVEL)",
        "- database_url (flag --database-url)",
        "- engine_results_dir (flag --engine-results-dir)",
        "- cleanup_days (flag --cleanup-days)",
        "- validation.strict_mode (flag --strict)",
    ]


def test_a_broken_file_does_not_hide_the_environment(refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file and a wrong variable are told together."""
    monkeypatch.setenv("AUTONAMA_CLEANUP_DAYS", "never")
    said = refusal(Path("gone.json"))
    assert "gone.json does not exist" in said
    assert 'cleanup_days (environment variable AUTONAMA_CLEANUP_DAYS) is "never"' in said


def test_no_home(refusal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no home is known, the variables that help are named; with AUTONAMA_DATA_DIR none is needed."""
    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(Path, "home", _homeless)
    assert refusal() == "The home directory of this user is not known. Set HOME, or AUTONAMA_DATA_DIR."
    monkeypatch.setenv("AUTONAMA_DATA_DIR", str(tmp_path))
    assert load_settings().log_dir is None


def _homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_current_directory_that_is_gone(refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that was removed under the user is told as such."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert refusal() == "The current directory does not exist any more. Change to another one."


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(sorted(Keys.model_fields)) | st.text(max_size=8)
sections = st.dictionaries(
    st.sampled_from(["strict_mode", "severity", "enabled", "json_pattern", "level", "file", "max_size_mb", "x"]),
    json_values,
    max_size=3,
)


@given(st.dictionaries(names, json_values | sections, max_size=4))
def test_whatever_stands_there_gives_settings_or_a_sentence(content: dict[str, object]) -> None:
    """No content of a configuration ends in another exception than ConfigError, a line a problem."""
    told = _told(content)
    told.encode()
    first, *lines = told.splitlines()
    assert len(lines) == (int(first.split()[0]) if "problems with" in first else 0)


def _told(content: dict[str, object]) -> str:
    try:
        return repr(load_settings(**content))
    except ConfigError as error:
        return str(error)


def test_a_key_spelt_like_pydantics_own_mark_is_named(tmp_path: Path) -> None:
    """The word that pydantic sets behind a bad key is, as a key, refused like any other."""
    path = tmp_path / "config.json"
    path.write_text('{"[key]": 1, "validation": {"[key]": 2}}')
    with pytest.raises(ConfigError, match=r"(?s)validation\.\[key\] .*\n- \[key\] "):
        load_settings(path)
