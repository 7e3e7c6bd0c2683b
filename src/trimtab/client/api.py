"""The management API: any path of it, asked with plain values and answered with plain values."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode

from trimtab import errors
from trimtab.client.connection import DEFAULT_URL, Connections
from trimtab.client.faults import Answered, error_of
from trimtab.kit import jsonx


def api_path(*parts: str) -> str:
    """A path of the management API, its parts percent-encoded.

    >>> api_path("releases", "docs assistant@2", "promote")
    '/api/v1/releases/docs%20assistant@2/promote'
    """
    return "/".join(["/api/v1", *(quote(part, safe="@") for part in parts)])


class Api:
    """One server, and the paths of its API; what each noun of the client is made of."""

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout_s: float = 60.0
    ) -> None:
        self._connections = Connections(url, key, timeout_s)
        self.url = url.rstrip("/")
        self.key = key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are not in use; a later call opens a new one."""
        self._connections.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """GET a path of the API. Raises the error that the server answered."""
        return self._value(self._send("GET", self._target(path, query), None, {}))

    def post(self, path: str, body: Any = None) -> Any:
        """POST a JSON body to a path of the API. Raises the error that the server answered."""
        return self._value(self._send("POST", self._target(path), {} if body is None else body, {}))

    def put(self, path: str, body: Any) -> Any:
        """PUT a JSON body to a path of the API. Raises the error that the server answered."""
        return self._value(self._send("PUT", self._target(path), body, {}))

    def patch(self, path: str, body: Any) -> Any:
        """PATCH a path of the API with a JSON body. Raises the error that the server answered."""
        return self._value(self._send("PATCH", self._target(path), body, {}))

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """DELETE a path of the API. Raises the error that the server answered."""
        return self._value(self._send("DELETE", self._target(path, query), None, {}))

    def stream(
        self, path: str, query: Mapping[str, Any] | None = None, *, body: Any = None
    ) -> Iterator[bytes]:
        """GET a path, or POST a JSON body to it, and yield what comes back as it comes.

        On a connection of its own, which ends when the reader stops.
        """
        return self._connections.stream(self._target(path, query), body)

    def each(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every record of a list, page after page: `each("/api/v1/traces", {"filter": "user:u7"})`.

        Reads a page when it is needed; `limit` is the size of one.
        """
        asked = {"limit": 500, **(query or {})}
        while True:
            answer = self.get(path, asked)
            yield from answer["data"]
            if not answer.get("next"):
                return
            asked["page"] = answer["next"]

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

    def _send(self, method: str, target: str, body: Any, headers: Mapping[str, str]) -> Answered:
        return self._connections.send(method, target, body, headers)

    def _target(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """The path of a request, below that of the server's URL."""
        given = {key: value for key, value in (query or {}).items() if value is not None}
        return self._connections.path + path + (f"?{urlencode(given)}" if given else "")

    def _page(self, path: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.get(path, query)["data"]
        return data

    def _value(self, answered: Answered) -> Any:
        if answered.status >= 400:
            raise error_of(answered)
        try:
            return jsonx.decode(answered.body)
        except errors.InvalidRequest:
            raise errors.StoreError(
                f"what answers at {self.url} does not speak the API of Trimtab",
                fix="give the URL of a Trimtab server, and a path of its API",
            ) from None
