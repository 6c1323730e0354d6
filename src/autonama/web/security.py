"""Who may look, and what a browser may do with a page."""

import hashlib
import hmac
import ipaddress
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from autonama.web.page import page

router = APIRouter()
log = logging.getLogger("autonama.web")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
CHARTS = ("/symbol/", "/parameters")
"""Pages that Plotly draws on: it sets styles of its own elements, which elsewhere no page may. Scripts never."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

COOKIE = "autonama"
STAYS_S = 30 * 24 * 3600
"""How long a login lasts."""

OPEN_PATHS = ("/login", "/healthz", "/static/")
"""What may be seen without a token: the door, whether the service lives, and the looks."""

TRIES, PER_S = 5, 60
"""Wrong tokens that one address may give, and all addresses together ten times as many, within so many seconds."""

LONGEST_FORM = 4096

Next = Callable[[Request], Awaitable[Response]]


class Gate:
    """Knows the token. A login's cookie is its time limit and a signature under the token, not the token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._wrong: dict[str, deque[float]] = {}

    def admits(self, request: Request) -> bool:
        """Whether the request carries a valid cookie, or the token as `Authorization: Bearer`."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.knows(given.strip()):
            return True
        until, _, signature = request.cookies.get(COOKIE, "").partition(".")
        right = hmac.compare_digest(self._sign(until).encode(), signature.encode(errors="replace"))
        return right and until.isdigit() and int(until) > time.time()

    def knows(self, token: str) -> bool:
        """Whether it is the token; takes as long for a wrong one."""
        return hmac.compare_digest(_digest(token.encode(errors="replace")), _digest(self._token))

    def cookie(self) -> str:
        """A new login."""
        until = str(int(time.time()) + STAYS_S)
        return f"{until}.{self._sign(until)}"

    def wait_s(self, address: str) -> int:
        """How many seconds that address has to wait before it may try again; 0: none."""
        now = time.monotonic()
        for known in list(self._wrong):
            tries = self._wrong[known]
            while tries and now - tries[0] > PER_S:
                tries.popleft()
            if not tries:
                del self._wrong[known]
        own = self._wrong.get(address, deque())
        together = sum(len(tries) for tries in self._wrong.values())
        if len(own) < TRIES and together < 10 * TRIES:
            return 0
        oldest = own[0] if len(own) >= TRIES else min(tries[0] for tries in self._wrong.values())
        return max(int(PER_S - (now - oldest)) + 1, 1)

    def note_wrong(self, address: str) -> None:
        """Count a wrong token."""
        self._wrong.setdefault(address, deque()).append(time.monotonic())

    def _sign(self, until: str) -> str:
        return hmac.new(self._token, f"autonama login {until}".encode(), hashlib.sha256).hexdigest()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


async def guard(request: Request, follow: Next) -> Response:
    """Let through who may look; every answer carries the headers."""
    try:
        response = await (follow(request) if _may_look(request) else _turn_away(request))
    except Exception:  # the request's edge: this one fails, the next may not
        log.exception("A page failed: %s", request.url.path)
        response = _failed(request)
    styles = "'self' 'unsafe-inline'" if request.url.path.startswith(CHARTS) else "'self'"
    response.headers["Content-Security-Policy"] = POLICY.format(styles=styles)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if "cache-control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _failed(request: Request) -> Response:
    told = "This page failed, which is a fault of Autonama. The log has the details."
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": told}, 500)
    return page(request, "refused.html", status=500, title="Failed", error=told)


def _may_look(request: Request) -> bool:
    gate: Gate | None = request.app.state.gate
    path = request.url.path
    return gate is None or path.startswith(OPEN_PATHS) or gate.admits(request)


async def _turn_away(request: Request) -> Response:
    path = request.url.path
    if path.startswith(("/api/", "/metrics", "/events")):
        sentence = "A token is wanted: Authorization: Bearer TOKEN."
        return JSONResponse({"error": sentence}, 401, headers={"WWW-Authenticate": "Bearer"})
    wanted = path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='')}", 303)


@router.get("/login", include_in_schema=False)
def door(request: Request) -> Response:
    """Ask for the token."""
    return page(
        request, "login.html", title="Log in", following=_local(request.query_params.get("next", "/")), error=""
    )


@router.post("/login", include_in_schema=False)
async def enter(request: Request) -> Response:
    """Compare the token, and give the cookie."""
    gate: Gate | None = request.app.state.gate
    form = await _form(request)
    following = _local(form.get("next", "/"))
    if gate is None:
        return RedirectResponse(following, 303)
    address = request.client.host if request.client else ""
    if wait := gate.wait_s(address):
        told = f"Too many wrong tokens. Try again in {wait} seconds."
        answer = page(request, "login.html", status=429, title="Log in", following=following, error=told)
        answer.headers["Retry-After"] = str(wait)
        return answer
    if not gate.knows(form.get("token", "")):
        gate.note_wrong(address)
        return page(
            request, "login.html", status=403, title="Log in", following=following, error="That is not the token."
        )
    response = RedirectResponse(following, 303)
    response.set_cookie(
        COOKIE, gate.cookie(), max_age=STAYS_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return response


@router.post("/logout", include_in_schema=False)
def leave(_request: Request) -> Response:
    """Take the cookie back."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


async def _form(request: Request) -> dict[str, str]:
    """A small form's fields, the first of each name."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _local(path: str) -> str:
    """The path where it leads to a page here, else the board: a login must not send anybody elsewhere."""
    fits = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if fits else "/"


def is_loopback(host: str) -> bool:
    """Whether nobody on another machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
