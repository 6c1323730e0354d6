"""What is allowed, and warned of."""

import shlex
from pathlib import Path

import pytest

from autonama.config import load_settings


@pytest.mark.parametrize(
    "content",
    [
        {"database_host": "localhost", "database_password": "postgres"},
        {"database_password": "s3cret"},
        {"database_url": "postgresql://me:s3cret@h/db"},
        {"database_url": "host=h dbname=d password=s3cret"},
        {"binance_api_secret": "0123456789"},
        {"notify": {"urls": ["json://localhost/token"]}},
    ],
)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620])
def test_a_password_that_others_can_read(write_config, content: dict[str, object], mode: int) -> None:
    """The warning names the file, the key, the mode and the command that closes it."""
    file = write_config(content, mode=mode)
    key = next(reversed(content)).replace("notify", "notify.urls")
    assert load_settings(file).warnings == (
        f"{file} holds {key}, and other users of this machine may open it (mode {mode:o}). Run: chmod 600 {file}",
    )


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        ({"database_password": "s3cret"}, 0o600),
        ({"database_host": "localhost"}, 0o644),
        ({"database_host": "embedded", "database_password": "postgres"}, 0o644),
        ({"database_url": "postgresql://me@h/db"}, 0o644),
        ({"database_url": "service=mine"}, 0o644),
        ({"binance_api_key": "your_binance_api_key_here", "binance_api_secret": "your_binance_api_secret_here"}, 0o644),
        ({"binance_api_secret": ""}, 0o644),
        ({"notify": {"on": ["flips"]}}, 0o644),
    ],
)
def test_nothing_to_warn_of(write_config, content: dict[str, object], mode: int) -> None:
    """A file for its owner alone, or one without a secret that is used, is in order."""
    assert load_settings(write_config(content, mode=mode)).warnings == ()


def test_the_default_password_counts_once_a_server_is_asked_with_it(
    write_config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped file's password is a password as soon as the environment names a server."""
    file = write_config({"database_host": "embedded", "database_password": "postgres"}, mode=0o644)
    assert load_settings(file).warnings == ()
    monkeypatch.setenv("AUTONAMA_DATABASE_HOST", "db.example")
    assert "database_password" in load_settings(file).warnings[0]


def test_the_command_can_be_pasted(write_config) -> None:
    """A file's name with a blank stands quoted in the command."""
    (warning,) = load_settings(write_config({"database_password": "x"}, "my config.json", mode=0o644)).warnings
    assert Path(shlex.split(warning.partition("Run: ")[2])[2]).exists()


def test_a_part_of_the_address_that_is_not_used(write_config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets a host over a whole address from below is told that the address holds; the other way is usual."""
    file = write_config({"database_url": "postgresql://me@h/db", "database_host": "x"})
    monkeypatch.setenv("AUTONAMA_DATABASE_PASSWORD", "s3cret")
    assert load_settings(file).warnings == (
        "database_password (environment variable AUTONAMA_DATABASE_PASSWORD) is not used: "
        f"database_url ({file}) is the whole address.",
    )
    assert load_settings(file, database_url="postgresql://me@h/db").warnings == ()
    assert load_settings(file, database_url=None, database_host="h").warnings == ()
