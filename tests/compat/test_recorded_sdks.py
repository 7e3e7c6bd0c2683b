"""What SDKs were recorded to send, sent again to a server over HTTP and read back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from tests.compat.emitters import story
from tests.compat.recording import FIXTURES, Sent, recorded
from tests.compat.sdks import KEYS, SECRET
from tests.compat.telling import EVERYTHING, EXPECTED, Telling, Told
from tests.serving import Served, configured, served

ACCESS = f"access:\n  keys:\n    - {{name: sdks, key: {SECRET}}}\n"
CREDENTIALS = {"authorization": f"Bearer {SECRET}"}
RECORDED = sorted(path.name for path in FIXTURES.iterdir())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("recorded") / "data", ACCESS)) as running:
        yield running


@pytest.fixture(scope="module", params=[name for name in RECORDED if name in EXPECTED])
def told(request: pytest.FixtureRequest, server: Served) -> Told:
    return Told(request.param, replayed(server, request.param))


def replayed(server: Served, name: str) -> dict[str, Any]:
    """The one trace that the recorded requests of an SDK make."""
    before = _traces(server)
    send(server, name)
    [trace_id] = _traces(server) - before
    return read(server, trace_id)


def send(server: Served, name: str) -> None:
    for sent in recorded(name):
        reply = server.ask(sent.method, _target(sent), sent.body or None, _headers(sent))
        # Whether a token is good, Logfire's SDK asks and does not mind a no.
        assert reply.status < 300 or sent.path == "/v1/info", f"{sent.path}: {reply.body!r}"


def read(server: Served, trace_id: str) -> dict[str, Any]:
    trace: dict[str, Any] = server.ask(
        "GET", f"/api/v1/traces/{trace_id}", headers=CREDENTIALS
    ).json
    return trace


def _traces(server: Served) -> set[str]:
    page = server.ask("GET", "/api/v1/traces?limit=1000", headers=CREDENTIALS).json
    return {trace["trace_id"] for trace in page["data"]}


def _target(sent: Sent) -> str:
    return f"{sent.path}?{sent.query}" if sent.query else sent.path


def _headers(sent: Sent) -> dict[str, str]:
    """The recorded headers with credentials that are good, and a length instead of chunks."""
    basic = base64.b64encode(f"{KEYS['LANGFUSE_PUBLIC_KEY']}:{SECRET}".encode()).decode()
    lengths = ("content-length", "transfer-encoding")
    headers = {name: text for name, text in sent.headers.items() if name not in lengths}
    for name, text in headers.items():
        if text.endswith("SECRET"):
            key = basic if text.startswith("Basic") else SECRET
            headers[name] = text.removesuffix("SECRET") + key
    return headers


class TestRecorded(Telling):
    """The story, in every SDK's words."""


def test_every_recording_is_read() -> None:
    assert {*RECORDED} - {*EXPECTED} == {"vercel-ai"}


def test_a_trace_sent_twice_is_there_once(told: Told, server: Served) -> None:
    send(server, told.sdk)
    again = read(server, told.trace["trace_id"])
    assert len(again["spans"]) == len(told.trace["spans"])
    assert len(again["scores"]) == len(told.trace["scores"])


def test_the_vercel_ai_sdk(server: Served) -> None:
    """Its steps are calls of their own, and its sums are not counted again."""
    spans = {span["span_id"]: span for span in replayed(server, "vercel-ai")["spans"]}
    children = [span for span in spans.values() if span["parent_id"]]
    tree = sorted((span["name"], spans[span["parent_id"]]["name"]) for span in children)
    assert tree == [
        ("ai.embed", "request"),
        ("ai.embed.doEmbed", "ai.embed"),
        ("ai.generateText", "request"),
        ("ai.generateText.doGenerate", "ai.generateText"),
        ("ai.generateText.doGenerate", "ai.generateText"),
        (story.FAILING, "ai.generateText"),
        (story.TOOL, "ai.generateText"),
    ]
    calls = [span for span in spans.values() if span["kind"] == "llm"]
    assert [span["name"] for span in calls] == ["ai.generateText.doGenerate"] * 2
    for call in calls:
        buckets = {name: tokens for name, tokens in call["usage"].items() if tokens}
        assert (call["model"], buckets) == (story.MODEL, EVERYTHING)
        assert (call["user"], call["session"]) == (story.USER, story.SESSION)
        assert (call["tags"], call["metadata"]) == ([story.TAG], story.METADATA)
    counted = {span["name"] for span in spans.values() if span["usage"]}
    assert counted == {"ai.generateText.doGenerate", "ai.embed.doEmbed"}
    failed = [span for span in spans.values() if span["status"] == "error"]
    assert [(span["name"], span["error"]) for span in failed] == [(story.FAILING, story.REFUSAL)]
