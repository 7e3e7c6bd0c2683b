"""A trace's spans as a tree drawn in text: in, heads of spans; out, them in order with their lines.

Pure. Spans whose parent is not there, and circles of parents, begin a tree of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol, TypeVar

MOST_LEVELS: Final = 24
_BLANK, _BAR, _TEE, _END = "   ", "│  ", "├─ ", "└─ "


class Head(Protocol):
    @property
    def span_id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...


H = TypeVar("H", bound=Head)


def drawn(spans: Sequence[H]) -> Iterator[tuple[str, H]]:
    """Each span once, under its parent and in the order given, with the lines before its name.

    Below `MOST_LEVELS` levels lines are no longer drawn, and the level stands there as a number.
    """
    children: dict[str | None, list[H]] = {}
    known = {span.span_id for span in spans}
    for span in spans:
        parent = span.parent_id if span.parent_id in known else None
        children.setdefault(parent, []).append(span)
    seen: set[str] = set()
    for root in [*children.get(None, ()), *spans]:  # the second: whatever is in a circle
        if root.span_id not in seen:
            yield from _under(root, children, seen)


def _under(root: H, children: dict[str | None, list[H]], seen: set[str]) -> Iterator[tuple[str, H]]:
    """A span and what is below it, depth first, without recursion: traces may be very deep."""
    seen.add(root.span_id)
    waiting = [(root, "", "", 0)]
    while waiting:
        span, mark, above, level = waiting.pop()
        yield (above + mark if level <= MOST_LEVELS else f"{above}… {level} "), span
        below = [one for one in children.get(span.span_id, ()) if one.span_id not in seen]
        seen.update(one.span_id for one in below)
        if level < MOST_LEVELS:
            above += {"": "", _TEE: _BAR, _END: _BLANK}[mark]
        last = len(below) - 1
        waiting += reversed(
            [
                (one, _END if place == last else _TEE, above, level + 1)
                for place, one in enumerate(below)
            ]
        )
