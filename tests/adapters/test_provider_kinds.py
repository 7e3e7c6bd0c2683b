"""Every kind of provider over real HTTP: where calls go, with which credential and headers."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, get_args

import msgspec
import pytest
from tests import upstream as play
from tests.loops import run_on
from tests.upstream import Request, Upstream

from trimtab.config.schema import Kind, Spoken
from trimtab.errors import ConfigError, InvalidRequest, ProviderTimeout
from trimtab.kit.http1 import HTTP1Client, ProtocolError
from trimtab.ports import Call, Provider, Reply
from trimtab.providers import openai_compatible
from trimtab.providers.http import HTTPProvider
from trimtab.providers.kinds import KINDS
from trimtab.providers.wire import Account, StreamDecoder

KEY = "sk-test-0123456789abcdef"
JSON = {"content-type": "application/json", "accept": "application/json"}


def run(test: Any) -> None:
    run_on("asyncio", test)


@contextlib.asynccontextmanager
async def called(
    kind: str, *, below: str = "", **account: Any
) -> AsyncIterator[tuple[Upstream, Provider]]:
    """An upstream that answers everything with {}, and a provider of this kind that calls it."""
    async with Upstream(handler=lambda _: play.respond(200, b"{}")) as upstream:
        settings = {"name": "acme", "api_key": KEY, "base_url": upstream.url + below, **account}
        provider = KINDS[kind](Account(**settings), HTTP1Client())
        try:
            yield upstream, provider
        finally:
            await provider.aclose()


async def sent(upstream: Upstream, provider: Provider, **call: Any) -> tuple[Request, Reply, bytes]:
    """The request that a call became, and its answer."""
    reply = await provider.send(Call(**{"model": "m", "body": b'{"a": 1}', **call}))
    body = b"".join([chunk async for chunk in reply.chunks])
    return upstream.requests[-1], reply, body


# -- paths and credentials ---------------------------------------------------------------------

BEARER = {"authorization": f"Bearer {KEY}"}
X_API_KEY = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
API_KEY = {"api-key": KEY}
V1 = "/openai/v1"
OLD = "/openai/deployments/m"
WHERE = [
    ("openai", "/v1", {}, "openai.chat", "/v1/chat/completions", BEARER),
    ("openai", "/v1/", {}, "openai.responses", "/v1/responses", BEARER),
    ("openai", "/v1", {}, "openai.completions", "/v1/completions", BEARER),
    ("openai", "/v1", {}, "openai.embeddings", "/v1/embeddings", BEARER),
    ("openai", "/v1", {}, "openai.moderations", "/v1/moderations", BEARER),
    ("anthropic", "/v1", {}, "anthropic.messages", "/v1/messages", X_API_KEY),
    ("anthropic", "/v1", {}, "anthropic.count_tokens", "/v1/messages/count_tokens", X_API_KEY),
    ("azure", "", {}, "openai.chat", f"{V1}/chat/completions", API_KEY),
    ("azure", "/openai/v1/", {}, "openai.responses", f"{V1}/responses", API_KEY),
    *(
        (
            "azure",
            below,
            {"api_version": "2024-10-21"},
            dialect,
            f"{path}?api-version=2024-10-21",
            API_KEY,
        )
        for below in ("", "/openai")
        for dialect, path in {
            "openai.chat": f"{OLD}/chat/completions",
            "openai.embeddings": f"{OLD}/embeddings",
            "openai.responses": "/openai/responses",
        }.items()
    ),
    ("ollama", "/v1", {}, "openai.chat", "/v1/chat/completions", BEARER),
    ("vllm", "/v1", {}, "openai.responses", "/v1/responses", BEARER),
    (
        "openai_compatible",
        "/v1",
        {"speaks": ("openai.chat", "anthropic.messages")},
        "anthropic.messages",
        "/v1/messages",
        BEARER,
    ),
]


@pytest.mark.parametrize(("kind", "below", "account", "dialect", "target", "credential"), WHERE)
def test_calls_go_where_they_belong_with_the_credential_of_the_kind(
    kind: str,
    below: str,
    account: dict[str, Any],
    dialect: str,
    target: str,
    credential: dict[str, str],
) -> None:
    async def test() -> None:
        async with called(kind, below=below, **account) as (upstream, provider):
            assert dialect in provider.speaks("m")
            request, reply, body = await sent(upstream, provider, dialect=dialect)
            assert (request.method, request.target, request.body) == ("POST", target, b'{"a": 1}')
            fields = {**request.headers}
            for name in ("host", "content-length", "user-agent", "accept-encoding"):
                fields.pop(name)
            assert fields == {**JSON, **credential}
            assert (reply.status, body, reply.lost) == (200, b"{}", ())

    run(test)


@pytest.mark.parametrize(
    ("kind", "host"),
    [
        ("openai", "api.openai.com:443"),
        ("anthropic", "api.anthropic.com:443"),
        ("ollama", "127.0.0.1:11434"),
        ("vllm", "127.0.0.1:8000"),
    ],
)
def test_kinds_with_an_address_of_their_own_need_none(kind: str, host: str) -> None:
    assert host in repr(KINDS[kind](Account(name="acme"), HTTP1Client()))


@pytest.mark.parametrize("kind", ["openai_compatible", "azure"])
def test_kinds_that_can_be_anywhere_need_an_address(kind: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        KINDS[kind](Account(name="acme"), HTTP1Client())
    assert refusal.value.where == "providers[acme].base_url"


def test_the_configuration_knows_the_kinds_and_dialects_that_exist() -> None:
    assert set(get_args(Kind)) == set(KINDS)
    spoken = set()
    for kind in KINDS:
        settings = {"base_url": "http://127.0.0.1:9", "region": "eu-west-1", "project": "p"}
        with contextlib.suppress(ConfigError):  # a cloud's kind wants its credentials
            account = Account(name="acme", api_key=KEY, **settings)
            spoken |= set(KINDS[kind](account, HTTP1Client()).speaks("m"))
    assert spoken <= set(get_args(Spoken))


# -- headers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "dialect", "passed"),
    [
        ("anthropic", "anthropic.messages", {"anthropic-beta": "b", "anthropic-version": "v"}),
        ("openai", "openai.chat", {"openai-beta": "x"}),
        ("azure", "openai.chat", {}),
    ],
)
def test_only_headers_of_the_caller_that_mean_something_pass(
    kind: str, dialect: str, passed: dict[str, str]
) -> None:
    others = {"authorization": "Bearer mine", "x-api-key": "mine", "cookie": "c", "api-key": "mine"}
    others |= {"openai-organization": "mine", "openai-project": "mine"}

    async def test() -> None:
        async with called(kind) as (upstream, provider):
            for _ in range(2):
                call = {"dialect": dialect, "headers": {**passed, **others}}
                request, *_ = await sent(upstream, provider, **call)
                assert request.headers.items() >= passed.items()
                assert "mine" not in str(request.headers)
                assert "cookie" not in request.headers
            request, *_ = await sent(upstream, provider, dialect=dialect)
            beta = {name for name in passed if name != "anthropic-version"}
            assert not beta & request.headers.keys(), "they are of that call alone"

    run(test)


def test_a_header_of_the_account_wins_over_that_of_the_caller() -> None:
    headers = {"OpenAI-Beta": "ours", "openai-organization": "ours"}
    theirs = {"openai-beta": "mine", "openai-organization": "mine", "openai-project": "mine"}

    async def test() -> None:
        async with called("openai", headers=headers) as (upstream, provider):
            request, *_ = await sent(upstream, provider, headers=theirs)
            assert request.headers["openai-beta"] == "ours"
            assert request.headers["openai-organization"] == "ours"
            assert "mine" not in request.headers.values()

    run(test)


def test_a_header_that_would_inject_another_is_the_callers_fault() -> None:
    async def test() -> None:
        async with called("anthropic") as (upstream, provider):
            headers = {"anthropic-beta": "a\r\nx-api-key: b"}
            with pytest.raises(InvalidRequest):
                await sent(upstream, provider, dialect="anthropic.messages", headers=headers)
            assert not upstream.requests

    run(test)


def test_headers_of_the_account_are_sent_and_secret_ones_are_masked_in_answers() -> None:
    headers = {"X-Team": "blue-team-name", "X-Gateway-Key": "gw-0123456789"}

    async def test() -> None:
        async with called("openai", headers=headers) as (upstream, provider):
            echo = b'{"said": "gw-0123456789 of blue-team-name"}'
            upstream.play(play.respond(200, echo))
            request, reply, body = await sent(upstream, provider)
            assert request.headers["x-team"] == "blue-team-name"
            assert request.headers["x-gateway-key"] == "gw-0123456789"
            assert body == b'{"said": "*** of blue-team-name"}'
            assert reply.mask is not None
            assert reply.mask(echo) == body

    run(test)


@pytest.mark.parametrize("before", ["", "Bearer ", "me:"])
def test_a_refusal_does_not_quote_a_key_in_base64(before: str) -> None:
    key = "sk-0123456789-abcdef"
    spelt = base64.b64encode(f"{before}{key}".encode()).decode()

    async def test() -> None:
        async with called("openai", api_key=key) as (upstream, provider):
            error = json.dumps({"error": spelt}).encode()
            upstream.play(play.respond(400, error, x_request_id=spelt))
            _, reply, body = await sent(upstream, provider)
            assert reply.mask is not None
            for shown in (body, reply.mask(spelt.encode()), reply.headers["x-request-id"].encode()):
                assert b"***" in shown
                assert spelt[4:-4].encode() not in shown

    run(test)


def test_headers_of_the_answer_that_mean_something_pass() -> None:
    passed = {
        "request_id": "req_1",
        "anthropic_ratelimit_tokens_remaining": "7",
        "x_ratelimit_limit": "9",
        "retry_after": "3",
    }

    async def test() -> None:
        async with called("anthropic") as (upstream, provider):
            upstream.play(play.respond(529, b"{}", **passed, set_cookie="a=b", server="x"))
            _, reply, _ = await sent(upstream, provider, dialect="anthropic.messages")
            expected = {name.replace("_", "-"): value for name, value in passed.items()}
            assert reply.status == 529
            assert dict(reply.headers) == {"content-type": "application/json", **expected}

    run(test)


@pytest.mark.parametrize("name", ["X-Bad\r\nName", "content-length"])
def test_headers_of_the_account_that_cannot_be_sent_are_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        KINDS["openai"](Account(name="acme", headers={name: "v"}), HTTP1Client())
    assert refusal.value.where == "providers[acme].headers"


# -- dialects ----------------------------------------------------------------------------------


def test_a_dialect_that_is_not_spoken_is_refused_before_anything_is_sent() -> None:
    async def test() -> None:
        async with called("anthropic") as (upstream, provider):
            with pytest.raises(InvalidRequest, match=r"does not take openai\.chat"):
                await sent(upstream, provider)
            assert not upstream.requests

    run(test)


def test_an_account_may_name_its_dialects_but_none_that_do_not_exist() -> None:
    account = Account(name="acme", base_url="http://127.0.0.1:9/v1", speaks=("openai.chat",))
    assert KINDS["vllm"](account, HTTP1Client()).speaks("m") == ("openai.chat",)
    account = msgspec.structs.replace(account, speaks=("bedrock.converse",))
    with pytest.raises(ConfigError, match="bedrock"):
        KINDS["vllm"](account, HTTP1Client())


@pytest.mark.parametrize(
    ("model", "spoken"),
    [
        ("gpt-5-codex", ("openai.responses", "passthrough")),
        ("o3-pro-2025-06-10", ("openai.responses", "passthrough")),
    ],
)
def test_models_that_answer_in_one_dialect_alone_say_so(
    model: str, spoken: tuple[str, ...]
) -> None:
    provider = KINDS["openai"](Account(name="acme"), HTTP1Client())
    assert provider.speaks(model) == spoken
    assert provider.speaks("gpt-4o")[0] == "openai.chat"


def test_deadlines_of_a_call_are_honoured() -> None:
    async def test() -> None:
        async with called("openai") as (upstream, provider):
            upstream.play([play.hang])
            with pytest.raises(ProviderTimeout, match=r"within 0\.1 s"):
                await sent(upstream, provider, first_byte_s=0.1)
            upstream.play([play.STREAM_HEAD, play.hang])
            with pytest.raises(ProviderTimeout, match=r"0\.1 s in the middle"):
                await sent(upstream, provider, idle_s=0.1, stream=True)

    run(test)


# -- any path ----------------------------------------------------------------------------------

BINARY = bytes(range(256)) * 3


@pytest.mark.parametrize(
    ("kind", "account", "path", "target"),
    [
        ("openai", {}, "/audio/speech", "/v1/audio/speech"),
        ("openai", {}, "/files?purpose=batch&limit=2", "/v1/files?purpose=batch&limit=2"),
        ("azure", {}, "/files", "/v1/openai/v1/files"),
        (
            "azure",
            {"api_version": "2024-10-21"},
            "/files?limit=2",
            "/v1/openai/files?limit=2&api-version=2024-10-21",
        ),
    ],
)
def test_any_path_passes_with_its_bytes_untouched(
    kind: str, account: dict[str, Any], path: str, target: str
) -> None:
    async def test() -> None:
        async with called(kind, below="/v1", **account) as (upstream, provider):
            upstream.play(play.respond(200, BINARY, content_type="audio/mpeg"))
            request, reply, body = await sent(
                upstream,
                provider,
                dialect="passthrough",
                path=path,
                body=BINARY,
                content_type="multipart/form-data; boundary=x",
            )
            assert (request.target, request.body) == (target, BINARY)
            assert request.headers["content-type"] == "multipart/form-data; boundary=x"
            assert (reply.headers["content-type"], body) == ("audio/mpeg", BINARY)

    run(test)


def test_any_method_passes() -> None:
    async def test() -> None:
        async with called("openai") as (upstream, provider):
            for method in ("GET", "DELETE"):
                call = {"dialect": "passthrough", "path": "/files/f", "method": method, "body": b""}
                request, *_ = await sent(upstream, provider, **call)
                assert (request.method, request.target) == (method, "/files/f")
                assert "content-type" not in request.headers

    run(test)


@pytest.mark.parametrize(
    "path",
    [
        *("", "files", "//evil.example/x", "/../admin", "/a/..", "/a/%2e%2e/b", "/a/..%2fb"),
        *("/a%2F..%2Fb", "/.", "/a/..;/b", "/a\\..\\b", "/a b", "/a\r\nx: y", "/a#b", "/ä"),
    ],
)
def test_a_path_that_leads_out_of_the_api_is_refused(path: str) -> None:
    async def test() -> None:
        async with called("openai", below="/v1") as (upstream, provider):
            with pytest.raises(InvalidRequest) as refusal:
                await sent(upstream, provider, dialect="passthrough", path=path)
            assert refusal.value.where == "path"
            assert not upstream.requests

    run(test)


# -- what only some APIs need ------------------------------------------------------------------


class Lines:
    """Frames that end in a semicolon, as server-sent events."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        *whole, self._kept = (self._kept + data).split(b";")
        if b"bad" in whole:
            raise ProtocolError("no frame")
        return b"".join(b"data: %b\n\n" % frame for frame in whole)

    def end(self) -> bytes:
        if self._kept:
            raise ProtocolError("half a frame")
        return b""


