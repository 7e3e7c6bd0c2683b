"""Moving telemetry from one store into another, and proving that all of it arrived.

Spans keep their numbers, so what follows the spans by a cursor carries on where it was. A move that
was stopped carries on after the last span that arrived. Nothing is deleted where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from trimtab.errors import StoreError
from trimtab.kit import jsonx
from trimtab.kit.hashing import sha256_hex
from trimtab.ports import ScoreQuery, Sequenced, SpanQuery, TelemetryStore
from trimtab.records import Condition, Score

PORTION = 1_000
_ALL = 1 << 40

Progress = Callable[[str, int, int], None]


class Restorable(TelemetryStore, Protocol):
    """A store that can take over spans with their numbers."""

    def restore(self, spans: Sequence[Sequenced]) -> None: ...

    def last_restored(self) -> int: ...


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What a move found in the new store at the end: all that is in the old one."""

    spans: int
    open_spans: int
    scores: int
    digest: str


def move(source: TelemetryStore, target: Restorable, *, progress: Progress) -> Moved:
    """Copy everything and compare it.

    Args:
        source: nobody writes to it meanwhile.
        progress: called with what is done (`copied`, `compared`), how much, and of how much.
    Raises:
        StoreError: the new store does not hold what the old one does; `where` says the place.
    """
    total = source.span_count()
    done = 0
    for portion in _portions(source, target.last_restored()):
        target.restore(portion)
        done += len(portion)
        progress("copied", done, total)
    projects, spans, digest = _compared(source, target, total, progress)
    open_spans = sum(_move_open(source, target, project) for project in sorted(projects))
    scores = sum(_move_scores(source, target, project) for project in sorted(projects))
    if spans + open_spans != total:
        raise _differs(f"{total} spans were to be moved and {spans + open_spans} were found")
    return Moved(spans=spans, open_spans=open_spans, scores=scores, digest=digest)


def _portions(store: TelemetryStore, after: int) -> Iterator[list[Sequenced]]:
    while portion := store.spans_after(after, limit=PORTION):
        yield portion
        after = portion[-1].seq


def _compared(
    source: TelemetryStore, target: TelemetryStore, total: int, progress: Progress
) -> tuple[set[str], int, str]:
    """Both stores read side by side: the projects found, how many spans, and their digest."""
    projects: set[str] = set()
    count, digest = 0, ""
    theirs = (item for portion in _portions(target, 0) for item in portion)
    for portion in _portions(source, 0):
        ours, copies = _digest(portion), _digest(list(islice(theirs, len(portion))))
        if ours != copies:
            first, last = portion[0].seq, portion[-1].seq
            raise _differs(f"the spans numbered {first} to {last} are not the same")
        projects |= {item.span.project for item in portion}
        count += len(portion)
        digest = sha256_hex(f"{digest}{ours}".encode())
        progress("compared", count, total)
    return projects, count, digest


def _digest(portion: Sequence[Sequenced]) -> str:
    return sha256_hex(b"\n".join(b"%d %b" % (seq, jsonx.encode(span)) for seq, span in portion))


def _move_open(source: TelemetryStore, target: TelemetryStore, project: str) -> int:
    """Spans that have not ended: how many."""
    where = Condition(field="open", values=(True,))
    spans = source.spans(SpanQuery(project=project, where=where, limit=_ALL))
    for start in range(0, len(spans), PORTION):
        target.append(spans[start : start + PORTION]).result()
    for span in spans:
        if target.span(project, span.trace_id, span.span_id) != span:
            raise _differs(f"the open span {span.span_id} is not the same")
    return len(spans)


def _move_scores(source: TelemetryStore, target: TelemetryStore, project: str) -> int:
    """The scores of a project: how many."""
    query = ScoreQuery(project=project, limit=_ALL)
    scores = source.scores(query)
    for start in range(0, len(scores), PORTION):
        target.append(scores=scores[start : start + PORTION]).result()
    if _by_id(target.scores(query)) != _by_id(scores):
        raise _differs(f"the scores of the project {project!r} are not the same")
    return len(scores)


def _by_id(scores: Sequence[Score]) -> dict[str, bytes]:
    return {score.score_id: jsonx.encode(score) for score in scores}


def _differs(what: str) -> StoreError:
    return StoreError(
        f"the move is not complete: {what}",
        where="the new store",
        fix="empty the new database and move again; the old store is untouched",
    )
