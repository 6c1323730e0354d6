"""A planted password: provoke everything, and look for it everywhere."""

import copy
import io
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import warm
from autonama.config import Settings, load_settings, settings_from_db_config
from autonama.errors import ConfigError
from autonama.logs import logging_to

SECRET = "Planted/S3cret's\\ö%"
URL = f"postgresql://me:{quote(SECRET, safe='')}@db.example/quant"

SERVICE = f"json://me:{quote(SECRET, safe='')}@hooks.example/{quote(SECRET, safe='')}?key={quote(SECRET, safe='')}"

SECRET_KEYS = ("database_password", "database_url", "binance_api_key", "binance_api_secret")


def spellings() -> Iterator[str]:
    """The secret as it may be spelled by whatever carries it."""
    yield from (SECRET, quote(SECRET), quote(SECRET, safe=""), quote(SECRET, safe="").lower(), repr(SECRET)[1:-1])
    yield from (json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1], "S3cret")


def holds_secret(text: str) -> bool:
    """Whether any spelling of it stands in the text."""
    return any(spelling in text for spelling in spellings())


def planted() -> Settings:
    """Settings with the secret in every place that has room for one."""
    return load_settings(
        database_password=SECRET,
        database_url=URL,
        binance_api_key=SECRET,
        binance_api_secret=f"{SECRET}2",
        notify={"urls": [SERVICE]},
    )


def test_the_search_finds_it() -> None:
    """The test's own eyes: each place where it is planted holds it."""
    assert all(map(holds_secret, (SECRET, URL, repr(SECRET), json.dumps({"x": SECRET}))))


def test_settings_show_no_secret() -> None:
    """Neither repr, str, a dump, the description, a copy nor an f-string of settings holds it."""
    settings = planted()
    shown = [
        repr(settings),
        str(settings),
        f"{settings}",
        repr(settings.model_dump()),
        settings.model_dump_json(),
        json.dumps(settings.described()),
        repr(copy.deepcopy(settings)),
        repr(settings.model_copy(update={"cleanup_days": 3})),
        repr(vars(settings)),
    ]
    assert not any(map(holds_secret, shown))


def told(config: Path | None, **overrides: object) -> str:
    """The refusal, with its traceback, and all that hangs on the exception."""
    with pytest.raises(ConfigError) as refused:
        load_settings(config, **overrides)
    error: BaseException | None = refused.value
    texts = traceback.format_exception(refused.value)
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "".join(texts)


