"""What goes wrong on either side of the gateway: nothing is lost, doubled or left hanging."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from tests import upstream as provider
from tests.serving import Served, configured, served
from tests.upstream import Upstream, upstream_in_thread

from trimtab.errors import ProviderUnavailable

KEY = "sk-upstream-secret-1234567890"
CHUNK = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with upstream_in_thread(key=KEY) as running:
        yield running


@pytest.fixture
def remote(tmp_path: Path, upstream: Upstream) -> Iterator[Served]:
    text = f"""
providers:
  - name: far
    kind: openai_compatible
    base_url: {upstream.base_url}
    api_key: {KEY}
    models:
      - id: big
        price: {{input: "2.5", output: "10"}}
      - id: unpriced
gateway:
  defaults:
    retries: {{attempts: 0}}
"""
    with served(configured(tmp_path / "data", text)) as running:
        yield running


def only_trace(server: Served) -> dict[str, Any]:
    (row,) = server.client.traces()
    return server.client.trace(row["trace_id"])


def ask(server: Served, **fields: Any) -> dict[str, Any]:
    return server.client.chat("far/big", "hello there", **fields)


def test_an_answer_of_a_remote_model_is_priced_and_its_bytes_are_untouched(
    remote: Served, upstream: Upstream
) -> None:
    answer = ask(remote)
    assert answer["choices"][0]["message"]["content"] == "You said: hello there"
    (span,) = only_trace(remote)["spans"]
    usage = answer["usage"]
    expected = usage["prompt_tokens"] * 2.5e-6 + usage["completion_tokens"] * 10e-6
    assert float(span["cost_usd"]) == pytest.approx(expected)
    assert upstream.requests[0].json["model"] == "big"


def test_a_model_without_a_price_is_unpriced_and_not_free(remote: Served) -> None:
    remote.client.chat("far/unpriced", "hello")
    (row,) = remote.client.traces()
    assert (row["cost_usd"], row["unpriced"]) == (None, 1)


def test_a_provider_that_limits_is_passed_on_with_its_retry_after(
    remote: Served, upstream: Upstream
) -> None:
    upstream.play(provider.rate_limited(7))
    with (
        openai.OpenAI(base_url=f"{remote.url}/v1", api_key="x", max_retries=0) as sdk,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        sdk.chat.completions.create(model="far/big", messages=[{"role": "user", "content": "x"}])
    assert caught.value.response.headers["retry-after"] == "7"
    assert only_trace(remote)["spans"][0]["status"] == "error"


def test_an_html_error_of_a_provider_becomes_an_error_in_the_dialect(
    remote: Served, upstream: Upstream
) -> None:
    upstream.play(provider.server_error_html())
    status, body = raw_post(remote, stream=False)
    assert status == 500
    assert "without JSON" in json.loads(body)["error"]["message"]
    assert "nginx" in only_trace(remote)["spans"][0]["error"]


def test_a_provider_that_is_down_is_a_503_and_on_record(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = f"providers: [{{name: far, kind: openai_compatible, base_url: 'http://127.0.0.1:{port}/v1'}}]"
    with served(configured(tmp_path / "data", text)) as server:
        with pytest.raises(ProviderUnavailable):
            server.client.chat("far/any", "hello")
        (span,) = only_trace(server)["spans"]
        assert span["status"] == "error"
        assert span["attributes"]["error.code"] == "provider_unavailable"
        assert span["usage"] is None


CUTS: dict[str, Callable[[], provider.Answer]] = {
    "cut between events": lambda: provider.cut_mid_stream(CHUNK),
    "clean end without a terminator": lambda: provider.event_stream(CHUNK),
}


@pytest.mark.parametrize("case", CUTS)
def test_a_stream_that_ends_too_early_says_so_and_keeps_what_came(
    remote: Served, upstream: Upstream, case: str
) -> None:
    upstream.play(CUTS[case]())
    status, body = raw_post(remote, stream=True)
    assert status == 200
    assert body.startswith(CHUNK), "what came is forwarded as it came"
    assert b"[DONE]" not in body
    assert b'"error"' in body
    (span,) = only_trace(remote)["spans"]
    assert span["status"] == "error"
    assert span["output"][0]["content"] == "Hello"


def test_a_caller_that_goes_away_stops_the_provider_and_is_recorded_as_cancelled(
    remote: Served, upstream: Upstream
) -> None:
    upstream.play(provider.hang_mid_stream(CHUNK))
    connection = http.client.HTTPConnection(urlsplit(remote.url).netloc, timeout=60)
    connection.request("POST", "/v1/chat/completions", request_body(stream=True))
    response = connection.getresponse()
    assert response.read(len(CHUNK)) == CHUNK
    response.close()
    connection.close()
    for rows in remote.client.poll("/api/v1/traces", limit_s=60):
        if rows["data"]:
            break
    (span,) = only_trace(remote)["spans"]
    assert span["status"] == "cancelled"
    assert span["output"][0]["content"] == "Hello"
    assert span["usage"]["estimated"] is True
    assert remote.app.gateway.in_flight == 0


def test_a_caller_that_leaves_before_the_answer_starts_is_recorded_too(
    remote: Served, upstream: Upstream
) -> None:
    upstream.play(provider.hang_before_head())
    with socket.create_connection(("127.0.0.1", urlsplit(remote.url).port), timeout=60) as peer:
        body = request_body(stream=False)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}"
        )
        peer.sendall(head.encode() + b"\r\n\r\n" + body)
        for _ in remote.client.poll("/healthz", limit_s=60):
            if upstream.requests:
                break
    for rows in remote.client.poll("/api/v1/traces", limit_s=60):
        if rows["data"]:
            break
    assert only_trace(remote)["spans"][0]["status"] == "cancelled"
    assert remote.app.gateway.in_flight == 0


def test_the_key_of_a_provider_is_never_shown(remote: Served, upstream: Upstream) -> None:
    upstream.play(provider.error_json(401, f"Incorrect API key provided: {KEY}"))
    status, body = raw_post(remote, stream=False)
    assert status == 502, "the caller's own credential is not the one that was refused"
    assert KEY.encode() not in body
    assert KEY not in json.dumps(only_trace(remote))


def test_more_requests_than_the_limit_are_refused_with_retry_after(
    tmp_path: Path, upstream: Upstream
) -> None:
    config = configured(tmp_path / "data", **{"limits.requests_per_minute": 2})
    with served(config) as server:
        for _ in range(2):
            server.client.chat("trimtab/extract", "hello")
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        connection.request(
            "POST", "/v1/chat/completions", request_body(model="trimtab/extract", stream=False)
        )
        response = connection.getresponse()
        assert response.status == 429
        assert int(response.headers["retry-after"]) >= 1
        assert json.loads(response.read())["error"]["type"] == "rate_limit_error"
        connection.close()


def request_body(*, stream: bool, model: str = "far/big") -> bytes:
    messages = [{"role": "user", "content": "hello there"}]
    return json.dumps({"model": model, "messages": messages, "stream": stream}).encode()


def raw_post(server: Served, *, stream: bool) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.request("POST", "/v1/chat/completions", request_body(stream=stream))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_the_parameters_of_a_prompt_are_sent_and_those_of_its_release_win(
    remote: Served, upstream: Upstream
) -> None:
    prompt = {
        "name": "terse",
        "messages": [{"role": "system", "content": "Be brief."}],
        "parameters": {"temperature": 0.2, "top_p": 0.9},
    }
    remote.client.post("/api/v1/prompts", prompt)
    bundle = {
        "route": "terse",
        "prompt": "terse",
        "targets": [{"model": "far/big"}],
        "parameters": {"temperature": 0.7},
    }
    release = remote.client.post("/api/v1/releases", bundle)
    remote.client.post(f"/api/v1/releases/{release['release_id']}/promote")
    remote.client.chat("terse", "hello there", temperature=1.5, max_tokens=9)
    sent = upstream.requests[-1].json
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.7, 0.9, 9)
    assert [message["content"] for message in sent["messages"]] == ["Be brief.", "hello there"]


def test_a_key_that_comes_in_small_pieces_is_not_on_record(
    remote: Served, upstream: Upstream
) -> None:
    pieces = [KEY[at : at + 4] for at in range(0, len(KEY), 4)]
    events = [
        b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % piece.encode()
        for piece in pieces
    ]
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    upstream.play(provider.event_stream(*events, end, b"data: [DONE]\n\n"))
    raw_post(remote, stream=True)
    assert KEY not in json.dumps(only_trace(remote))
    assert only_trace(remote)["spans"][0]["output"][0]["content"] == "***"


def test_an_error_says_where_it_is_on_record(remote: Served, upstream: Upstream) -> None:
    upstream.play(provider.error_json(401, "no"))
    body = {"model": "far/big", "messages": [{"role": "user", "content": "x"}]}
    reply = remote.ask("POST", "/v1/chat/completions", body)
    assert reply.status == 502
    assert reply.headers["x-trimtab-trace-id"] == only_trace(remote)["spans"][0]["trace_id"]
    assert reply.headers["x-trimtab-model"] == "far/big"
    assert reply.headers["x-trimtab-attempts"] == "1"
