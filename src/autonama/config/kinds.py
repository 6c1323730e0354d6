"""What a setting's value may be: the check, and the words that tell it."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StrictBool

EMBEDDED = "embedded"

BUILT_IN = ("vectorbt", "enhanced")
"""Engines with a section of their own; those of plug-ins stand under `engines`."""

SYSTEM = Path("system")
"""libpq's word, in the place of a file, for the authorities that this system trusts."""

DEFAULT_PASSWORD = "postgres"  # noqa: S105  the documented one, no secret


@dataclass(frozen=True)
class Allowed:
    """The end of the sentence "X is 70000, and has to be …"."""

    words: str


def _whole(value: object) -> object:
    """JSON has one kind of number: 30.0 is 30."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: str) -> str:
    """A NUL and half a surrogate pair have no place in a name, a path, or PostgreSQL's protocol."""
    if not value.strip() or "\0" in value:
        raise ValueError
    value.encode()
    return value


def _secret(value: SecretStr) -> SecretStr:
    if "\0" in value.get_secret_value():
        raise ValueError
    value.get_secret_value().encode()
    return value


def _address(value: SecretStr) -> SecretStr:
    """A URL of PostgreSQL, or libpq's `host=… dbname=…`; the rest of it is read when it is connected to."""
    text = value.get_secret_value()
    scheme, separator, rest = text.partition("://")
    # A raw @ in the password would make its tail part of the host, and so of the message that the host is unknown.
    if separator and rest.partition("/")[0].count("@") > 1:
        raise ValueError
    if not text.strip() or (separator and "=" not in scheme and scheme not in ("postgresql", "postgres")):
        raise ValueError
    return value


def _service(value: SecretStr) -> SecretStr:
    """What a service's address begins with tells apprise which it is; the rest is read when something is sent."""
    text = value.get_secret_value()
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://\S", text) is None or not text.isprintable():
        raise ValueError
    return value


def _host(value: str) -> str:
    if "://" in value or "@" in value:
        raise ValueError
    return value


def _path_text(value: object) -> object:
    """An empty path is no path: pathlib would read it as the current directory."""
    return _text(str(value)) if isinstance(value, str | Path) else value


def _at_home(value: Path) -> Path:
    try:
        return value.expanduser()
    except RuntimeError as error:  # ~nobody, or no home at all
        raise ValueError from error


def _file_name(value: str) -> str:
    if PurePath(value).name in ("", "..") or value.endswith("/"):
        raise ValueError
    return value


def _glob(value: str) -> str:
    if "/" in value:
        raise ValueError
    return value


def _zone(value: str) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  opens the zone's file; few runs name one

    if value != "UTC":
        try:
            ZoneInfo(value)
        except (KeyError, OSError) as error:  # not found; a directory such as "Europe"
            raise ValueError from error
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _severities(value: dict[str, Any]) -> dict[str, Any]:
    for code in value:
        _text(code)
    return value


def plug_ins(sections: dict[str, Any]) -> dict[str, Any]:
    """The sections, none of which is a built-in engine's: those would hold the same setting in two places."""
    if any(name in BUILT_IN or not name.strip() for name in sections):
        raise ValueError
    return sections


Switch = Annotated[StrictBool, Allowed("true or false")]
Words = Annotated[str, AfterValidator(_text), Allowed("text that is not empty")]
Secret = Annotated[SecretStr, AfterValidator(_secret), Allowed("text")]
Host = Annotated[
    str,
    AfterValidator(_text),
    AfterValidator(_host),
    Allowed('a host name, an address, the directory of a socket, or "embedded" (a URL goes into database_url)'),
]
Address = Annotated[
    SecretStr,
    AfterValidator(_secret),
    AfterValidator(_address),
    Allowed("a PostgreSQL address: postgresql://user:password@host:5432/database, with %40 for an @ in the password"),
]
SslMode = Annotated[
    Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    Allowed("disable, allow, prefer, require, verify-ca or verify-full"),
]
SslFile = Annotated[Path, BeforeValidator(_path_text), AfterValidator(_at_home), Allowed("the path of a file")]
SslAuthority = Annotated[
    Path,
    BeforeValidator(_path_text),
    AfterValidator(_at_home),
    Allowed('the path of a file, or "system" for the authorities that this system trusts'),
]
Directory = Annotated[Path, BeforeValidator(_path_text), AfterValidator(_at_home), Allowed("the path of a directory")]
Port = Annotated[
    int, BeforeValidator(_whole), Field(strict=True, ge=1, le=65_535), Allowed("a whole number from 1 to 65535")
]
Days = Annotated[
    int, BeforeValidator(_whole), Field(strict=True, ge=1, le=36_500), Allowed("a whole number from 1 to 36500")
]
Count = Annotated[
    int, BeforeValidator(_whole), Field(strict=True, ge=0, le=10_000), Allowed("a whole number from 0 to 10000")
]
Hours = Annotated[
    float, Field(strict=True, gt=0, le=1_000_000, allow_inf_nan=False), Allowed("a number above 0, at most 1000000")
]
Megabytes = Annotated[
    float,
    Field(strict=True, gt=0, le=1_000_000_000, allow_inf_nan=False),
    Allowed("a number above 0, at most 1000000000"),
]
Share = Annotated[
    float, Field(strict=True, ge=0, le=1, allow_inf_nan=False), Allowed("a number from 0 to 1, such as 0.1 for 10 %")
]
Glob = Annotated[
    str,
    AfterValidator(_text),
    AfterValidator(_glob),
    Allowed("a pattern of file names such as results_*.csv, without /"),
]
FileName = Annotated[str, AfterValidator(_text), AfterValidator(_file_name), Allowed("the name of a file")]
Zone = Annotated[
    str, AfterValidator(_text), AfterValidator(_zone), Allowed("the name of a time zone, such as UTC or Europe/Berlin")
]
Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(_upper),
    Allowed("DEBUG, INFO, WARNING, ERROR or CRITICAL"),
]
RuleSeverity = Annotated[Literal["error", "warning", "off"], Allowed('"error", "warning" or "off"')]
Severities = Annotated[
    dict[str, RuleSeverity],
    AfterValidator(_severities),
    Allowed('an object of rules and their severities, such as {"sharpe_realistic": "error"}'),
]
QuoteAssets = Annotated[
    tuple[Annotated[str, Field(pattern=r"\A[A-Z0-9]{1,20}\z")], ...],
    Field(min_length=1),
    Allowed('a list of quote assets in capitals, such as ["USDT", "USDC"]'),
]
Services = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_secret), AfterValidator(_service)], ...],
    Allowed('a list of addresses as apprise spells them, such as ["mailtos://user:password@example.com"]'),
]
Occasions = Annotated[
    tuple[Literal["flips", "rejected", "stale"], ...],
    Field(min_length=1),
    Allowed('a list of one or more of "flips", "rejected" and "stale"'),
]
