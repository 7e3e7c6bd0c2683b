"""What a worker answers: calls of the gateway itself, everything else by asking the owner."""

from __future__ import annotations

from typing import cast

from trimtab.api import health, llm
from trimtab.api.asgi import Scope, Send, Server
from trimtab.api.forward import Forwarder
from trimtab.api.incoming import Receive
from trimtab.app import App, Worker

_TABLE = (*llm.ENDPOINTS, *(one for one in health.ENDPOINTS if one.path == "/healthz"))


class WorkerServer:
    """The ASGI application of a worker."""

    def __init__(self, worker: Worker) -> None:
        # These endpoints need no more of an App than what a worker is.
        self._server = Server(cast("App", worker), _TABLE)
        self._owner = Forwarder(worker.api_socket)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._server.answers(scope):
            await self._owner(scope, receive, send)
        else:
            await self._server(scope, receive, send)
