"""Numbers for spans, in order of arrival, that no two writers give twice.

A number is a count of microseconds and, in its last ten bits, the slot of the writer. A writer
tells the others that it is there before it gives numbers. A reader that follows the spans leaves
the last seconds out while there is another writer, because one of its inserts may still be under
way with smaller numbers than those that are there already (`settled`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from trimtab.kit import ids
from trimtab.stores.telemetry.clickhouse.connection import Connection

SLOT_BITS = 10
# How long an insert may be under way, and how far the clocks of writers may be apart.
LAG_S = 10
_RENEW_S = 20
_PRESENT_S = 60  # a writer that was not seen for so long must tell that it is there first
_SLOT_KEPT_S = 86_400
_COLUMNS = ("writer", "slot", "seen_ns", "closed")


def last_hour(now_ns: int) -> int:
    """Numbers given in the last hour are greater."""
    return (now_ns // 1000 - 3_600 * 10**6) << SLOT_BITS


class Numbers:
    """The numbers of one writer."""

    def __init__(self, connection: Connection, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._connection = connection
        self._now_ns = now_ns
        self._writer = ids.uuid7()
        self._seen_ns = 0
        self._slot = self._free_slot()
        [(last,)] = connection.ask("SELECT max(seq) FROM spans").rows
        self._last = int(last) >> SLOT_BITS

    def take(self, count: int) -> list[int]:
        """The next numbers. Raises Failed when the others cannot be told."""
        if self._now_ns() - self._seen_ns > _RENEW_S * 10**9:
            self.tell()
        first = max(self._last + 1, self._now_ns() // 1000)
        self._last = first + count - 1
        return [(n << SLOT_BITS) | self._slot for n in range(first, first + count)]

    def tell(self, *, closed: bool = False) -> None:
        """Say that this writer is there, or that it is gone. Raises Failed."""
        now = self._now_ns()
        row = (self._writer, self._slot, now, closed)
        self._connection.insert("writers", _COLUMNS, [row])
        self._seen_ns = now

    def settled(self, now_ns: int) -> int | None:
        """Spans up to this number cannot be joined by smaller ones; None: any number.

        Ask after the spans were read: a writer that was not there then gives greater numbers.
        """
        found = self._connection.ask(
            "SELECT count() FROM writers FINAL"
            " WHERE NOT closed AND seen_ns > {since:Int64} AND writer != {writer:String}",
            {"since": now_ns - _PRESENT_S * 10**9, "writer": self._writer},
        ).rows
        return (now_ns // 1000 - LAG_S * 10**6) << SLOT_BITS if found[0][0] else None

    def _free_slot(self) -> int:
        since = self._now_ns() - _SLOT_KEPT_S * 10**9
        found = self._connection.ask(
            "SELECT slot FROM writers FINAL WHERE NOT closed AND seen_ns > {since:Int64}",
            {"since": since},
        ).rows
        taken = {slot for (slot,) in found}
        free = [slot for slot in range(1 << SLOT_BITS) if slot not in taken]
        return free[secrets.randbelow(len(free))]
