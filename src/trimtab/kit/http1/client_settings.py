"""How a client keeps its connections, whichever library it is made of."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import msgspec


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a client.

    Args:
        max_connections: open at once to one origin; further requests wait in order.
        keepalive_s: how long an unused connection stays open.
        max_head_bytes: largest response head accepted.
        buffer_bytes: body bytes that may wait for a slow reader before reading from the socket
            stops.
        ssl_context: for https; None means the system's certificate authorities, with host names
            checked.
        allowed_address: asked with each address that a host resolves to, before it is connected
            to; None allows all.
    """

    max_connections: int = 1000
    keepalive_s: float = 60.0
    max_head_bytes: int = 65_536
    buffer_bytes: int = 262_144
    ssl_context: ssl.SSLContext | None = None
    allowed_address: Callable[[str], bool] | None = None


DEFAULT_SETTINGS = ClientSettings()
