"""What a server accepts, and how long it waits; and what it refuses before anybody is asked."""

from __future__ import annotations

import msgspec

# What a field counts beyond its bytes, so that empty ones are not free (RFC 9113, 6.5.2).
FIELD_BYTES = 32


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one connection, in bytes and seconds.

    `head_bytes`: request line and header fields together; `fields`: number of header fields.
    `pipelined`: requests that may arrive before the first of them is answered.
    `buffer_bytes`: of a body, or of what follows a request, that may wait before reading stops;
    one more read (up to 256 KiB) may already be on its way.
    `head_s`: from the first byte of a request, or the start of a connection, to its whole head.
    `body_s`: between two reads of a body that somebody waits for.
    `idle_s`: between two requests.
    `write_s`: without any progress of an answer that its client does not read.
    `unread_bytes`, `unread_s`: what is read of a body after its answer, to keep the connection.
    `linger_s`: between the last byte that is sent and the end of a connection.
    """

    head_bytes: int = 65_536
    fields: int = 128
    pipelined: int = 64
    buffer_bytes: int = 65_536
    head_s: float = 30.0
    body_s: float = 90.0
    idle_s: float = 75.0
    write_s: float = 300.0
    unread_bytes: int = 1 << 20
    unread_s: float = 5.0
    linger_s: float = 2.0

    @property
    def shortest_s(self) -> float:
        return min(self.head_s, self.body_s, self.idle_s, self.write_s, self.unread_s)


class RequestRefused(Exception):
    """A request that is answered with an error by the server itself, and ends its connection."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
