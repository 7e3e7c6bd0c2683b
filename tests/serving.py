"""A real server for tests: the whole application, on a real socket, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch
from urllib.parse import urlsplit

from tests.tables import stores_in

from trimtab.api.asgi import Server
from trimtab.api.listeners import listener
from trimtab.api.serving import listen
from trimtab.app import App, setup
from trimtab.client import Client
from trimtab.config import Config, Loaded, load
from trimtab.records import Retrieval
from trimtab.retrievers import build_bm25
from trimtab.retrievers.bm25 import BM25

T = TypeVar("T")

DOCUMENTS = {
    "ports.md": "# Ports\n\nThe widget server listens on port 7711 by default.\n"
    "The administration console of the widget server uses port 7712.\n",
    "colours.md": "# Colours\n\nA widget is painted green before it is shipped.\n"
    "Green paint takes four hours to dry on a widget.\n",
}


class Reply(NamedTuple):
    """An answer as it was on the wire; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A running application: its URL, a client, and its event loop for looking inside."""

    def __init__(self, app: App, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.url = url
        self.client = Client(url)
        self._loop = loop

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        whole: bool = True,
    ) -> Reply:
        """One request on a connection of its own; bytes are sent as they are, the rest as JSON.

        Of an answer that never ends, like that of the live tail, read not the `whole`, only what
        is there first.
        """
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        with contextlib.closing(connection):
            # The server may answer before it has read everything, as it should.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, payload, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            received = response.read() if whole else response.read1()
            return Reply(response.status, found, received)

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(60)


def configured(data: Path, text: str = "", **overrides: Any) -> Config:
    """A configuration with a corpus `widgets`, from YAML and overrides by dotted key."""
    corpus = data.parent / f"{data.name}-widgets"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, content in DOCUMENTS.items():
        (corpus / name).write_text(content)
    path = data.parent / f"{data.name}.yaml"
    path.write_text(f"corpora:\n  - name: widgets\n    path: {corpus}\n{text}")
    given = {"data": str(data), "port": 0, **overrides}
    return load(path, env={}, overrides=given, cwd=data.parent).config


_indexed = lru_cache(maxsize=16)(build_bm25)


def index_once(settings: Retrieval, documents: Sequence[tuple[str, str]]) -> BM25:
    """An index never changes, and that of the documentation is most of what a start takes."""
    return _indexed(settings, tuple(documents))


@contextlib.contextmanager
def served(config: Config, source: Callable[[], Loaded] | None = None) -> Iterator[Served]:
    """Open the application, serve it by the configured listener, and close it in order.

    Args:
        source: where the configuration is read again.
    """
    Path(config.data).mkdir(mode=0o700, parents=True, exist_ok=True)
    stores_in(config)
    with patch.object(setup, "build_bm25", index_once):
        app = App.open(config, source)
    opened = listen("127.0.0.1", 0)
    front = listener(config, Server(app))
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        await app.start()
        await front.start([opened])
        ready.set()
        await stop.wait()
        await front.finish(config.limits.drain_s)
        await app.stop()

    def main() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=main, name="server")
    thread.start()
    try:
        assert ready.wait(60), "the server did not start"
        yield Served(app, f"http://127.0.0.1:{opened.getsockname()[1]}", loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        opened.close()
        assert not thread.is_alive(), "the server did not stop"
