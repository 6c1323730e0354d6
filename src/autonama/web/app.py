"""The dashboard as an ASGI application."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from autonama import __version__
from autonama.config import Settings
from autonama.errors import DatabaseError
from autonama.web import api, board, health, live, parameters, plots, runs, security, symbol
from autonama.web.board import Board
from autonama.web.live import Hub
from autonama.web.page import page
from autonama.web.reading import Reader
from autonama.web.security import Gate, guard

log = logging.getLogger("autonama.web")

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


def create_app(
    settings: Settings, *, schema: str, token: str | None = None, hosts: Sequence[str] = LOCAL_NAMES
) -> FastAPI:
    """The application.

    schema: the version of the schema that this package knows; the health page compares. token: what a reader has to
    know, or None. hosts: names under which it may be asked, so that a foreign page cannot reach it by a name of its
    own; "*" for any.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.reader.open()
        app.state.hub.start()
        yield
        await app.state.hub.stop()
        app.state.reader.close()

    app = FastAPI(
        title="Autonama",
        version=__version__,
        description="The newest alerts, their symbols, the runs that brought them, what was found wrong. Read only.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    state = app.state
    state.settings, state.token, state.schema = settings, token, schema
    state.gate = Gate(token) if token is not None else None
    state.reader = Reader(settings)
    state.board = Board(state.reader)
    state.hub = Hub(settings)
    app.mount("/static", StaticFiles(packages=[("autonama.web", "static")]), name="static")
    for module in (board, symbol, parameters, runs, health, api, live, plots, security):
        app.include_router(module.router)
    app.middleware("http")(guard)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_exception_handler(DatabaseError, _unreachable)
    app.add_exception_handler(HTTPException, _refused)
    return app


async def _unreachable(request: Request, error: Exception) -> Response:
    """The database does not answer: said as it is, with 503, and the page comes back by itself."""
    log.warning("%s: %s", request.url.path, error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": "2"})
    answer = page(request, "unreachable.html", status=503, title="Database unreachable", error=str(error))
    answer.headers["Retry-After"] = "2"
    return answer


async def _refused(request: Request, error: Exception) -> Response:
    """No such page, or not so."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": str(error.detail)}, error.status_code, headers=error.headers)
    return page(request, "refused.html", status=error.status_code, title="Not here", error=str(error.detail))
