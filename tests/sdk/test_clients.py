"""Calls of the stock `openai` and `anthropic` clients are recorded and come out as they went in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.sdk.anthropic_fake import messages
from tests.sdk.collector import Collector, Seen
from tests.sdk.openai_fake import openai_api
from tests.sdk.programs import Programs
from tests.upstream import (
    Upstream,
    chat_events,
    cut_mid_stream,
    error_json,
    hang_mid_stream,
    rate_limited,
    upstream_in_thread,
)

OPENAI = """\
import asyncio, gc, os, sys
import trimtab
if os.environ["WIRED"] == "before":
    import openai
if os.environ["WIRED"] != "never":
    trimtab.instrument()
import openai
client = openai.OpenAI(base_url=os.environ["MODEL_URL"], api_key="k", max_retries=0)
aclient = openai.AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="k", max_retries=0)
ask = {"model": "m", "messages": [{"role": "user", "content": "Which port?"}]}
"""
ANTHROPIC = """\
import asyncio, gc, os, sys
import trimtab
if os.environ["WIRED"] == "before":
    import anthropic
if os.environ["WIRED"] != "never":
    trimtab.instrument()
import anthropic
url = os.environ["MODEL_URL"].removesuffix("/v1")
client = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
aclient = anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0)
ask = {"model": "m", "max_tokens": 50, "system": "Be brief.",
       "messages": [{"role": "user", "content": "Which port?"}]}
