"""What kind of error a status is, in the words that the clients of each API know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.dialects.llm.parts import Failed
from trimtab.errors import ProviderError, RequestError, TrimtabError

# docs.anthropic.com/en/api/errors; of two statuses with one kind, the later stands for it.
_ANTHROPIC: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    408: "timeout_error",
    504: "timeout_error",
    503: "overloaded_error",
    529: "overloaded_error",
}
ANTHROPIC_STATUSES: Mapping[str, int] = {kind: status for status, kind in _ANTHROPIC.items()}
"""Kinds of Anthropic's errors by the HTTP status they have outside of a stream."""

_OPENAI: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
# In the middle of an answer OpenAI has kinds without a status; any other is its client's fault.
OPENAI_STATUSES: Mapping[str, int] = {
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "requests": 429,
    "tokens": 429,
    "server_error": 500,
    "vector_store_timeout": 504,
    "authentication_error": 401,
    "permission_error": 403,
    "invalid_request_error": 400,
}
_FACTS = ("node", "limit")


def anthropic_kind(status: int) -> str:
    """As Anthropic's API names errors with this HTTP status.

    >>> [anthropic_kind(status) for status in (404, 422, 500, 529)]
    ['not_found_error', 'invalid_request_error', 'api_error', 'overloaded_error']
    """
    return _ANTHROPIC.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def openai_kind(status: int) -> str:
    """As OpenAI's API names errors with this HTTP status; `upstream_error` is a provider's fault.

    >>> [openai_kind(status) for status in (404, 422, 429, 529)]
    ['invalid_request_error', 'invalid_request_error', 'rate_limit_error', 'upstream_error']
    """
    fallback = "invalid_request_error" if 400 <= status < 500 else "upstream_error"
    return _OPENAI.get(status, fallback)


def status_of(error: TrimtabError) -> int:
    """The status that says what went wrong: the provider's own, if it was the provider."""
    said = error.fields.get("status") if isinstance(error, ProviderError) else None
    return said if type(said) is int else error.status


def openai_kind_of(error: TrimtabError) -> str:
    status = status_of(error)
    if isinstance(error, ProviderError | RequestError) or status in _OPENAI:
        return openai_kind(status)
    return "server_error"


def anthropic_kind_of_failure(part: Failed) -> str:
    """A provider's failure, in whatever words it was told, in Anthropic's."""
    if part.kind in ANTHROPIC_STATUSES:
        return part.kind
    return anthropic_kind(part.status or OPENAI_STATUSES.get(part.kind, 500))


def openai_kind_of_failure(part: Failed) -> str:
    """The same in OpenAI's."""
    if part.kind in OPENAI_STATUSES:
        return part.kind
    return openai_kind(part.status or ANTHROPIC_STATUSES.get(part.kind, 500))


def openai_code_of_failure(part: Failed) -> str:
    """The same as a code of OpenAI's responses, of which few say whose fault it was."""
    status = part.status or 500
    if status == 429:
        return "rate_limit_exceeded"
    return part.kind if part.kind and status < 500 else "server_error"


def facts(error: TrimtabError) -> dict[str, Any]:
    """For programs: whose limit it was (`node`) and which (`limit`); nothing for other errors."""
    return {name: error.fields[name] for name in _FACTS if name in error.fields}
