"""Quirks: which fields go under which name to which model, and what is said about the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests import upstream as play
from tests.loops import run_on
from tests.upstream import Upstream

from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import Call
from trimtab.providers.families import CLAUDE, OPENAI
from trimtab.providers.kinds import KINDS
from trimtab.providers.quirks import Adjustment, Quirk, refused
from trimtab.providers.wire import Account

CHAT, MESSAGES = "openai.chat", "anthropic.messages"
SAMPLING = {"temperature": 0.1, "top_p": 0.9}


@pytest.mark.parametrize(
    ("family", "dialect", "model", "asked", "sent", "lost"),
    [
        (OPENAI, CHAT, "gpt-4o", {"max_tokens": 5, **SAMPLING}, None, ()),
        (OPENAI, CHAT, "o3-mini", {"max_tokens": 5}, {"max_completion_tokens": 5}, ()),
        (OPENAI, CHAT, "gpt-5.2", {"max_tokens": 5}, {"max_completion_tokens": 5}, ()),
        (OPENAI, CHAT, "gpt-5-chat-latest", {"max_tokens": 5, **SAMPLING}, None, ()),
        (
            OPENAI,
            CHAT,
            "o1",
            {"max_tokens": 5, "max_completion_tokens": 7},
            {"max_completion_tokens": 7},
            (),
        ),
        (OPENAI, CHAT, "o4-mini", {**SAMPLING, "n": 1}, {"n": 1}, ("temperature", "top_p")),
        (OPENAI, CHAT, "gpt-5-mini-2025-08-07", SAMPLING, {}, ("temperature", "top_p")),
        (OPENAI, CHAT, "gpt-5.1", SAMPLING, None, ()),
        (OPENAI, CHAT, "o3", {"stop": ["x"]}, {}, ("stop",)),
        (OPENAI, CHAT, "o3-mini", {"stop": ["x"]}, None, ()),
        (OPENAI, "openai.responses", "o3", SAMPLING, {}, ("temperature", "top_p")),
        (OPENAI, "openai.embeddings", "o3", SAMPLING, None, ()),
        (CLAUDE, MESSAGES, "claude-sonnet-4-5", SAMPLING, {"temperature": 0.1}, ("top_p",)),
        (CLAUDE, MESSAGES, "claude-sonnet-4-5", {"top_p": 0.9}, None, ()),
        (CLAUDE, MESSAGES, "claude-sonnet-4-20250514", SAMPLING, None, ()),
        (CLAUDE, MESSAGES, "claude-opus-4-8", {"top_k": 1}, {}, ("top_k",)),
        (CLAUDE, MESSAGES, "claude-sonnet-5", SAMPLING, {}, ("temperature", "top_p")),
        (CLAUDE, MESSAGES, "claude-3-5-haiku-latest", SAMPLING, None, ()),
        (CLAUDE, MESSAGES, "eu.anthropic.claude-opus-4-7-v1", {"top_k": 1}, {}, ("top_k",)),
    ],
)
def test_families_of_models(
    family: tuple[Quirk, ...],
    dialect: str,
    model: str,
    asked: dict[str, Any],
    sent: dict[str, Any] | None,
    lost: tuple[str, ...],
) -> None:
    body = json.dumps({"model": model, **asked}).encode()
    changed, left_out = Adjustment(family, dialect, model).apply(body)
    if sent is None:
        assert changed is body, "nothing to change is nothing touched"
    else:
        assert json.loads(changed) == {"model": model, **sent}
    assert sorted(left_out) == sorted(lost)


def test_roles_are_recast_and_everything_else_stays_byte_for_byte() -> None:
    body = (
        b'{"n": 123456789012345678901234567890, "messages": [{"role": "system", '
        b'"content": "\\u00e9"}, {"role": "user",  "content": "\\"system\\""}]}'
    )
    changed, lost = Adjustment(OPENAI, CHAT, "o1-mini").apply(body)
    packed = b"".join(changed.split())
    assert packed == (
        b'{"n":123456789012345678901234567890,"messages":[{"role":"user",'
        b'"content":"\\u00e9"},{"role":"user","content":"\\"system\\""}]}'
    )
    assert lost == ()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b'{"temperature": ', b'"temperature"', b'{"temperature": 1}\xff' * 2),
        b'{"temperature": 1, "user": "half of a pair: \\ud83d"}',
    ],
)
def test_what_cannot_be_decoded_is_left_to_the_provider(body: bytes) -> None:
    assert Adjustment(OPENAI, CHAT, "o3").apply(body) == (body, ())


def test_fields_may_be_removed_without_a_word_and_added_where_they_lack() -> None:
    quirk = Quirk(removed=("model",), added={"version": "1", "stream": False})
    adjustment = Adjustment((quirk,), CHAT, "m")
    changed, lost = adjustment.apply(b'{"model": "m", "stream": true}')
    assert (json.loads(changed), lost) == ({"version": "1", "stream": True}, ())


@pytest.mark.parametrize(
    ("kind", "account", "model", "asked", "sent", "lost"),
    [
        ("openai", {}, "o3", {"temperature": 0, "max_tokens": 2}, {"max_completion_tokens": 2}, 1),
        ("azure", {}, "o3", {"max_tokens": 2}, {"max_completion_tokens": 2}, 0),
        ("azure", {"api_version": "2024-06-01"}, "gpt-4o", {"stream_options": {}}, {}, 1),
        ("azure", {"api_version": "2024-10-21"}, "gpt-4o", {"stream_options": {}}, None, 0),
        ("openai_compatible", {}, "o3", {"temperature": 0, "max_tokens": 2}, None, 0),
    ],
)
def test_what_is_sent_and_what_is_reported(
    kind: str,
    account: dict[str, Any],
    model: str,
    asked: dict[str, Any],
    sent: dict[str, Any] | None,
    lost: int,
) -> None:
    async def test() -> None:
        async with Upstream(handler=lambda _: play.respond(200, b"{}")) as upstream:
            settings = Account(name="acme", base_url=upstream.url, **account)
            provider = KINDS[kind](settings, HTTP1Client())
            body = json.dumps({"model": model, **asked}).encode()
            reply = await provider.send(Call(model=model, body=body))
            [request] = upstream.requests
            if sent is None:
                assert request.body == body
            else:
                assert request.json == {"model": model, **sent}
            assert len(reply.lost) == lost
            assert set(reply.lost) <= asked.keys()
            await provider.aclose()

    run_on("asyncio", test)


@pytest.mark.parametrize(
    ("family", "dialect", "model", "asked", "found"),
    [
        (
            OPENAI,
            CHAT,
            "o3",
            {**SAMPLING, "stop": "x", "seed": 1},
            ["temperature", "top_p", "stop"],
        ),
        (OPENAI, CHAT, "gpt-4o", {**SAMPLING, "max_tokens": 5}, []),
        (OPENAI, CHAT, "o3-mini", {"max_tokens": 5}, []),
        (CLAUDE, MESSAGES, "claude-sonnet-4-5", SAMPLING, ["top_p"]),
        (CLAUDE, MESSAGES, "claude-sonnet-4-5", {"top_p": 0.9}, []),
    ],
)
def test_what_a_model_would_not_get_is_known_before_it_is_asked(
    family: tuple[Quirk, ...], dialect: str, model: str, asked: dict[str, Any], found: list[str]
) -> None:
    assert sorted(refused(family, dialect, model, asked)) == sorted(found)
