"""Moving telemetry from one store into another, and proving that all of it arrived.

Spans keep their numbers, so what follows the spans by a cursor carries on where it was. A move that
was stopped is begun again: what has arrived is not written again. Nothing is deleted where it came
from. In the end both stores are compared, hour by hour of each project, by how many there are and
by a digest of all that they say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import msgspec

from trimtab.errors import StoreError
from trimtab.kit import jsonx
from trimtab.kit.hashing import sha256_hex
from trimtab.ports import Sequenced, TelemetryStore
from trimtab.records import Score
from trimtab.stores.telemetry.queries import HOUR_NS
from trimtab.stores.telemetry.rows import ScoreIdentity

PORTION = 1_000
_FIRST = -(1 << 63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Progress = Callable[[str, int, int], None]
"""Called with what is done (`spans copied`), how many, and of how many."""


class Readable(TelemetryStore, Protocol):
    """A store whose records can be read one by one, all of them."""

    def everything_after(self, seq: int, *, limit: int) -> list[Sequenced]: ...

    def scores_from(self, after: ScoreIdentity, *, limit: int) -> list[Score]: ...


class Restorable(Readable, Protocol):
    """A store that can take over spans with their numbers."""

    def restore(self, spans: Sequence[Sequenced]) -> int: ...


class MovedProject(msgspec.Struct, frozen=True, kw_only=True):
    """What both stores hold of a project; `digest` is over the digests of its hours."""

    project: str
    spans: int
    scores: int
    hours: int
    digest: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What a move found in the new store at the end: all that is in the old one.

    `written` are the spans that this run had to copy; `hours` were compared, each project's alone.
    """

    spans: int
    scores: int
    hours: int
    written: int
    projects: list[MovedProject]


class _Hour(NamedTuple):
    kind: str
    project: str
    hour: int

    def __str__(self) -> str:
        try:
            when = f"{_EPOCH + timedelta(hours=self.hour):%Y-%m-%d %H:00} UTC"
        except OverflowError:
            when = f"hour {self.hour}"
        return f"the {self.kind} of {self.project!r} at {when}"


class _Told(NamedTuple):
    number: int
    digest: str


