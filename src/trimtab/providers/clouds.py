"""What clouds have in common: Gemini's requests, and Claude behind errors of the cloud's own.

A cloud refuses a request in its own shape before Claude sees it; whoever asked in Anthropic's
dialect is told in Anthropic's words, with the same status.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from trimtab.dialects.llm.error_kinds import anthropic_kind
from trimtab.errors import ConfigError
from trimtab.kit import jsonx
from trimtab.ports import Call, Reply
from trimtab.providers.http import HTTPProvider
from trimtab.providers.quirks import Quirk
from trimtab.providers.wire import Account

GEMINI = "gemini.generate"
# The model and whether to stream are said in the URL.
IN_THE_URL = Quirk(dialects=(GEMINI,), removed=("model", "stream"))
MESSAGES = "anthropic.messages"
_FAMILY = "anthropic."
_MAX_ERROR_BYTES = 1024 * 1024
_WAIT = re.compile(rb'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')


class CloudProvider(HTTPProvider):
    """An `HTTPProvider` whose errors say what callers and retries look for.

    Errors are Anthropic's where it was asked in Anthropic's dialect, and a wait that Google names
    in the body only is a `retry-after` header as well.
    """

    async def send(self, call: Call) -> Reply:
        reply = await super().send(call)
        if reply.status < 400:
            return reply
        body = await _whole(reply)
        headers = reply.headers
        if "retry-after" not in headers and (wait_s := retry_after(body)) is not None:
            headers = {**headers, "retry-after": wait_s}
        if call.dialect.startswith(_FAMILY):
            body = retold(reply.status, body)
        return msgspec.structs.replace(reply, headers=headers, chunks=_Once(body))


class _Once:
    """A body that is here already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        body, self._body = self._body, b""
        if not body:
            raise StopAsyncIteration
        return body

    async def aclose(self) -> None:
        self._body = b""


async def _whole(reply: Reply) -> bytes:
    """All of an error, up to a size that none has."""
    body = b""
    async for chunk in reply.chunks:
        body += chunk
        if len(body) > _MAX_ERROR_BYTES:
            await reply.chunks.aclose()  # type: ignore[attr-defined]  # as the port asks for
            break
    return body


def retry_after(body: bytes) -> str | None:
    """The whole seconds to wait that a `google.rpc.RetryInfo` names, if there is one.

    >>> retry_after(b'{"error": {"details": [{"retryDelay": "21.3s"}]}}')
    '22'
    """
    found = _WAIT.search(body)
    return None if found is None else str(math.ceil(float(found[1])))


def check_credentials(account: Account, known: tuple[str, ...]) -> None:
    """Raises ConfigError for a credential that this kind of provider has no use for."""
    for name in account.credentials:
        if name not in known:
            raise ConfigError(
                f"{account.name} has no use for the credential {name}",
                where=f"providers[{account.name}].credentials.{name}",
                fix=f"name some of {', '.join(known)}",
            )


def retold(status: int, body: bytes) -> bytes:
    """An error as Anthropic writes it; one that is so already stays byte for byte.

    >>> retold(403, b'{"message": "no access"}')
    b'{"type":"error","error":{"type":"permission_error","message":"no access"}}'
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = body.decode("utf-8", "replace").strip()
    if isinstance(value, dict) and value.get("type") == "error" and "error" in value:
        return body
    error = {"type": anthropic_kind(status), "message": _message(value, status)}
    return jsonx.encode({"type": "error", "error": error})


def _message(value: Any, status: int) -> str:
    """What a cloud says: `message` (AWS), `error.message` (Google), or the text itself."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        inner = value.get("error", value)
        told = inner if isinstance(inner, dict) else value
        value = told.get("message") or told.get("Message")
    return value if isinstance(value, str) and value else f"the provider answered {status}"
