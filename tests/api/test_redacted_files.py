"""Where a policy hides personal data, it is in no file of the data directory, however it came."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.api.otlp import NOW_NS
from tests.api.test_guarding import EMAIL, KEY, serving
from tests.serving import Served
from tests.upstream import Upstream, error_json

from trimtab.errors import StoreError
from trimtab.kit import zstd

CARD = 4111111111111111
VALUES = {"e-mail": EMAIL, "key": KEY, "card": str(CARD)}
SAYS = f"I am {EMAIL}, my key is {KEY} and my card {CARD}"
WHO = {"x-trimtab-user": EMAIL, "x-trimtab-session": f"s {EMAIL} {KEY}"}
_FRAME = b"\x28\xb5\x2f\xfd"

GUARDS = "guards:\n  policy: regulated\n  mode: {mode}\n  shadow_per_s: 1000\n"
ROUTES = """
gateway:
  routes:
  - {name: twice, targets: [{model: far/m}, {model: far/n}]}
"""


def in_files(data: Path) -> set[str]:
    """The values that are somewhere in the data directory, in the compressed packs too."""
    bodies = []
    for path in data.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            bodies += [body, *map(_unpacked, re.split(re.escape(_FRAME), body)[1:])]
    return {name for name, value in VALUES.items() if any(value.encode() in one for one in bodies)}


def _unpacked(frame: bytes) -> bytes:
    unpacking = zstd.ZstdDecompressor()
    try:
        return unpacking.decompress(_FRAME + frame)
    except zstd.ZstdError:
        return b""


def call(server: Served, far: Upstream, model: str = "far/m", **fields: Any) -> int:
    messages = [{"role": "user", "content": SAYS}]
    body = {"model": model, "messages": messages, **fields}
    return server.ask("POST", "/v1/chat/completions", body, WHO).status


def a_call(server: Served, far: Upstream) -> None:
    assert call(server, far) == 200
    assert call(server, far, stream=True) == 200


def a_call_without_a_model(server: Served, far: Upstream) -> None:
    assert call(server, far, model=f"no-such {EMAIL} {KEY}") == 404


def a_blocked_call(server: Served, far: Upstream) -> None:
    assert call(server, far, tools=[{"type": "function", "function": {"name": KEY}}]) in (200, 400)


def attempts_that_failed(server: Served, far: Upstream) -> None:
    said = f"we did not like {SAYS}"
    far.play(*[error_json(500, said) for _ in range(9)])
    assert call(server, far, model="twice") >= 400


def an_export(server: Served, far: Upstream) -> None:
    def text(key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": value}}

    number = {"key": "card", "value": {"intValue": str(CARD)}}
    members = {"kvlistValue": {"values": [text(EMAIL, "x"), number]}}
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": f"GET /users/{EMAIL}",
        "startTimeUnixNano": str(NOW_NS),
        "endTimeUnixNano": str(NOW_NS + 1),
        "status": {"code": 2, "message": SAYS},
        "attributes": [
            text("user.id", EMAIL),
            text("session.id", f"of {EMAIL}"),
            text("gen_ai.request.model", f"m {EMAIL}"),
            text("gen_ai.input.messages", json.dumps([{"role": "user", "content": SAYS}])),
            text("tag.tags", SAYS),
            text("langfuse.trace.metadata.note", SAYS),
            text("trimtab.note", SAYS),
            text(f"by.{EMAIL}", "x"),
            {"key": "nested", "value": members},
            {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": SAYS}]}}},
        ],
        "events": [{"name": SAYS, "timeUnixNano": str(NOW_NS), "attributes": [text("e", SAYS)]}],
        "links": [{"traceId": "ef" * 16, "spanId": "01" * 8, "attributes": [text("l", SAYS)]}],
    }
    scope = {"scope": {"name": SAYS, "attributes": [text("s", SAYS)]}, "spans": [span]}
    resource = {"attributes": [text("service.name", EMAIL), text("host.owner", SAYS)]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
    headers = {"content-type": "application/json"}
    assert server.ask("POST", "/v1/traces", body, headers).status == 200


def another_platforms_sdk(server: Served, far: Upstream) -> None:
    run = "5a3e7f0c-28c9-4a9a-9a59-0f5d6f2b9c11"
    begun = {
        "id": run,
        "name": SAYS,
        "run_type": "llm",
        "start_time": "2026-01-01T00:00:00Z",
        "inputs": {EMAIL: SAYS},
        "tags": [EMAIL],
        "extra": {"metadata": {"user_id": EMAIL, "note": SAYS, "card": CARD}},
    }
    ended = {"end_time": "2026-01-01T00:00:01Z", "outputs": {"o": SAYS}, "error": SAYS}
    assert server.ask("POST", "/runs", begun).status == 202
    assert server.ask("PATCH", f"/runs/{run}", ended).status == 202
    feedback = {"run_id": run, "key": "helpful", "score": 1, "comment": SAYS}
    assert server.ask("POST", "/feedback", feedback).status < 300


def scores(server: Served, far: Upstream) -> None:
    score = {
        "target": {"kind": "session", "id": "s1"},
        "name": "helpful",
        "label": EMAIL,
        "reason": SAYS,
        "evidence": [SAYS],
        "author": EMAIL,
        "metadata": {"a": [SAYS], EMAIL: CARD},
    }
    assert server.ask("POST", "/api/v1/scores", score).status == 201
    assert server.ask("POST", "/api/v1/scores", [score]).status == 201


WAYS = (
    a_call,
    a_call_without_a_model,
    a_blocked_call,
    attempts_that_failed,
    an_export,
    another_platforms_sdk,
    scores,
)


@pytest.mark.parametrize("mode", ["shadow", "enforce"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_nothing_that_a_policy_hides_is_in_a_file(
    tmp_path: Path, way: Callable[[Served, Upstream], None], mode: str
) -> None:
    with serving(tmp_path, GUARDS.format(mode=mode), ROUTES) as (server, far):
        way(server, far)
        server.run(server.app.tracing.empty)
        assert in_files(tmp_path / "data") == set()
    assert in_files(tmp_path / "data") == set()


def test_the_same_test_finds_what_no_policy_hides(tmp_path: Path) -> None:
    keep = "guards:\n  record: {secrets: keep, pii: keep}\n"
    for way in WAYS:
        folder = tmp_path / way.__name__
        folder.mkdir()
        with serving(folder, keep, ROUTES) as (server, far):
            way(server, far)
            server.run(server.app.tracing.empty)
        found = in_files(folder / "data")
        assert "e-mail" in found, way.__name__
        assert "key" in found, way.__name__


def test_what_waits_for_a_store_that_is_away_is_redacted_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, GUARDS.format(mode="enforce"), ROUTES) as (server, far):

        def away(**_: Any) -> Future[Any]:
            waiting: Future[Any] = Future()
            waiting.set_exception(StoreError("away"))
            return waiting

        with monkeypatch.context() as patch:
            patch.setattr(server.app.telemetry, "append", away)
            an_export(server, far)
            spool = tmp_path / "data" / "spool"
            assert any(b"email_address-" in one.read_bytes() for one in spool.rglob("*.*"))
            assert in_files(tmp_path / "data") == set()


def test_who_is_erased_is_found_by_the_name_that_was_given(tmp_path: Path) -> None:
    with serving(tmp_path, GUARDS.format(mode="shadow"), ROUTES) as (server, far):
        a_call(server, far)
        server.run(server.app.tracing.empty)
        (trace, *_) = server.client.get("/api/v1/traces")["data"]
        assert trace["user"].startswith("email_address-")
        erased = server.client.post("/api/v1/erase", {"users": [EMAIL]})
        assert erased["traces"] == 2
        assert server.client.get("/api/v1/traces")["data"] == []