@pytest.mark.parametrize(
    "content",
    [
        f'{{"database_password": "{SECRET}',
        f'{{"database_password": {json.dumps(SECRET)},}}',
        f'{{"database_password": {SECRET}}}',
        f'{{"database_password": {json.dumps(SECRET)}, "database_password": {json.dumps(SECRET)}}}',
        json.dumps([SECRET]),
        json.dumps(SECRET),
        json.dumps({"database_pasword": SECRET}),
        json.dumps({"database_password": [SECRET]}),
        json.dumps({"database_password": {"value": SECRET}}),
        json.dumps({"database_password": SECRET + "\0"}),
        json.dumps({"database_password": SECRET + "\ud800"}),
        json.dumps({"database_password": SECRET, "cleanup_days": -1, "nonsense": SECRET}),
        json.dumps({"database_url": URL.replace("postgresql", "mysql")}),
        json.dumps({"database_url": [URL]}),
        json.dumps({"database_host": URL}),
        json.dumps({"database_host": [URL]}),
        json.dumps({"database_host": f"me:{SECRET}@db"}),
        json.dumps({"database_port": URL}),
        json.dumps({"cleanup_days": f"password={SECRET}"}),
        json.dumps({"binance_api_secret": [SECRET]}),
        json.dumps({"validation": URL}),
        json.dumps({"notify": SERVICE}),
        json.dumps({"notify": [SERVICE]}),
        json.dumps({"notify": {"urls": SERVICE}}),
        json.dumps({"notify": {"urls": [SECRET]}}),
        json.dumps({"notify": {"urls": [SERVICE, SECRET]}}),
        json.dumps({"notify": {"urls": [f"json://{SECRET}\n"]}}),
        json.dumps({"notify": {"urls": {"a": SERVICE}}}),
        json.dumps({"notify": {"url": SERVICE}}),
        json.dumps({"notify": {"on": [SERVICE]}}),
        f'{{"database_password": "{SECRET}"}}'.encode("latin-1"),
    ],
)
def test_no_refusal_of_a_file_holds_it(write_config, content: str | bytes) -> None:
    """Whatever is wrong with a file that holds a secret, the refusal does not."""
    assert not holds_secret(told(write_config(content)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AUTONAMA_DATABASE_PASWORD", SECRET),
        ("AUTONAMA_DATABASE_URL", URL.replace("postgresql", "mysql")),
        ("AUTONAMA_DATABASE_HOST", URL),
        ("AUTONAMA_DATABASE_PORT", URL),
        ("AUTONAMA_DATABASE_PASSWORD", f"{SECRET}\udcff"),
        ("AUTONAMA_VALIDATION", URL),
        ("AUTONAMA_QUOTE_ASSETS", URL),
        ("AUTONAMA_NOTIFY", SERVICE),
        ("AUTONAMA_NOTIFY__URLS", SECRET),
        ("AUTONAMA_NOTIFY__URL", SERVICE),
        ("AUTONAMA_NOTIFY__ON", SERVICE),
        ("AUTONAMA_CLEANUP_DAYS", f"password={SECRET}"),
    ],
)
def test_no_refusal_of_the_environment_holds_it(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in a misspelled variable, or in the wrong one, is not repeated."""
    monkeypatch.setenv(name, text)
    assert not holds_secret(told(None))


def test_no_refusal_of_arguments_holds_it() -> None:
    """Nor is one that was given to the documented API, or to the settings themselves."""
    assert not holds_secret(told(None, database_url=f"x://{SECRET}", password=SECRET, database_host=URL))
    with pytest.raises(ConfigError) as refused:
        settings_from_db_config({"host": "h", "passwrd": SECRET})
    assert not holds_secret(str(refused.value))
    with pytest.raises(ValidationError) as invalid:
        Settings(database_password=[SECRET], data_dir=SECRET)  # type: ignore[arg-type]
    assert not holds_secret(str(invalid.value))


def test_no_warning_holds_it(write_config) -> None:
    """What is warned of is named by its key."""
    file = write_config({"database_password": SECRET, "database_url": URL, "binance_api_secret": SECRET}, mode=0o644)
    settings = load_settings(file)
    assert settings.warnings
    assert not any(map(holds_secret, settings.warnings))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_log_holds_it(
    log_format: str, write_config, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """In message, arguments, exception, its cause, stack and extras it is *** in the files and for other handlers."""
    write_config({"database_password": SECRET, "database_url": URL, "binance_api_key": SECRET})
    settings = load_settings()
    logger = logging.getLogger("autonama.anything")
    other = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(other)
    with logging_to(settings, "vectorbt", log_format=log_format):
        logger.warning(f"in the message: {SECRET}")
        logger.warning("in the arguments: %s and %r", URL, {"password": SECRET})
        logger.warning("in conninfo: password='%s'", SECRET.replace("\\", "\\\\").replace("'", "\\'"))
        logger.warning("in extras", extra={"address": URL, "options": {"password": SECRET}})
        logger.warning("arguments that do not fit: %d", SECRET)
        try:
            _fail(SECRET)
        except RuntimeError:
            logger.exception("with a traceback")
        logger.warning("with a stack", stack_info=True)
    logging.getLogger().removeHandler(other)
    assert settings.log_dir is not None
    for name in ("ingestion.log", "vectorbt_ingestion.log"):
        written = (settings.log_dir / name).read_text()
        assert len(written.splitlines()) == 7
        assert "RuntimeError: cannot log in with ***" in written
        assert not holds_secret(written)
    assert isinstance(other.stream, io.StringIO)
    assert "in the message: ***" in other.stream.getvalue()
    for text in (other.stream.getvalue(), caplog.text, *capsys.readouterr()):
        assert not holds_secret(text)


def _fail(password: str) -> None:
    try:
        raise ValueError(f"login with {password}")
    except ValueError as error:
        raise RuntimeError(f"cannot log in with {password}") from error


def test_an_error_that_ends_the_run_is_logged_without_it() -> None:
    """An exception that leaves the block is written on its way, the secret taken out, and still raised as it was."""
    settings = planted()
    with pytest.raises(RuntimeError), logging_to(settings, None):
        _fail(SECRET)
    assert settings.log_dir is not None
    written = (settings.log_dir / "ingestion.log").read_text()
    assert "cannot log in with ***" in written
    assert not holds_secret(written)


def test_no_command_shows_it(write_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails on the configuration, the database or a file prints it nowhere, and leaves it in no file."""
    monkeypatch.setenv("AUTONAMA_DATABASE_PASSWORD", SECRET)
    nobody = f"postgresql://me:{quote(SECRET, safe='')}@127.0.0.1:1/quant"
    config = write_config({"database_password": SECRET, "database_url": nobody, "binance_api_secret": SECRET})
    broken = write_config({"database_pasword": SECRET, "database_url": nobody}, "broken.json")
    for command in (
        ("doctor", "--config", str(config)),
        ("doctor", "--json", "--config", str(config)),
        ("doctor", "--config", str(broken)),
        ("ingest", "--config", str(config)),
        ("ingest", "--config", str(broken)),
        ("validate", "--config", str(config), "--database-url", nobody),
    ):
        done = warm.run(*command)
        assert done.returncode > 1
        assert not holds_secret(done.stdout + done.stderr)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path not in (config, broken)]
    assert any(path.name == "ingestion.log" for path in files)
    assert not any(holds_secret(path.read_text()) for path in files)


