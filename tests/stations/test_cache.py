"""The answer cache: what is kept, for whom, how long, and what a hit costs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.far import compatible
from tests.stations.caching import (
    CARD,
    CHAT,
    FINISHED,
    STOP,
    Cached,
    ann,
    answered,
    body,
    cached,
)
from tests.stations.canary import HIDDEN, MARKER, Canary
from tests.stations.wiring import (
    DONE,
    HELLO,
    STREAM,
    Act,
    Script,
    deployment,
    event,
    events,
    fails,
    in_loop,
    replies,
    said,
    usage,
)
from tests.upstream import Upstream

from trimtab.errors import ProviderError, ProviderUnavailable
from trimtab.gateway.hooks import Hooks
from trimtab.records.route import CacheSettings

SHARED = msgspec.structs.replace(CHAT, cache=CacheSettings(shared=True))


class Speaking(Script):
    """A provider of another dialect."""

    def __init__(self, dialect: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._dialect = dialect

    def speaks(self, model: str) -> tuple[str, ...]:
        return (self._dialect,)


@asynccontextmanager
async def real(data: Path) -> AsyncIterator[tuple[Cached, Upstream]]:
    """A provider over HTTP, whose requests can be counted."""
    async with Upstream() as upstream:
        card = msgspec.structs.replace(CARD, id="far/m")
        far = compatible(upstream.base_url, cards=(card,))
        async with cached(data, far) as room:
            yield room, upstream


# -- replay ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"stream": True}])
def test_a_hit_has_the_bytes_of_the_first_answer(tmp_path: Path, options: Any) -> None:
    async def work() -> None:
        async with real(tmp_path) as (room, upstream):
            first = await room.put(body(**options))
            second = await room.put(body(**options))
            assert (first[0], second[0]) == ("miss", "hit")
            assert first[1] == second[1]
            assert (b"data: [DONE]" in first[1]) == bool(options)
            assert len(upstream.requests) == 1

    in_loop(work)


def test_odd_line_ends_comments_and_split_events_are_replayed_as_they_came(tmp_path: Path) -> None:
    wire = b": hi\r\n\r\n" + b"".join(FINISHED).replace(b"\n", b"\r\n") + b": bye\n\n"
    pieces = [wire[at : at + 7] for at in range(0, len(wire), 7)]

    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(replies(*pieces, headers=STREAM))
            asked = body(stream=True, stream_options={"include_usage": True})
            assert await room.put(asked) == ("miss", wire)
            assert await room.put(asked) == ("hit", wire)

    in_loop(work)


def test_usage_is_shown_to_those_who_asked_for_it_whoever_asked_first(tmp_path: Path) -> None:
    shown = body(stream=True, stream_options={"include_usage": True})

    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(replies(*FINISHED, headers=STREAM))
            assert await room.put(body(stream=True)) == ("miss", b"".join([*FINISHED[:3], DONE]))
            assert await room.put(shown) == ("hit", b"".join(FINISHED))

    in_loop(work)


@pytest.mark.parametrize("dialect", ["openai.chat", "openai.responses", "anthropic.messages"])
@pytest.mark.parametrize("first_streams", [True, False])
def test_a_stream_answers_a_request_for_a_whole_and_the_other_way_round(
    tmp_path: Path, dialect: str, *, first_streams: bool
) -> None:
    act = replies(*FINISHED, headers=STREAM) if first_streams else replies(answered("Hello"))
    asked: dict[str, Any] = {"model": "chat", "max_tokens": 9}
    asked |= {"messages": [{"role": "user", "content": "Hi"}]}
    if dialect == "openai.responses":
        asked = {"model": "chat", "input": "Hi"}

    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(act)
            found = {}
            for streams in (first_streams, not first_streams):
                request = json.dumps({**asked, "stream": streams}).encode()
                answer, found[streams] = await room.whole(request, dialect=dialect)
                kind = "text/event-stream" if streams else "application/json"
                assert answer.headers["content-type"] == kind
            streamed, whole = found[True], found[False]
            assert "Hello" in json.dumps(json.loads(whole))
            assert b"Hel" in streamed
            assert events(streamed)
            miss, hit = await room.spans()
            assert (miss.output, miss.status) == (hit.output, hit.status)
            assert [span.attributes["trimtab.cache"] for span in (miss, hit)] == ["miss", "hit"]

    in_loop(work)


def test_a_hit_in_another_dialect_than_the_providers_is_translated_again(tmp_path: Path) -> None:
    asked = {"model": "chat", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}

    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(replies(answered("Hello")))
            request = json.dumps(asked).encode()
            first = await room.put(request, dialect="anthropic.messages")
            second = await room.put(request, dialect="anthropic.messages")
            assert (first[0], second[0]) == ("miss", "hit")
            one, two = json.loads(first[1]), json.loads(second[1])
            assert one["content"] == two["content"] == [{"type": "text", "text": "Hello"}]
            assert one["usage"] == two["usage"]

    in_loop(work)


def test_embeddings_are_kept_as_well(tmp_path: Path) -> None:
    vectors = msgspec.json.encode({"data": [{"embedding": [1, 2]}], "usage": {"prompt_tokens": 3}})
    asked = json.dumps({"model": "chat", "input": ["a"]}).encode()

    async def work() -> None:
        far = Speaking("openai.embeddings", cards=[CARD])
        far.play(replies(vectors))
        async with cached(tmp_path, far) as room:
            for verdict in ("miss", "hit"):
                found = await room.put(asked, dialect="openai.embeddings")
                assert found == (verdict, vectors)

    in_loop(work)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("action", ["replace", "block"])
def test_guards_of_the_answer_see_a_hit_as_they_see_any_answer(
    tmp_path: Path, action: str, *, stream: bool
) -> None:
    told = f"one {MARKER} two"
    act = replies(said(told), STOP, usage(3, 2), DONE, headers=STREAM)
    if not stream:
        act = replies(answered(told))

    async def work() -> None:
        guard = Canary(action, stage="output")
        async with cached(tmp_path, hooks=Hooks([guard])) as room:
            room.far.play(act, act, act)
            found = [await room.put(body(stream=stream)) for _ in "12"]
            # A stream that is blocked is left before its end, so there is nothing to keep.
            again = "miss" if stream and action == "block" else "hit"
            assert [verdict for verdict, _ in found] == ["miss", again]
            assert all(MARKER.encode() not in written for _, written in found)
            assert all(
                (HIDDEN.encode() in written) == (action == "replace") for _, written in found
            )
            # A guard that is taken away was not cached with the answer.
            room.gateway._hooks = None
            verdict, written = await room.put(body(stream=stream))
            assert verdict == again
            assert MARKER.encode() in written

    in_loop(work)


# -- what is the same --------------------------------------------------------------------------

SAME = [
    (b'{"model":"chat","messages":[{"role":"user","content":"a"}],"n":1}', "spaces and order"),
    (b'{"n":1, "messages":[{"content":"\\u0061","role":"user"}], "model":"chat"}', "escapes"),
    (body("a", n=1, metadata={"run": "7"}), "metadata"),
    (body("a", n=1, trimtab={"variables": {}}), "variables of nobody"),
    (body("a", n=1, model="also"), "an alias"),
]
OTHER = [
    body("A", n=1),
    body("a", n=1.0),
    body("a", n=2),
    body("a", n=1, seed=1),
    body("a"),
    body("a", n=10**30),
    body("a", n=10**30 + 1),
    body("a", n=1, messages=[{"role": "user", "content": "a"}] * 2),
]


def test_requests_are_the_same_whatever_does_not_matter_to_the_answer(tmp_path: Path) -> None:
    route = msgspec.structs.replace(CHAT, aliases=("also",))

    async def work() -> None:
        async with cached(tmp_path, route=route) as room:
            room.far.play(replies(answered()))
            verdicts = [(await room.put(asked))[0] for asked, _ in SAME]
            assert verdicts == ["miss", *["hit"] * (len(SAME) - 1)]

    in_loop(work)


def test_requests_that_differ_in_anything_else_are_not_the_same(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(*[replies(answered()) for _ in range(20)])
            for asked in (SAME[0][0], *OTHER):
                assert (await room.put(asked))[0] == "miss"
            assert (await room.put(SAME[0][0], ann(headers={"anthropic-beta": "x"})))[0] == "miss"
            assert len(room.far.calls) == len(OTHER) + 2

    in_loop(work)


def test_numbers_beyond_floats_do_not_collide(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(replies(answered()), replies(answered()))
            one, two = (body("a")[:-1] + b', "n": %b}' % n for n in (b"1e400", b"1e401"))
            assert [(await room.put(asked))[0] for asked in (one, two, one)] == [
                "miss",
                "miss",
                "hit",
            ]

    in_loop(work)


@pytest.mark.parametrize(
    ("route", "second", "verdict"),
    [
        (CHAT, ann(), "hit"),
        (CHAT, ann(user="bob"), "miss"),
        (CHAT, ann(user=None), "miss"),
        (CHAT, ann(user=None, key="ann"), "miss"),
        (CHAT, ann(key="k"), "miss"),
        (CHAT, ann(key_user="ann"), "miss"),
        (CHAT, ann(principal="other"), "miss"),
        (SHARED, ann(user="bob"), "hit"),
        (SHARED, ann(user=None, key="k"), "hit"),
    ],
)
def test_an_answer_is_for_its_user_unless_the_route_shares_it(
    tmp_path: Path, route: Any, second: Any, verdict: str
) -> None:
    async def work() -> None:
        async with cached(tmp_path, route=route) as room:
            room.far.play(replies(answered()), replies(answered()))
            await room.put(body())
            assert (await room.put(body(), second))[0] == verdict

    in_loop(work)


def test_without_a_user_an_answer_is_for_its_key(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(replies(answered()), replies(answered()), replies(answered()))
            one, two = ann(user=None, key="k1"), ann(user=None, key="k2")
            verdicts = [(await room.put(body(), caller))[0] for caller in (one, two, one)]
            assert verdicts == ["miss", "miss", "hit"]
            assert (await room.put(body(user="ann"), one))[0] == "miss"
            assert (await room.put(body(user="ann"), one))[0] == "hit"

    in_loop(work)


def test_no_key_gets_the_answers_of_another_by_claiming_to_be_its_user(tmp_path: Path) -> None:
    mine = [ann(key="k1", key_user="eve"), ann(key="k2", key_user="eve")]
    others = [ann(key="k3", key_user="bob"), ann(key="k3"), ann(key="eve")]

    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(*[replies(answered())] * 4)
            asked = body(user="ann")
            verdicts = [(await room.put(asked, caller))[0] for caller in (*mine, *others)]
            assert verdicts == ["miss", "hit", "miss", "miss", "miss"]

    in_loop(work)


def test_another_release_or_another_prompt_does_not_get_the_answers_of_the_one_before(
    tmp_path: Path,
) -> None:
    route = msgspec.structs.replace(CHAT, name="widgets")
    far = Script(cards=[CARD])
    prompts = [{"digest": "1"}, {"digest": "2"}, {"digest": "2", "version": 2}]

    async def work() -> None:
        for _ in prompts:
            far.play(replies(answered()))
        live = [deployment(far, "m", messages=(), **fields) for fields in prompts]
        async with cached(tmp_path, far, route=route, deployments=[live[0]]) as room:
            asked = body(model="widgets")
            snapshots = type(room.gateway.snapshot)
            for one in live:
                room.gateway.snapshot = snapshots({"far": far}, [one], [route])
                assert [(await room.put(asked))[0] for _ in "12"] == ["miss", "hit"]

    in_loop(work)


# -- what is not kept --------------------------------------------------------------------------

REFUSED = event(choices=[{"index": 0, "delta": {"refusal": "No"}, "finish_reason": "stop"}])
FILTERED = event(choices=[{"index": 1, "delta": {}, "finish_reason": "content_filter"}])
NOT_KEPT: dict[str, tuple[Act, bool]] = {
    "no reason why it ended": (replies(*HELLO, headers=STREAM), True),
    "cut before its end": (replies(said("Hel"), headers=STREAM), True),
    "failed on the way": (replies(said("H"), ProviderError("broke"), headers=STREAM), True),
    "an error among the events": (replies(said("H"), event(error="x"), headers=STREAM), True),
    "one choice was filtered": (replies(said("H"), FILTERED, STOP, DONE, headers=STREAM), True),
    "filtered": (replies(answered(reason="content_filter")), False),
    "no JSON": (replies(b"oh"), False),
    "an error of status 200": (replies(answered(error={"message": "x"})), False),
    "not found": (replies(b'{"error":{"message":"x"}}', status=404), False),
    "accepted": (replies(answered(), status=202), False),
    "away": (fails(ProviderUnavailable("away")), False),
}


@pytest.mark.parametrize("why", NOT_KEPT)
def test_only_a_complete_answer_without_an_error_is_kept(tmp_path: Path, why: str) -> None:
    act, stream = NOT_KEPT[why]

    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(act, replies(answered()))
            with suppress(ProviderError):
                await room.put(body(stream=stream))
            assert room.cache.counts.answers == 0
            assert (await room.put(body(stream=stream)))[0] == "miss"
            assert len(room.cache.flights) == 0

    in_loop(work)


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls"])
def test_answers_that_ended_by_themselves_are_kept(tmp_path: Path, reason: str) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(replies(answered(reason=reason)))
            assert [(await room.put(body()))[0] for _ in "12"] == ["miss", "hit"]

    in_loop(work)


@pytest.mark.parametrize(
    ("caller", "fields", "verdicts", "after"),
    [
        (ann(cache_control="no-store"), {}, [None, None], "miss"),
        (ann(cache_control="max-age=0, No-Store"), {}, [None, None], "miss"),
        (ann(), {"trimtab": {"cache": False}}, [None, None], "miss"),
        (ann(cache_control="no-cache"), {}, ["miss", "miss"], "hit"),
    ],
)
def test_a_request_can_do_without(
    tmp_path: Path, caller: Any, fields: Any, verdicts: list[str | None], after: str
) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(*[replies(answered(str(n))) for n in range(3)])
            assert [(await room.put(body(**fields), caller))[0] for _ in "12"] == verdicts
            found = await room.put(body())
            assert found[0] == after
            if after == "hit":  # the one written last
                assert found[1] == answered("1")

    in_loop(work)


def test_nothing_is_kept_without_the_consent_of_the_route(tmp_path: Path) -> None:
    plain = msgspec.structs.replace(CHAT, name="plain", cache=None)

    async def work() -> None:
        async with cached(tmp_path, routes=[CHAT, plain]) as room:
            room.far.play(*[replies(answered()) for _ in range(4)])
            for model in ("plain", "far/m"):
                assert [(await room.put(body(model=model)))[0] for _ in "12"] == [None, None]
            assert room.cache.counts.answers == 0

    in_loop(work)


@pytest.mark.parametrize("field", ["conversation", "background", None])
def test_nothing_is_kept_where_asking_changes_something(tmp_path: Path, field: str | None) -> None:
    said = {"type": "output_text", "text": "Hi"}
    item = {"type": "message", "role": "assistant", "content": [said]}
    response = {"id": "r", "object": "response", "status": "completed", "output": [item]}
    asked = {"model": "chat", "input": "a", **({field: "c"} if field else {})}
    far = Speaking("openai.responses", cards=[CARD])

    async def work() -> None:
        far.play(*[replies(msgspec.json.encode(response)) for _ in "12"])
        async with cached(tmp_path, far) as room:
            request = json.dumps(asked).encode()
            found = [(await room.put(request, dialect="openai.responses"))[0] for _ in "12"]
            assert found == ([None, None] if field else ["miss", "hit"])

    in_loop(work)
