"""The gateway: what is sent to a model, what comes back, and what goes on record."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.stations.wiring import (
    CALLER,
    DONE,
    FAR,
    HELLO,
    QUESTION,
    RETRIEVAL,
    STREAM,
    Act,
    Script,
    chat,
    deployment,
    embedded,
    event,
    events,
    fails,
    in_loop,
    only_span,
    replies,
    said,
    usage,
    whole,
    wired,
)

from trimtab.errors import (
    InvalidRequest,
    ProviderUnavailable,
)
from trimtab.gateway.ask import Caller
from trimtab.gateway.task import ReleaseTask
from trimtab.records import Example, Message, ModelCard, Price

# -- what is sent ------------------------------------------------------------------------------


class TestWhatIsSent:
    def test_a_release_wins_over_the_caller_and_a_null_takes_a_field_away(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        parameters = {"temperature": 0, "top_p": None, "seed": 7, "self": "odd"}
        live = deployment(far, "m", parameters=parameters)

        async def work() -> None:
            far.play(replies(whole("x")))
            async with wired(tmp_path, providers=[far], deployments=[live]) as room:
                await room.ask(chat(model="widgets", temperature=2, top_p=0.1, n=1))
            sent = {key: value for key, value in far.asked.items() if key != "messages"}
            assert sent == {"model": "m", "temperature": 0, "seed": 7, "self": "odd", "n": 1}

        in_loop(work)

    def test_the_prompt_comes_first_and_all_messages_of_the_caller_follow_to_the_byte(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        tool_calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]
        prompt = (
            Message(role="system", content="About {{ question }}", name="guide"),
            Message(role="assistant", tool_calls=tool_calls),
            Message(role="tool", content="7", tool_call_id="c"),
        )
        live = deployment(far, "m", messages=prompt)
        mine = (
            rb'{"role":"system", "content":"Be \u0062rief."}',
            rb'{"role":"user","content":[{"type":"text","text":"Hi","n":1.10,"m":'
            + b"9" * 30
            + b"}]}",
        )
        body = b'{"model": "widgets", "messages": [' + b", ".join(mine) + b"]}"

        async def work() -> None:
            far.play(replies(whole("x")))
            async with wired(tmp_path, providers=[far], deployments=[live]) as room:
                await room.ask(body)
                root, model = await room.spans()
            opening = [
                {"role": "system", "content": "About Hi", "name": "guide"},
                {"role": "assistant", "content": None, "tool_calls": tool_calls},
                {"role": "tool", "content": "7", "tool_call_id": "c"},
            ]
            asked = [json.loads(message) for message in mine]
            assert far.asked["messages"] == opening + asked
            assert b", ".join(mine) + b"]" in far.calls[0].body
            assert (root.kind, root.input) == ("chain", asked)
            assert (model.kind, model.input) == ("llm", opening + asked)

        in_loop(work)

    @pytest.mark.parametrize(
        ("options", "sent"),
        [
            (None, {"include_usage": True}),
            ({}, {"include_usage": True}),
            ({"include_usage": False, "chunk_size": 7}, {"include_usage": True, "chunk_size": 7}),
            ({"include_usage": True, "chunk_size": 7}, {"include_usage": True, "chunk_size": 7}),
        ],
    )
    def test_usage_is_asked_for_and_other_stream_options_are_kept(
        self, tmp_path: Path, options: Any, sent: dict[str, Any]
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(*HELLO, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(chat(model=FAR, stream=True, stream_options=options))
            assert far.asked["stream_options"] == sent
            assert far.calls[0].stream

        in_loop(work)

    def test_only_a_stream_has_to_begin_in_time(self, tmp_path: Path) -> None:
        """A whole answer begins when all of it is made."""
        far = Script()

        async def work() -> None:
            far.play(replies(whole("x")), replies(*HELLO, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(chat(model=FAR))
                await room.ask(chat(model=FAR, stream=True))

        in_loop(work)
        assert [call.first_byte_s for call in far.calls] == [None, 20]
        assert [call.timeout_s for call in far.calls] == [20, 20]

    def test_a_request_without_a_release_is_sent_as_it_came_but_for_the_model(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        rest = b'"messages": [ {"role":"user","content":"x"} ], "top_p": 1e400, "n": 1.0}'

        async def work() -> None:
            far.play(replies(whole("x")))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(b'{"model": "far/m", ' + rest)
            body = far.calls[0].body
            assert body.startswith(b'{"model":"m",')
            for piece in (b'[ {"role":"user","content":"x"} ]', b'"top_p":1e400', b'"n":1.0'):
                assert piece in body

        in_loop(work)

    def test_a_prompt_that_fails_on_a_question_is_a_refusal_on_record(self, tmp_path: Path) -> None:
        far = Script()
        broken = (Message(role="system", content="{{ 1 / (question | length - 2) }}"),)
        live = deployment(far, "m", messages=broken)

        async def work() -> None:
            async with wired(tmp_path, providers=[far], deployments=[live]) as room:
                with pytest.raises(InvalidRequest, match="division by zero"):
                    await room.ask(
                        chat(model="widgets", messages=[{"role": "user", "content": "Hi"}])
                    )
                assert room.gateway.in_flight == 0
                spans = await room.spans()
            assert [span.status for span in spans] == ["error", "error"]
            assert far.calls == []

        in_loop(work)


# -- what comes back ---------------------------------------------------------------------------


class TestWhatComesBack:
    def test_a_stream_is_forwarded_to_the_byte_but_for_usage_nobody_asked_for(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        azure = event(choices=[], prompt_filter_results=[{"usage": "x"}])
        parts = [b": keep-alive\n\n", azure, said("Hel"), said('"usage"'), usage(3, 2), DONE]

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                for options, expected in [
                    (None, parts[:4] + parts[5:]),
                    ({"include_usage": True}, parts),
                ]:
                    joined = b"".join(parts).replace(b"\n\n", b"\r\n\r\n")
                    bytewise = [joined[i : i + 1] for i in range(len(joined))]
                    far.play(replies(*bytewise, headers=STREAM))
                    _, body = await room.ask(chat(model=FAR, stream=True, stream_options=options))
                    assert events(body) == events(b"".join(expected))
                    if options:
                        assert body.rstrip() == joined.rstrip()
                for span in await room.spans():
                    assert span.usage is not None
                    assert (span.usage.input, span.usage.output) == (3, 2)
                    assert not span.usage.estimated

        in_loop(work)

    def test_usage_that_comes_with_a_choice_stays_where_it_is(self, tmp_path: Path) -> None:
        far = Script()
        last = event(
            choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}],
            usage={"prompt_tokens": 9, "completion_tokens": 1},
        )

        async def work() -> None:
            far.play(replies(said("a"), last, DONE, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                span = await only_span(room)
            assert body == said("a") + last + DONE
            assert span.usage is not None
            assert span.usage.input == 9

        in_loop(work)

    def test_a_provider_may_answer_a_stream_request_with_json(self, tmp_path: Path) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(whole("all at once", usage={"prompt_tokens": 3})))
            async with wired(tmp_path, providers=[far]) as room:
                answer, body = await room.ask(chat(model=FAR, stream=True))
                span = await only_span(room)
            assert answer.headers["content-type"] == "application/json"
            assert body == whole("all at once", usage={"prompt_tokens": 3})
            assert span.output == [{"role": "assistant", "content": "all at once"}]
            assert span.status == "ok"

        in_loop(work)

    def test_a_provider_may_stream_although_nobody_asked(self, tmp_path: Path) -> None:
        far = Script()
        headers = {"content-type": "Text/Event-Stream; charset=utf-8"}

        async def work() -> None:
            far.play(replies(*HELLO, headers=headers))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR))
                span = await only_span(room)
            assert body.endswith(DONE)
            assert span.output == [{"role": "assistant", "content": "Hello"}]

        in_loop(work)

    def test_an_answer_that_ends_twice_is_recorded_once(self, tmp_path: Path) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(*HELLO, DONE, said("more"), DONE, headers=STREAM))
            async with wired(tmp_path, providers=[far], deployments=[deployment(far, "m")]) as room:
                answer, body = await room.ask(chat(model="widgets", stream=True))
                spans = await room.spans()
            assert [span.kind for span in spans] == ["chain", "llm"]
            assert len(answer.spans) == 2
            assert body.count(DONE) == 3

        in_loop(work)

    def test_an_event_that_cannot_be_read_is_forwarded_and_harms_nothing(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        strange = [b'data: {"usage":' + b"[" * 100_000 + b"\n\n", b"data: 1e400\n\n", b"data\n\n"]

        async def work() -> None:
            far.play(replies(said("Hel"), *strange, said("lo"), DONE, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                span = await only_span(room)
            assert body == said("Hel") + b"".join(strange) + said("lo") + DONE
            assert span.output == [{"role": "assistant", "content": "Hello"}]

        in_loop(work)

    def test_counts_of_tokens_that_no_call_can_have_are_not_believed(self, tmp_path: Path) -> None:
        far = Script(cards=[ModelCard(id=FAR, provider="far", price=Price(input=Decimal(1)))])
        absurd = {"prompt_tokens": 10**30, "completion_tokens": -5}

        async def work() -> None:
            far.play(replies(whole("x", usage=absurd)))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(chat(model=FAR))
                span = await only_span(room)
            assert span.usage is not None
            assert span.usage.estimated
            assert 0 < span.usage.input < 1000
            assert span.cost_usd is None, "the output has no price"

        in_loop(work)

    def test_a_refusal_that_is_not_json_becomes_json_and_says_that_it_is(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        page = {"content-type": "text/html", "retry-after": "7"}

        async def work() -> None:
            far.play(replies(b"<html>", status=503, headers=page))
            async with wired(tmp_path, providers=[far]) as room:
                answer, body = await room.ask(chat(model=FAR))
            assert answer.status == 503
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["retry-after"] == "7"
            assert json.loads(body)["error"]["type"] == "upstream_error"

        in_loop(work)

    def test_a_refusal_in_json_comes_through_as_it_was(self, tmp_path: Path) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(b'{"error": 1.10}', status=422, headers={"content-type": "Text/JSON"}))
            async with wired(tmp_path, providers=[far]) as room:
                answer, body = await room.ask(chat(model=FAR))
                span = await only_span(room)
            assert (answer.status, body) == (422, b'{"error": 1.10}')
            assert answer.headers["content-type"] == "Text/JSON"
            assert (span.status, span.output, span.usage) == ("error", None, None)
            assert span.error is not None
            assert span.error.startswith("HTTP 422")

        in_loop(work)

    def test_awkward_characters_reach_the_record_unharmed(self, tmp_path: Path) -> None:
        far = Script()
        text = "a\x00b \u2028 😀 \\ud83d '\""

        async def work() -> None:
            far.play(replies(whole(text)))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(chat(model=FAR, messages=[{"role": "user", "content": text}]))
                span = await only_span(room)
            assert span.input == [{"role": "user", "content": text}]
            assert span.output == [{"role": "assistant", "content": text}]

        in_loop(work)


# -- a release as a task -----------------------------------------------------------------------


class TestReleaseTask:
    def test_a_response_brings_what_scorers_need_and_leads_to_its_record(
        self, tmp_path: Path
    ) -> None:
        local = embedded()
        live = deployment(local, "extract", retrieval=RETRIEVAL, parameters={"abstain_below": 0.0})
        caller = Caller(principal="tester", project="default", run="run-1")

        async def work() -> None:
            async with wired(tmp_path, deployments=[live]) as room:
                task = ReleaseTask(room.gateway, model="widgets@1", caller=caller)
                response = await task(Example(example_id="e", input=QUESTION))
                spans = await room.spans()
            assert "7711" in response.output
            assert len(response.passages) == 2
            assert response.context == tuple(passage.text for passage in response.passages)
            assert response.cost_usd == 0
            root = next(span for span in spans if span.parent_id is None)
            assert (root.trace_id, root.span_id) == (response.trace_id, response.span_id)
            assert response.latency_ms == root.duration_ms
            assert {span.run for span in spans} == {"run-1"}

        in_loop(work)

    @pytest.mark.parametrize(
        ("act", "error"),
        [
            (replies(b'{"error": {}}', status=500), "HTTP 500"),
            (replies(b"not json"), "not JSON"),
            (fails(ProviderUnavailable("it is down")), "it is down"),
        ],
    )
    def test_a_failed_call_is_a_response_with_the_error(
        self, tmp_path: Path, act: Act, error: str
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(act)
            async with wired(tmp_path, providers=[far]) as room:
                task = ReleaseTask(room.gateway, model=FAR, caller=CALLER)
                response = await task(Example(example_id="e", input="x"))
            assert response.output is None
            assert response.error is not None
            assert error in response.error
            assert room.gateway.in_flight == 0

        in_loop(work)
