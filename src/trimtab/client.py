"""Client: a running Trimtab from Python, over HTTP, with the standard library only.

Calls go in, plain JSON values come out; errors come back as the errors the server raised. It
imports nothing of the server.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from trimtab import errors
from trimtab.kit import jsonx

DEFAULT_URL = "http://127.0.0.1:8321"


class Client:
    """Talks to one server over kept connections; safe to share between threads.

    Use it as a context manager, or `close` it, to end the connections; they end with it anyway.

    Args:
        url: where the server listens.
        key: sent as a bearer token; not needed in local mode.
        timeout_s: for each read and write on the connection.

    >>> Client("http://127.0.0.1:8321").url
    'http://127.0.0.1:8321'
    """

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout_s: float = 60.0
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise errors.InvalidRequest(
                f"not a server URL: {url!r}", where="url", fix="use for example " + DEFAULT_URL
            )
        self.url = url.rstrip("/")
        self._parts = parts
        self._key = key
        self._timeout_s = timeout_s
        self._idle: list[http.client.HTTPConnection] = []
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are not in use; a later call opens a new one."""
        _close_all(self._idle)

    # -- the loop, in its order ----------------------------------------------------------------

    def chat(
        self,
        model: str,
        messages: str | list[dict[str, Any]],
        *,
        user: str | None = None,
        session: str | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """One chat completion.

        Args:
            model: a route, `route@version`, or `provider/model`.
            messages: the conversation, or the text of one user message.
            **fields: any other field of the OpenAI request.
        Returns:
            The completion as the server sent it, with `trace_id` and `release` added.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        context = {"x-trimtab-user": user, "x-trimtab-session": session}
        status, headers, body = self._send(
            "POST",
            "/v1/chat/completions",
            {"model": model, "messages": messages, **fields},
            {name: value for name, value in context.items() if value},
        )
        answer: dict[str, Any] = _value(status, body)
        answer["trace_id"] = headers.get("x-trimtab-trace-id")
        answer["release"] = headers.get("x-trimtab-release")
        return answer

    def score(self, trace_id: str, name: str, **judgement: Any) -> dict[str, Any]:
        """Add a judgement of a trace: one of `value`, `label` or `passed`, and what explains it."""
        body = {"trace_id": trace_id, "name": name, **judgement}
        score: dict[str, Any] = self.post("/api/v1/scores", body)
        return score

    def traces(self, **query: Any) -> list[dict[str, Any]]:
        """The newest traces; `limit`, `route`, `release` and `run` narrow them."""
        return self._page("/api/v1/traces", query)

    def trace(self, trace_id: str) -> dict[str, Any]:
        """One trace with its spans and scores."""
        trace: dict[str, Any] = self.get(f"/api/v1/traces/{quote(trace_id, safe='')}")
        return trace

    def examples(self, dataset: str) -> list[dict[str, Any]]:
        """The rows of a dataset version (`golden@2`, or `golden` for the newest)."""
        return self._page(f"/api/v1/datasets/{quote(dataset, safe='')}/examples", {})

    def watch(self, run_id: str, *, poll_s: float = 0.2) -> Iterator[dict[str, Any]]:
        """The run again and again until it has ended."""
        pause = threading.Event()
        while True:
            run: dict[str, Any] = self.get(f"/api/v1/runs/{quote(run_id, safe='')}")
            yield run
            if run["status"] != "running":
                return
            pause.wait(poll_s)

    def poll(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        every_s: float = 0.1,
        limit_s: float = 60.0,
    ) -> Iterator[Any]:
        """What a path answers, again and again, for as long as the caller keeps asking.

        Raises:
            ProviderTimeout: it was asked for longer than `limit_s`.
        """
        pause = threading.Event()
        for _ in range(int(limit_s / every_s)):
            yield self.get(path, query)
            pause.wait(every_s)
        raise errors.ProviderTimeout(
            f"{path} did not come to say what was waited for in {limit_s:g} s", where=self.url
        )

    # -- any route -----------------------------------------------------------------------------

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """GET a path of the API. Raises the error that the server answered."""
        given = {key: value for key, value in (query or {}).items() if value is not None}
        suffix = f"?{urlencode(given)}" if given else ""
        status, _, found = self._send("GET", path + suffix, None, {})
        return _value(status, found)

    def post(self, path: str, body: Any = None) -> Any:
        """POST a JSON body to a path of the API. Raises the error that the server answered."""
        status, _, found = self._send("POST", path, {} if body is None else body, {})
        return _value(status, found)

    def _page(self, path: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.get(path, query)["data"]
        return data

    def _send(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One exchange; a kept connection that the server has closed meanwhile is opened anew."""
        payload = None if body is None else jsonx.encode(body)
        headers = {"accept": "application/json", **headers}
        if payload is not None:
            headers["content-type"] = "application/json"
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        target = self._parts.path.rstrip("/") + path
        kept = self._idle.pop() if self._idle else None
        if kept is not None:
            # The server may have closed it meanwhile; then a new one is tried.
            with contextlib.suppress(ConnectionError):
                return self._exchange(kept, method, target, payload, headers)
        return self._exchange(self._connection(), method, target, payload, headers)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        payload: bytes | None,
        headers: dict[str, str],
    ) -> tuple[int, Mapping[str, str], bytes]:
        reused = connection.sock is not None
        try:
            connection.request(method, target, payload, headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            answer = response.status, found, response.read()
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            if reused and isinstance(error, ConnectionError):
                raise
            raise errors.StoreError(
                f"no answer from {self.url}: {error or type(error).__name__}",
                fix="start it with `trimtab serve`, or give the right --url",
            ) from None
        self._idle.append(connection)
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        https = self._parts.scheme == "https"
        factory = http.client.HTTPSConnection if https else http.client.HTTPConnection
        return factory(self._parts.hostname or "", self._parts.port, timeout=self._timeout_s)


def _close_all(connections: list[http.client.HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _value(status: int, body: bytes) -> Any:
    if status < 400:
        return jsonx.decode(body, what="the server's answer")
    raise _error(status, body)


def _error(status: int, body: bytes) -> errors.TrimtabError:
    """The error the server described, as the class it had there."""
    try:
        wire = jsonx.decode(body)
    except errors.InvalidRequest:
        wire = {}
    wire = wire if isinstance(wire, dict) else {}
    error = wire.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else wire
    code = wire.get("title", "").replace(" ", "_") or inner.get("code", "")
    kind = _BY_CODE.get(str(code)) or _BY_STATUS.get(status) or errors.TrimtabError
    what = inner.get("detail") or inner.get("message") or f"HTTP {status}"
    where = inner.get("where") or inner.get("param")
    return kind(what, where=where, fix=inner.get("fix"), status=status)


def _tree(kind: type[errors.TrimtabError]) -> Iterator[type[errors.TrimtabError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


_BY_CODE = {kind.code: kind for kind in _tree(errors.TrimtabError)}
_BY_STATUS = {400: errors.InvalidRequest, 401: errors.Unauthenticated, 404: errors.NotFound}
