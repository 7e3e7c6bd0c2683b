"""Ledger: what the recorded calls cost, added to the sums of keys, users, teams and projects.

In: the spans of the spool, in its order, each batch before the spool forgets it. Out: increments
for `SpendStore`, each exactly once. Between the two lies a small file, replaced whole and synced:
how far the spool was read, and what is not in the store yet. So the store may be away for as long
as it likes; neither the spool nor the request path waits for it, and the file does not grow with
the calls but with the names in them.

Why each call counts once: a batch and the position behind it reach the file together, so what the
spool delivers again after a crash is known by its position. Increments leave the file as a numbered
batch that does not change any more, and the store adds a number once, so an answer that was lost,
or a crash before it was noted, only makes the batch be sent again.
"""

from __future__ import annotations

import asyncio
import logging
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from uuid import uuid4

import msgspec

from trimtab.errors import NotDurable, StoreError
from trimtab.governance.periods import periods
from trimtab.kit.disk import sync_directory
from trimtab.kit.looping import Looping
from trimtab.ports import Spend, SpendKey, SpendStore
from trimtab.records import Span
from trimtab.records.access import AllowanceKind
from trimtab.records.span import GATEWAY

_log = logging.getLogger("trimtab.governance")
_KINDS = frozenset({"llm", "embedding"})
_NAMES: tuple[tuple[AllowanceKind, str], ...] = (
    ("key", "trimtab.key"),
    ("user", "trimtab.key_user"),
    ("team", "trimtab.team"),
)
_PERIOD = "trimtab.period"
_LONGEST_PAUSE_S = 30.0


class _Kept(msgspec.Struct, kw_only=True):
    """The file. `sending` is the batch of number `batch`; `waiting` will be the next one."""

    source: str
    position: tuple[int, ...] = ()
    batch: int = 0
    sending: list[tuple[SpendKey, Spend]] = []
    waiting: list[tuple[SpendKey, Spend]] = []


class Ledger(Looping):
    """Adds up the calls of one spool. `follow` comes from one thread at a time.

    Args:
        path: its file; belongs to the spool and has to stay with it.
        every_s: how often increments are sent to the store.
    """

    def __init__(self, spend: SpendStore, path: Path, *, every_s: float = 1.0) -> None:
        super().__init__("trimtab-ledger")
        self._spend = spend
        self._path = path
        self._every_s = every_s
        self._lock = Lock()
        self._turn = Lock()
        kept = _read(path)
        self._source = kept.source
        self._position = tuple(kept.position)
        self._batch = kept.batch
        self._sending: dict[SpendKey, Spend] = dict(kept.sending)
        self._waiting: dict[SpendKey, Spend] = dict(kept.waiting)

    def follow(self, spans: Sequence[tuple[tuple[int, ...], Span]]) -> None:
        """Take over spans, with their positions in the spool, before it forgets them. Blocks.

        Spans that were taken over before change nothing.
        Raises:
            NotDurable: nothing was taken over; the spool must keep the spans and bring them again.
        """
        with self._lock:
            new = [(position, span) for position, span in spans if position > self._position]
            if not new:
                return
            before = self._position, self._waiting
            self._position = new[-1][0]
            found = add({}, (item for _, span in new for item in increments(span)))
            if not found:
                return  # to see such spans again changes nothing either
            self._waiting = add(self._waiting, found.items())
            try:
                self._write()
            except BaseException:
                self._position, self._waiting = before
                raise

    def send(self) -> None:
        """Bring the store up to date with what was followed. Blocks.

        Raises:
            StoreError: the store is away; what is to be added stays in the file.
        """
        with self._turn:
            while self._seal():
                self._spend.add(self._source, self._batch, self._sending)
                with self._lock:
                    self._sending = {}

    async def stop(self) -> None:
        """Send once more if the store is there, and end."""
        if self._task is None:
            return
        await super().stop()
        try:
            await asyncio.to_thread(self.send)
        except StoreError as error:
            _log.warning("what was spent waits in %s for the next start: %s", self._path, error)

    async def _loop(self) -> None:
        pause_s = self._every_s
        while True:
            await asyncio.sleep(pause_s)
            try:
                await asyncio.to_thread(self.send)
                pause_s = self._every_s
            except StoreError as error:
                _log.warning("what was spent waits for the store: %s", error)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except Exception:
                # This task is the only way into the store: it reports and goes on.
                _log.exception("what was spent could not be stored; trying again")
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _seal(self) -> bool:
        """Make a batch of what waits, on disk before it is sent; False when there is nothing."""
        with self._lock:
            if self._sending:
                return True
            if not self._waiting:
                return False
            self._sending, self._waiting = self._waiting, {}
            self._batch += 1
            try:
                self._write()
            except BaseException:
                self._sending, self._waiting = {}, self._sending
                self._batch -= 1
                raise
            return True

    def _write(self) -> None:
        kept = _Kept(
            source=self._source,
            position=self._position,
            batch=self._batch,
            sending=list(self._sending.items()),
            waiting=list(self._waiting.items()),
        )
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            sync_directory(self._path.parent)
        except OSError as error:
            raise NotDurable(
                f"what was spent cannot be written down: {error.strerror}",
                where=str(self._path),
                fix="free space on that disk and check that it is writable",
            ) from None


def increments(span: Span) -> Iterator[tuple[SpendKey, Spend]]:
    """What a call of the gateway adds to the day and the month of each of its nodes.

    The period is that of the budget it was admitted under (`trimtab.period`, a UTC day), else that
    of its start.
    """
    if span.kind not in _KINDS or span.service != GATEWAY or span.open:
        return
    usage, cost = span.usage, span.cost_usd
    spend = Spend(
        requests=1,
        tokens_input=usage.total_input if usage else 0,
        tokens_output=usage.total_output if usage else 0,
        cost_nano_usd=0 if cost is None else round(cost * 1_000_000_000),
        unpriced_requests=int(span.is_unpriced),
    )
    day = span.attributes.get(_PERIOD)
    if not isinstance(day, str) or len(day) != 10:
        day = periods(span.start_ns).day
    nodes: list[tuple[AllowanceKind, str]] = [
        (kind, name)
        for kind, field in _NAMES
        if isinstance(name := span.attributes.get(field), str)
    ]
    for kind, name in (*nodes, ("project", span.project)):
        for period in (day, day[:7]):
            yield SpendKey(span.project, kind, name, period), spend


def add(
    sums: Mapping[SpendKey, Spend], more: Iterable[tuple[SpendKey, Spend]]
) -> dict[SpendKey, Spend]:
    """The sums with more added to them.

    >>> key = SpendKey("default", "team", "web", "2026-11")
    >>> add({key: Spend(requests=1)}, [(key, Spend(requests=2, cost_nano_usd=5))])[key]
    Spend(requests=3, tokens_input=0, tokens_output=0, cost_nano_usd=5, unpriced_requests=0)
    """
    total = dict(sums)
    for key, spend in more:
        known = total.get(key)
        total[key] = spend if known is None else Spend(*map(operator.add, known, spend))
    return total


def _read(path: Path) -> _Kept:
    """The file; a new one where there is none. One that is damaged is set aside and reported."""
    new = _Kept(source=f"ledger.{uuid4().hex}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return new
    except msgspec.DecodeError as error:
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        _log.error("%s is damaged, what it held is not counted: %s", aside, error)
        return new
    except OSError as error:
        raise StoreError(
            f"what was spent cannot be read: {error.strerror}",
            where=str(path),
            fix="check the permissions of the data directory",
        ) from None
