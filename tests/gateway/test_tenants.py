"""Callers of one gateway: what one of them may not see, do or break for the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.gateway.gateway import Room, question, room
from tests.upstream import Upstream

CHAT, MESSAGES, RESPONSES = "openai.chat", "anthropic.messages", "openai.responses"
IMAGE = {"model": "oa/image", "prompt": "a cat"}
BATCH = {"input_file_id": "f", "endpoint": "/v1/chat/completions", "model": "oa/plain"}


@pytest.fixture(scope="module")
def secrets(shared: Room) -> tuple[str, str]:
    """Of a key as it is issued, and of one that may pass on anything."""
    _, plain = shared.issue("plain")
    _, passes = shared.issue("passes", permissions=["gateway:call", "gateway:pass"])
    return plain, passes


@pytest.mark.parametrize("who", [{}, {"x_trimtab_user": "ann"}, {"user": "ann"}])
def test_a_cached_answer_is_not_for_another_key(
    far: Upstream, tmp_path: Path, who: dict[str, str]
) -> None:
    route = "    - {name: kept, targets: [{model: oa/plain}], cache: {ttl_s: 100}}\n"
    route += "    - {name: all, targets: [{model: oa/plain}], cache: {ttl_s: 100, shared: true}}\n"
    headers = {name: value for name, value in who.items() if name.startswith("x_")}
    fields: dict[str, Any] = {} if headers else who
    with room(tmp_path / "data", far, route) as here:
        secrets = [here.issue(name)[1] for name in ("one", "two")]
        for name, expected in (("kept", ["miss", "hit", "miss"]), ("all", ["miss", "hit", "hit"])):
            verdicts = [
                here.ask(CHAT, question(name, **fields), key, **headers).headers["x-trimtab-cache"]
                for key in (secrets[0], secrets[0], secrets[1])
            ]
            assert verdicts == expected, name


@pytest.mark.parametrize("name", ["oa/plain\nx-evil: 1", "oa/a\r\nb", "oa/\x00", "oa/\u2028"])
@pytest.mark.parametrize("dialect", [CHAT, MESSAGES, RESPONSES, "/images/generations"])
def test_a_model_with_a_control_character_in_its_name_is_refused(
    shared: Room, name: str, dialect: str
) -> None:
    before = len(shared.far.requests)
    reply = shared.ask(dialect, question(name, dialect))
    assert reply.status == 400
    assert "control character" in reply.json["error"]["message"]
    assert len(shared.far.requests) == before
    told = {"model": name}
    assert shared.ask(CHAT, question("oa/plain", trimtab=told)).status == 400


@pytest.mark.parametrize("name", ["a\nx-evil: 1", "ünï\u4e00", "a\r\n\r\n"])
def test_a_field_that_no_header_can_hold_does_not_cost_an_answer(shared: Room, name: str) -> None:
    reply = shared.ask(CHAT, {**question("an/plain"), name: 1})
    assert reply.status == 200, reply.body
    assert "x-evil" not in reply.headers
    lost = reply.headers["x-trimtab-lost"]
    assert lost.isascii()
    assert "?" in lost
    assert shared.call(reply)["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/files", None),
        ("GET", "/audio/voices", None),
        ("DELETE", "/files/file-1", None),
        ("DELETE", "/images/1", None),
        ("POST", "/files", {"model": "oa/plain"}),
        ("POST", "/batches", BATCH),
        ("POST", "/fine_tuning/jobs", {"model": "oa/plain", "training_file": "f"}),
        ("POST", "/images/generations", {"prompt": "a cat"}),
        ("POST", "/images/generations", IMAGE),
    ],
)
def test_what_a_provider_keeps_for_all_needs_a_permission_of_its_own(
    shared: Room, secrets: tuple[str, str], method: str, path: str, body: Any
) -> None:
    plain, passes = secrets
    before = len(shared.far.requests)
    reply = passing(shared, method, path, body, plain)
    if body is IMAGE:
        assert reply == 200
        return
    assert reply == 403
    assert len(shared.far.requests) == before
    assert passing(shared, method, path, body, passes) != 403
    assert len(shared.far.requests) == before + 1


def passing(here: Room, method: str, path: str, body: Any, key: str) -> int:
    headers = {"authorization": f"Bearer {key}", "x-trimtab-provider": "oa"}
    if body is not None:
        headers["content-type"] = "application/json"
    return here.server.ask(method, f"/v1{path}", body, headers).status


def test_the_organisation_is_the_operators(shared: Room) -> None:
    sent = {"openai_organization": "org-mine", "openai_project": "mine", "openai_beta": "x"}
    assert shared.ask(CHAT, question("oa/plain"), **sent).status == 200
    headers = shared.far.requests[-1].headers
    assert headers["openai-beta"] == "x"
    assert not {"openai-organization", "openai-project"} & headers.keys()
