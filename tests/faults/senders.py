"""Senders that go on until the server is gone, and remember what was acknowledged.

What a span says follows from its number, so that a reader can check all of it.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.api.otlp import PROTOBUF, a_span, an_export, with_attribute

from trimtab.client import Client
from trimtab.dialects.sdk import span_id_of

Ids = tuple[str, str]
STARTED = datetime(2026, 6, 1, tzinfo=UTC).isoformat()
ENDED = datetime(2026, 6, 1, 0, 0, 1, tzinfo=UTC).isoformat()
_LARGE_EVERY = 11  # one in so many is over 64 kB, and lies in the blob store


def said(number: int) -> str:
    text = f"what span {number} says. "
    return text * (4_000 if number % _LARGE_EVERY == 0 else 1 + number % 20)


class Message(NamedTuple):
    """A request, and what of each of its spans must be there once it is acknowledged."""

    path: str
    body: bytes
    content_type: str
    spans: Mapping[Ids, Mapping[str, Any]]


class Sender:
    """Sends messages one after the other; one that got no answer comes first the next time.

    `acknowledged` is what the server has promised: by ids, some fields and their values.
    `answered` is released with every answer.
    """

    def __init__(self, messages: Iterator[Message]) -> None:
        self._messages = messages
        self._unanswered: Message | None = None
        self.acknowledged: dict[Ids, dict[str, Any]] = {}
        self.statuses: Counter[int] = Counter()
        self.answered = threading.Semaphore(0)

    def until_gone(self, url: str) -> None:
        """Send until the server does not answer any more."""
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            while True:
                self.send(connection)

    def send_some(self, url: str, count: int) -> None:
        """Send so many messages, fewer if the server is gone."""
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            for _ in range(count):
                self.send(connection)

    def send(self, connection: http.client.HTTPConnection) -> int:
        """Send one message; the status."""
        message = self._unanswered or next(self._messages)
        self._unanswered = message
        headers = {"content-type": message.content_type}
        connection.request("POST", message.path, message.body, headers)
        response = connection.getresponse()
        answer = response.read()
        self.statuses[response.status] += 1
        self.answered.release()
        if _accepted(response.status, answer):
            self._unanswered = None
            for ids, fields in message.spans.items():
                self.acknowledged.setdefault(ids, {}).update(fields)
        return response.status


def _accepted(status: int, answer: bytes) -> bool:
    if status == 207:
        assert not json.loads(answer)["errors"]
        return True
    if status == 200:
        assert not ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
        return True
    assert status == 503, (status, answer)
    return False


def otlp_messages(sender: int, *, spans: int = 6, session: str = "s") -> Iterator[Message]:
    """Exports of so many spans of one session, over and over."""
    for first in itertools.count(step=spans):
        wires, expected = [], {}
        for number in range(first, first + spans):
            ids = f"{sender:016x}{number // 4 + 1:016x}", f"{sender:04x}{number + 1:012x}"
            wire = a_span(
                f"otlp {number}", trace_id=bytes.fromhex(ids[0]), span_id=bytes.fromhex(ids[1])
            )
            with_attribute(wire, "session.id", string_value=session)
            wires.append(with_attribute(wire, "said", string_value=said(number)))
            expected[ids] = {"name": wire.name, "attributes.said": said(number)}
        yield Message("/v1/traces", an_export(*wires), PROTOBUF, expected)


def langfuse_messages(sender: int) -> Iterator[Message]:
    """A trace with a call that has begun, and after that, on its own, how the call ended."""
    for number in itertools.count(1):
        trace, call = f"{sender:016x}{number:016x}", f"call {sender} {number}"
        ids = trace, span_id_of(call)
        begun = [
            ("trace-create", {"id": trace, "name": f"trace {number}", "timestamp": STARTED}),
            (
                "generation-create",
                {
                    "id": call,
                    "traceId": trace,
                    "name": f"langfuse {number}",
                    "startTime": STARTED,
                    "input": said(number),
                },
            ),
        ]
        yield _batch(number, begun, {ids: {"name": f"langfuse {number}", "asked": said(number)}})
        ended = {"id": call, "traceId": trace, "endTime": ENDED, "output": f"answer {number}"}
        expected = {"answered": f"answer {number}", "open": False}
        yield _batch(number, [("generation-update", ended)], {ids: expected})


def _batch(
    number: int, events: list[tuple[str, dict[str, Any]]], spans: Mapping[Ids, Mapping[str, Any]]
) -> Message:
    batch = [
        {"id": f"{number}-{kind}", "type": kind, "timestamp": STARTED, "body": body}
        for kind, body in events
    ]
    body = json.dumps({"batch": batch}).encode()
    return Message("/api/public/ingestion", body, "application/json", spans)


def check(client: Client, *senders: Sender) -> int:
    """Everything acknowledged is there, once, and says what it said; how many spans there are."""
    found: dict[Ids, dict[str, Any]] = {}
    count = 0
    for span in client.each("/api/v1/spans"):
        count += 1
        found[span["trace_id"], span["span_id"]] = span
    assert len(found) == count, "a span is listed twice"
    assert client.get("/api/v1/spans/count")["count"] == count
    for sender in senders:
        for ids, fields in sender.acknowledged.items():
            assert ids in found, "acknowledged and lost"
            assert {name: _field(found[ids], name) for name in fields} == fields
    return count


def _field(span: dict[str, Any], name: str) -> Any:
    if name == "attributes.said":
        return span["attributes"]["said"]
    if name in ("asked", "answered"):
        [message] = span["input" if name == "asked" else "output"]
        return message["content"]
    return span[name]
