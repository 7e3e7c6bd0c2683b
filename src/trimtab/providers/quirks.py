"""What a model takes in another way than its dialect says, as data, and bodies changed for it.

Bodies that no quirk concerns are not decoded. Values are kept as they came, byte for byte, under
whatever name they go on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_messages = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_encode = msgspec.json.encode


class Quirk(msgspec.Struct, frozen=True, kw_only=True):
    """One difference.

    `models` is a regular expression that the whole name of the model must match (without case);
    `dialects` are those of the requests that it concerns.
    `renamed`: fields by the name that is understood instead; one that is there already wins.
    `refused`: fields left out, and reported, because a request with them fails.
    `refused_beside`: the same, only where the field it is mapped to is there too.
    `removed`: fields left out without a word, because they are said elsewhere (in the URL).
    `added`: fields set where the request has none.
    `roles`: roles of messages by the role that is understood instead.
    `only`: the dialects in which alone the model answers.
    """

    models: str = ".*"
    dialects: tuple[str, ...] = ("openai.chat",)
    renamed: Mapping[str, str] = {}
    refused: tuple[str, ...] = ()
    refused_beside: Mapping[str, str] = {}
    removed: tuple[str, ...] = ()
    added: Mapping[str, Any] = {}
    roles: Mapping[str, str] = {}
    only: tuple[str, ...] = ()


class Adjustment:
    """All that has to be changed in requests to one model in one dialect; empty if nothing has."""

    __slots__ = ("_added", "_quirks", "_signs")

    def __init__(self, quirks: Sequence[Quirk], dialect: str, model: str) -> None:
        self._quirks = [q for q in concerning(quirks, model) if dialect in q.dialects]
        names = {
            name
            for quirk in self._quirks
            for table in (quirk.renamed, quirk.refused, quirk.refused_beside, quirk.removed)
            for name in table
        }
        roles = {role for quirk in self._quirks for role in quirk.roles}
        self._signs = tuple(f'"{word}"'.encode() for word in sorted(names | roles))
        self._added = any(quirk.added for quirk in self._quirks)

    def __bool__(self) -> bool:
        return bool(self._signs) or self._added

    def apply(self, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """The body as the model takes it, and the fields that had to be left out.

        A body that cannot be decoded comes back as it is: the provider says what is wrong with it.
        """
        if not self._added and not any(sign in body for sign in self._signs):
            return body, ()
        try:
            fields: dict[str, Any] = dict(_fields(body))
        except (msgspec.DecodeError, RecursionError):
            return body, ()
        lost: list[str] = []
        before = dict(fields)
        for quirk in self._quirks:
            _change(fields, quirk, lost)
        if fields == before:
            return body, ()
        return _encode(fields), tuple(dict.fromkeys(lost))


def concerning(quirks: Sequence[Quirk], model: str) -> list[Quirk]:
    """The quirks of a model."""
    return [quirk for quirk in quirks if re.fullmatch(quirk.models, model, re.IGNORECASE)]


def refused(
    quirks: Sequence[Quirk], dialect: str, model: str, fields: Mapping[str, Any]
) -> list[str]:
    """Those of some fields that a model refuses in a dialect, by the names they were given."""
    found: dict[str, None] = {}
    for quirk in concerning(quirks, model):
        if dialect in quirk.dialects:
            found |= dict.fromkeys(name for name in quirk.refused if name in fields)
            beside = quirk.refused_beside.items()
            found |= dict.fromkeys(one for one, two in beside if one in fields and two in fields)
    return list(found)


def _change(fields: dict[str, Any], quirk: Quirk, lost: list[str]) -> None:
    for name, other in quirk.renamed.items():
        if name in fields:
            value = fields.pop(name)
            fields.setdefault(other, value)
    refused = [name for name in quirk.refused if name in fields]
    refused += [
        name for name, other in quirk.refused_beside.items() if name in fields and other in fields
    ]
    for name in refused:
        del fields[name]
    lost += refused
    for name in quirk.removed:
        fields.pop(name, None)
    for name, value in quirk.added.items():
        fields.setdefault(name, value)
    if quirk.roles and "messages" in fields:
        fields["messages"] = _recast(fields["messages"], quirk.roles)


def _recast(messages: msgspec.Raw, roles: Mapping[str, str]) -> Any:
    """The messages with other roles; as they came where none has one of these."""
    try:
        decoded: list[dict[str, Any]] = [dict(message) for message in _messages(messages)]
    except (msgspec.DecodeError, RecursionError):
        return messages
    written = {f'"{role}"'.encode(): other for role, other in roles.items()}
    changed = False
    for message in decoded:
        other = written.get(bytes(message.get("role", b"")).strip())
        if other is not None:
            message["role"] = other
            changed = True
    return decoded if changed else messages
