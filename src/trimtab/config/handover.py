"""A configuration on its way to another process of the same server, secrets and all.

For a pipe or a socket that nobody else can open, never for a file or a log.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.config.schema import Config
from trimtab.config.secret import Secret


def packed(config: Config) -> bytes:
    """What `unpacked` makes the same configuration of."""
    return msgspec.json.encode(config, enc_hook=_plain)


def unpacked(data: bytes) -> Config:
    return msgspec.json.decode(data, type=Config, dec_hook=_of)


def _plain(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str.__str__(value)


def _of(kind: type, value: Any) -> Any:
    return kind(value)
