"""What the limits' socket carries: msgpack behind its length in four bytes. Pure: bytes and values.

Answers come in the order of the questions, so neither needs a number.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.ports import Grant, Quota

MAX_BYTES = 64 * 1024  # of one message; a key is far shorter
_LENGTH = struct.Struct(">I")


class Claim(msgspec.Struct, frozen=True, array_like=True, tag="claim"):
    """Who asks, ahead of everything else; and one thing that it holds already."""

    holder: str
    quota: Quota | None = None
    amount: float = 0.0


class Question(msgspec.Struct, frozen=True, array_like=True, tag="ask"):
    """A take of `wanted`, or with `take` False, `wanted` given back and `spent` used for good."""

    take: bool
    quota: Quota
    wanted: float
    at_least: float | None = None
    spent: float = 0.0


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """The InvalidRequest that a question met."""

    what: str
    where: str | None
    fix: str | None

    @classmethod
    def of(cls, error: InvalidRequest) -> Refusal:
        return cls(error.what, error.where, error.fix)

    def error(self) -> InvalidRequest:
        return InvalidRequest(self.what, where=self.where, fix=self.fix)


class Answer(msgspec.Struct, frozen=True, array_like=True):
    grant: Grant | None = None
    refusal: Refusal | None = None


class Oversized(ValueError):
    """A message longer than any that this protocol has."""


class Framing:
    """Messages cut from a stream of bytes that comes in any pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete now. Raises Oversized."""
        data = self._rest + data
        start = 0
        try:
            while start + 4 <= len(data):
                (size,) = _LENGTH.unpack_from(data, start)
                if size > MAX_BYTES:
                    raise Oversized(f"a message of {size} bytes")
                if start + 4 + size > len(data):
                    break
                start += 4 + size
                yield data[start - size : start]
        finally:
            self._rest = data[start:]


def framed(message: bytes) -> bytes:
    return _LENGTH.pack(len(message)) + message


encode = msgspec.msgpack.Encoder().encode
decode_question = msgspec.msgpack.Decoder(Question | Claim).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode
