"""The span processor: what a starting span inherits, and where an ended one goes."""

from __future__ import annotations

from typing import Any, TypeVar
from weakref import WeakValueDictionary

from opentelemetry.context import Context, get_value
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.util.types import AttributeValue

from trimtab.sdk.context import inherited
from trimtab.sdk.delivery import Delivery
from trimtab.sdk.prompt_links import linked
from trimtab.sdk.state import ACTIVE

T = TypeVar("T")

MODEL_CALL = "trimtab-model-call"
"""Context key: a model call is being recorded, so a client's own span of it would be a second."""

_OWN_TRACING = frozenset({"com.anthropic.sdk.python"})
_SECOND = "trimtab.second"


class Processor(SpanProcessor):
    """For one tracer provider; `common` are attributes of every span."""

    def __init__(self, delivery: Delivery, common: dict[str, AttributeValue]) -> None:
        self._delivery = delivery
        self._common = common
        self._open: WeakValueDictionary[int, Span] = WeakValueDictionary()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self._common:
            span.set_attributes(self._common)
        if found := inherited(parent_context).attributes:
            span.set_attributes(found)
        if prompt := linked(span):
            span.set_attributes(prompt)
        if _scope_of(span) in _OWN_TRACING and get_value(MODEL_CALL, parent_context):
            span.set_attribute(_SECOND, True)
        self._open[span.get_span_context().span_id] = span

    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        self._open.pop(context.span_id, None)
        if not (span.attributes and _SECOND in span.attributes):
            self._delivery.put(span)

    def shutdown(self) -> None:
        self._delivery.flush(5.0)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._delivery.flush(timeout_millis / 1000)

    def end_open_spans(self) -> None:
        """The process ends: so do its spans, as cancelled, with what was read of their outputs."""
        for output in _alive(ACTIVE.outputs):
            output.settle()
        for span in _alive(self._open):
            if span.is_recording():
                span.set_attribute("error.type", "cancelled")
                span.end()

    def after_fork(self) -> None:
        """Spans that were open when the process divided are the parent's to end."""
        self._open = WeakValueDictionary()
        ACTIVE.outputs = WeakValueDictionary()


def _alive(found: WeakValueDictionary[int, T]) -> list[T]:
    """What is in it now; other threads may be adding to it, which breaks off an iteration."""
    return [one for reference in found.valuerefs() if (one := reference()) is not None]


def _scope_of(span: Any) -> str:
    scope = span.instrumentation_scope
    return scope.name if scope is not None else ""
