"""A page from its template."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from autonama import __version__
from autonama.web.words import FILTERS


@cache
def templates() -> Environment:
    """The templates, with everything that they print escaped."""
    environment = Environment(
        loader=PackageLoader("autonama.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The template, filled in. What every page needs is given here."""
    known = {
        "path": request.url.path,
        "now": datetime.now(UTC),
        "version": __version__,
        "login": request.app.state.token is not None,
    }
    return HTMLResponse(templates().get_template(template).render({**known, **values}), status_code=status)
