"""How many bytes of bulk requests are in the works at once; beyond that they are asked to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trimtab.errors import Overloaded

_RETRY_AFTER_S = 1


class Intake:
    """A limit that the bulk requests of one process share.

    >>> intake = Intake(100)
    >>> with intake.share() as share:
    ...     share.take(60)
    ...     intake.held_bytes
    60
    >>> intake.held_bytes
    0
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_bytes = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """What one request holds, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held_bytes -= share.held_bytes

    def take(self, size_bytes: int, share: Share) -> None:
        """Raises Overloaded; never for the only one, which would never fit otherwise."""
        others = self.held_bytes - share.held_bytes
        if others and self.held_bytes + size_bytes > self._limit_bytes:
            raise Overloaded(
                f"more than {self._limit_bytes} bytes are being taken in",
                fix="retry after a moment, or raise limits.ingest_bytes",
                retry_after_s=_RETRY_AFTER_S,
            )
        self.held_bytes += size_bytes


class Share:
    """Bytes held by one request."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.held_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Hold more.

        Raises:
            Overloaded: the others hold too much; this one keeps what it has.
        """
        self._intake.take(size_bytes, self)
        self.held_bytes += size_bytes
