"""Fitting: what queries look at is kept short; what is longer goes whole to the payload. Pure.

Names, errors, tags and metadata are cells of a table that every list of traces reads: a few of
many megabytes would take the memory of all readers. Their beginning stays, the whole is an
attribute.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from operator import attrgetter
from typing import Any, TypeVar

from msgspec.structs import replace

from trimtab.kit import jsonx
from trimtab.kit.hashing import sha256_hex
from trimtab.records import Span

T = TypeVar("T", dict[str, Any], list[Any])

MOST_CHARACTERS = 16_384
WHOLE = "trimtab.whole"
REPAIRED = "trimtab.repaired"
FUTURE = "future"

_AHEAD_NS = 3_600 * 10**9  # clocks of two machines may differ
_TEXTS = (
    "name",
    "error",
    "session",
    "user",
    "environment",
    "service",
    "route",
    "release",
    "run",
    "prompt",
    "provider",
    "model",
)
_texts_of = attrgetter(*_TEXTS)


def fitted(span: Span) -> Span:
    """The span with short cells; the same span where they are short already.

    What was shortened stands whole in the attribute `trimtab.whole`, by the name of its field, and
    is named in `trimtab.repaired`.

    >>> span = fitted(Span(trace_id="a", span_id="b", name="n" * 20_000, start_ns=1, end_ns=2))
    >>> len(span.name), len(span.attributes["trimtab.whole"]["name"])
    (16384, 20000)
    """
    texts = _texts_of(span)
    new: dict[str, Any] = {}
    if max(map(len, filter(None, texts)), default=0) > MOST_CHARACTERS:
        new = {
            name: _shortened(text)
            for name, text in zip(_TEXTS, texts, strict=True)
            if text is not None and len(text) > MOST_CHARACTERS
        }
    if span.tags and sum(map(len, span.tags)) > MOST_CHARACTERS:
        new["tags"] = _first(span.tags)
    if span.metadata and _size(span.metadata) > MOST_CHARACTERS:
        new["metadata"] = _small(span.metadata)
    return replace(span, **new, attributes=_with_whole(span, new)) if new else span


def flagged(span: Span, now_ns: int) -> Span:
    """The span, with `future` in `trimtab.repaired` when it starts over an hour from now.

    Its time is kept: which clock is wrong cannot be known here.
    """
    if span.start_ns <= now_ns + _AHEAD_NS:
        return span
    return replace(span, attributes={**span.attributes, REPAIRED: _repairs(span, {FUTURE})})


def _with_whole(span: Span, new: dict[str, Any]) -> dict[str, Any]:
    """The attributes, with the whole of what is shortened; what was kept of it before is added to.

    A span that is told in several messages may come with what an earlier one left.
    """
    whole = dict(_of_type(dict, span.attributes.get(WHOLE)))
    for name in new:
        now = getattr(span, name)
        if name == "metadata":
            now = {**_of_type(dict, whole.get(name)), **now}
        elif name == "tags":
            now = [*dict.fromkeys([*_of_type(list, whole.get(name)), *now])]
        whole[name] = now
    return {**span.attributes, WHOLE: whole, REPAIRED: _repairs(span, new)}


def _repairs(span: Span, more: Iterable[str]) -> list[str]:
    """The repairs of a span and more of them."""
    known = [one for one in _of_type(list, span.attributes.get(REPAIRED)) if isinstance(one, str)]
    return sorted({*known, *more})


def _of_type(kind: type[T], value: object) -> T:
    return value if isinstance(value, kind) else kind()


def _shortened(text: str) -> str:
    """The beginning, and a digest: what differs further on, as the ids of two sessions, differs."""
    mark = f"… {sha256_hex(text.encode('utf-8', 'surrogatepass'))[:16]}"
    return text[: MOST_CHARACTERS - len(mark)] + mark


def _first(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The tags that fit, from the first on."""
    sizes = accumulate(map(len, tags))
    return tuple(tag for tag, size in zip(tags, sizes, strict=True) if size <= MOST_CHARACTERS)


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    """The entries that fit, from the first on."""
    sizes = accumulate(len(key) + _size(value) for key, value in metadata.items())
    return {
        key: value
        for (key, value), size in zip(metadata.items(), sizes, strict=True)
        if size <= MOST_CHARACTERS
    }


def _size(value: Any) -> int:
    try:
        return len(jsonx.encode(value))
    except (TypeError, ValueError, RecursionError):
        return 0  # The store refuses it, and says why.
