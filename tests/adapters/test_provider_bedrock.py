"""Bedrock: signed calls, both of its APIs, and streams in AWS's framing."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.adapters import cloud_answers
from tests.adapters.cloud_answers import answer, call, parts, stream, talk
from tests.adapters.eventstream_frames import chunk, event, exception
from tests.upstream import Answer, Request, Upstream

from trimtab.dialects.llm.parts import Ended, Failed, Text, Used
from trimtab.errors import ConfigError, InvalidRequest, ProviderError
from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import Reply
from trimtab.providers import bedrock
from trimtab.providers.aws_credentials import AWSSettings
from trimtab.providers.bedrock import Bedrock
from trimtab.providers.sigv4 import Credentials, Scope, signed_headers
from trimtab.providers.wire import Account
from trimtab.records import Usage

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
KEY = Credentials(
    access_key_id="AKIDEXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    session_token="FwoGZXIvYXdzEXAMPLE//////////wE=",
)
NOVA = "us.amazon.nova-pro-v1:0"
CLAUDE = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"
EVENT_STREAM = "application/vnd.amazon.eventstream"
QUESTION = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
MESSAGE = {
    "model": CLAUDE,
    "max_tokens": 16,
    "messages": [{"role": "user", "content": "Hello"}],
}
COUNTS = {
    "inputTokens": 10,
    "outputTokens": 4,
    "totalTokens": 22,
    "cacheReadInputTokens": 8,
}
USAGE = Usage(input=10, cache_read=8, output=4)
WHOLE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Grüße"}]}},
    "stopReason": "end_turn",
    "usage": COUNTS,
    "metrics": {"latencyMs": 5},
}
TALK = b"".join(
    [
        event("messageStart", {"role": "assistant"}),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Grü"}}),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "ße"}}),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": "end_turn"}),
        event("metadata", {"usage": COUNTS, "metrics": {"latencyMs": 5}}),
    ]
)
CLAUDE_WHOLE = {
    "id": "msg_bdrk_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-7-sonnet-20250219",
    "content": [{"type": "text", "text": "Grüße"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 8},
}
CLAUDE_EVENTS = [
    json.dumps(each).encode()
    for each in [
        {
            "type": "message_start",
            "message": {
                **CLAUDE_WHOLE,
                "content": [],
                "stop_reason": None,
                "usage": {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 8},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Grüße"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 4},
        },
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 10}},
    ]
]


def provider(upstream: Upstream, credentials: Credentials | None = KEY, **fields: Any) -> Bedrock:
    account = Account(name="aws", base_url=upstream.url, region="eu-west-1", **fields)
    return Bedrock(account, HTTP1Client(), credentials, now=lambda: NOW)


def signed(request: Request) -> bool:
    """Whether a service that knows the secret accepts this request, as it came in."""
    names = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    added = ("host", "x-amz-date", "x-amz-security-token")
    wanted = signed_headers(
        KEY,
        Scope("eu-west-1", "bedrock"),
        method=request.method,
        url=f"http://{request.headers['host']}{request.target}",
        headers={n: request.headers[n] for n in names.split(";") if n not in added},
        body=request.body,
        at=datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
    )
    return all(request.headers[name] == value for name, value in wanted.items())


def exchange(
    played: Answer, request: Any, credentials: Credentials | None = KEY, **fields: Any
) -> tuple[Reply, bytes, Request]:
    return cloud_answers.exchange(
        lambda upstream: provider(upstream, credentials, **fields), played, request
    )


# -- requests --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "model", "streamed", "target"),
    [
        ("bedrock.converse", NOVA, False, "/model/us.amazon.nova-pro-v1%3A0/converse"),
        ("bedrock.converse", NOVA, True, "/model/us.amazon.nova-pro-v1%3A0/converse-stream"),
        (
            "bedrock.converse",
            PROFILE,
            False,
            (
                "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3A"
                "application-inference-profile%2Fabc123/converse"
            ),
        ),
        (
            "anthropic.messages",
            CLAUDE,
            False,
            "/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/invoke",
        ),
        (
            "anthropic.messages",
            CLAUDE,
            True,
            "/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/invoke-with-response-stream",
        ),
    ],
)
def test_a_call_goes_to_its_model_and_is_signed(
    dialect: str, model: str, streamed: bool, target: str
) -> None:
    body = QUESTION if dialect == "bedrock.converse" else {**MESSAGE, "stream": streamed}
    _, _, request = exchange(answer(WHOLE), call(dialect, model, body, stream=streamed))
    assert (request.method, request.target) == ("POST", target)
    assert signed(request)
    assert request.headers["x-amz-date"] == "20260304T050607Z"
    assert request.headers["x-amz-security-token"] == KEY.session_token
    assert request.headers["accept"] == (EVENT_STREAM if streamed else "application/json")


def test_converse_bodies_go_as_they_are() -> None:
    _, _, request = exchange(answer(WHOLE), call("bedrock.converse", NOVA, QUESTION))
    assert request.json == QUESTION


def test_messages_of_claude_name_their_version_and_not_their_model() -> None:
    asking = call(
        "anthropic.messages",
        CLAUDE,
        {**MESSAGE, "stream": True},
        stream=True,
        headers={
            "anthropic-beta": "context-1m-2025-08-07, other-1",
            "anthropic-version": "2023-06-01",
        },
    )
    _, _, request = exchange(answer(CLAUDE_WHOLE), asking)
    assert request.json == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["context-1m-2025-08-07", "other-1"],
        "max_tokens": 16,
        "messages": MESSAGE["messages"],
    }
    assert "anthropic-version" not in request.headers
    assert signed(request)


def test_an_api_key_is_a_bearer_token_and_nothing_is_signed() -> None:
    key = "bedrock-api-key-0123456789"
    _, _, request = exchange(
        answer(WHOLE), call("bedrock.converse", NOVA, QUESTION), None, api_key=key
    )
    assert request.headers["authorization"] == f"Bearer {key}"
    assert "x-amz-date" not in request.headers


def test_claude_speaks_both_dialects_and_others_one() -> None:
    async def work(upstream: Upstream) -> list[Any]:
        own = provider(upstream)
        return [list(own.speaks(model)) for model in (CLAUDE, NOVA, PROFILE)]

    (claude, nova, profile), _ = talk(work)
    assert claude == ["anthropic.messages", "bedrock.converse"]
    assert nova == profile == ["bedrock.converse"]


def test_an_account_may_choose_its_dialects() -> None:
    async def work(upstream: Upstream) -> Any:
        own = provider(upstream, speaks=("bedrock.converse",))
        with pytest.raises(InvalidRequest, match=r"does not take anthropic\.messages"):
            await own.send(call("anthropic.messages", CLAUDE, MESSAGE))
        with pytest.raises(ConfigError, match="cannot be asked"):
            provider(upstream, speaks=("openai.chat",))
        return list(own.speaks(CLAUDE))

    assert talk(work)[0] == ["bedrock.converse"]


# -- answers ---------------------------------------------------------------------------------------


def test_a_whole_answer_passes_byte_for_byte() -> None:
    reply, body, _ = exchange(answer(WHOLE), call("bedrock.converse", NOVA, QUESTION))
    assert (reply.status, json.loads(body)) == (200, WHOLE)
    assert Used(USAGE) in parts("bedrock.converse", body, streamed=False)


def test_a_stream_of_converse_split_at_every_byte_is_read() -> None:
    reply, body, _ = exchange(
        stream(TALK, EVENT_STREAM), call("bedrock.converse", NOVA, QUESTION, stream=True)
    )
    assert reply.headers["content-type"] == "text/event-stream"
    said = parts("bedrock.converse", body, streamed=True)
    assert [part for part in said if isinstance(part, Text)] == [Text("Grü"), Text("ße")]
    assert said[-2:] == [Used(USAGE), Ended()]


def test_a_stream_of_claude_holds_anthropic_s_events_byte_for_byte() -> None:
    framed = b"".join(map(chunk, CLAUDE_EVENTS))
    reply, body, _ = exchange(
        stream(framed, EVENT_STREAM), call("anthropic.messages", CLAUDE, MESSAGE, stream=True)
    )
    assert reply.headers["content-type"] == "text/event-stream"
    assert body == b"".join(
        b"event: " + json.loads(each)["type"].encode() + b"\ndata: " + each + b"\n\n"
        for each in CLAUDE_EVENTS
    )


def test_streamed_usage_is_the_usage_of_the_whole() -> None:
    def usage(dialect: str, body: bytes, *, streamed: bool) -> Usage:
        return [p for p in parts(dialect, body, streamed=streamed) if isinstance(p, Used)][-1].usage

    framed = b"".join(map(chunk, CLAUDE_EVENTS))
    for dialect, model, body, played, whole in (
        ("bedrock.converse", NOVA, QUESTION, TALK, WHOLE),
        ("anthropic.messages", CLAUDE, MESSAGE, framed, CLAUDE_WHOLE),
    ):
        _, streamed, _ = exchange(
            stream(played, EVENT_STREAM, piece_bytes=7), call(dialect, model, body, stream=True)
        )
        _, plain, _ = exchange(answer(whole), call(dialect, model, body))
        assert usage(dialect, streamed, streamed=True) == usage(dialect, plain, streamed=False)
        assert usage(dialect, plain, streamed=False) == USAGE


def test_an_exception_in_mid_stream_is_a_failure() -> None:
    broken = event("messageStart", {"role": "assistant"}) + exception(
        "modelStreamErrorException", {"message": "broke", "originalStatusCode": 500}
    )
    _, body, _ = exchange(
        stream(broken, EVENT_STREAM), call("bedrock.converse", NOVA, QUESTION, stream=True)
    )
    said = parts("bedrock.converse", body, streamed=True)
    assert said[-1] == Failed(message="broke", kind="modelStreamErrorException", status=500)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (TALK[:200] + b"\x00" + TALK[201:], "checksum"),
        (TALK[:-3], "cut off"),
        (b"data: not a frame\n\n", "checksum"),
    ],
)
def test_a_damaged_stream_is_a_provider_s_error(damage: bytes, says: str) -> None:
    with pytest.raises(ProviderError, match=says) as caught:
        exchange(
            stream(damage, EVENT_STREAM, piece_bytes=50),
            call("bedrock.converse", NOVA, QUESTION, stream=True),
        )
    assert caught.value.fields["provider"] == "aws"


def test_errors_of_claude_are_told_in_anthropic_s_words() -> None:
    refused = {"message": "You don't have access to the model."}
    reply, body, _ = exchange(answer(refused, 403), call("anthropic.messages", CLAUDE, MESSAGE))
    assert reply.status == 403
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": "permission_error", "message": "You don't have access to the model."},
    }
    reply, body, _ = exchange(answer(refused, 403), call("bedrock.converse", NOVA, QUESTION))
    assert json.loads(body) == refused


def test_secrets_that_are_echoed_do_not_show() -> None:
    echo = {"message": f"bad token {KEY.session_token} {KEY.secret_access_key}"}
    _, body, _ = exchange(answer(echo, 400), call("bedrock.converse", NOVA, QUESTION))
    told = body.decode().replace("\\/", "/")
    assert KEY.secret_access_key not in told
    assert str(KEY.session_token) not in told


# -- configuration ---------------------------------------------------------------------------------


def built(monkeypatch: pytest.MonkeyPatch, home: Path, **fields: Any) -> Bedrock:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    return bedrock.build(Account(name="aws", **fields), HTTP1Client())


def test_without_credentials_it_is_not_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no AWS credentials") as caught:
        built(monkeypatch, tmp_path, region="eu-west-1")
    assert caught.value.where == "providers[aws].credentials"


def test_without_a_region_it_is_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no region"):
        built(monkeypatch, tmp_path, api_key="bedrock-key-123")


def test_a_misspelt_credential_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="acces_key_id"):
        built(monkeypatch, tmp_path, region="eu-west-1", credentials={"acces_key_id": "x"})


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_endpoint_is_the_region_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, region: str, host: str
) -> None:
    own = built(monkeypatch, tmp_path, region=region, api_key="bedrock-key-123")
    assert all(host in repr(each) for each in own._speaking.values())


FILES = {
    "credentials": (
        "[default]\naws_access_key_id = AKFILE\naws_secret_access_key = secretfile\n"
        "[half]\naws_access_key_id = AKHALF\n"
    ),
    "config": (
        "[default]\nregion = eu-central-1\n"
        "[profile work]\nregion = ap-south-1\naws_access_key_id = AKWORK\n"
        "aws_secret_access_key = secretwork\naws_session_token = tok\n"
        "[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
    ),
}
ENVIRON = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "secretenv"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    for name, text in FILES.items():
        (tmp_path / ".aws" / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("environ", "profile", "given", "key", "region"),
    [
        ({}, None, {}, "AKFILE", "eu-central-1"),
        (ENVIRON, None, {}, "AKENV", "eu-central-1"),
        (ENVIRON, "work", {}, "AKWORK", "ap-south-1"),
        ({"AWS_PROFILE": "work"}, None, {}, "AKWORK", "ap-south-1"),
        (
            {**ENVIRON, "AWS_REGION": "us-west-2"},
            None,
            {"access_key_id": "AKGIVEN", "secret_access_key": "s"},
            "AKGIVEN",
            "us-west-2",
        ),
    ],
)
def test_the_first_credentials_that_are_there_are_used(
    home: Path,
    environ: dict[str, str],
    profile: str | None,
    given: dict[str, str],
    key: str,
    region: str,
) -> None:
    settings = AWSSettings(environ, home, profile)
    assert settings.credentials(given, where="x").access_key_id == key
    assert settings.region == region


@pytest.mark.parametrize(
    ("profile", "given", "says"),
    [
        ("half", {}, "lack secret_access_key"),
        ("role", {}, "renewed"),
        ("nobody", {}, "no AWS credentials"),
        ("work", {"secret_access_key": "s"}, "lack access_key_id"),
    ],
)
def test_credentials_that_cannot_be_used_say_why(
    home: Path, profile: str, given: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        AWSSettings({}, home, profile).credentials(given, where="providers[aws].credentials")
    assert caught.value.fix
    assert caught.value.where == "providers[aws].credentials"


def test_an_inner_event_that_is_no_json_does_not_pass() -> None:
    framed = event("chunk", {"bytes": base64.b64encode(b"no json").decode()})
    with pytest.raises(ProviderError, match="no JSON event"):
        exchange(
            stream(framed, EVENT_STREAM), call("anthropic.messages", CLAUDE, MESSAGE, stream=True)
        )


def test_credentials_of_an_account_do_not_show() -> None:
    account = Account(name="aws", credentials={"secret_access_key": "top-secret"})
    assert "top-secret" not in repr(account)
    assert "top-secret" not in repr(msgspec.structs.replace(account, region="x"))
