"""The texts that must be shown nowhere: secrets, and the spellings in which they travel."""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote

from autonama.config.kinds import DEFAULT_PASSWORD

PLACEHOLDER = re.compile(r"\s*|your_\w+_here")
"""What the documentation writes in the place of a Binance key."""

_IN_URL = re.compile(r"://[^:/?#]*:(?P<widest>.*)@")
_NAMED = re.compile(r"(?:password|secret|passphrase)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'?|(?P<bare>[^\s&]+))", re.I)

_HOST = re.compile(r"localhost|\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z\d-]+\.)+[a-z]{2,6}")
"""What names a machine, as people write it: a token with dots in it has capitals, or no top-level domain."""

TOKEN_LENGTH = 8
"""Characters that a part of a service's address has at the least where it may be a token. Paths are mostly shorter."""


def secrets_in(
    keys: Iterable[str], password: str, url: str | None, *, services: Iterable[str] = (), public: Iterable[str]
) -> tuple[str, ...]:
    """All spellings of these secrets, the longest first. What is a public name too, or a placeholder, is none."""
    raw = {key for key in keys if not PLACEHOLDER.fullmatch(key)} | {password}
    raw |= {part for service in services for part in _of_service(service)}
    if url is not None:
        raw |= set(_of_address(url))
    known = {DEFAULT_PASSWORD, "", *public}
    spelled = {spelling for secret in raw - known for spelling in _spellings(secret)} - known
    return tuple(sorted(spelled, key=lambda text: (-len(text), text)))


def has_password(url: str) -> bool:
    """Whether an address, URL or `host=… password=…`, holds one."""
    return any(_of_address(url))


def _of_address(url: str) -> Iterator[str]:
    """The passwords of an address. One with an @ or / that should have been escaped is taken whole as well."""
    if found := _IN_URL.search(url):
        yield found["widest"]
        yield found["widest"].partition("@")[0]
    for named in _NAMED.finditer(url):
        yield re.sub(r"\\(.)", r"\1", named["quoted"]) if named["quoted"] is not None else named["bare"]


def _of_service(url: str) -> Iterator[str]:
    """The address without its scheme, its passwords, and each part that may be a token: services have no one place."""
    rest = url.partition("://")[2]
    yield rest
    yield from _of_address(url)
    for part in re.split(r"[/?&#=:@,]", rest):
        if len(part) >= TOKEN_LENGTH and not _HOST.fullmatch(part):
            yield part


def _spellings(secret: str) -> set[str]:
    plain = {secret, unquote(secret)}
    encoded = {code(text, safe=safe) for text in plain for code in (quote, quote_plus) for safe in ("", "/")}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), text) for text in encoded}
    inside = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in plain for ascii_only in (True, False)}
    escaped = {repr(text)[1:-1] for text in plain} | {re.sub(r"([\\'])", r"\\\1", text) for text in plain}
    return plain | encoded | lower | inside | escaped
