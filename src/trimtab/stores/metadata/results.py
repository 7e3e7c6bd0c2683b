"""Results of runs in the metadata database: appended in chunks, read as a stream or by pages.

Beside each chunk are the hashes of the keys in it, so that a reader knows which cases came more
than once before it has read a single result.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from trimtab.kit.hashing import short_hash
from trimtab.records import Result
from trimtab.stores.metadata.chunks import Chunk, chunks, lines, unpack
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import run_results

RESULTS = 500  # of a chunk, at most
_TOGETHER = 8  # chunks read at once
_HASH_BYTES = 8
Key = tuple[str, int]


class Packed(NamedTuple):
    """A chunk, and the hashes of the keys of its results."""

    chunk: Chunk
    key_hashes: bytes


def packed(results: Sequence[Result]) -> list[Packed]:
    made: list[Packed] = []
    place = 0
    for chunk in chunks(lines(results), records=RESULTS):
        among = results[place : place + chunk.records]
        made.append(Packed(chunk, b"".join(_hash(result) for result in among)))
        place += chunk.records
    return made


def insert_chunks(
    connection: Connection, project: str, run_id: str, packed: Sequence[Packed]
) -> None:
    """Add chunks behind those there are; the run's row must be locked."""
    run = {"project": project, "run_id": run_id}
    last = connection.execute(select(func.max(run_results.c.seq)).filter_by(**run)).scalar() or 0
    connection.execute(
        insert(run_results),
        [
            {**run, "seq": last + place, "key_hashes": one.key_hashes, "body": one.chunk.body}
            for place, one in enumerate(packed, start=1)
        ],
    )


class StoredResults:
    """The chunks that a run has at one moment, to be read piece by piece.

    No transaction is open while they are worked on: chunks never change.
    """

    def __init__(self, database: Database, connection: Connection, project: str, run_id: str):
        self._database = database
        self._run = {"project": project, "run_id": run_id}
        query = select(run_results.c.seq, run_results.c.key_hashes).filter_by(**self._run)
        found = connection.execute(query.order_by(run_results.c.seq)).all()
        self._numbers = [row.seq for row in found]
        self._hashes = [row.key_hashes for row in found]
        self._repeated = _repeated(self._hashes)

    def current(self) -> Iterator[Result]:
        """Each (example_id, repeat) once, where it came first, as it came last.

        Only what came more than once is held in memory.
        """
        again = self._repeated
        if not again:
            yield from self._all()
            return
        newest = {result.key: result for result in self._all() if _hash(result) in again}
        for result in self._all():
            if _hash(result) not in again:
                yield result
            elif (last := newest.pop(result.key, None)) is not None:
                yield last

    def page(self, start: int, size: int) -> tuple[list[Result], int | None]:
        """Up to `size` of the same results from `start` on, and where the next page starts.

        A place counts everything that was appended, so that no chunk before it is read; of what
        came more than once also the chunks that have it again are.
        """
        ends = list(accumulate(len(hashes) // _HASH_BYTES for hashes in self._hashes))
        found: list[Result] = []
        chunk = bisect_right(ends, start)
        while chunk < len(ends):
            begins = ends[chunk - 1] if chunk else 0
            results = list(self._chunks([self._numbers[chunk]]))
            newest = self._newest(results)
            for place, result in enumerate(results[start - begins :], start=start):
                if len(found) == size:
                    return found, place
                if _hash(result) not in self._repeated:
                    found.append(result)
                elif newest[result.key].first == place:
                    found.append(newest[result.key].result)
            start, chunk = ends[chunk], chunk + 1
        return found, None

    def _newest(self, results: Sequence[Result]) -> Mapping[Key, _Seen]:
        """Of what is in a chunk and came again: where it came first, and as it came last."""
        again = {_hash(result) for result in results} & self._repeated
        keys = {result.key for result in results if _hash(result) in again}
        found: dict[Key, _Seen] = {}
        begins = 0
        for number, hashes in zip(self._numbers, self._hashes, strict=True):
            if again and not again.isdisjoint(_split(hashes)):
                for place, result in enumerate(self._chunks([number]), start=begins):
                    if result.key in keys:
                        first = found[result.key].first if result.key in found else place
                        found[result.key] = _Seen(first, result)
            begins += len(hashes) // _HASH_BYTES
        return found

    def _all(self) -> Iterator[Result]:
        for start in range(0, len(self._numbers), _TOGETHER):
            yield from self._chunks(self._numbers[start : start + _TOGETHER])

    def _chunks(self, numbers: Sequence[int]) -> Iterator[Result]:
        query = (
            select(run_results.c.body)
            .filter_by(**self._run)
            .where(run_results.c.seq.in_(numbers))
            .order_by(run_results.c.seq)
        )
        with self._database.read() as connection:
            bodies = connection.execute(query).scalars().all()
        for body in bodies:
            yield from unpack(body, Result)


class _Seen(NamedTuple):
    """Where a result came first among all that was appended, and as it came last."""

    first: int
    result: Result


def _hash(result: Result) -> bytes:
    return short_hash(f"{result.repeat} {result.example_id}".encode())


def _split(hashes: bytes) -> Iterator[bytes]:
    """The hashes of a chunk, one by one."""
    return (hashes[at : at + _HASH_BYTES] for at in range(0, len(hashes), _HASH_BYTES))


def _repeated(columns: Iterable[bytes]) -> set[bytes]:
    seen: set[bytes] = set()
    again: set[bytes] = set()
    for keys in columns:
        for key in _split(keys):
            if key in seen:
                again.add(key)
            seen.add(key)
    return again
