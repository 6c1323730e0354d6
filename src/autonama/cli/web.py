"""`autonama web`: the dashboard."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.configured import configured
from autonama.cli.edge import complain
from autonama.cli.extras import need
from autonama.cli.options import ConfigOption, DatabaseUrlOption
from autonama.errors import ConfigError

if TYPE_CHECKING:
    from autonama.config import Settings

PORT = 8765
GRACE_S = 2
"""How long open pages are waited for at the end: their streams never end by themselves."""


def web(
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    host: Annotated[
        str, typer.Option("--host", help="The address to serve on; other than loopback only with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Its port; 0 takes a free one.")] = PORT,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", envvar="AUTONAMA_WEB_TOKEN", help="What a reader has to know to log in.", show_default=False
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name under which it may be asked, too, behind a proxy."),
    ] = None,
) -> int:
    """Serve the dashboard: the board of alerts, symbols, parameters, runs, health. It reads and never writes."""
    refuse_without_packages()
    _refuse_openness(host, token)
    settings = configured(config, database_url=database_url)
    ready(settings)
    return serve(settings, host=host, port=port, token=token, names=allow_host or [])


def serve(settings: Settings, *, host: str, port: int, token: str | None, names: list[str]) -> int:
    """Serve until interrupted."""
    import uvicorn

    from autonama.database import migrate
    from autonama.logs import logging_to
    from autonama.web.app import LOCAL_NAMES, create_app
    from autonama.web.security import is_loopback

    hosts = [*LOCAL_NAMES, host, *names] if is_loopback(host) else ["*"] if not names else [*LOCAL_NAMES, host, *names]
    app = create_app(settings, schema=migrate.HEAD, token=token, hosts=hosts)
    with _listening(host, port) as door, logging_to(settings, tell=complain):
        shown = f"[{host}]" if ":" in host else host
        complain(f"Dashboard: http://{shown}:{door.getsockname()[1]}/ (Ctrl-C ends it)")
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,  # its warnings go where ours go
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=GRACE_S,
                server_header=False,
            )
        )
        try:
            server.run(sockets=[door])
        except KeyboardInterrupt:  # uvicorn raises it again after it has ended in order
            complain("Stopped.")
    return 0


def refuse_without_packages() -> None:
    """Say what to install where the dashboard's own packages are not there."""
    wanted = ("fastapi", "jinja2", "uvicorn", "plotly", "psycopg_pool", "prometheus_client")
    need("The dashboard", "web", wanted)


def ready(settings: Settings) -> None:
    """Bring the schema up to date where this user may; the dashboard itself could not."""
    from autonama.database import migrate
    from autonama.database.connect import conninfo
    from autonama.database.session import Session

    with Session(settings) as session:
        if not session.run(migrate.is_current):
            for sentence in session.run(lambda conn: migrate.upgrade(conn, conninfo(settings))):
                complain(sentence)


def _refuse_openness(host: str, token: str | None) -> None:
    from autonama.web.security import is_loopback

    if token is not None and len(token) < 12:
        raise ConfigError(
            "The token is too short to keep anybody out. Take at least 12 characters, such as the output of "
            "openssl rand -hex 16."
        )
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"{host} can be reached from other machines, and the dashboard would show them everything. Give --token, "
            "or set AUTONAMA_WEB_TOKEN; for this machine alone leave --host away."
        )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its protocol asyncio knows that answers must not wait for the reader's acknowledgement: 40 ms a page.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen(128)
    except OSError as error:
        door.close()
        raise ConfigError(
            f"Cannot serve on {host}:{port}: {error.strerror}. Take another --port, or 0 for a free one."
        ) from None
    return door
