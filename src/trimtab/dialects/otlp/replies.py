"""Replies of OTLP: success, partial success, and failures as google.rpc.Status.

Sources: https://opentelemetry.io/docs/specs/otlp/ and google/rpc/{status,code,error_details}.proto
"""

from __future__ import annotations

import math
from typing import Literal

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from trimtab.dialects.otlp.outcome import Encoding, Rejections
from trimtab.dialects.otlp.wire import varint
from trimtab.errors import TrimtabError
from trimtab.kit import jsonx

Signal = Literal["traces", "logs", "metrics"]

MEDIA_TYPES: dict[Encoding, str] = {
    "protobuf": "application/x-protobuf",
    "json": "application/json",
}
_REJECTED = {
    "traces": "rejectedSpans",
    "logs": "rejectedLogRecords",
    "metrics": "rejectedDataPoints",
}
_MESSAGE_BYTES = 2000
# google.rpc.Code. What is too large stays too large, so it is not RESOURCE_EXHAUSTED, which
# exporters retry.
_CODES = {401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 429: 8, 503: 14}
_INVALID_ARGUMENT = 3
_INTERNAL = 13


def success(signal: Signal, rejections: Rejections, encoding: Encoding) -> bytes:
    """The reply to an export that was taken, whole or in part.

    >>> success("traces", Rejections(), "json")
    b'{}'
    """
    if not rejections.count:
        return b"{}" if encoding == "json" else b""
    reason = rejections.reason[:_MESSAGE_BYTES]
    if encoding == "json":
        # An int64 is a string in the JSON of protobuf.
        part = {_REJECTED[signal]: str(rejections.count), "errorMessage": reason}
        return jsonx.encode({"partialSuccess": part})
    return _member(1, b"\x08" + varint(rejections.count) + _member(2, reason.encode()))


def encoding_of(content_type: str) -> Encoding | None:
    """The encoding that a content-type names, whatever its parameters; None for any other.

    >>> encoding_of("application/x-protobuf; charset=utf-8")
    'protobuf'
    """
    name = content_type.partition(";")[0].strip().lower()
    for encoding, media_type in MEDIA_TYPES.items():
        if name == media_type:
            return encoding
    return None


def failure(
    status: int, message: str, encoding: Encoding, *, retry_after_s: float | None = None
) -> bytes:
    """google.rpc.Status of a failed request.

    Args:
        status: as in HTTP; Status has its own numbers.
        retry_after_s: told as google.rpc.RetryInfo, in protobuf only: HTTP has a header for it.
    """
    number = code(status)
    if encoding == "json":
        return jsonx.encode({"code": number, "message": message})
    details = b"" if retry_after_s is None else _member(3, _retry_info(retry_after_s))
    return b"\x08" + varint(number) + _member(2, message.encode()) + details


def said(error: TrimtabError) -> str:
    """What an error tells its caller: what and what to do, never where a store keeps its files."""
    return f"{error.what}; {error.fix}" if error.fix else error.what


def code(status: int) -> int:
    """google.rpc.Code of an HTTP status.

    >>> code(413), code(503)
    (3, 14)
    """
    return _CODES.get(status, _INTERNAL if status >= 500 else _INVALID_ARGUMENT)


def _retry_info(delay_s: float) -> bytes:
    part, seconds = math.modf(delay_s)
    delay = Duration(seconds=int(seconds), nanos=int(part * 1e9)).SerializeToString()
    packed = Any(type_url="type.googleapis.com/google.rpc.RetryInfo", value=_member(1, delay))
    return bytes(packed.SerializeToString())


def _member(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(value)) + value
