"""A span while it lasts: what the application may say about it, and how it ends.

Works without OpenTelemetry loaded: `UNRECORDED` stands for a span when nothing is recorded. What is
left to do while the interpreter ends, such as closing a generator, is done without a span: then
nothing can be imported any more.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from trimtab.sdk import usage as usages
from trimtab.sdk import values
from trimtab.sdk.state import ACTIVE

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from trimtab.sdk.context import Attached

Kind = Literal[
    "llm",
    "chain",
    "agent",
    "tool",
    "retriever",
    "embedding",
    "reranker",
    "guard",
    "scorer",
    "other",
]

# The kinds in the words of OpenInference, and OpenTelemetry's operation where there is one.
_KINDS = {
    "llm": ("LLM", "chat"),
    "chain": ("CHAIN", None),
    "agent": ("AGENT", "invoke_agent"),
    "tool": ("TOOL", "execute_tool"),
    "retriever": ("RETRIEVER", "retrieval"),
    "embedding": ("EMBEDDING", "embeddings"),
    "reranker": ("RERANKER", None),
    "guard": ("GUARDRAIL", None),
    "scorer": ("EVALUATOR", None),
}
_MAX_ITEMS = 10_000
_UNSET: Any = object()


class Recording:
    """One span. Setting what is not recorded, or has ended, does nothing; nothing here raises."""

    def __init__(self, span: Span | None, context: Any = None) -> None:
        self._span = span
        self._context = context
        self._began_ns = time.monotonic_ns()

    @property
    def trace_id(self) -> str | None:
        """32 hexadecimal digits; None when nothing is recorded."""
        return f"{self._span.get_span_context().trace_id:032x}" if self._span else None

    @property
    def span_id(self) -> str | None:
        """16 hexadecimal digits; None when nothing is recorded."""
        return f"{self._span.get_span_context().span_id:016x}" if self._span else None

    def set(
        self,
        *,
        input: Any = _UNSET,
        output: Any = _UNSET,
        metadata: Mapping[str, Any] | None = None,
        usage: Any = None,
        model: str | None = None,
        provider: str | None = None,
        **attributes: Any,
    ) -> Self:
        """Say what is known about the span; what is said again replaces what was said.

        Args:
            input: what went in, any value.
            output: what came out, any value.
            metadata: entries added to the span's metadata.
            usage: tokens: the `usage` of an OpenAI or Anthropic answer, or disjoint counts by
                name: input, output, cache_read, cache_write_5m, cache_write_1h, reasoning.
            model: the model that answered.
            provider: whose model it is.
            **attributes: further attributes, as they are.
        """
        if self._live is None:
            return self
        if input is not _UNSET and ACTIVE.content:
            self.set_input(input)
        if output is not _UNSET and ACTIVE.content:
            self.set_output(output)
        found: dict[str, Any] = {**attributes, **usages.attributes(usage)}
        if metadata:
            found["metadata"] = values.json_text({**self._metadata(), **metadata})
        if model is not None:
            found["gen_ai.request.model"] = found["gen_ai.response.model"] = str(model)
        if provider is not None:
            found["gen_ai.provider.name"] = str(provider)
        self.attributes(found)
        return self

    def set_input(self, value: Any) -> None:
        self._value("input", value)

    def set_output(self, value: Any) -> None:
        self._value("output", value)

    def attributes(self, found: Mapping[str, Any]) -> None:
        """Set attributes by their OpenTelemetry names; None is left out."""
        if (span := self._live) is not None:
            given = {name: _attribute(value) for name, value in found.items() if value is not None}
            span.set_attributes(given)

    def event(self, name: str, found: Mapping[str, Any]) -> None:
        """Note that something happened now."""
        if (span := self._live) is not None:
            known = {key: _attribute(value) for key, value in found.items() if value is not None}
            span.add_event(name, known)

    # -- how it runs and ends ------------------------------------------------------------------

    def enter(self) -> Attached | None:
        """Make the span the current one, until `leave` of what is returned."""
        if self._span is None or sys.is_finalizing():
            return None
        from trimtab.sdk.context import Attached

        return Attached(self._context)

    def suspend(self, here: Attached | None) -> None:
        """Leave, to enter later with what is current now."""
        if here is not None:
            from opentelemetry import context as otel

            current = otel.get_current()
            if here.leave():
                self._context = current

    def first_output(self) -> None:
        """The first piece of a streamed output is there."""
        seconds = (time.monotonic_ns() - self._began_ns) / 1e9
        names = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
        self.attributes(dict.fromkeys(names, seconds))

    def collecting(self, capture: bool) -> Yielded:
        yielded = Yielded(self, capture and ACTIVE.content)
        if self._span is not None:
            ACTIVE.follow(yielded)
        return yielded

    def fail(self, error: BaseException) -> None:
        """End with an error; the exception itself is not kept."""
        if (span := self._live) is None:
            return
        ended = isinstance(error, GeneratorExit)
        if not ended and not (isinstance(error, SystemExit) and error.code in (None, 0)):
            _note_error(span, error)
        span.end()

    def end(self, time_ns: int | None = None) -> None:
        """End now, or at the time something else ended it (Unix time)."""
        if (span := self._live) is not None:
            span.end(time_ns)

    @property
    def _live(self) -> Span | None:
        """The span while something can be said about it."""
        return self._span if self._span is not None and self._span.is_recording() else None

    def _value(self, side: str, value: Any) -> None:
        if (span := self._live) is not None:
            text, kind = values.text_of(value)
            span.set_attributes({f"{side}.value": text, f"{side}.mime_type": kind})

    def _metadata(self) -> dict[str, Any]:
        found = getattr(self._span, "attributes", None) or {}
        return values.loaded(found.get("metadata"))


class Yielded:
    """What a generator yielded, as its span's output: joined when it is text, else a list."""

    def __init__(self, recording: Recording, capture: bool) -> None:
        self._recording = recording
        self._capture = capture
        self._items: list[Any] = []
        self._count = 0

    def add(self, item: Any) -> None:
        if self._count == 0:
            self._recording.first_output()
        self._count += 1
        if self._capture and self._count <= _MAX_ITEMS:
            # Kept as it is now: the consumer may change what it was given.
            self._items.append(item if isinstance(item, str) else values.plain(item))

    def settle(self) -> None:
        """Record what was yielded so far."""
        if self._capture and self._items:
            text = all(isinstance(item, str) for item in self._items)
            self._recording.set_output("".join(self._items) if text else self._items)

    def end(self) -> None:
        self.settle()
        self._recording.end()


