"""Live pages: one connection listens for all of them, and each hears of a publication by server-sent events."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from psycopg import sql

from autonama.config import Settings
from autonama.database.connect import conninfo
from autonama.errors import AutonamaError
from autonama.web.reading import OPTIONS

router = APIRouter()
log = logging.getLogger("autonama.web")

CHANNEL = "autonama"
HEARTBEAT_S = 15.0
"""A comment goes to every page so often: a proxy that ends silent connections sees life, and a dead page is noticed."""

RETRY_S = 1.0
WAITING = 100
"""Events that a page may be behind; one that reads no more is let go, and comes back by itself."""


class Hub:
    """Hears of publications, and tells every open page."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self.listening = False

    @property
    def pages(self) -> int:
        """How many are open."""
        return len(self._pages)

    def start(self) -> None:
        """Begin to listen, and go on through every outage."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Send every page away."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self.dismiss()

    def dismiss(self) -> None:
        """End every page's stream."""
        for queue in self._pages:
            with suppress(asyncio.QueueFull):
                queue.put_nowait(None)

    async def _listen(self) -> None:
        told = False
        while True:
            try:
                await self._hear()
            except (psycopg.Error, AutonamaError, OSError) as error:
                if self.listening or not told:  # once an outage, not once a try
                    log.warning("Not listening for publications: %s", type(error).__name__)
                    told = True
            if self.listening:
                self.listening = False
                self._tell("lost", "{}")
            await asyncio.sleep(RETRY_S)

    async def _hear(self) -> None:
        target = await asyncio.to_thread(conninfo, self._settings)
        conn = await psycopg.AsyncConnection.connect(
            target, autocommit=True, options=OPTIONS, application_name="autonama web listener", connect_timeout=5
        )
        async with conn:
            await conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            self.listening = True
            log.info("Listening for publications.")
            self._tell("found", "{}")
            while True:
                async for notice in conn.notifies(timeout=HEARTBEAT_S):
                    self._tell("published", notice.payload)
                await conn.execute("SELECT 1")  # a connection that died without a word is found out

    def _tell(self, event: str, data: str) -> None:
        lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
        for queue in list(self._pages):
            try:
                queue.put_nowait(f"event: {event}\n{lines}\n")
            except asyncio.QueueFull:
                self._pages.discard(queue)

    async def follow(self) -> AsyncIterator[str]:
        """What one page hears, as it is sent."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(WAITING)
        self._pages.add(queue)
        try:
            yield f"retry: 1000\nevent: hello\ndata: {json.dumps({'listening': self.listening})}\n\n"
            while queue in self._pages:
                try:
                    told = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    told = ": still here\n\n"
                if told is None:
                    return
                yield told
        finally:
            self._pages.discard(queue)


@router.get("/events", include_in_schema=False)
async def events(request: Request) -> StreamingResponse:
    """The stream of events that a page follows."""
    hub: Hub = request.app.state.hub
    return StreamingResponse(hub.follow(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
