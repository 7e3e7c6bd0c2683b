"""Reads answers of images, audio and other paths as they pass: usage, words, and how they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.fields import as_dict, as_text, usage_of
from trimtab.dialects.llm.openai_responses_items import failed
from trimtab.dialects.llm.parts import Began, Ended, Other, Part, Text, Used
from trimtab.kit import sse

_LAST = (".completed", ".done")
_NOT_LAST = ("_part.done", "_item.done", ".segment.done")
_STORED = frozenset(
    {"batch", "chat.completion", "fine_tuning.job", "response", "thread.run", "thread.run.step"}
)
"""Objects that tell the usage of earlier work whenever they are read: it is not used again."""


class _Said(msgspec.Struct, gc=False):
    """The fields of an answer or an event that mean something here, images and sounds left out."""

    id: Any = None
    object: Any = None
    type: Any = None
    model: Any = None
    text: Any = None
    delta: Any = None
    usage: Any = None
    error: Any = None
    code: Any = None
    message: Any = None


_said = msgspec.json.Decoder(_Said).decode


class Reader:
    """Reads one answer, whatever it is; see `dialect.Reader`. What is no JSON is simply whole."""

    __slots__ = ("_over", "_spoken")

    def __init__(self) -> None:
        self._over = False
        self._spoken = False

    def event(self, event: sse.Event) -> Sequence[Part]:
        if event.data is None or self._over:
            return ()
        if event.data == "[DONE]":
            return self._ended([])
        try:
            said = _said(event.data)
        except (msgspec.DecodeError, RecursionError):
            return ()
        kind = as_text(said.type) or event.name
        if said.error or kind == "error":
            self._over = True
            return (failed(said.error or {"message": said.message, "code": said.code}),)
        parts = self._words(said, kind)
        parts += _used(said.usage)
        return self._ended(parts) if _is_last(kind) else parts

    def body(self, body: bytes) -> Sequence[Part]:
        if body.lstrip()[:1] != b"{":
            return (Ended(),)
        try:
            said = _said(body)
        except (msgspec.DecodeError, RecursionError):
            return (Ended(),)
        if said.error and not said.id:  # a batch or a job that has failed is an answer like others
            return (failed(said.error),)
        began = Began(id=as_text(said.id) or None, model=as_text(said.model) or None)
        words = [Text(said.text)] if isinstance(said.text, str) and said.text else []
        used = [] if as_text(said.object) in _STORED else _used(said.usage)
        return (began, *words, *used, Ended())

    def end(self) -> Sequence[Part]:
        return () if self._over else self._ended([])

    def _words(self, said: _Said, kind: str) -> list[Part]:
        """Words that were spoken: in deltas, or all at once where there were none."""
        if kind == "transcript.text.delta" and isinstance(said.delta, str) and said.delta:
            self._spoken = True
            return [Text(said.delta)]
        if kind == "transcript.text.done" and not self._spoken and as_text(said.text):
            return [Text(as_text(said.text))]
        return []

    def _ended(self, parts: list[Part]) -> list[Part]:
        self._over = True
        return [*parts, Ended()]


def _is_last(kind: str) -> bool:
    return kind.endswith(_LAST) and not kind.endswith(_NOT_LAST)


def _used(wire: Any) -> list[Part]:
    """Tokens; or what else was counted (the seconds of a recording), as it came."""
    usage = usage_of(wire)
    if usage is not None:
        return [Used(usage)]
    return [Other(kind="usage", data=wire)] if as_dict(wire) else []
