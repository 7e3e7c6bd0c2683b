"""Messages of `application/vnd.amazon.eventstream`, written as its specification says."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any


def frame(payload: bytes, **headers: str) -> bytes:
    """One message; underscores in header names stand for hyphens, and a colon is put before."""
    encoded = b"".join(
        _header(f":{name.replace('_', '-')}", value) for name, value in headers.items()
    )
    return sealed(encoded, payload)


def sealed(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def event(name: str, value: Any) -> bytes:
    """As Bedrock sends it."""
    return frame(
        json.dumps(value).encode(),
        event_type=name,
        content_type="application/json",
        message_type="event",
    )


def exception(name: str, value: Any) -> bytes:
    return frame(
        json.dumps(value).encode(),
        exception_type=name,
        content_type="application/json",
        message_type="exception",
    )


def chunk(inner: bytes) -> bytes:
    """A piece of an InvokeModelWithResponseStream answer."""
    return event("chunk", {"bytes": base64.b64encode(inner).decode(), "p": "abcdef"})


def _header(name: str, value: str) -> bytes:
    known, text = name.encode(), value.encode()
    return bytes([len(known)]) + known + b"\x07" + struct.pack("!H", len(text)) + text
