"""Errors on the wire: RFC 9457 problem details, or the error shape of the caller's dialect."""

from __future__ import annotations

import math
from typing import Any

from trimtab.api.http import Endpoint, Response
from trimtab.dialects import otlp
from trimtab.dialects.llm import DIALECTS
from trimtab.errors import StoreError, TrimtabError
from trimtab.kit import jsonx
from trimtab.kit.headers import printable

_MODEL_APIS = {"openai": "openai.chat", "anthropic": "anthropic.messages"}
_RESERVED = frozenset({"type", "title", "status", "detail", "where", "fix"})


def problem(
    error: TrimtabError, endpoint: Endpoint | None, path: str, content_type: str = ""
) -> Response:
    """The reply to a request that failed.

    Args:
        endpoint: None means that no route matched.
        content_type: the caller's, which decides the encoding where a dialect has several.
    """
    headers = _headers(error)
    # Where the store keeps its files is the operator's business: the log says it, not the reply.
    where = None if isinstance(error, StoreError) else error.where
    if endpoint is not None and endpoint.dialect == "otlp":
        return _status(error, content_type, headers)
    dialect = _dialect(endpoint, path)
    if dialect is not None:
        shown = error if where == error.where else type(error)(error.what, fix=error.fix)
        return Response(status=error.status, body=DIALECTS[dialect].error(shown), headers=headers)
    return Response(
        status=error.status,
        body=jsonx.encode(members(error)),
        media_type="application/problem+json",
        headers=headers,
    )


def members(error: TrimtabError) -> dict[str, Any]:
    """An error as a problem of RFC 9457."""
    facts = {key: value for key, value in error.fields.items() if key not in _RESERVED}
    found = {
        "type": f"urn:trimtab:error:{error.code}",
        "title": error.code.replace("_", " "),
        "status": error.status,
        "detail": error.what,
        "where": None if isinstance(error, StoreError) else error.where,
        "fix": error.fix,
        **facts,
    }
    return {key: value for key, value in found.items() if value is not None}


def _dialect(endpoint: Endpoint | None, path: str) -> str | None:
    """The dialect of a model API that an error is told in."""
    if endpoint is not None:
        return _MODEL_APIS.get(endpoint.dialect)
    if path.startswith("/v1/messages"):
        return "anthropic.messages"
    return "openai.chat" if path.startswith("/v1/") else None


def _status(error: TrimtabError, content_type: str, headers: dict[str, str]) -> Response:
    """google.rpc.Status, in the encoding of the request."""
    encoding = otlp.encoding_of(content_type) or "json"
    return Response(
        status=error.status,
        body=otlp.failure(error.status, otlp.said(error), encoding),
        media_type=otlp.MEDIA_TYPES[encoding],
        headers=headers,
    )


def _headers(error: TrimtabError) -> dict[str, str]:
    headers = {}
    wait_s = error.fields.get("retry_after_s")
    if wait_s is None and error.status == 503:
        wait_s = 1
    if wait_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(wait_s)))
    for name in ("trace_id", "attempts", "model"):
        if name in error.fields:
            text = str(error.fields[name])
            headers[f"x-trimtab-{name.replace('_', '-')}"] = printable(text)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if error.status == 405:
        headers["allow"] = ", ".join(error.fields.get("allowed", ()))
    if error.fields.get("should_retry") is False:
        headers["x-should-retry"] = "false"  # the clients of OpenAI and Anthropic heed it
    return headers
