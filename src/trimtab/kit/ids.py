"""Identifiers: OpenTelemetry trace and span ids, and UUIDv7 for everything else."""

from __future__ import annotations

import os
import re
import threading
import time

_FETCHED_BYTES = 1024
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


def trace_id() -> str:
    """16 random bytes in lower-case hex, never all zero (W3C Trace Context, section 3.2.2.3)."""
    return _random_hex(16)


def span_id() -> str:
    """8 random bytes in lower-case hex, never all zero (W3C Trace Context, section 3.2.2.4)."""
    return _random_hex(8)


def is_trace_id(value: str) -> bool:
    """Whether `value` is a valid, non-zero trace id.

    >>> is_trace_id("4bf92f3577b34da6a3ce929d0e0e4736"), is_trace_id("0" * 32)
    (True, False)
    """
    return _TRACE_ID.fullmatch(value) is not None and value.strip("0") != ""


def is_span_id(value: str) -> bool:
    return _SPAN_ID.fullmatch(value) is not None and value.strip("0") != ""


def uuid7(now_ns: int | None = None) -> str:
    """A time-ordered UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits."""
    ms = (time.time_ns() if now_ns is None else now_ns) // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (
        (ms & (1 << 48) - 1) << 80
        | 0x7 << 76
        | (tail >> 62 & 0xFFF) << 64
        | 0b10 << 62
        | tail & (1 << 62) - 1
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class _Entropy(threading.local):
    """Random bytes from the operating system, fetched for many ids at a time.

    A call for each would let go of the interpreter, and under load wait to get it back.
    """

    def __init__(self) -> None:
        self.bytes = b""

    def take(self, size: int) -> bytes:
        if len(self.bytes) < size:
            self.bytes = os.urandom(_FETCHED_BYTES)
        taken, self.bytes = self.bytes[:size], self.bytes[size:]
        return taken

    def forget(self) -> None:
        """A forked process must not give out the ids of its parent."""
        self.bytes = b""


_entropy = _Entropy()
# Only the thread that forks goes on in the child.
os.register_at_fork(after_in_child=_entropy.forget)


def _random_hex(size: int) -> str:
    while True:
        raw = _entropy.take(size)
        if any(raw):
            return raw.hex()
