"""Streams framed as `application/vnd.amazon.eventstream`, made server-sent events as they arrive.

The framing is specified at smithy.io (Amazon Event Stream): a prelude of two lengths and its CRC32,
headers, the payload, and a CRC32 of all of it. Nothing is passed on before its checksum is right.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Callable, Mapping

import msgspec

from trimtab.kit import jsonx, sse
from trimtab.kit.http1 import ProtocolError

_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")
_FRAME_BYTES = 16  # prelude, its checksum, and the message's
_MAX_HEADER_BYTES = 128 * 1024
_MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
# By type of a header: a fixed size in bytes, or -1 for two bytes of length before the value.
_SIZES = (0, 0, 1, 2, 4, 8, -1, -1, 8, 16)
_STRING = 7


class Frame(msgspec.Struct, frozen=True):
    """One message: its headers that are text, and its payload."""

    headers: Mapping[str, str]
    payload: bytes

    @property
    def name(self) -> str:
        """What it is: the type of the event, or of the exception."""
        headers = self.headers
        named = headers.get(":event-type") or headers.get(":exception-type")
        return named or headers.get(":error-code") or "message"

    @property
    def failed(self) -> bool:
        return self.headers.get(":message-type", "event") != "event"


class Frames:
    """Bytes to messages, wherever the bytes are split."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Messages completed by these bytes.

        Raises:
            ProtocolError: a length or a checksum is wrong; nothing after it can be read.
        """
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        start = 0
        while len(buffer) - start >= _PRELUDE.size:
            total, headers = _lengths(buffer, start)
            if len(buffer) - start < total:
                break
            frames.append(_frame(bytes(buffer[start : start + total]), headers))
            start += total
        del buffer[:start]
        return frames

    def end(self) -> None:
        """No more bytes. Raises ProtocolError when they ended inside of a message."""
        if self._buffer:
            raise ProtocolError("the event stream was cut off in the middle of a message")


class Decoder:
    """A stream of messages as server-sent events; `say` writes one of them."""

    __slots__ = ("_frames", "_say")

    def __init__(self, say: Callable[[Frame], bytes]) -> None:
        self._frames = Frames()
        self._say = say

    def feed(self, data: bytes) -> bytes:
        """The events that are whole now. Raises ProtocolError for what is no message."""
        return b"".join(map(self._say, self._frames.feed(data)))

    def end(self) -> bytes:
        """Nothing is held back. Raises ProtocolError in the middle of a message."""
        self._frames.end()
        return b""


def converse() -> Decoder:
    """For ConverseStream: `event:` is the type of the event or exception, `data:` its payload."""
    return Decoder(_converse)


def anthropic() -> Decoder:
    """For Claude through InvokeModelWithResponseStream: the events that are inside, untouched."""
    return Decoder(_anthropic)


def _converse(frame: Frame) -> bytes:
    if not frame.failed or frame.payload:
        return sse.encode(frame.payload, name=_event_name(frame.name))
    said = {"message": frame.headers.get(":error-message", ""), "__type": frame.name}
    return sse.encode(jsonx.encode(said), name="error")


class _Chunk(msgspec.Struct):
    bytes: str = ""


class _Typed(msgspec.Struct):
    type: str = "message"


class _Said(msgspec.Struct):
    message: str = ""


# The exceptions of a stream in the words of Anthropic's API; any other is an `api_error`.
_ANTHROPIC_ERRORS = {
    "modelTimeoutException": "timeout_error",
    "serviceUnavailableException": "overloaded_error",
    "throttlingException": "rate_limit_error",
    "validationException": "invalid_request_error",
}


def _anthropic(frame: Frame) -> bytes:
    if frame.failed:
        return _anthropic_error(frame)
    if frame.name != "chunk":
        return b""
    try:
        inner = base64.b64decode(msgspec.json.decode(frame.payload, type=_Chunk).bytes)
        name = msgspec.json.decode(inner, type=_Typed).type
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise ProtocolError("a chunk of the event stream holds no JSON event") from None
    return sse.encode(inner, name=_event_name(name))


def _anthropic_error(frame: Frame) -> bytes:
    try:
        said = msgspec.json.decode(frame.payload, type=_Said).message
    except msgspec.DecodeError:
        said = ""
    message = said or frame.headers.get(":error-message") or frame.name
    kind = _ANTHROPIC_ERRORS.get(frame.name, "api_error")
    error = {"type": "error", "error": {"type": kind, "message": message}}
    return sse.encode(jsonx.encode(error), name="error")


def _event_name(name: str) -> str:
    """A name that can stand in a line of its own."""
    return name if name.replace("_", "").isalnum() else "message"


def _lengths(buffer: bytearray, start: int) -> tuple[int, int]:
    """Bytes of the whole message and of its headers, after its prelude was checked."""
    total, headers, checksum = _PRELUDE.unpack_from(buffer, start)
    if zlib.crc32(buffer[start : start + 8]) != checksum:
        raise ProtocolError("the lengths of an event stream message fail their checksum")
    payload = total - headers - _FRAME_BYTES
    if payload < 0 or payload > _MAX_PAYLOAD_BYTES or headers > _MAX_HEADER_BYTES:
        raise ProtocolError("an event stream message has impossible lengths")
    return total, headers


def _frame(message: bytes, header_bytes: int) -> Frame:
    (checksum,) = _CRC.unpack_from(message, len(message) - 4)
    if zlib.crc32(memoryview(message)[:-4]) != checksum:
        raise ProtocolError("a message of the event stream fails its checksum")
    begin = _PRELUDE.size
    try:
        headers = _headers(message[begin : begin + header_bytes])
    except (IndexError, UnicodeDecodeError, struct.error):
        raise ProtocolError("the headers of an event stream message cannot be read") from None
    return Frame(headers, message[begin + header_bytes : -4])


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are text; those of other types are skipped."""
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        named_to = at + 1 + data[at]
        name, kind = data[at + 1 : named_to].decode(), data[named_to]
        at = named_to + 1
        size = _SIZES[kind]
        if size < 0:
            (size,) = struct.unpack_from("!H", data, at)
            at += 2
        if at + size > len(data):
            raise IndexError(name)
        if kind == _STRING:
            headers[name] = data[at : at + size].decode()
        at += size
    return headers
