"""An endpoint that quotes its headers does not put their secrets into what is recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.upstream import Answer, Request, respond, upstream_in_thread

import trimtab
from trimtab.experiments.reports import html, markdown
from trimtab.experiments.suite import EndpointRef, TaskRef

SECRET = 'hunter2/"quoted"-token'
HEADERS = {"authorization": "Bearer ${ENDPOINT_TOKEN}", "x-stage": "${ENDPOINT_STAGE}"}


def _refuses(said: str) -> Answer:
    return respond(401, f"not allowed: {said}".encode(), content_type="text/plain")


def _refuses_at_length(said: str) -> Answer:
    """The secret stands where the error is cut."""
    return respond(401, ("x" * 285 + said).encode(), content_type="text/plain")


def _refuses_in_base64(said: str) -> Answer:
    return respond(401, base64.b64encode(said.encode()), content_type="text/plain")


def _answers(said: str) -> Answer:
    return respond(200, json.dumps({"a": {said: [said]}, "context": [said]}).encode())


def _streams(said: str) -> Answer:
    pieces = (said[:12], said[12:])
    events = "".join(f"data: {json.dumps({'a': piece})}\n\n" for piece in pieces)
    return respond(200, events.encode(), content_type="text/event-stream")


@pytest.mark.parametrize(
    ("says", "stream"),
    [
        (_refuses, False),
        (_refuses_at_length, False),
        (_refuses_in_base64, False),
        (_answers, False),
        (_streams, True),
    ],
)
def test_what_headers_took_from_the_environment_is_recorded_nowhere(
    says: Callable[[str], Answer], stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDPOINT_TOKEN", SECRET)
    monkeypatch.setenv("ENDPOINT_STAGE", "prod")
    asked: list[Request] = []

    def handler(request: Request) -> Answer:
        asked.append(request)
        return says(request.headers["authorization"])

    with upstream_in_thread(key=None) as upstream:
        upstream.handler = handler
        endpoint = EndpointRef(
            url=f"{upstream.base_url}/ask",
            headers=HEADERS,
            output="a",
            context=None if stream else "context",
            stream=stream,
        )
        done = trimtab.evaluate(
            TaskRef(endpoint=endpoint),
            [{"input": "in production", "expected": "x"}],
            scorers=["exact", "contains"],
            folder=tmp_path / "evals",
        )
    assert asked[0].headers["authorization"] == f"Bearer {SECRET}", "it was sent"
    recorded = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    shown = msgspec.json.encode([done.run, done.results]) + repr(done.results).encode()
    pages = (html(done.views) + markdown(done.views)).encode()
    for text in (recorded, shown, pages):
        for part in ("hunter2", "quoted", base64.b64encode(SECRET.encode()).decode()[4:20]):
            assert part.encode() not in text
    [result] = done.results
    assert "***" in (result.error or json.dumps(result.output))


def test_values_that_are_too_short_to_be_secrets_leave_answers_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENDPOINT_TOKEN", SECRET)
    monkeypatch.setenv("ENDPOINT_STAGE", "prod")
    with upstream_in_thread(key=None) as upstream:
        upstream.handler = lambda _: respond(200, b'{"a": "in production"}')
        endpoint = EndpointRef(url=f"{upstream.base_url}/ask", headers=HEADERS, output="a")
        done = trimtab.evaluate(TaskRef(endpoint=endpoint), [{"input": "q"}], scorers=["length"])
    assert done.results[0].output == "in production"
