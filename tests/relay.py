"""Between a process and its PostgreSQL: lets everything through, until it is cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

PIECE = 65_536


class Relay:
    """A port of its own that leads to a server's socket. Cut silently, nobody hears anything more and nobody is told, as when a
    network is parted; cut otherwise, everything is hung up and nothing is taken any more, as when an address has gone."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._lets_through = threading.Event()
        self._lets_through.set()
        self._open: list[socket.socket] = []
        self._listen(0)

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._target))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(PIECE):
                self._lets_through.wait()
                other.sendall(piece)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self, *, silently: bool) -> None:
        """Let nothing through from now on."""
        if silently:
            self._lets_through.clear()
        else:
            self.close()

    def close(self) -> None:
        """Hang up, and take no more."""
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def mend(self) -> None:
        """Let everything through again; what was said meanwhile arrives late."""
        self._lets_through.set()
        if self._listener.fileno() < 0:
            self._listen(self.port)


@contextlib.contextmanager
def relayed(url: str) -> Iterator[tuple[Relay, str]]:
    """A relay to the server that an address of PostgreSQL leads to, and the same address by way of it."""
    address = make_url(url)
    relay = Relay(Path(str(address.query["host"])) / f".s.PGSQL.{address.query.get('port', 5432)}")
    by_relay = address.set(host="127.0.0.1", port=relay.port, query={})
    try:
        yield relay, by_relay.render_as_string(hide_password=False)
    finally:
        relay.close()
