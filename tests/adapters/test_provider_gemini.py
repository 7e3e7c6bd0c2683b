"""Gemini's API and Vertex AI: where calls go, who pays, and what comes back."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.adapters import cloud_answers
from tests.adapters.cloud_answers import answer, call, parts, read, stream, talk
from tests.upstream import Answer, Request, Upstream, hang, respond

from trimtab.dialects.llm.parts import Ended, Failed, Text, Used
from trimtab.errors import ConfigError, MissingExtra, ProviderUnavailable
from trimtab.kit import sse
from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import Provider, Reply
from trimtab.providers import gemini, vertex
from trimtab.providers.google_token import AccessToken, ServiceAccount
from trimtab.providers.wire import Account
from trimtab.records import Usage

KEY = "AIzaSyTEST0123456789"
DIALECT = "gemini.generate"
MESSAGES = "anthropic.messages"
GEMINI = "gemini-2.5-flash"
CLAUDE = "claude-sonnet-4@20250514"
QUESTION = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
MESSAGE = {"model": CLAUDE, "max_tokens": 16, "messages": [{"role": "user", "content": "Hello"}]}
COUNTS = {
    "promptTokenCount": 18,
    "cachedContentTokenCount": 8,
    "candidatesTokenCount": 4,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 25,
}
WHOLE = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Grüße 🎉"}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": COUNTS,
    "modelVersion": GEMINI,
    "responseId": "r1",
}
CHUNKS = b"".join(
    sse.encode(json.dumps(each).encode())
    for each in [
        {"candidates": [{"content": {"parts": [{"text": "Grüße "}]}}], "responseId": "r1"},
        {
            "candidates": [{"content": {"parts": [{"text": "🎉"}]}, "finishReason": "STOP"}],
            "usageMetadata": COUNTS,
        },
    ]
)
REFUSED = {"error": {"code": 403, "message": "No access.", "status": "PERMISSION_DENIED"}}


def exchange(
    build: Callable[[Account, HTTP1Client], Provider], played: Answer, request: Any, **fields: Any
) -> tuple[Reply, bytes, Request]:
    def built(upstream: Upstream) -> Provider:
        account = Account(name="google", base_url=upstream.url, api_key=KEY, **fields)
        return build(account, HTTP1Client())

    return cloud_answers.exchange(built, played, request)


# -- Gemini's API ----------------------------------------------------------------------------------


def test_a_call_names_its_model_in_the_path_and_carries_the_key_in_a_header() -> None:
    asking = call(DIALECT, GEMINI, {**QUESTION, "model": GEMINI, "stream": False})
    reply, body, request = exchange(gemini.build, answer(WHOLE), asking)
    assert request.target == f"/models/{GEMINI}:generateContent"
    assert request.headers["x-goog-api-key"] == KEY
    assert "authorization" not in request.headers
    assert request.json == QUESTION
    assert (reply.status, json.loads(body)) == (200, WHOLE)


def test_a_streamed_call_asks_for_server_sent_events() -> None:
    asking = call(DIALECT, GEMINI, QUESTION, stream=True)
    _, body, request = exchange(gemini.build, stream(CHUNKS, "text/event-stream"), asking)
    assert request.target == f"/models/{GEMINI}:streamGenerateContent?alt=sse"
    assert body == CHUNKS
    said = parts(DIALECT, body, streamed=True)
    assert [part for part in said if isinstance(part, Text)] == [Text("Grüße "), Text("🎉")]
    assert said[-1] == Ended()


def test_streamed_usage_is_the_usage_of_the_whole() -> None:
    asking = call(DIALECT, GEMINI, QUESTION)
    streaming = call(DIALECT, GEMINI, QUESTION, stream=True)
    _, plain, _ = exchange(gemini.build, answer(WHOLE), asking)
    _, streamed, _ = exchange(gemini.build, stream(CHUNKS, "text/event-stream"), streaming)
    expected = Used(Usage(input=10, cache_read=8, output=4, reasoning=3))
    assert expected in parts(DIALECT, plain, streamed=False)
    assert expected in parts(DIALECT, streamed, streamed=True)


def test_an_error_passes_and_is_read() -> None:
    reply, body, _ = exchange(gemini.build, answer(REFUSED, 403), call(DIALECT, GEMINI, QUESTION))
    assert (reply.status, json.loads(body)) == (403, REFUSED)
    assert parts(DIALECT, body, streamed=False) == [
        Failed(message="No access.", kind="PERMISSION_DENIED", status=403)
    ]


@pytest.mark.parametrize(("headers", "wait_s"), [({}, "22"), ({"retry_after": "7"}, "7")])
def test_the_wait_that_google_names_is_a_header(headers: dict[str, str], wait_s: str) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "21.5s"}
    busy = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [retry]}}
    played = respond(429, json.dumps(busy).encode(), **headers)
    reply, body, _ = exchange(gemini.build, played, call(DIALECT, GEMINI, QUESTION))
    assert reply.headers["retry-after"] == wait_s
    assert json.loads(body) == busy


def test_any_path_of_the_api_passes() -> None:
    asking = call("passthrough", GEMINI, QUESTION, path=f"/models/{GEMINI}:countTokens")
    _, _, request = exchange(gemini.build, answer({"totalTokens": 1}), asking)
    assert request.target == f"/models/{GEMINI}:countTokens"


def test_its_own_address_is_google_s() -> None:
    provider = gemini.build(Account(name="google", api_key=KEY), HTTP1Client())
    assert "generativelanguage.googleapis.com" in repr(provider)
    assert KEY not in repr(provider)


# -- Vertex AI -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "model", "streamed", "target"),
    [
        (DIALECT, GEMINI, False, f"/publishers/google/models/{GEMINI}:generateContent"),
        (
            DIALECT,
            GEMINI,
            True,
            f"/publishers/google/models/{GEMINI}:streamGenerateContent?alt=sse",
        ),
        (
            MESSAGES,
            CLAUDE,
            False,
            "/publishers/anthropic/models/claude-sonnet-4%4020250514:rawPredict",
        ),
        (
            MESSAGES,
            CLAUDE,
            True,
            "/publishers/anthropic/models/claude-sonnet-4%4020250514:streamRawPredict",
        ),
        (
            "anthropic.count_tokens",
            CLAUDE,
            False,
            "/publishers/anthropic/models/count-tokens:rawPredict",
        ),
    ],
)
def test_a_call_of_vertex_goes_to_its_publisher(
    dialect: str, model: str, streamed: bool, target: str
) -> None:
    body = QUESTION if dialect == DIALECT else MESSAGE
    _, _, request = exchange(vertex.build, answer({}), call(dialect, model, body, stream=streamed))
    assert request.target == target
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_messages_of_claude_name_their_version_and_not_their_model() -> None:
    asking = call(
        MESSAGES,
        CLAUDE,
        {**MESSAGE, "stream": True},
        stream=True,
        headers={"anthropic-beta": "context-1m-2025-08-07", "anthropic-version": "2023-06-01"},
    )
    _, _, request = exchange(vertex.build, answer({}), asking)
    assert request.json == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 16,
        "messages": MESSAGE["messages"],
        "stream": True,
    }
    assert request.headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert "anthropic-version" not in request.headers
    counting = call("anthropic.count_tokens", CLAUDE, MESSAGE)
    _, _, request = exchange(vertex.build, answer({"input_tokens": 3}), counting)
    assert request.json == {**MESSAGE, "anthropic_version": "vertex-2023-10-16"}


def test_a_model_speaks_the_dialect_of_its_publisher() -> None:
    account = Account(name="google", api_key=KEY, region="europe-west1", project="p1")
    provider = vertex.build(account, HTTP1Client())
    assert list(provider.speaks(GEMINI)) == [DIALECT]
    assert list(provider.speaks(CLAUDE)) == [MESSAGES, "anthropic.count_tokens"]


def test_errors_of_the_cloud_are_told_in_the_words_of_the_dialect() -> None:
    reply, body, _ = exchange(
        vertex.build, answer([REFUSED], 403), call(MESSAGES, CLAUDE, MESSAGE, stream=True)
    )
    assert reply.status == 403
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": "permission_error", "message": "No access."},
    }
    own = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}, "x": 1}
    _, body, _ = exchange(vertex.build, answer(own, 529), call(MESSAGES, CLAUDE, MESSAGE))
    assert json.loads(body) == own
    _, body, _ = exchange(vertex.build, answer(REFUSED, 403), call(DIALECT, GEMINI, QUESTION))
    assert json.loads(body) == REFUSED


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_the_address_is_the_region_s(region: str, host: str) -> None:
    account = Account(name="google", api_key=KEY, region=region, project="p1")
    assert f"'{host}:443'" in repr(vertex.build(account, HTTP1Client()))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"project": "p"}, "no region"),
        ({"region": "us-east1"}, "no project"),
        ({"region": "us-east1", "project": "p", "api_key": None}, "how google is paid for"),
        ({"credentials": {"keyfile": "x"}}, "no use for the credential keyfile"),
        ({"api_key": None, "credentials": {"key_file": "/nowhere/key.json"}}, "cannot be read"),
    ],
)
def test_what_is_missing_is_said(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        vertex.build(Account(**{"name": "google", "api_key": KEY, **fields}), HTTP1Client())
    assert str(caught.value.where).startswith("providers[google].")


# -- tokens of a service account -------------------------------------------------------------------

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()


class Google:
    """Google's token endpoint: checks the assertion, and gives numbered tokens."""

    def __init__(self) -> None:
        self.given = 0
        self.broken: Answer | None = None

    def __call__(self, request: Request) -> Answer:
        if request.target != "/token":
            return answer(WHOLE)
        if self.broken is not None:
            return self.broken
        self.given += 1
        form = parse_qs(request.body.decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        self.claims = _verified(form["assertion"][0])
        token = {"access_token": f"token-{self.given}", "expires_in": 3600, "token_type": "Bearer"}
        return answer(token)


def _verified(assertion: str) -> dict[str, Any]:
    """The claims of a JWT, once its signature is right (RFC 7515, RS256)."""
    head, claims, signature = assertion.split(".")

    def decoded(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    PRIVATE.public_key().verify(
        decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert json.loads(decoded(head)) == {"alg": "RS256", "kid": "k1", "typ": "JWT"}
    found: dict[str, Any] = json.loads(decoded(claims))
    return found


def key_file(upstream: Upstream, path: Path) -> str:
    key = {
        "type": "service_account",
        "project_id": "p1",
        "private_key_id": "k1",
        "private_key": PEM,
        "client_email": "bot@p1.iam.gserviceaccount.com",
        "token_uri": f"{upstream.url}/token",
    }
    file = path / "key.json"
    file.write_text(json.dumps(key))
    return str(file)


class Hours:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


def token_for(upstream: Upstream, clock: Hours) -> AccessToken:
    account = ServiceAccount(
        client_email="bot@p1.iam.gserviceaccount.com",
        private_key=PEM,
        private_key_id="k1",
        token_uri=f"{upstream.url}/token",
    )
    return AccessToken(account, HTTP1Client(), where="providers[google].x", now=clock)


async def bearer(token: AccessToken) -> str:
    return (await token.sign("POST", "https://x/", {}, b""))["authorization"]


async def renewed(token: AccessToken, old: str) -> str:
    """The first credential that is another one, made in the background meanwhile."""
    async with asyncio.timeout(60):
        for _ in range(1_000_000):
            if (now := await bearer(token)) != old:
                return now
            await asyncio.sleep(0)
    raise AssertionError("it was never renewed")


def test_a_service_account_pays_with_a_token_of_its_own(tmp_path: Path) -> None:
    google = Google()

    async def work(upstream: Upstream) -> None:
        account = Account(
            name="google",
            base_url=upstream.url,
            credentials={"key_file": key_file(upstream, tmp_path)},
        )
        provider = vertex.build(account, HTTP1Client())
        for _ in range(3):
            await read(await provider.send(call(DIALECT, GEMINI, QUESTION)))
        await provider.aclose()

    _, requests = talk(work, handler=google)
    assert google.given == 1
    assert [each.headers.get("authorization") for each in requests] == [
        None,
        *["Bearer token-1"] * 3,
    ]
    assert google.claims["iss"] == "bot@p1.iam.gserviceaccount.com"
    assert google.claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert google.claims["aud"].endswith("/token")
    assert google.claims["exp"] - google.claims["iat"] == 3600


def test_the_project_may_be_the_account_s(tmp_path: Path) -> None:
    async def work(upstream: Upstream) -> Provider:
        file = key_file(upstream, tmp_path)
        account = Account(name="google", region="us-east1", credentials={"key_file": file})
        return vertex.build(account, HTTP1Client())

    assert "us-east1-aiplatform.googleapis.com" in repr(talk(work)[0])


def test_callers_at_once_share_one_request_for_a_token() -> None:
    google = Google()

    async def work(upstream: Upstream) -> list[str]:
        token = token_for(upstream, Hours())
        return await asyncio.gather(*(bearer(token) for _ in range(20)))

    tokens, _ = talk(work, handler=google)
    assert set(tokens) == {"Bearer token-1"}
    assert google.given == 1


def test_a_token_is_renewed_before_it_expires_without_a_wait() -> None:
    google, clock = Google(), Hours()

    async def work(upstream: Upstream) -> list[str]:
        token = token_for(upstream, clock)
        seen = [await bearer(token)]
        clock.now_s += 3100  # 500 s are left
        upstream.asked.clear()
        seen.append(await bearer(token))
        await asyncio.wait_for(upstream.asked.wait(), 60)
        return [*seen, await renewed(token, seen[-1])]

    tokens, _ = talk(work, handler=google)
    assert tokens == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_an_expired_token_is_never_sent() -> None:
    google, clock = Google(), Hours()

    async def work(upstream: Upstream) -> list[str]:
        token = token_for(upstream, clock)
        first = await bearer(token)
        clock.now_s += 3590
        return [first, await bearer(token)]

    assert talk(work, handler=google)[0] == ["Bearer token-1", "Bearer token-2"]


def test_a_token_outlives_a_failure_to_renew_it() -> None:
    google, clock = Google(), Hours()

    async def work(upstream: Upstream) -> list[str]:
        token = token_for(upstream, clock)
        seen = [await bearer(token)]
        google.broken = answer({"error": "backend"}, 500)
        clock.now_s += 3100
        upstream.asked.clear()
        for _ in range(5):
            seen.append(await bearer(token))
        await asyncio.wait_for(upstream.asked.wait(), 60)
        google.broken = None
        clock.now_s += 20
        return [*seen, await renewed(token, seen[-1])]

    tokens, requests = talk(work, handler=google)
    assert tokens == ["Bearer token-1"] * 6 + ["Bearer token-2"]
    assert len(requests) == 3  # five callers asked once


@pytest.mark.parametrize("broken", [answer({"error": "invalid_grant"}, 400), answer({"x": 1})])
def test_without_any_token_a_call_fails_clearly(broken: Answer) -> None:
    google = Google()
    google.broken = broken

    async def work(upstream: Upstream) -> None:
        await bearer(token_for(upstream, Hours()))

    with pytest.raises(ProviderUnavailable, match="gave no token") as caught:
        talk(work, handler=google)
    assert "providers[google].x" in str(caught.value.fix)


def test_a_caller_that_leaves_does_not_take_the_token_with_it() -> None:
    google = Google()

    async def work(upstream: Upstream) -> str:
        token = token_for(upstream, Hours())
        doomed = asyncio.create_task(bearer(token))
        await asyncio.sleep(0)
        doomed.cancel()
        return await bearer(token)

    assert talk(work, handler=google)[0] == "Bearer token-1"
    assert google.given == 1


def test_closing_ends_a_renewal() -> None:
    google = Google()
    google.broken = [hang]

    async def work(upstream: Upstream) -> None:
        client = HTTP1Client()
        account = ServiceAccount(
            client_email="a", private_key=PEM, token_uri=f"{upstream.url}/token"
        )
        token = AccessToken(account, client, where="x")
        waiting = asyncio.create_task(bearer(token))
        await asyncio.wait_for(upstream.asked.wait(), 60)
        await token.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await client.aclose()

    talk(work, handler=google)


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    for text in ("{}", "no json", '{"type": "authorized_user", "refresh_token": "r"}'):
        file.write_text(text)
        account = Account(name="google", credentials={"key_file": str(file)})
        with pytest.raises(ConfigError, match="not the key of a service account"):
            vertex.build(account, HTTP1Client())
    account = ServiceAccount(client_email="a", private_key="nonsense", token_uri="http://x/")
    with pytest.raises(ConfigError, match="private key"):
        AccessToken(account, HTTP1Client(), where="x")
    assert "nonsense" not in repr(account)


def test_without_google_auth_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    account = ServiceAccount(client_email="a", private_key=PEM, token_uri="http://x/")
    with pytest.raises(MissingExtra, match=r"\[vertex\]"):
        AccessToken(account, HTTP1Client(), where="x")