def decoding(upstream: Upstream, **changes: Any) -> HTTPProvider:
    made: StreamDecoder = Lines()
    wire = msgspec.structs.replace(
        openai_compatible.WIRE, decoders={"application/frames": lambda: made}, **changes
    )
    account = Account(name="acme", base_url=upstream.url, api_key=KEY)
    return HTTPProvider(wire, account, HTTP1Client())


FRAMES = play.head(200, content_type="application/frames", transfer_encoding="chunked")


@pytest.mark.parametrize(
    ("chunks", "expected", "fails"),
    [
        ([b"a;b", b"c;"], b"data: a\n\ndata: bc\n\n", None),
        ([b"a;", KEY[:9].encode(), KEY[9:].encode(), b";"], b"data: a\n\ndata: ***\n\n", None),
        ([b"a;b"], b"data: a\n\n", "half a frame"),
        ([b"a;", b"bad;"], b"data: a\n\n", "no frame"),
    ],
)
def test_another_framing_becomes_server_sent_events(
    chunks: list[bytes], expected: bytes, fails: str | None
) -> None:
    async def test() -> None:
        async with Upstream() as upstream:
            provider = decoding(upstream)
            slow = [step for part in play.chunked(*chunks) for step in (part, play.breathe)]
            upstream.play([FRAMES, *slow, play.LAST_CHUNK])
            reply = await provider.send(Call(model="m", body=b"{}", stream=True))
            assert reply.headers["content-type"] == "text/event-stream"
            seen, said = b"", None
            try:
                async for chunk in reply.chunks:
                    seen += chunk
            except Exception as error:
                said = str(error)
            assert expected.startswith(seen) if fails else seen == expected
            assert (said is None) == (fails is None)
            assert fails is None or fails in str(said)
            await provider.aclose()

    run(test)


