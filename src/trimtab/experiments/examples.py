"""What changed from one run to another, case by case: both answers, both scores. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from trimtab.experiments.repeats import direction, vectors_of
from trimtab.experiments.vectors import Vector
from trimtab.records import AppliedScorer, Example, Result
from trimtab.records.record import Json

Kind = Literal["regression", "improvement", "mixed", "lost", "found", "answer"]
"""Which way a case went. `lost` could be scored before and cannot be now, `found` the reverse;
`answer` says that only the answer changed."""

_ORDER: tuple[Kind, ...] = ("regression", "lost", "mixed", "improvement", "found", "answer")
_SAME = 1e-9


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one case in both runs; None where it was not scored.

    `better` says which way it went, None where one of them is missing. `decides` says whether this
    metric tells what kind of change it is, or is shown only. The reasons are what the scorer said
    of the first repeat in either run.
    """

    metric: str
    before: float | None
    after: float | None
    better: bool | None = None
    decides: bool = True
    reason_before: str | None = None
    reason_after: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A case that is not as it was. Answers, and their traces, are those of the first repeat."""

    example_id: str
    kind: Kind
    shifts: tuple[Shift, ...]
    input: Json = None
    expected: Json = None
    before: Json = None
    after: Json = None
    before_error: str | None = None
    after_error: str | None = None
    before_trace: str | None = None
    after_trace: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_regression(self) -> bool:
        return self.kind in ("regression", "lost")


def changes(
    candidate: Sequence[Result],
    baseline: Sequence[Result],
    examples: Sequence[Example],
    *,
    scorers: Sequence[AppliedScorer] = (),
    gating: Collection[str] = (),
) -> list[Change]:
    """The cases that changed: losses first, each kind in the order of the rows.

    Which way a case went is told by the metrics that gate; without any by those that pass or fail;
    without any by those in [0, 1] of which more is better; else by all. Repeats are averaged.
    """
    ids = [example.example_id for example in examples]
    before, after = vectors_of(baseline, ids), vectors_of(candidate, ids)
    higher = {scorer.name: scorer.higher_is_better for scorer in scorers}
    deciding = _deciding(before, after, higher, gating)
    old, new = _first(baseline), _first(candidate)
    found = []
    for example in examples:
        key = example.example_id
        if key not in old or key not in new:
            continue
        moved = _shifts(key, before, after, higher, deciding)
        shifts = tuple(_reasoned(shift, old[key], new[key]) for shift in moved)
        kind = _kind([shift for shift in shifts if shift.decides])
        if kind is None and _says(old[key]) == _says(new[key]):
            continue
        found.append(_change(example, kind or "answer", shifts, old[key], new[key]))
    return sorted(found, key=lambda change: _ORDER.index(change.kind))


def _change(
    example: Example, kind: Kind, shifts: tuple[Shift, ...], old: Result, new: Result
) -> Change:
    return Change(
        example_id=example.example_id,
        kind=kind,
        shifts=shifts,
        input=example.input,
        expected=example.expected,
        before=old.output,
        after=new.output,
        before_error=old.error,
        after_error=new.error,
        before_trace=old.trace_id,
        after_trace=new.trace_id,
        tags=example.tags,
    )


def _deciding(
    before: Mapping[str, Vector],
    after: Mapping[str, Vector],
    higher: Mapping[str, bool],
    gating: Collection[str],
) -> set[str]:
    shared = [name for name in after if name in before]
    passing = [name for name in shared if before[name].verdicts or after[name].verdicts]
    shares = [
        name
        for name in shared
        if direction(name, higher, before[name], after[name])
        and _is_share(before[name])
        and _is_share(after[name])
    ]
    wanted = [name for name in shared if name in gating]
    return set(wanted or passing or shares or shared)


def _is_share(vector: Vector) -> bool:
    return all(value is None or 0 <= value <= 1 for value in vector.values.values())


def _shifts(
    key: str,
    before: Mapping[str, Vector],
    after: Mapping[str, Vector],
    higher: Mapping[str, bool],
    deciding: Collection[str],
) -> Iterable[Shift]:
    """The metrics that moved, those that decide first."""
    shared = [name for name in after if name in before]
    for name in sorted(shared, key=lambda name: name not in deciding):
        old, new = before[name].values[key], after[name].values[key]
        if old == new or (old is not None and new is not None and abs(new - old) < _SAME):
            continue
        better = None
        more = direction(name, higher, before[name], after[name])
        if old is not None and new is not None:
            better = (new > old) == more
        yield Shift(metric=name, before=old, after=new, better=better, decides=name in deciding)


def _reasoned(shift: Shift, old: Result, new: Result) -> Shift:
    return replace(
        shift,
        reason_before=_reason(old, shift.metric),
        reason_after=_reason(new, shift.metric),
    )


def _reason(result: Result, metric: str) -> str | None:
    return next((score.reason for score in result.scores if score.name == metric), None)


def _kind(shifts: Sequence[Shift]) -> Kind | None:
    ways = {shift.better for shift in shifts if shift.better is not None}
    if ways == {True, False}:
        return "mixed"
    if False in ways:
        return "regression"
    if any(shift.after is None for shift in shifts):
        return "mixed" if ways else "lost"
    if ways:
        return "improvement"
    return "found" if shifts else None


def _first(results: Iterable[Result]) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for result in results:
        known = found.get(result.example_id)
        if known is None or result.repeat < known.repeat:
            found[result.example_id] = result
    return found


def _says(result: Result) -> tuple[Json, str | None]:
    return result.output, result.error
