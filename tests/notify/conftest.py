"""Services of this machine that notifications reach, or do not."""

import socket
from collections.abc import Iterator

import pytest
from receiver import TOKEN, Receiver, listening


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A service that takes everything."""
    with listening() as received:
        yield received


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a service that lets itself be connected to and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        yield f"json://127.0.0.1:{server.getsockname()[1]}/{TOKEN}"