def test_an_error_in_json_is_not_taken_for_frames() -> None:
    async def test() -> None:
        async with Upstream() as upstream:
            provider = decoding(upstream)
            upstream.play(play.error_json(429, "slow down"))
            reply = await provider.send(Call(model="m", body=b"{}", stream=True))
            body = b"".join([chunk async for chunk in reply.chunks])
            assert json.loads(body)["error"]["message"] == "slow down"
            await provider.aclose()

    run(test)


def test_a_key_in_the_query_is_sent_and_never_shown() -> None:
    async def test() -> None:
        async with Upstream(handler=lambda _: play.respond(200, KEY.encode())) as upstream:
            provider = decoding(upstream, credential="", credential_query="key")
            reply = await provider.send(Call(model="m", body=b"{}"))
            assert b"".join([chunk async for chunk in reply.chunks]) == b"***"
            [request] = upstream.requests
            assert request.target == f"/chat/completions?key={KEY}"
            assert "authorization" not in request.headers
            assert KEY not in repr(provider)
            await provider.aclose()

    run(test)


def test_a_signer_sees_what_is_sent() -> None:
    seen = []

    async def sign(method: str, url: str, headers: Any, body: bytes) -> dict[str, str]:
        seen.append((method, url, headers["content-type"], body))
        return {"authorization": "signed"}

    async def test() -> None:
        async with Upstream(handler=lambda _: play.respond(200, b"{}")) as upstream:
            account = Account(name="acme", base_url=upstream.url)
            provider = HTTPProvider(openai_compatible.WIRE, account, HTTP1Client(), sign=sign)
            await provider.send(Call(model="m", body=b'{"a": 1}'))
            url = f"{upstream.url}/chat/completions"
            assert seen == [("POST", url, "application/json", b'{"a": 1}')]
            assert upstream.requests[0].headers["authorization"] == "signed"
            await provider.aclose()

    run(test)
