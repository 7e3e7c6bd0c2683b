"""RawSpan: a span as OpenTelemetry sends it, before its attributes are understood."""

from __future__ import annotations

from typing import Any

from trimtab.records.record import Record


class RawSpan(Record, frozen=True, kw_only=True):
    """One span of an OTLP export, or of a protocol translated to look like one.

    Ids are lower-case hex of 32 and 16 digits; `parent_id` None is a root. Times are Unix
    nanoseconds. `status_code` is OpenTelemetry's: 0 unset, 1 ok, 2 error. Attribute values are JSON
    values (bytes as base64). An event is {"name", "time_ns", "attributes"}, a link is {"trace_id",
    "span_id", "attributes"}. `resource` holds the resource's attributes and, where they are known,
    "otel.scope.name" and "otel.scope.version"; the spans of one scope share the object.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    name: str = ""
    kind: int = 0
    start_ns: int
    end_ns: int
    status_code: int = 0
    status_message: str = ""
    trace_state: str = ""
    attributes: dict[str, Any] = {}
    events: tuple[dict[str, Any], ...] = ()
    links: tuple[dict[str, Any], ...] = ()
    resource: dict[str, Any] = {}

    @property
    def scope(self) -> str:
        """The name of the instrumentation that made the span; empty when unknown."""
        name = self.resource.get("otel.scope.name", "")
        return name if isinstance(name, str) else ""
