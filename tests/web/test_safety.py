"""Who may look, and what a browser is told to allow."""

import re
import time
from typing import Any

import httpx
import pytest
from serving import Serve

TOKEN = "correct-horse-battery"


def test_every_answer_carries_the_headers(client: httpx.Client) -> None:
    """No script but the page's own host's, nothing inline, no frame, no guessing of types; on errors, too."""
    for address in ("/", "/runs", "/symbol/NIX", "/static/app.js", "/api/v1/alerts", "/nix", "/login"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self';" in policy
        assert "unsafe" not in policy.replace("style-src 'self' 'unsafe-inline'", "") or address.startswith("/symbol")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_no_page_has_an_inline_script_or_style(client: httpx.Client) -> None:
    """Scripts come from files, data stands in elements that no browser runs."""
    for address in ("/", "/runs", "/parameters", "/health", "/api", "/login"):
        page = client.get(address).text
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page)
        assert not re.search(r"\son\w+=|style=|<style", page)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_a_foreign_name_is_refused(client: httpx.Client) -> None:
    """A page elsewhere cannot reach the dashboard under a name of its own (DNS rebinding)."""
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_without_the_token_nothing_is_seen(serve: Serve) -> None:
    """Pages lead to the login, data is 401; the door, its looks and the sign of life are open."""
    client = serve(token=TOKEN)
    for address in ("/", "/runs", "/symbol/A", "/alerts.csv", "/plotly.js"):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/login"), address
    for address in ("/api/v1/alerts", "/api/v1/openapi.json", "/metrics", "/events"):
        assert client.get(address).status_code == 401, address
    for address in ("/login", "/healthz", "/static/app.css"):
        assert client.get(address).status_code == 200, address
    for path in ("/static/../", "/static/..%2fruns", "//", "/login/../runs"):
        assert "Alerts" not in client.get(path).text


def test_login_gives_a_cookie_that_scripts_cannot_read(serve: Serve) -> None:
    """The right token opens the page that was asked for; the cookie is HttpOnly, SameSite=Strict, without the token."""
    client = serve(token=TOKEN)
    answer = client.post("/login", data={"token": TOKEN, "next": "/runs?page=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?page=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/runs").status_code == 200
    client.post("/logout")
    assert client.get("/runs").status_code == 303


def test_programs_bring_the_token_in_a_header(serve: Serve) -> None:
    """Authorization: Bearer opens the API; a wrong one, or a cookie that was made up, does not."""
    client = serve(token=TOKEN)
    assert client.get("/api/v1/alerts", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/api/v1/alerts", headers={"Authorization": "Bearer nix"}).status_code == 401
    later = int(time.time()) + 1000
    for made_up in (f"{later}.", f"{later}.{'0' * 64}", ".", "x.y", f"{later}.\u00e9"):
        assert client.get("/api/v1/alerts", headers={"Cookie": f"autonama={made_up}".encode()}).status_code == 401


def test_guessing_is_slowed(serve: Serve) -> None:
    """After five wrong tokens in a minute even the right one has to wait, and is told how long."""
    client = serve(token=TOKEN)
    for _ in range(5):
        assert client.post("/login", data={"token": "wrong"}).status_code == 403
    answer = client.post("/login", data={"token": TOKEN})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 61


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"]
)
def test_a_login_leads_nowhere_else(elsewhere: str, serve: Serve) -> None:
    """An address that leaves this host is taken as the board."""
    answer = serve(token=TOKEN).post("/login", data={"token": TOKEN, "next": elsewhere})
    assert answer.headers["location"] == "/"


def test_a_huge_form_is_not_read(serve: Serve) -> None:
    """A login of a megabyte is a wrong one, at once."""
    answer: Any = serve(token=TOKEN).post("/login", data={"token": "x" * 1_000_000})
    assert answer.status_code == 403
