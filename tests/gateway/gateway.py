"""A served application whose providers are those of `tests.gateway.upstream`."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.gateway.answers import ANSWERS, MESSAGES, RESPONSES
from tests.gateway.upstream import FAULTS, KEY, UNPRICED
from tests.serving import Reply, Served, configured, served
from tests.upstream import Request, Upstream

ADMIN = "sk-admin-0123456789"
PATHS = {"openai.chat": "/chat/completions", MESSAGES: "/messages", RESPONSES: "/responses"}
OTHERS = ("text-embedding", "moderation", "image", "speech", "transcribe", "pinned")
_PRICE = "{input: 2.5, output: 10, cache_read: 1.25, cache_write_5m: 3.125, cache_write_1h: 5}"


class Room(NamedTuple):
    """A running gateway and the providers behind it."""

    server: Served
    far: Upstream

    @property
    def url(self) -> str:
        """What a client of OpenAI's is given; one of Anthropic's adds `/v1` itself."""
        return f"{self.server.url}/v1"

    def ask(self, dialect: str, body: Any, key: str = ADMIN, **headers: str) -> Reply:
        """One request on a connection of its own; underscores in header names are hyphens."""
        sent = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.ask("POST", f"/v1{PATHS.get(dialect, dialect)}", body, sent)

    def manage(self, method: str, path: str, body: Any = None) -> Any:
        """A request of the management API, as the administrator."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {ADMIN}"}
        reply = self.server.ask(method, f"/api/v1{path}", body, headers)
        assert reply.status < 300, reply.body
        return reply.json

    def issue(self, name: str, **terms: Any) -> tuple[str, str]:
        """A new virtual key: its id and its secret."""
        issued = self.manage("POST", "/keys", {"name": name, **terms})
        return issued["key"]["key_id"], issued["secret"]

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The record of a call, that of a caller who left included."""
        self.server.run(self.server.app._journal.settle)
        found: list[dict[str, Any]] = self.manage("GET", f"/traces/{trace_id}")["spans"]
        return found

    def used(self, key: str, limit: str = "daily_usd") -> Decimal:
        """How much of a limit of a key its counter says is used."""
        nodes = self.manage("GET", f"/keys/{key}/budget")["nodes"]
        (used,) = (
            live["used"]
            for node in nodes
            for live in node["live"]
            if node["kind"] == "key" and live["limit"] == limit
        )
        return Decimal(used)

    def call(self, reply: Reply) -> dict[str, Any]:
        """The only span of an answer."""
        (span,) = self.spans(reply.headers["x-trimtab-trace-id"])
        return span

    def sent(self, mark: str) -> list[Request]:
        """Requests that reached a provider with this text in them."""
        return [one for one in self.far.requests if mark.encode() in one.body]

    @contextlib.contextmanager
    def streaming(
        self, dialect: str, body: dict[str, Any], key: str = ADMIN
    ) -> Iterator[http.client.HTTPResponse]:
        """A streamed answer, read by the test; the connection is closed behind it."""
        netloc = urlsplit(self.server.url).netloc
        connection = http.client.HTTPConnection(netloc, timeout=30)
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        with contextlib.closing(connection):
            said = json.dumps({**body, "stream": True})
            connection.request("POST", f"/v1{PATHS[dialect]}", said, headers)
            with connection.getresponse() as response:
                yield response


def question(model: str, dialect: str = "openai.chat", **fields: Any) -> dict[str, Any]:
    """The least that a dialect asks for."""
    if dialect == RESPONSES:
        return {"model": model, "input": "Hello?", **fields}
    least = {"max_tokens": 1000} if dialect == MESSAGES else {}
    messages = [{"role": "user", "content": "Hello?"}]
    return {"model": model, **least, "messages": messages, **fields}


@contextlib.contextmanager
def room(
    data: Path,
    far: Upstream,
    text: str = "",
    *,
    more_providers: str = "",
    overrides: dict[str, Any] | None = None,
) -> Iterator[Room]:
    """Serve `oa` and `an`, with every answer and fault as a model, and a route for every fault.

    Args:
        text: more of the configuration: routes, or members of the section `gateway` behind them.
        more_providers: entries of that section, indented.
        overrides: by dotted key.
    """
    settings = _providers(far) + more_providers + _access()
    settings += f"gateway:\n  routes:\n{_routes()}{text}"
    with served(configured(data, settings, **(overrides or {}))) as server:
        yield Room(server, far)


def _access() -> str:
    return f"access:\n  keys:\n    - {{name: admin, key: {ADMIN}, permissions: ['*']}}\n"


def _providers(far: Upstream) -> str:
    names = [*ANSWERS, *FAULTS, *OTHERS]
    models = "".join(f"      - {{id: {name}, price: {_PRICE}}}\n" for name in names)
    models += f"      - {{id: {UNPRICED}}}\n"
    found = "providers:\n"
    for name, kind in (("oa", "openai"), ("an", "anthropic")):
        found += f"  - name: {name}\n    kind: {kind}\n    base_url: {far.base_url}\n"
        found += f"    api_key: {KEY}\n    models:\n{models}"
    return found


def _routes() -> str:
    """`oa-reset` asks `oa/reset` once, and gives up early."""
    how = "retries: {attempts: 0}, timeouts: {first_token_s: 1, idle_s: 1, total_s: 20}"
    return "".join(
        f"    - {{name: {provider}-{fault}, targets: [{{model: {provider}/{fault}}}], {how}}}\n"
        for provider in ("oa", "an")
        for fault in FAULTS
    )
