"""The client: kept connections, a server that comes and goes, and the errors of the server."""

from __future__ import annotations

import asyncio
import gc
import http.client
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests import upstream as other
from tests.processes import serving
from tests.serving import Served, configured, served
from tests.upstream import Upstream, respond, upstream_in_thread
from tests.waiting import until

import trimtab
from trimtab import errors
from trimtab.api.serving import listen
from trimtab.client import Client, api_path
from trimtab.kit import jsonx


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with upstream_in_thread(handler=lambda request: respond(200, b'{"data": []}')) as running:
        yield running


@pytest.fixture
def client(upstream: Upstream) -> Iterator[Client]:
    with Client(upstream.url, timeout_s=5) as one:
        yield one


# -- connections -------------------------------------------------------------------------------


def test_calls_one_after_another_share_one_connection(client: Client, upstream: Upstream) -> None:
    for _ in range(10):
        client.get("/api/v1/traces")
        client.post("/api/v1/scores", {})
    assert upstream.accepted == 1


def test_an_error_of_the_server_does_not_cost_the_connection(
    client: Client, upstream: Upstream
) -> None:
    upstream.play(other.error_json(404, "nothing"))
    with pytest.raises(errors.NotFound):
        client.get("/x")
    client.get("/x")
    assert upstream.accepted == 1


def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew(
    client: Client, upstream: Upstream
) -> None:
    for method in (client.get, client.post):
        upstream.play([*respond(200, b"{}"), other.cut])
        method("/x")
        until(lambda: upstream.open == 0)
        method("/x")
    assert upstream.accepted == 3


def test_a_read_is_tried_again_when_its_kept_connection_breaks(
    client: Client, upstream: Upstream
) -> None:
    client.get("/x")
    upstream.play([other.cut])
    assert client.get("/x") == {"data": []}
    assert len(upstream.requests) == 3


def test_a_change_is_never_sent_twice(client: Client, upstream: Upstream) -> None:
    client.post("/x", {})
    upstream.play([other.reset])
    with pytest.raises(errors.StoreError, match="no answer"):
        client.post("/x", {})
    assert len(upstream.requests) == 2


def test_threads_share_a_client_and_each_gets_its_own_answer() -> None:
    def echo(request: other.Request) -> other.Answer:
        return respond(200, b'{"path": "%s"}' % request.target.encode())

    with upstream_in_thread(handler=echo) as upstream, Client(upstream.url) as client:
        with ThreadPoolExecutor(16) as pool:
            asked = [f"/{n}" for n in range(400)]
            answered = [found["path"] for found in pool.map(client.get, asked)]
        assert answered == asked
        assert upstream.accepted <= 16


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_first_piece() -> None:
    """Nagle's algorithm and a delayed acknowledgement cost 40 ms an answer on a kept connection."""
    found = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        found.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def work() -> None:
        opened = listen("127.0.0.1", 0)
        async with await asyncio.start_server(answer, sock=opened):
            reader, writer = await asyncio.open_connection(*opened.getsockname())
            await reader.read()
            writer.close()

    asyncio.run(work())
    assert found == [1]


def test_a_closed_client_opens_a_connection_when_it_is_used_again(
    client: Client, upstream: Upstream
) -> None:
    client.get("/x")
    client.close()
    client.close()
    client.get("/x")
    assert upstream.accepted == 2


def test_nothing_is_left_open_by_a_client_that_nobody_closed(upstream: Upstream) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = Client(upstream.url)
        client.get("/x")
        del client
        gc.collect()
    until(lambda: upstream.open == 0)


def test_a_server_that_restarts_between_calls_is_found_again(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as first:
        port = urlsplit(first.client.url).port
        client = first.client
        client.score("ab" * 16, "thumb", passed=True)
        first.stop()
        with pytest.raises(errors.StoreError, match="no answer"):
            client.get("/healthz")
        with serving(tmp_path / "data", "--port", str(port)):
            assert client.get("/healthz") == {"status": "ok"}
            assert len(client.get("/api/v1/scores")["data"]) == 1
            client.close()


# -- no answer ---------------------------------------------------------------------------------

FAILURES: dict[str, other.Answer] = {
    "cut": [other.cut],
    "reset": [other.reset],
    "no HTTP": other.garbage_protocol(),
    "cut body": other.cut_mid_body(b'{"data"', missing_bytes=10),
    "cut chunk": other.cut_mid_stream(b"x"),
}


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_whatever_a_server_does_instead_of_answering_is_one_error_that_names_it(
    client: Client, upstream: Upstream, how: str, method: str
) -> None:
    upstream.play(FAILURES[how], FAILURES[how])
    with pytest.raises(errors.StoreError, match="no answer") as caught:
        getattr(client, method)("/x")
    assert upstream.url in str(caught.value)
    assert "trimtab serve" in str(caught.value)
    upstream._script.clear()
    assert client.get("/x") == {"data": []}, "the next call is not the worse for it"


def test_a_server_that_is_silent_for_too_long_is_given_up(upstream: Upstream) -> None:
    upstream.play(other.hang_before_head())
    with Client(upstream.url, timeout_s=1) as client:
        with pytest.raises(errors.StoreError, match="timed out"):
            client.get("/x")
        assert client.get("/x") == {"data": []}


def test_nobody_there_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(errors.StoreError, match=f"127.0.0.1:{port}.*trimtab serve"):
        Client(f"http://127.0.0.1:{port}").get("/healthz")


def test_an_interrupted_call_leaves_no_connection_behind(
    client: Client, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.get("/x")
    until(lambda: upstream.accepted == 1 and upstream.open == 0)


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"\xff", b"{"])
def test_an_answer_that_is_not_json_is_not_from_trimtab(
    client: Client, upstream: Upstream, body: bytes
) -> None:
    upstream.play(respond(200, body))
    with pytest.raises(errors.StoreError, match="does not speak the API"):
        client.get("/x")