class _Tally:
    """Counts and digests by kind, project and hour; records must come in one order."""

    def __init__(self) -> None:
        self._counts: dict[_Hour, int] = {}
        self._digests: dict[_Hour, hashlib._Hash] = {}

    def add(self, kind: str, project: str, time_ns: int, body: bytes) -> None:
        hour = _Hour(kind, project, time_ns // HOUR_NS)
        self._counts[hour] = self._counts.get(hour, 0) + 1
        digest = self._digests.setdefault(hour, hashlib.sha256())
        digest.update(len(body).to_bytes(8, "big") + body)

    def spans(self, spans: Iterable[Sequenced]) -> None:
        for seq, span in spans:
            body = b"%d %b" % (seq, jsonx.encode(span))
            self.add("spans", span.project, span.start_ns, body)

    def scores(self, scores: Iterable[Score]) -> None:
        for score in scores:
            self.add("scores", score.project, score.time_ns, jsonx.encode(score))

    def told(self) -> dict[_Hour, _Told]:
        return {
            hour: _Told(count, self._digests[hour].hexdigest())
            for hour, count in self._counts.items()
        }


def move(source: Readable, target: Restorable, *, progress: Progress) -> Moved:
    """Copy everything and compare it.

    Args:
        source: nobody writes to it meanwhile.
        target: others may write to it; what they add is not looked at.
    Raises:
        StoreError: the new store does not hold what the old one does; says which hour of what.
    """
    total = source.span_count()
    ours = _Tally()
    done = written = last = 0
    for portion in _portions(source):
        written += target.restore(portion)
        ours.spans(portion)
        last, done = portion[-1].seq, done + len(portion)
        progress("spans copied", done, total)
    for scores in _scores(source):
        target.append(scores=scores).result()
        ours.scores(scores)
    expected = ours.told()
    found = _found(source, target, last, total, progress)
    if _differing(expected, found):
        # An insert that was under way when an earlier move was killed may have come in twice; that
        # is settled when rows are merged.
        target.compact()
        found = _found(source, target, last, total, progress)
    if differing := _differing(expected, found):
        raise _differs(differing, expected, found)
    return _moved(expected, written)


def _portions(store: Readable, until: int | None = None) -> Iterator[list[Sequenced]]:
    after = _FIRST
    while portion := store.everything_after(after, limit=PORTION):
        after = portion[-1].seq
        if until is not None and after > until:
            portion = [item for item in portion if item.seq <= until]
            if portion:
                yield portion
            return
        yield portion


def _scores(store: Readable) -> Iterator[list[Score]]:
    after = ScoreIdentity("", "")
    while portion := store.scores_from(after, limit=PORTION):
        yield portion
        after = _identity(portion[-1])


def _found(
    source: Readable, target: Readable, last: int, total: int, progress: Progress
) -> dict[_Hour, _Told]:
    """What the new store holds of the records of the old one."""
    tally = _Tally()
    done = 0
    for portion in _portions(target, until=last):
        tally.spans(portion)
        done += len(portion)
        progress("spans compared", min(done, total), total)
    theirs = (score for portion in _scores(target) for score in portion)
    mine = (_identity(score) for portion in _scores(source) for score in portion)
    tally.scores(_of(theirs, mine))
    return tally.told()


def _identity(score: Score) -> ScoreIdentity:
    return ScoreIdentity(score.project, score.score_id)


def _of(scores: Iterable[Score], wanted: Iterable[ScoreIdentity]) -> Iterator[Score]:
    """Those of the scores that are wanted; both come in order of project and id."""
    ids = iter(wanted)
    sought = next(ids, None)
    for score in scores:
        while sought is not None and sought < _identity(score):
            sought = next(ids, None)
        if sought == _identity(score):
            yield score


def _differing(expected: Mapping[_Hour, _Told], found: Mapping[_Hour, _Told]) -> list[_Hour]:
    hours = expected.keys() | found.keys()
    return sorted(hour for hour in hours if expected.get(hour) != found.get(hour))


def _differs(
    hours: Sequence[_Hour], expected: Mapping[_Hour, _Told], found: Mapping[_Hour, _Told]
) -> StoreError:
    first = hours[0]
    nothing = _Told(0, "-")
    here, there = expected.get(first, nothing), found.get(first, nothing)
    more = f", and {len(hours) - 1} more" if len(hours) > 1 else ""
    return StoreError(
        f"the two stores do not hold the same: {first} are {here.number} ({here.digest:.12}) in the"
        f" old store and {there.number} ({there.digest:.12}) in the new one{more}",
        where="the new store",
        fix="move into an empty database; the old store is as it was",
        hours=[str(hour) for hour in hours[:20]],
    )


def _moved(told: Mapping[_Hour, _Told], written: int) -> Moved:
    projects = sorted({hour.project for hour in told})
    moved = [_project(project, told) for project in projects]
    return Moved(
        spans=sum(one.spans for one in moved),
        scores=sum(one.scores for one in moved),
        hours=sum(one.hours for one in moved),
        written=written,
        projects=moved,
    )


def _project(project: str, told: Mapping[_Hour, _Told]) -> MovedProject:
    ours = sorted((hour, one) for hour, one in told.items() if hour.project == project)
    counts = {
        kind: sum(one.number for hour, one in ours if hour.kind == kind)
        for kind in ("spans", "scores")
    }
    lines = "\n".join(f"{hour.kind} {hour.hour} {one.number} {one.digest}" for hour, one in ours)
    return MovedProject(
        project=project,
        spans=counts["spans"],
        scores=counts["scores"],
        hours=len({hour.hour for hour, _ in ours}),
        digest=sha256_hex(lines.encode()),
    )
