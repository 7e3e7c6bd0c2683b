"""Segments: which requests a canary may answer, compiled once into sets that requests look up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.gateway.ask import Ask
from trimtab.records import Segment

_NOTHING: Mapping[str, Any] = {}
_metadata = msgspec.json.Decoder(dict[str, Any]).decode


class Matching:
    """Whether a request is of a segment: each of what the segment names is one of its values.

    A user is whom the request names, or else whose key it is; a key counts by its name or its id.
    """

    __slots__ = ("_attributes", "_environments", "_keys", "_teams", "_users", "segment")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self._users = frozenset(segment.users)
        self._teams = frozenset(segment.teams)
        self._keys = frozenset(segment.keys)
        self._environments = frozenset(segment.environments)
        self._attributes = tuple(segment.attributes.items())

    def names(self, environment: str | None) -> bool:
        """Whether the segment says by name that it has the calls of an environment."""
        return environment in self._environments

    def has(self, ask: Ask) -> bool:
        caller = ask.caller
        if self._users and (caller.user or ask.envelope.user or caller.key_user) not in self._users:
            return False
        if self._teams and caller.team not in self._teams:
            return False
        if self._environments and caller.environment not in self._environments:
            return False
        if self._keys and caller.principal not in self._keys and caller.key not in self._keys:
            return False
        return not self._attributes or self._said(ask)

    def _said(self, ask: Ask) -> bool:
        carried = {**_carried(ask), **ask.caller.attributes}
        return all(
            name in carried and _text(carried[name]) == value for name, value in self._attributes
        )


def matching(segment: Segment | None) -> Matching | None:
    """A segment ready to be asked; None for one that has every request."""
    return None if segment is None or segment == Segment() else Matching(segment)


def _carried(ask: Ask) -> Mapping[str, Any]:
    """The metadata of a request; those that cannot be read say nothing."""
    raw = ask.envelope.fields.get("metadata")
    if raw is None:
        return _NOTHING
    try:
        return _metadata(raw)
    except (msgspec.DecodeError, RecursionError):
        return _NOTHING


def _text(value: Any) -> str:
    """A value as a segment says it: a text as it is, others as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
