"""A wire to the server that a test can cut at one end."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Wire:
    """Carries TCP connections from a port of loopback to the server's."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._joined: list[tuple[socket.socket, socket.socket]] = []
        self._severed: list[socket.socket] = []
        self._gone: list[socket.socket] = []
        self._over = threading.Event()
        self._carrier = threading.Thread(target=self._carry)

    @property
    def port(self) -> int:
        """Where clients connect."""
        return int(self._listening.getsockname()[1])

    def sever(self) -> None:
        """Cut every connection at the client's end; the server's end stays open and silent, as behind a dead router."""
        joined, self._joined = self._joined, []
        for client, server in joined:
            self._severed.append(server)
            client.shutdown(socket.SHUT_RDWR)
            self._gone.append(client)

    def let_go(self) -> None:
        """Close the server's end of what was severed: only now it learns that nobody is there."""
        while self._severed:
            self._severed.pop().close()

    def _carry(self) -> None:
        while not self._over.is_set():
            ends = dict(pair for a, b in self._joined for pair in ((a, b), (b, a)))
            for ready in select.select([self._listening, *ends], [], [], 0.01)[0]:
                if ready is self._listening:
                    client = self._listening.accept()[0]
                    self._joined.append((client, socket.create_connection(("127.0.0.1", self._server_port))))
                elif any(ready in pair for pair in self._joined):
                    self._pass_on(ready, ends[ready])

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            content = source.recv(1 << 16)
            if content:
                target.sendall(content)
                return
        except OSError:
            pass  # one end broke: so does the other
        self._joined = [pair for pair in self._joined if source not in pair]
        source.close()
        target.close()

    def start(self) -> None:
        """Begin to carry."""
        self._carrier.start()

    def stop(self) -> None:
        """Cut everything."""
        self._over.set()
        self._carrier.join()
        self.let_go()
        for end in (self._listening, *self._gone, *(end for pair in self._joined for end in pair)):
            end.close()


@contextmanager
def wire_to(server_port: int) -> Iterator[Wire]:
    """A wire for the time of a test."""
    made = Wire(server_port)
    made.start()
    try:
        yield made
    finally:
        made.stop()