"""
TTFT = "gen_ai.server.time_to_first_token"
ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Which port?"}]}]
SAID = {"type": "text", "content": "You said: Which port?"}
CALL = {"type": "tool_call", "id": "call_1", "name": "look", "arguments": {"q": "ports"}}


@pytest.fixture(scope="module")
def openai_server() -> Iterator[Upstream]:
    with upstream_in_thread(handler=openai_api) as running:
        yield running


@pytest.fixture(scope="module")
def anthropic_server() -> Iterator[Upstream]:
    with upstream_in_thread(handler=messages) as running:
        yield running


def run(
    programs: Programs, server: Upstream, prelude: str, code: str, wired: str = "after"
) -> list[str]:
    done = programs.run(code, prelude=prelude, MODEL_URL=server.base_url, WIRED=wired)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def loaded(span: Seen, side: str) -> Any:
    return json.loads(span.attributes[f"gen_ai.{side}.messages"])


@pytest.mark.parametrize("wired", ["before", "after"])
def test_chat_completions_are_recorded_whole_and_streamed_sync_and_async(
    programs: Programs, collector: Collector, openai_server: Upstream, wired: str
) -> None:
    code = """
    def text(answer): return answer.choices[0].message.content
    def pieces(stream):
        return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)

    with trimtab.span("sync"):
        print(text(client.chat.completions.create(temperature=0.5, **ask)))
    usage = {"include_usage": True}
    with trimtab.span("stream"):
        stream = client.chat.completions.create(stream=True, stream_options=usage, **ask)
        print(type(stream).__module__, pieces(stream))
    with trimtab.span("helper"):
        with client.chat.completions.stream(**ask) as stream:
            for event in stream:
                pass
            print(text(stream.get_final_completion()))

    async def main():
        with trimtab.span("async"):
            print(text(await aclient.chat.completions.create(**ask)))
        with trimtab.span("astream"):
            stream = await aclient.chat.completions.create(stream=True, **ask)
            print("".join([c.choices[0].delta.content or "" async for c in stream]))
        await aclient.close()

    asyncio.run(main())
    """
    said = run(programs, openai_server, OPENAI, code, wired)
    assert said == run(programs, openai_server, OPENAI, code, "never")
    chats = [span for span in collector.spans if span.name == "chat m"]
    assert len(chats) == 5
    for span in chats:
        assert loaded(span, "input") == ASKED
        assert loaded(span, "output") == [
            {"role": "assistant", "parts": [SAID], "finish_reason": "stop"}
        ]
        found = span.attributes
        assert found["gen_ai.provider.name"] == "openai"
        assert found["gen_ai.operation.name"] == "chat"
        assert found["gen_ai.response.model"] == "m"
        assert found["gen_ai.response.id"] == "chatcmpl-1"
        assert found["gen_ai.response.finish_reasons"] == ["stop"]
        assert found["server.port"] == openai_server.port
        assert (span.kind, span.status) == (3, 0)

    def below(name: str) -> Seen:
        (found,) = [span for span in chats if span.parent_id == collector.one(name).span_id]
        return found

    assert below("sync").attributes["gen_ai.request.temperature"] == 0.5
    assert below("sync").attributes["gen_ai.usage.input_tokens"] == 2
    for name in ("stream", "helper", "astream"):
        assert below(name).attributes["gen_ai.server.time_to_first_token"] > 0
        assert below(name).attributes["gen_ai.request.stream"] is True
    assert below("stream").attributes["gen_ai.usage.output_tokens"] == 4
    assert "gen_ai.usage.output_tokens" not in below("astream").attributes


def test_tool_calls_structured_answers_responses_and_embeddings(
    programs: Programs, collector: Collector, openai_server: Upstream
) -> None:
    code = """
    from pydantic import BaseModel
    class Port(BaseModel):
        port: int

    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    with trimtab.span("tools"):
        answer = client.chat.completions.create(tools=tools, **ask)
    with trimtab.span("tools streamed"):
        print(len(list(client.chat.completions.create(tools=tools, stream=True, **ask))))
    with trimtab.span("back"):
        history = [*ask["messages"], answer.choices[0].message,
                   {"role": "tool", "tool_call_id": "call_1", "content": "7711"}]
        client.chat.completions.create(model="m", messages=history)
    with trimtab.span("parsed"):
        parsed = client.beta.chat.completions.parse(response_format=Port, **ask)
        print(parsed.choices[0].message.parsed.port)
    with trimtab.span("response"):
        asked = {"model": "m", "input": "Which port?"}
        print(client.responses.create(instructions="Brief.", **asked).output_text)
    with trimtab.span("response streamed"):
        with client.responses.stream(**asked) as stream:
            print([event.type for event in stream][-1], stream.get_final_response().output_text)
    with trimtab.span("embedding"):
        answer = client.embeddings.create(model="e", input="x", encoding_format="float")
        print(answer.data[0].embedding)
    """
    said = run(programs, openai_server, OPENAI, code)
    assert said == ["4", "7711", "On 7711.", "response.completed On 7711.", "[0.5, 0.25]"]

    def below(name: str) -> Seen:
        parent = collector.one(name).span_id
        (found,) = [span for span in collector.spans if span.parent_id == parent]
        return found

    for name in ("tools", "tools streamed"):
        (answer,) = loaded(below(name), "output")
        assert answer == {"role": "assistant", "parts": [CALL], "finish_reason": "tool_calls"}
    assert loaded(below("back"), "input")[1:] == [
        {"role": "assistant", "parts": [CALL]},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "call_1", "response": "7711"}],
        },
    ]
    usage = {
        name.removeprefix("gen_ai.usage."): count
        for name, count in below("tools").attributes.items()
        if name.startswith("gen_ai.usage.")
    }
    assert usage == {
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_read.input_tokens": 64,
        "reasoning.output_tokens": 5,
    }
    assert json.loads(loaded(below("parsed"), "output")[0]["parts"][0]["content"]) == {"port": 7711}
    for name in ("response", "response streamed"):
        span = below(name)
        assert loaded(span, "input") == ASKED
        assert loaded(span, "output")[0]["parts"] == [{"type": "text", "content": "On 7711."}]
        assert span.attributes["gen_ai.usage.input_tokens"] == 11
    assert below("response streamed").attributes["gen_ai.server.time_to_first_token"] > 0
    embedding = below("embedding")
    assert embedding.name == "embeddings e"
    assert embedding.attributes["gen_ai.usage.input_tokens"] == 2


def test_raw_responses_and_streams_given_up_end_their_spans(
    programs: Programs, collector: Collector, openai_server: Upstream
) -> None:
    code = """
    raw = client.chat.completions.with_raw_response.create(**ask)
    print(raw.headers["x-request-id"], raw.parse().choices[0].message.content)
    with client.chat.completions.with_streaming_response.create(**ask) as response:
        print(response.json()["id"])
    for chunk in client.chat.completions.create(stream=True, **ask):
        if chunk.choices[0].delta.content:
            break
    del chunk
    gc.collect()
    client.chat.completions.create(stream=True, **ask).close()
    with client.chat.completions.create(stream=True, **ask) as stream:
        next(stream)
    trimtab.flush()
    print("flushed", flush=True)
    os._exit(0)
    """
    assert run(programs, openai_server, OPENAI, code) == [
        "req_0001 You said: Which port?",
        "chatcmpl-1",
        "flushed",
    ]
    assert collector.names() == ["chat m"] * 5
    assert [span.status for span in collector.spans] == [0] * 5
    assert loaded(collector.spans[0], "output")[0]["parts"] == [SAID]
    assert loaded(collector.spans[2], "output")[0]["parts"][0]["content"] == "You "
    assert collector.spans[2].end_ns < collector.spans[3].start_ns


@pytest.mark.parametrize("ending", ["pass", "os.kill(os.getpid(), 15)"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_that_nobody_reads_to_its_end_keeps_what_was_read_when_the_process_ends(
    programs: Programs, collector: Collector, openai_server: Upstream, kind: str, ending: str
) -> None:
    reading = """
    stream = client.chat.completions.create(stream=True, **ask)
    next(stream), next(stream), next(stream)
    """
    if kind == "async":
        reading = """
    async def main():
        global stream
        stream = await aclient.chat.completions.create(stream=True, **ask)
        for _ in range(3):
            await anext(stream)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
        """
    code = f"{reading}\n    import time; time.sleep(1)\n    {ending}"
    done = programs.run(
        code, prelude=OPENAI, MODEL_URL=openai_server.base_url, WIRED="after", PYTHONWARNINGS=""
    )
    assert done.returncode in (0, -15)
    assert "ended span" not in done.stderr
    span = collector.one("chat m")
    assert loaded(span, "output")[0]["parts"][0]["content"] == "You said: "
    assert "error.type" not in span.attributes
    assert span.end_ns - span.start_ns < 1e9 + span.attributes[TTFT] * 1e9


def test_a_stream_that_is_being_read_when_the_process_ends_is_cancelled(
    programs: Programs, collector: Collector, openai_server: Upstream
) -> None:
    begun = chat_events({"model": "m", "messages": [{"content": "x"}]})[:3]
    openai_server.play(hang_mid_stream(*begun))
    code = """
    import threading, signal
    stream = client.chat.completions.create(stream=True, **ask)
    next(stream), next(stream), next(stream)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    next(stream)
    """
    done = programs.run(code, prelude=OPENAI, MODEL_URL=openai_server.base_url, WIRED="after")
    assert done.returncode == -15, done.stderr
    span = collector.one("chat m")
    assert loaded(span, "output")[0]["parts"][0]["content"] == "You said: "
    assert span.attributes["error.type"] == "cancelled"


def test_what_the_client_raises_is_raised_and_recorded(
    programs: Programs, collector: Collector, openai_server: Upstream
) -> None:
    half = chat_events({"model": "m", "messages": [{"content": "x"}]})[:3]
    openai_server.play(rate_limited(), cut_mid_stream(*half), error_json(401, "no"))
    code = """
    def attempt(call):
        try:
            call()
        except Exception as error:
            print(type(error).__qualname__)
    attempt(lambda: client.chat.completions.create(**ask))
    attempt(lambda: list(client.chat.completions.create(stream=True, **ask)))
    async def main():
        async with aclient:
            await aclient.chat.completions.create(**ask)
    attempt(lambda: asyncio.run(main()))
    attempt(lambda: client.chat.completions.create(model="m"))
    attempt(lambda: client.chat.completions.create(model="m", messages=[{"tool_calls": 1}], n=b""))
    attempt(lambda: openai.OpenAI(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
            .chat.completions.create(**ask))
    """
    said = run(programs, openai_server, OPENAI, code)
    assert said[0] == "RateLimitError"
    assert said[2:] == ["AuthenticationError", "TypeError", "TypeError", "APIConnectionError"]
    kinds = [span.attributes["error.type"].rpartition(".")[2] for span in collector.spans]
    assert kinds == said
    assert {span.status for span in collector.spans} == {2}
    assert loaded(collector.spans[1], "output")[0]["parts"][0]["content"].startswith("You said")


@pytest.mark.parametrize("wired", ["before", "after"])
def test_anthropic_messages_are_recorded_whole_and_streamed_sync_and_async(
    programs: Programs, collector: Collector, anthropic_server: Upstream, wired: str
) -> None:
    code = """
    with trimtab.span("sync"):
        print(client.messages.create(**ask).content[0].text)
    with trimtab.span("stream"):
        print([event.type for event in client.messages.create(stream=True, **ask)][-1])
    with trimtab.span("manager"):
        with client.messages.stream(**ask) as stream:
            print("".join(stream.text_stream), stream.get_final_message().content[1].input)

    async def main():
        with trimtab.span("async"):
            print((await aclient.messages.create(**ask)).content[0].text)
        with trimtab.span("astream"):
            print([e.type async for e in await aclient.messages.create(stream=True, **ask)][-1])
        with trimtab.span("amanager"):
            async with aclient.messages.stream(**ask) as stream:
                print([text async for text in stream.text_stream])
        await aclient.close()

    asyncio.run(main())
    with trimtab.span("failed"):
        try:
            client.messages.create(**{**ask, "model": "absent"})
        except anthropic.NotFoundError as error:
            print(type(error).__name__)
    """
    said = run(programs, anthropic_server, ANTHROPIC, code, wired)
    assert said == run(programs, anthropic_server, ANTHROPIC, code, "never")
    names = ["sync", "stream", "manager", "async", "astream", "amanager"]
    for name in names:
        parent = collector.one(name).span_id
        # One span of a call, though the client may trace itself.
        (span,) = [span for span in collector.spans if span.parent_id == parent]
        assert loaded(span, "input") == ASKED
        (answer,) = loaded(span, "output")
        assert answer == {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "Let me look."},
                {**CALL, "id": "toolu_1"},
            ],
            "finish_reason": "tool_use",
        }, name
        found = span.attributes
        assert json.loads(found["gen_ai.system_instructions"])[0]["content"] == "Be brief."
        assert found["gen_ai.provider.name"] == "anthropic"
        assert found["gen_ai.response.model"] == "m-20260101"
        assert found["gen_ai.usage.input_tokens"] == 130
        assert found["gen_ai.usage.cache_read.input_tokens"] == 90
        assert found["gen_ai.usage.cache_creation.input_tokens"] == 30
        assert found["gen_ai.usage.output_tokens"] == 7
        assert ("gen_ai.server.time_to_first_token" in found) == (name not in ("sync", "async"))
    failed = collector.one("chat absent")
    assert failed.attributes["error.type"] == "anthropic.NotFoundError"
    assert len(collector.spans) == 14


def test_a_client_that_is_skipped_and_a_suppressed_call_are_not_recorded(
    programs: Programs, collector: Collector, openai_server: Upstream
) -> None:
    skipped = OPENAI.replace("trimtab.instrument()", "trimtab.instrument(skip=['openai'])")
    run(programs, openai_server, skipped, "client.chat.completions.create(**ask)")
    code = """
    from opentelemetry import context
    token = context.attach(context.set_value("suppress_instrumentation", True))
    client.chat.completions.create(**ask)
    context.detach(token)
    """
    run(programs, openai_server, OPENAI, code)
    assert collector.spans == []


def test_without_content_a_call_is_recorded_without_its_words(
    programs: Programs, collector: Collector, openai_server: Upstream
) -> None:
    quiet = OPENAI.replace("trimtab.instrument()", "trimtab.instrument(content=False)")
    code = """
    client.chat.completions.create(**ask)
    list(client.chat.completions.create(stream=True, **ask))
    """
    run(programs, openai_server, quiet, code)
    assert len(collector.spans) == 2
    assert "Which port" not in repr(collector.spans)
