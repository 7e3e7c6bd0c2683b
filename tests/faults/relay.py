"""A TCP relay in front of a database, so that a test can take it away and bring it back."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Relay:
    """Passes bytes on between its own port and another one, while it is not cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peers: dict[socket.socket, socket.socket] = {}
        self._gate = threading.Lock()
        self._cut = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """End every connection, and take no other."""
        with self._gate:
            self._cut = True
            while self._peers:
                self._drop(next(iter(self._peers)))

    def mend(self) -> None:
        with self._gate:
            self._cut = False

    def close(self) -> None:
        self.cut()
        self._closed = True
        self._thread.join()
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._closed:
            for key, _ in self._selector.select(0.05):
                with self._gate:
                    self._pass_on(key.fileobj)  # type: ignore[arg-type]  # only sockets are in it

    def _pass_on(self, ready: socket.socket) -> None:
        if ready is self._listener:
            self._accept()
        elif (peer := self._peers.get(ready)) is not None:
            try:
                data = ready.recv(1 << 16)
                peer.sendall(data)
            except OSError:
                data = b""
            if not data:
                self._drop(ready)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self._cut:
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self._target))
        for one, other in ((near, far), (far, near)):
            one.settimeout(60)
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _drop(self, one: socket.socket) -> None:
        for end in (one, self._peers[one]):
            with contextlib.suppress(KeyError):
                self._selector.unregister(end)
            self._peers.pop(end, None)
            end.close()


@contextmanager
def relayed(url: str) -> Iterator[tuple[Relay, str]]:
    """A relay to the database of a URL, and the URL that goes by it."""
    before, _, rest = url.rpartition(":")
    port, slash, path = rest.partition("/")
    relay = Relay(int(port))
    try:
        yield relay, f"{before}:{relay.port}{slash}{path}"
    finally:
        relay.close()
