"""Layers: a text that another one holds in a form of its own, with the way back to its places."""

from __future__ import annotations

from functools import cached_property

from trimtab.signals.encodings import Code, Spans, in_utf8, in_utf16


class Layer:
    """A text that another one holds in an encoded form.

    Args:
        text: what was decoded.
        start, end: the run it was decoded from, in the outermost text.

    `changed`: how many of its characters were decoded; the others stood around them as they are.
    """

    def __init__(self, text: str, start: int, end: int, way: Way, outer: Layer | None) -> None:
        self.text = text
        self.changed = way.changed(text)
        self.start = start
        self.end = end
        self._way = way
        self._outer = outer

    @cached_property
    def _spans(self) -> Spans:
        return self._way.spans()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the outermost text behind the characters from `start` to `end`."""
        spans = self._spans
        if not spans or start >= end:
            return self.start, self.end
        first = spans[min(start, len(spans) - 1)][0]
        last = spans[min(end, len(spans)) - 1][1]
        return (first, last) if self._outer is None else self._outer.span(first, last)

    def is_said(self, start: int, end: int) -> bool:
        """Whether these characters stand in the outer text as they are: nothing was decoded."""
        spans = self._spans
        return (
            self._way.is_mixed
            and end <= len(spans)
            and spans[end - 1][1] - spans[start][0] == end - start
        )


class Way:
    """How a layer was decoded, to be followed back when a place in it is asked for."""

    is_mixed = False

    def __init__(self, code: Code, run: str, offset: int, codec: str | None = None) -> None:
        self._code = code
        self._codec = codec
        self._run = run
        self._offset = offset

    def changed(self, text: str) -> int:
        return len(text)

    def spans(self) -> Spans:
        data = self._code.undo(self._run) or b""
        places = self._code.places(self._run)[: len(data)]
        data = data[: len(places)]
        codec = self._codec
        made = in_utf8(data, places) if codec is None else in_utf16(data, places, codec)
        return [(start + self._offset, end + self._offset) for _, start, end in made]


class Mixed(Way):
    """Of a stretch in which some characters were undone; each has a place, whatever it was."""

    is_mixed = True

    def __init__(self, made: Spans, changed: int) -> None:
        self._made = made
        self._changed = changed

    def changed(self, text: str) -> int:
        del text
        return self._changed

    def spans(self) -> Spans:
        return self._made
