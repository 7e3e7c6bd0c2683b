"""Errors that a server answered, as the classes that they had there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from trimtab import errors
from trimtab.kit import jsonx


class Answered(NamedTuple):
    """What came back, its headers' names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def error_of(answered: Answered) -> errors.TrimtabError:
    """The error the server described, as the class it had there, with its facts."""
    try:
        wire = jsonx.decode(answered.body)
    except errors.InvalidRequest:
        wire = {}
    wire = wire if isinstance(wire, dict) else {}
    inner = wire.get("error")
    about: dict[str, Any] = inner if isinstance(inner, dict) else wire
    code = str(wire.get("type", "")).rpartition(":")[2] or about.get("code")
    kind = _BY_CODE.get(str(code)) or _BY_STATUS.get(answered.status) or errors.TrimtabError
    what = about.get("detail") or about.get("message") or f"HTTP {answered.status}"
    facts = {key: value for key, value in about.items() if key not in _SAID}
    waited = answered.headers.get("retry-after", "")
    if waited.isdecimal():
        facts.setdefault("retry_after_s", int(waited))
    return kind(
        str(what),
        where=about.get("where") or about.get("param"),
        fix=about.get("fix"),
        **{**facts, "status": answered.status},
    )


def _tree(kind: type[errors.TrimtabError]) -> Iterator[type[errors.TrimtabError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


_SAID = frozenset({"type", "title", "detail", "message", "where", "param", "fix", "code", "what"})
# Not those that other modules derive for themselves, whose arguments are their own.
_BY_CODE = {
    kind.code: kind
    for kind in _tree(errors.TrimtabError)
    if kind.__module__ == errors.TrimtabError.__module__
}
_BY_STATUS = {
    **dict.fromkeys(range(400, 500), errors.RequestError),
    400: errors.InvalidRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    429: errors.RateLimited,
}
