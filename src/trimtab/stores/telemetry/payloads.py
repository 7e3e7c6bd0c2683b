"""Inputs and outputs of spans as JSON pieces that are stored once, and back.

A list (the messages of a conversation) is split into its elements, because the next call repeats
most of them; any other value is one piece. Pieces are addressed by the SHA-256 of their JSON. Text
in a preview is for lists of traces only; nothing is rebuilt from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.kit import jsonx
from trimtab.records import Message, text_of
from trimtab.records.record import Json

PREVIEW_CHARS = 200


class Piece(NamedTuple):
    """The JSON of a value, or of an element of a list, and its SHA-256."""

    hash: bytes
    body: bytes


class Pieces(NamedTuple):
    """What it takes to rebuild a value; `is_list` tells `[1]` from `1`."""

    pieces: tuple[Piece, ...]
    is_list: bool

    @property
    def size_bytes(self) -> int:
        return sum(len(piece.body) for piece in self.pieces)


def split(value: Json) -> Pieces | None:
    """The pieces of a value; None for None.

    NaN and infinities are not JSON: they become null here as everywhere on the wire.
    Raises:
        TypeError, ValueError, OverflowError, RecursionError: `value` is not JSON.

    >>> [piece.body for piece in split(["a", 1]).pieces]
    [b'"a"', b'1']
    """
    if value is None:
        return None
    if isinstance(value, list):
        return Pieces(tuple(_piece(element) for element in value), is_list=True)
    return Pieces((_piece(value),), is_list=False)


def join(bodies: Sequence[str], *, is_list: bool) -> Json:
    """The value whose pieces have these bodies, in order.

    >>> join(['"a"', '1'], is_list=True)
    ['a', 1]
    """
    text = f"[{','.join(bodies)}]" if is_list else bodies[0]
    value: Json = msgspec.json.decode(text)
    return value


def preview_of_input(value: Json) -> str:
    """The start of what was asked: the last user message if there is one, else all text.

    >>> preview_of_input([{"role": "system", "content": "Be brief."},
    ...                   {"role": "user", "content": "Hi"}])
    'Hi'
    """
    if isinstance(value, list):
        for element in reversed(value):
            if _role(element) == "user":
                return _preview(element)
    return _preview(value)


def preview_of_output(value: Json) -> str:
    """The start of what was answered; the JSON itself where it holds no text.

    >>> preview_of_output({"temperature": 21})
    '{"temperature":21}'
    """
    return _preview(value)


class KnownPayloads:
    """Ids of the pieces seen lately, by hash, so that repeated ones are not stored again.

    Two generations: a full young one becomes the old one. Forgetting costs a second copy of a
    piece, never a wrong one.
    """

    def __init__(self, capacity: int) -> None:
        self._half = capacity // 2
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def get(self, hash: bytes) -> int | None:
        known = self._young.get(hash)
        if known is None and (known := self._old.get(hash)) is not None:
            self.update({hash: known})
        return known

    def update(self, ids: Mapping[bytes, int]) -> None:
        for key, known in ids.items():
            if len(self._young) >= self._half:
                self._young, self._old = {}, self._young
            self._young[key] = known


def _piece(value: Any) -> Piece:
    body = jsonx.encode(value)
    return Piece(hashlib.sha256(body).digest(), body)


def _role(element: Any) -> str | None:
    if isinstance(element, Message):
        return element.role
    role = element.get("role") if isinstance(element, dict) else None
    return role if isinstance(role, str) else None


def _preview(value: Any) -> str:
    text = text_of(value)
    if not text and value and isinstance(value, dict | list):
        text = jsonx.encode(value).decode()
    return text[:PREVIEW_CHARS]
