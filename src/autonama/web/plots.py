"""Plotly's script, from its Python package: nothing is fetched from outside, and nothing is copied into this one."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

router = APIRouter()


@cache
def _script() -> bytes:
    return files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()


@router.get("/plotly.js", include_in_schema=False)
def plotly() -> Response:
    """The script; a browser keeps it for a day."""
    return Response(_script(), media_type="text/javascript", headers={"Cache-Control": "private, max-age=86400"})
