"""Which version of a prompt the calls of models were asked with, as attributes of their spans."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from trimtab.sdk.state import ACTIVE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

_CALLS = frozenset({"chat", "text_completion", "generate_content"})


class _Link:
    """The version that was rendered last here, and the trace that it is for."""

    __slots__ = ("attributes", "trace_id")

    def __init__(self, attributes: dict[str, str], trace_id: int | None) -> None:
        self.attributes = attributes
        self.trace_id = trace_id


_RENDERED: ContextVar[_Link | None] = ContextVar("trimtab_rendered", default=None)


def link(name: str, version: int | None) -> None:
    """Have the calls that follow say so; of a fallback there is nothing to say."""
    if version is None or ACTIVE.tracer is None or sys.is_finalizing():
        if _RENDERED.get() is not None:
            _RENDERED.set(None)
        return
    from opentelemetry import trace

    attributes = {"gen_ai.prompt.name": name, "gen_ai.prompt.version": str(version)}
    around = trace.get_current_span().get_span_context()
    _RENDERED.set(_Link(attributes, around.trace_id if around.is_valid else None))


def linked(span: Span) -> Mapping[str, str]:
    """What a starting span says of the prompt that was rendered before it: only calls of models
    do, and only those of the trace that it was rendered in, or of the first one after it."""
    found = _RENDERED.get()
    started = span.attributes if found is not None else None
    if found is None or not started or "gen_ai.prompt.name" in started:
        return {}
    operation = started.get("gen_ai.operation.name")
    if started.get("openinference.span.kind") != "LLM" and operation not in _CALLS:
        return {}
    trace_id = span.get_span_context().trace_id
    if found.trace_id is None:
        found.trace_id = trace_id
    return found.attributes if found.trace_id == trace_id else {}
