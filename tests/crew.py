"""A server of several processes, and connections that lead to the one that a test means."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psutil
from tests.processes import ServeProcess, serving
from tests.serving import Reply
from tests.waiting import until

from trimtab.app.link import Peer
from trimtab.app.messages import Measured, worker_socket
from trimtab.errors import StoreError

_MOST_TRIES = 400


class Crew:
    """The processes of a server: 0 is the owner, the others are its workers."""

    def __init__(self, server: ServeProcess, data: Path, count: int) -> None:
        self.server = server
        self.count = count
        self.data = data

    def pid(self, number: int) -> int:
        if number == 0:
            return self.server.process.pid
        for child in psutil.Process(self.server.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.cmdline()[-2:] == ["trimtab.cli.worker", str(number)]:
                    return child.pid
        raise LookupError(f"worker {number} does not run")

    def wait(self) -> None:
        """Until every worker answers."""
        for number in range(1, self.count):
            until(lambda number=number: self.measured(number) is not None)

    def measured(self, number: int) -> Measured | None:
        """What a worker says of itself; None while it does not answer."""
        peer = Peer(worker_socket(self.data, number), f"worker {number}")
        try:
            said = asyncio.run(peer.ask("measure", limit_s=30))
        except StoreError:
            return None
        return msgspec.json.decode(said, type=Measured)

    @contextlib.contextmanager
    def connection(self, number: int) -> Iterator[http.client.HTTPConnection]:
        """A connection that this process accepted."""
        netloc = urlsplit(self.server.client.url).netloc
        for _ in range(_MOST_TRIES):
            connection = http.client.HTTPConnection(netloc, timeout=60)
            connection.connect()
            with contextlib.closing(connection):
                if self._holds(number, connection):
                    yield connection
                    return
        raise AssertionError(f"process {number} accepted none of {_MOST_TRIES} connections")

    def ask(
        self,
        number: int,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """One request to one process; bytes are sent as they are, the rest as JSON."""
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with self.connection(number) as connection:
            connection.request(method, path, payload, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())

    def chat(self, number: int, text: str, model: str = "trimtab/extract", **headers: str) -> Reply:
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        return self.ask(number, "POST", "/v1/chat/completions", body, headers)

    def _holds(self, number: int, connection: http.client.HTTPConnection) -> bool:
        port = connection.sock.getsockname()[1]
        connection.request("GET", "/healthz")  # answered, it was accepted
        connection.getresponse().read()
        held = psutil.Process(self.pid(number)).net_connections("tcp")
        return any(one.raddr and one.raddr.port == port for one in held)


@contextlib.contextmanager
def crew(data: Path, count: int, *arguments: str) -> Iterator[Crew]:
    """A server of `count` processes that all answer."""
    with serving(data, "--workers", str(count), *arguments) as server:
        found = Crew(server, data, count)
        found.wait()
        yield found