UNRECORDED = Recording(None)


def start(name: str, kind: Kind | str, attributes: Mapping[str, Any] | None = None) -> Recording:
    """Begin a span below the current one, without making it current."""
    tracer = ACTIVE.tracer
    if tracer is None or sys.is_finalizing():
        return UNRECORDED
    from opentelemetry import context, trace

    word, operation = _KINDS.get(kind, (None, None))
    found: dict[str, Any] = dict(attributes or {})
    if word:
        found["openinference.span.kind"] = word
    if operation:
        found["gen_ai.operation.name"] = operation
    if kind in ("tool", "agent"):
        found[f"gen_ai.{kind}.name"] = name
    current = context.get_current()
    span = tracer.start_span(name, current, attributes=found)
    return Recording(span, trace.set_span_in_context(span, current))


def current_span() -> Recording:
    """The span around this line, to set or to read its ids; one that records nothing if none is."""
    if ACTIVE.tracer is None or sys.is_finalizing():
        return UNRECORDED
    from opentelemetry import trace

    span = trace.get_current_span()
    return Recording(span) if span.get_span_context().is_valid else UNRECORDED


def _note_error(span: Span, error: BaseException) -> None:
    try:
        from opentelemetry.trace import Status, StatusCode

        kind = type(error)
        name = kind.__qualname__
        where = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        span.set_attribute("error.type", f"{where}{name}")
        span.set_status(Status(StatusCode.ERROR, values.limited(f"{name}: {error}")[:2000]))
        span.record_exception(error)
    except Exception:
        # The application's exception has a __str__ of its own, which may fail; and nothing can be
        # imported any more while the interpreter ends.
        span.set_attribute("error.type", type(error).__qualname__)


def _attribute(value: Any) -> Any:
    """What OpenTelemetry has a type for as it is, anything else as JSON text."""
    if isinstance(value, str):
        return values.limited(value)
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
        return [values.limited(one) for one in value]
    return values.json_text(value)