secrets = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=8, max_size=20).filter(
    lambda text: text.strip() == text
)


@given(secret=secrets, wrap=st.sampled_from([str, repr, json.dumps, quote, lambda text: quote(text, safe="")]))
def test_any_secret_is_taken_out_of_a_log(secret: str, wrap, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever signs a password is made of, and however it is spelled in a message, the log has *** there."""
    directory = tmp_path_factory.mktemp("law")
    settings = load_settings(database_password=secret, logging={"file": str(directory / "law.log")})
    with logging_to(settings):
        logging.getLogger("autonama.law").info("<%s>", wrap(secret))
    written = (directory / "law.log").read_text()
    assert "***" in written
    assert json.dumps(secret)[1:-1] not in written.partition("<")[2]


@pytest.mark.parametrize("password", ["Sup3r@Secret", "Pl@nted@@"])
def test_a_raw_at_sign_in_a_password_is_refused_before_it_becomes_a_host(password: str) -> None:
    """The address is refused with the way to write it, and no part of the password is shown."""
    with pytest.raises(ConfigError) as caught:
        load_settings(database_url=f"postgresql://postgres:{password}@127.0.0.1:1/x")
    assert "%40" in str(caught.value)
    assert not any(part in str(caught.value) for part in ("Sup3r", "Secret", "nted"))


@pytest.mark.parametrize(
    ("address", "tokens"),
    [
        ("tgram://123456789:AAbbCC-dd_EEff/1234567890", ["AAbbCC-dd_EEff", "1234567890"]),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", ["JHMHI8qBe7bk2ZwO5U711o3dV_js"]),
        ("sendgrid://SG.abcdefgh.ijklmnop:me@example.com", ["SG.abcdefgh.ijklmnop"]),
        ("mailtos://desk:hush66@mail.example.com?to=a@example.com", ["hush66"]),
        ("jsons://hooks.example.com/services/T0ken-in-path?key=T0ken-in-query", ["T0ken-in-path", "T0ken-in-query"]),
    ],
)
def test_a_token_of_a_service_is_taken_out_of_a_log(address: str, tokens: list[str], tmp_path: Path) -> None:
    """The whole address, and each part of it that lets somebody in, is *** in a log; the name of a host is none."""
    file = str(tmp_path / "service.log")
    with logging_to(load_settings(notify={"urls": [address]}, logging={"file": file})):
        for text in (address, *tokens, "mail.example.com localhost 127.0.0.1"):
            logging.getLogger("autonama.law").info("<%s>", text)
    written = Path(file).read_text()
    assert written.count("***") > len(tokens)
    assert not any(token in written for token in tokens)
    assert "<mail.example.com localhost 127.0.0.1>" in written
