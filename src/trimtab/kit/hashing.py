"""Content hashes: the same value has the same digest on every machine and in every version."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

_CANONICAL = msgspec.json.Encoder(order="sorted", decimal_format="string")


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` in lower-case hex (FIPS 180-4)."""
    return hashlib.sha256(data).hexdigest()


def short_hash(data: bytes) -> bytes:
    """8 bytes of BLAKE2b (RFC 7693): to find what is probably the same, never to prove it."""
    return hashlib.blake2b(data, digest_size=8).digest()


def canonical(value: Any) -> bytes:
    """The JSON of any JSON-like value or record whose bytes depend on the content alone."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of any JSON-like value or record.

    Keys are sorted, so two dicts with the same items agree whatever their order.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return sha256_hex(canonical(value))
