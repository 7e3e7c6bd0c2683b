"""Patching: what messages about a span make of it. Spans and patches in, spans out; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from trimtab.records import Span, SpanPatch

FIRST_REVISION = -1_000_000
"""The revision of a span that was just begun; a finished one starts at 0."""

_NEAR_NS = 60_000_000_000
"""How far a span in its first revision, 0, may begin from what it replaces: a store looks for that
around its start only."""

ANNOUNCED_REVISION = -1
"""The revision of a span that its sender announced; the finished one says all of it again."""

UNNAMED = "unnamed"
_IDENTITY = frozenset({"trace_id", "span_id", "project", "open", "revision"})
_ADDED = ("metadata", "attributes", "resource")
_APPENDED = ("tags", "events", "links")
INHERITED = ("session", "user", "environment")
"""What holds for all that is below a span, where it does not say otherwise itself."""

_DEFAULTS = {
    "name": UNNAMED,
    **{field.name: field.default for field in msgspec.structs.fields(Span) if not field.required},
}


class Key(NamedTuple):
    """What identifies a span everywhere."""

    project: str
    trace_id: str
    span_id: str

    @property
    def trace(self) -> tuple[str, str]:
        return self.project, self.trace_id


def patched(span: Span, patch: SpanPatch) -> Span:
    """A span with the fields of a patch.

    Times only widen, and what is appended is there once, so messages may come late, twice or in
    another order. A message that begins a span which is over came late: it replaces nothing.
    """
    late = "start_ns" in patch.fields and not patch.finished and not span.open
    new = {
        name: value
        for name, value in patch.fields.items()
        if name not in _IDENTITY and not (late and _says(span, name))
    }
    if "start_ns" in new:
        new["start_ns"] = min(span.start_ns, new["start_ns"])
    new["end_ns"] = max(span.end_ns, new.get("end_ns", 0), new.get("start_ns", 0))
    for name in _ADDED:
        if name in new:
            new[name] = {**getattr(span, name), **new[name]}
    for name in _APPENDED:
        if name in new:
            new[name] = _united(getattr(span, name), new[name])
    return replace(span, **new)


def _says(span: Span, name: str) -> bool:
    """Whether a span has a field that a late message must leave alone."""
    if name in (*_ADDED, *_APPENDED, "start_ns", "end_ns"):
        return False
    return bool(getattr(span, name) != _DEFAULTS.get(name))


def is_fragment(span: Span) -> bool:
    """Whether a span is put together from patches and not over."""
    return span.open and span.revision < ANNOUNCED_REVISION


def completed(span: Span, fragment: Span) -> Span:
    """A finished span with what only the fragment says, as the revision that replaces it."""
    new: dict[str, Any] = {}
    for name in Span.__struct_fields__:
        said, known = getattr(span, name), getattr(fragment, name)
        if name in _IDENTITY or name not in _DEFAULTS:
            continue
        if name in _ADDED:
            new[name] = {**known, **said}
        elif name in _APPENDED:
            new[name] = _united(known, said)
        elif said == _DEFAULTS[name] and known != said:
            new[name] = known
    new["revision"] = max(span.revision, _first_finished(span, fragment))
    return replace(span, **new)


def _first_finished(span: Span, fragment: Span) -> int:
    return 0 if abs(span.start_ns - fragment.start_ns) <= _NEAR_NS else 1


def inherited(span: Span, parent: Span | None) -> Span:
    """A span with what holds for all that is below its parent."""
    if parent is None:
        return span
    new = {
        name: getattr(parent, name)
        for name in INHERITED
        if getattr(span, name) is None and getattr(parent, name) is not None
    }
    return replace(span, **new) if new else span


def _united(known: tuple[Any, ...], more: Sequence[Any]) -> tuple[Any, ...]:
    return (*known, *(item for item in more if item not in known))


def begun(key: Key, patch: SpanPatch, now_ns: int) -> Span:
    """A span of which nothing is known; it began when its first patch says, or now.

    A patch that only tells of an event says when that was.
    """
    times = [event["time_ns"] for event in patch.fields.get("events") or () if event.get("time_ns")]
    end_ns = patch.fields.get("end_ns", min(times, default=now_ns))
    start_ns = patch.fields.get("start_ns", end_ns)
    return Span(
        trace_id=key.trace_id,
        span_id=key.span_id,
        project=key.project,
        name=UNNAMED,
        start_ns=start_ns,
        end_ns=start_ns,
        open=True,
        revision=FIRST_REVISION,
    )


def revised(span: Span, old: Span | None, *, finished: bool) -> Span:
    """The span as the revision that replaces `old`; the same as `old` when nothing changed."""
    if old is None:
        return replace(span, open=False, revision=0) if finished else span
    if finished and old.open:
        revision = max(_first_finished(span, old), old.revision + 1)
        return replace(span, open=False, revision=revision)
    return span if span == old else replace(span, revision=old.revision + 1)


def bequeaths(root: Span, old: Span | None) -> bool:
    """Whether something became known of a root that holds for all that is below it."""
    return any(
        getattr(root, name) is not None and (old is None or getattr(old, name) is None)
        for name in INHERITED
    )


def demoted(stand_in: Span, root: Span) -> Span:
    """A span that stood in for a root which has come, and has taken over what it held."""
    return replace(
        stand_in,
        name=f"{stand_in.name} as reported",
        parent_id=root.span_id,
        start_ns=max(stand_in.start_ns, root.start_ns),
        end_ns=max(root.start_ns, min(stand_in.end_ns, root.end_ns)),
        kind="other",
        input=None,
        output=None,
        revision=stand_in.revision + 1,
    )
