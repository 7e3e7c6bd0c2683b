"""What a handler gets and gives: a request with its principal and services, and a reply."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records import Principal

if TYPE_CHECKING:
    from trimtab.app import App

T = TypeVar("T")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")


class ByteStream(Protocol):
    """Bytes of a body in pieces; closed however far it was read."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One authenticated request. `body` is whole and within the size limit.

    `target` is the path and query as they came.
    """

    app: App
    principal: Principal
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "GET"
    target: str = ""

    @property
    def project(self) -> str:
        return self.principal.project

    def json(self, type: type[T]) -> T:
        """The body decoded. Raises InvalidRequest."""
        if not self.body.strip():
            raise InvalidRequest(
                "the request body is empty",
                where="$",
                fix="send the JSON that GET /api/v1/openapi.json describes",
            )
        return jsonx.decode(self.body, type)

    def whole_number(self, name: str, default: int, *, low: int, high: int) -> int:
        """A query parameter as an integer within bounds.

        Raises:
            InvalidRequest: not an integer, or out of bounds.
        """
        text = self.query.get(name)
        if text is None:
            return default
        # Not int() alone, which also reads "1_0", " 5" and the digits of other scripts.
        value = int(text) if _WHOLE_NUMBER.fullmatch(text) else low - 1
        if not low <= value <= high:
            raise InvalidRequest(
                f"{name} must be a whole number from {low} to {high}, not {text[:50]!r}",
                where=f"query parameter {name}",
                fix=f"send for example {name}={default}",
            )
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """A query parameter that is one of some words, or None when it was not sent.

        Raises:
            InvalidRequest: another word.
        """
        text = self.query.get(name)
        if text is not None and text not in allowed:
            raise InvalidRequest(
                f"{text[:50]!r} is not a {name.replace('_', ' ')}",
                where=f"query parameter {name}",
                fix=f"use one of {', '.join(allowed)}",
            )
        return text


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A reply: a body, or a stream of it."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = {}
    stream: ByteStream | None = None


Handler = Callable[[Request], Awaitable[Response]]


def reply(value: Any, *, status: int = 200) -> Response:
    """A JSON reply of any record or plain value."""
    return Response(status=status, body=jsonx.encode(value))


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the route table.

    `permission` None means public: only for health checks and what holds no record; an empty one
    is that of every key, for what tells a caller about itself. `takes` and
    `gives` are the types of the bodies, for the API description. `abandons`: the work stops when
    its caller goes away; other work is finished, so that a change is made whole or not at all.
    `bulk`: takes compressed bodies, which count against `limits.inflated_bytes` and, with those of
    all other bulk requests, against `limits.ingest_bytes`. What is not `described` is for browsers
    and not in the description of the API.
    """

    method: Method
    path: str
    permission: str | None
    handler: Handler
    summary: str
    takes: Any = None
    gives: Any = None
    abandons: bool = False
    bulk: bool = False
    query: Mapping[str, str] = {}
    described: bool = True
    dialect: Literal["problem", "openai", "anthropic", "otlp"] = "problem"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A list of records; `data` is newest first where time matters."""

    data: list[Any]