@pytest.mark.parametrize("body", [b"", b"<html>gone</html>", b"[]", b'{"title": 7, "type": null}'])
def test_an_error_that_says_nothing_is_told_by_its_status(
    client: Client, upstream: Upstream, body: bytes
) -> None:
    kinds = {
        400: errors.InvalidRequest, 401: errors.Unauthenticated, 403: errors.Forbidden,
        404: errors.NotFound, 409: errors.Conflict, 413: errors.TooLarge, 418: errors.RequestError,
        429: errors.RateLimited, 500: errors.TrimtabError,
    }  # fmt: skip
    for status, kind in kinds.items():
        upstream.play(respond(status, body))
        with pytest.raises(errors.TrimtabError) as caught:
            client.get("/x")
        assert type(caught.value) is kind
        assert caught.value.fields["status"] == status
        assert caught.value.what == f"HTTP {status}"


# -- what cannot be sent -----------------------------------------------------------------------


NO_URLS = """
localhost:8321 ftp://localhost http:// http://:8321 http://[::1 //x
http://127.0.0.1:99999 http://127.0.0.1:x http://127.0.0.1:0
"""


@pytest.mark.parametrize("url", ["", *NO_URLS.split()])
def test_what_is_no_url_of_a_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="not a server URL") as caught:
        Client(url)
    assert caught.value.where == "url"
    assert "http://127.0.0.1:8321" in str(caught.value)


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    for url in ("http://ada:hunter2@127.0.0.1:8321", "http://ada:hunter2@127.0.0.1:x"):
        with pytest.raises(errors.InvalidRequest) as caught:
            Client(url)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["a\nb", "a\r\nx-evil: 1", "\0"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        Client(key="secret" + key)
    assert caught.value.where == "key"
    assert "secret" not in str(caught.value)


def test_the_key_is_sent_and_never_shown(upstream: Upstream) -> None:
    with Client(upstream.url, key="tt-secret") as client:
        client.get("/x")
        assert upstream.requests[0].headers["authorization"] == "Bearer tt-secret"
        assert "tt-secret" not in repr(client) + str(vars(errors.StoreError("x")))


@pytest.mark.parametrize("user", ["a\nb", "\x7f", "\u202e"])
def test_a_user_that_cannot_be_a_header_is_refused(client: Client, user: str) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        client.chat("m", "hello", user=user)
    assert caught.value.where == "user"


@pytest.mark.parametrize("path", ["/a b", "/a\n", "/\0", "/é"])
def test_what_is_no_path_is_refused(client: Client, path: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="not a path"):
        client.get(path)


def test_names_are_encoded_into_paths(client: Client, upstream: Upstream) -> None:
    client.get(api_path("datasets", "what? 100% of a/b#1@3"))
    assert upstream.requests[0].target == "/api/v1/datasets/what%3F%20100%25%20of%20a%2Fb%231@3"


def test_a_path_before_the_api_is_kept(upstream: Upstream) -> None:
    with Client(upstream.url + "/trimtab/") as client:
        client.traces(limit=3, route=None)
    assert upstream.requests[0].target == "/trimtab/api/v1/traces?limit=3"


def test_a_call_sends_what_it_was_given(client: Client, upstream: Upstream) -> None:
    completion = b'{"id": "1", "choices": []}'
    headers = {"x_trimtab_trace_id": "ab" * 16, "x_trimtab_release": "qa@2"}
    upstream.play(respond(200, completion, **headers))
    answer = client.chat("qa", "hello", user="u", session="s", temperature=0.5)
    (request,) = upstream.requests
    messages = [{"role": "user", "content": "hello"}]
    assert request.json == {"model": "qa", "messages": messages, "temperature": 0.5}
    assert (request.headers["x-trimtab-user"], request.headers["x-trimtab-session"]) == ("u", "s")
    assert (answer["trace_id"], answer["release"]) == ("ab" * 16, "qa@2")


def test_https_is_spoken_where_the_url_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        first_byte = pool.submit(_first_byte, listener)
        with pytest.raises(errors.StoreError, match="no answer"):
            Client(f"https://127.0.0.1:{listener.getsockname()[1]}", timeout_s=5).get("/x")
        assert first_byte.result(60) == b"\x16", "a TLS handshake"


def _first_byte(listener: socket.socket) -> bytes:
    peer, _ = listener.accept()
    with peer:
        return peer.recv(1)


# -- against a real server -----------------------------------------------------------------------


def test_every_error_of_the_package_arrives_as_itself(
    widgets: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a handler raises is what the client raises, under both dialects."""
    raised: list[errors.TrimtabError] = []

    def fail(*_: Any) -> Any:
        raise raised[-1]

    async def fail_soon(*_: Any, **__: Any) -> Any:
        raise raised[-1]

    monkeypatch.setattr(widgets.app.telemetry, "span_count", fail)
    monkeypatch.setattr(widgets.app.gateway, "ask", fail_soon)
    kinds = _tree(errors.RequestError) | _tree(errors.ProviderError) | {errors.Overloaded}
    for kind in {kind for kind in kinds if kind.__module__ == "trimtab.errors"}:
        raised.append(kind("no", where="here", fix="do it", fact=7, retry_after_s=3))
        for call in (_count, _chat):
            with pytest.raises(errors.TrimtabError) as caught:
                call(widgets.client)
            found = caught.value
            assert found.code == kind.code
            assert found.where == "here"
            assert found.what.startswith("no")
            assert "do it" in str(found)
            assert (found.fields["status"], found.fields["retry_after_s"]) == (kind.status, 3)
        assert type(raised[-1]) in (kind, errors.InvalidRequest)


def _tree(kind: type[errors.TrimtabError]) -> set[type[errors.TrimtabError]]:
    return {kind}.union(*(_tree(child) for child in kind.__subclasses__()))


def _count(client: Client) -> None:
    client.get("/api/v1/spans/count")


def _chat(client: Client) -> None:
    client.chat("widgets", "hello")


def test_facts_of_an_error_are_kept(widgets: Served) -> None:
    with pytest.raises(errors.NotFound) as caught:
        widgets.client.get("/api/v1/prompts/nobody")
    assert "widgets" in caught.value.fields["known"]


def test_a_body_that_is_too_large_is_told_as_such_although_nobody_read_it(tmp_path: Path) -> None:
    config = configured(tmp_path / "data", **{"limits.body_bytes": 1000})
    with served(config) as server, pytest.raises(errors.TooLarge, match="1000 bytes"):
        server.client.chat("trimtab/extract", "x" * 5_000_000)


def test_watching_a_run_ends_with_the_run(widgets: Served) -> None:
    rows = [{"example_id": str(n), "input": "port?"} for n in range(3)]
    widgets.client.post("/api/v1/datasets", {"name": "rows", "examples": rows})
    run = widgets.client.post("/api/v1/runs", {"release": "widgets@1", "dataset": "rows"})
    seen = list(widgets.client.watch(run["run_id"], poll_s=0.01))
    assert [one["status"] for one in seen[:-1]] == ["running"] * (len(seen) - 1)
    assert seen[-1]["status"] == "done"


def test_polling_gives_up_after_its_limit(client: Client, upstream: Upstream) -> None:
    with pytest.raises(errors.ProviderTimeout, match=r"in 0\.2 s"):
        list(client.poll("/x", every_s=0.05, limit_s=0.2))
    assert len(upstream.requests) == 4


def test_values_that_json_has_no_word_for_are_the_callers_mistake(client: Client) -> None:
    with pytest.raises(TypeError):
        client.post("/x", {"value": object()})
    assert jsonx.encode({"when": None}) == b'{"when":null}'


def test_the_client_is_what_the_package_offers() -> None:
    assert trimtab.Client is Client
    assert trimtab.Client().url == "http://127.0.0.1:8321"


def test_a_client_works_beside_an_event_loop(widgets: Served) -> None:
    async def ask() -> list[dict[str, Any]]:
        calls = [asyncio.to_thread(widgets.client.get, "/healthz") for _ in range(20)]
        return await asyncio.gather(*calls)

    assert asyncio.run(ask()) == [{"status": "ok"}] * 20


def test_a_program_that_forgets_to_close_ends_without_a_warning(widgets: Served) -> None:
    code = f"import trimtab; trimtab.Client({widgets.url!r}).get('/healthz')"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
