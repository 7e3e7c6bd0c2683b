"""Strings of a request beside its messages, with parts of them replaced where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.members import whole
from trimtab.dialects.llm.others import strings
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

# Of schemas and tools only what describes: other strings are names that answers come back with.
_DECLARED = frozenset(
    {"tools", "functions", "tool_choice", "function_call", "response_format", "text"}
)
_DESCRIBES = frozenset({"description", "title"})


class Part(NamedTuple):
    """Other text for a part of the strings of a member, one a line."""

    start: int
    end: int
    text: str


def replaced(envelope: Envelope, changed: Mapping[str, Sequence[Part]]) -> dict[str, Any]:
    """Changes to the envelope's fields, by the names of members beside the messages.

    Raises:
        InvalidRequest: a part is in a name, or in two strings.
    """
    changes: dict[str, Any] = {}
    for name, parts in changed.items():
        walk = _Walk(parts, any_string=name not in _DECLARED)
        made = walk.value(whole(envelope.fields[name], name))
        if walk.done < len(parts):
            raise InvalidRequest(
                "what is to be replaced is a name", where=name, fix="send it without"
            )
        changes[name] = msgspec.Raw(jsonx.encode(made))
    return changes


class _Walk:
    """One pass over a value, in the order of `others.strings`."""

    def __init__(self, parts: Sequence[Part], *, any_string: bool) -> None:
        self._parts = sorted(parts)
        self._any = any_string
        self._at = 0
        self.done = 0

    def value(self, value: Any, name: str = "") -> Any:
        if isinstance(value, str):
            said = next(strings(value), None) is not None
            return self._string(value, name) if said else value
        if isinstance(value, dict):
            return {each: self._member(value[each], each) for each in value}
        if isinstance(value, list):
            return [self.value(item, name) for item in value]
        return value

    def _member(self, member: Any, name: str) -> Any:
        own = list(strings({name: None}))
        self._at += sum(len(one) + 1 for one in own)
        if isinstance(member, str) and len(list(strings({name: member}))) == len(own):
            return member  # it only chooses something
        return self.value(member, name)

    def _string(self, value: str, name: str) -> str:
        start, end = self._at, self._at + len(value)
        self._at = end + 1
        made, at = [], 0
        for part in self._parts if self._any or name in _DESCRIBES else ():
            if start <= part.start and part.end <= end:
                made += [value[at : part.start - start], part.text]
                at = part.end - start
                self.done += 1
        return "".join([*made, value[at:]])
