"""OTLP over HTTP: spans, logs and metrics of any OpenTelemetry SDK, at the addresses SDKs use.

An export is decoded, understood and priced slice by slice in a worker thread, and answered when all
of it is durable. Sent again after a failure it changes nothing, for a span is known by its ids.
Metrics, and logs that are no `gen_ai.*` events, are taken and let go: SDKs send them unasked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from trimtab.api.http import Endpoint, Handler, Request, Response
from trimtab.api.inflate import UnsupportedMedia
from trimtab.app import App
from trimtab.conventions import normalise
from trimtab.dialects import otlp
from trimtab.records import Span

T = TypeVar("T")

PERMISSION = "traces:write"
_PREFIXES = ("", "/otel", "/api/public/otel", "/api/v1/private/otel", "/api/otlp")
# A thread costs more than decoding this much, which is a few spans.
_AT_ONCE_BYTES = 16 * 1024


async def export(
    app: App, signal: otlp.Signal, project: str, body: bytes, encoding: otlp.Encoding
) -> bytes:
    """Take an export, and give the body of the reply.

    Raises:
        InvalidRequest: it is not an export, or was cut off.
        TooLarge: it has more records than one request may have.
        NotDurable, Overloaded: it must be sent again.
    """
    rejections = otlp.Rejections()
    if signal == "traces":
        await _take_traces(app, project, body, encoding, rejections)
    elif signal == "logs":
        await _take_logs(app, project, body, encoding, rejections)
    else:
        await _work(body, partial(otlp.count_metrics, body, encoding))
    return otlp.success(signal, rejections, encoding)


async def _take_traces(
    app: App, project: str, body: bytes, encoding: otlp.Encoding, rejections: otlp.Rejections
) -> None:
    slices = otlp.trace_slices(body, encoding)

    def spans() -> list[Span] | None:
        part = next(slices, None)
        if part is None:
            return None
        rejections.merge(part.rejections)
        return [app.ingest.priced(normalise(raw, project=project)) for raw in part.spans]

    while (found := await _work(body, spans)) is not None:
        if found:
            rejections.add("the span cannot be stored", await app.ingest.write(found))


async def _take_logs(
    app: App, project: str, body: bytes, encoding: otlp.Encoding, rejections: otlp.Rejections
) -> None:
    slices = otlp.log_slices(body, encoding)
    while (part := await _work(body, partial(next, slices, None))) is not None:
        rejections.merge(part.rejections)
        if part.patches:
            lost = await app.ingest.patch(project, part.patches)
            rejections.add("the span of the log is not known", len(lost))


async def _work(body: bytes, step: Callable[[], T]) -> T:
    """Run a step of an export where it holds up nobody."""
    return step() if len(body) <= _AT_ONCE_BYTES else await asyncio.to_thread(step)


def _handler(signal: otlp.Signal) -> Handler:
    async def take(request: Request) -> Response:
        encoding = otlp.encoding_of(request.headers.get("content-type", ""))
        if encoding is None:
            raise UnsupportedMedia(
                f"content-type {request.headers.get('content-type', '')[:100]!r} is not OTLP",
                where="content-type",
                fix=f"send {' or '.join(otlp.MEDIA_TYPES.values())}",
            )
        body = await export(request.app, signal, request.project, request.body, encoding)
        return Response(body=body, media_type=otlp.MEDIA_TYPES[encoding])

    return take


_SUMMARIES: dict[otlp.Signal, str] = {
    "traces": "Take spans of an OpenTelemetry SDK",
    "logs": "Take logs of an OpenTelemetry SDK; gen_ai events are added to their spans",
    "metrics": "Take metrics of an OpenTelemetry SDK; they are not kept",
}

ENDPOINTS = [
    Endpoint(
        method="POST",
        path=f"{prefix}/v1/{signal}",
        permission=PERMISSION,
        handler=_handler(signal),
        summary=summary,
        bulk=True,
        dialect="otlp",
    )
    for prefix in _PREFIXES
    for signal, summary in _SUMMARIES.items()
]
