"""Cache: answers of this process by what was asked, in memory and within bounds.

What is used least recently gives way. Nothing of it is on disk, and nothing outlives the process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal

import msgspec

from trimtab.gateway.ask import Caller
from trimtab.gateway.flights import Flights
from trimtab.gateway.neighbours import Near, Neighbours, Vector
from trimtab.gateway.stored import Stored
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock, Embedder

_SHARE = 16  # No answer takes more than this part of the whole.


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An answer from memory; `similarity` is there when the request was merely similar."""

    stored: Stored
    similarity: float | None = None

    @property
    def saved_usd(self) -> Decimal | None:
        return self.stored.cost_usd


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a request among `group`, the requests that differ in nothing else."""

    group: str
    text: str
    vector: Vector


class CacheCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What is in memory now, and how often the embedder failed since the process began."""

    answers: int
    size_bytes: int
    embedder_failures: int


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    stored: Stored
    project: str
    route: str
    since_ns: int
    size_bytes: int
    group: str | None


class AnswerCache:
    """Answers by the fingerprints of their requests, and the requests that are being answered.

    Args:
        limit_bytes: of all answers together; 0 keeps none.
        embedder: for the requests of a caller; None: only equal requests are found.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        limit_bytes: int,
        embedder: Callable[[Caller], Embedder] | None = None,
    ) -> None:
        self._clock = clock
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._groups: dict[str, Neighbours] = {}
        self.embedder = embedder
        self.embedder_failures = 0
        self.epoch = 0  # how often something was cleared
        self.flights: Flights[Found] = Flights()

    @property
    def most_bytes(self) -> int:
        """Of one answer."""
        return self._limit_bytes // _SHARE

    @property
    def counts(self) -> CacheCounts:
        return CacheCounts(
            answers=len(self._entries),
            size_bytes=self._size_bytes,
            embedder_failures=self.embedder_failures,
        )

    def get(self, key: str, *, ttl_s: float) -> Stored | None:
        """The answer of a key, unless it is older than that."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._clock.monotonic_ns() - entry.since_ns >= ttl_s * NS_PER_S:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.stored

    def similar(self, wording: Wording, *, ttl_s: float, floor: float) -> Found | None:
        """The answer to the most similar request of a group."""
        group = self._groups.get(wording.group)
        while group is not None:
            near: Near | None = group.nearest(wording.text, wording.vector, floor=floor)
            if near is None:
                return None
            stored = self.get(near.key, ttl_s=ttl_s)
            if stored is not None:
                return Found(stored=stored, similarity=near.similarity)
            group.remove(near.key)  # expired
        return None

    def put(
        self, key: str, stored: Stored, *, project: str, route: str, wording: Wording | None = None
    ) -> None:
        """Keep an answer, in the place of the one before it."""
        self._drop(key)
        size_bytes = stored.size_bytes + (wording.vector.nbytes if wording else 0)
        if size_bytes > self.most_bytes:
            return
        self._size_bytes += size_bytes
        self._entries[key] = _Entry(
            stored=stored,
            project=project,
            route=route,
            since_ns=self._clock.monotonic_ns(),
            size_bytes=size_bytes,
            group=wording.group if wording else None,
        )
        if wording is not None:
            group = self._groups.setdefault(wording.group, Neighbours())
            group.add(key, wording.text, wording.vector)
        self._shrink()

    def resize(self, limit_bytes: int) -> None:
        """Keep no more than this from now on."""
        self._limit_bytes = limit_bytes
        self._shrink()

    def clear(self, project: str | None = None, route: str | None = None) -> int:
        """Forget all answers, those of a project, or of one of its routes; how many there were."""
        gone = [
            key
            for key, entry in self._entries.items()
            if project in (None, entry.project) and route in (None, entry.route)
        ]
        for key in gone:
            self._drop(key)
        self.epoch += 1
        self.flights.part()
        return len(gone)

    def _shrink(self) -> None:
        while self._size_bytes > self._limit_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._size_bytes -= entry.size_bytes
        group = self._groups.get(entry.group) if entry.group is not None else None
        if group is not None and entry.group is not None:
            group.remove(key)
            if not len(group):
                del self._groups[entry.group]
