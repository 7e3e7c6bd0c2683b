"""What official clients make of an answer or a request that a guard has stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from tests.stations.canary import MARKER, Canary, Speaker, answer, pieces, request
from tests.stations.test_hooks import asked
from tests.stations.wiring import in_loop, wired
from tests.upstream import respond, upstream_in_thread

from trimtab.dialects.llm import DIALECTS
from trimtab.errors import Blocked
from trimtab.gateway.hooks import Hooks

BEFORE = "good words come first, and quite a few of them: "


def stopped(data: Path, dialect: str, *, stream: bool, native: bool = True) -> bytes:
    """The bytes of an answer that was stopped after some words, if it is a stream."""
    other = "openai.chat" if dialect == "anthropic.messages" else "anthropic.messages"
    far = Speaker(dialect if native else other, answer(*pieces(f"{BEFORE}{MARKER} more", 3)))

    async def work() -> bytes:
        hooks = Hooks([Canary("block", stage="output")])
        async with wired(data, providers=[far], hooks=hooks) as room:
            return await asked(room, dialect, request(dialect, "x", stream=stream))

    return in_loop(work)


@contextlib.contextmanager
def served(body: bytes, *, stream: bool = False, status: int = 200) -> Iterator[str]:
    """A server whose every answer is this, and its address."""
    kind = "text/event-stream" if stream else "application/json"
    answers = respond(status, body, content_type=kind)
    with upstream_in_thread(handler=lambda _request: answers) as upstream:
        yield upstream.url


def open_ai(url: str) -> Any:
    return openai.OpenAI(api_key="k", base_url=url, max_retries=0)


def claude(url: str) -> Any:
    return anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)


HELLO: Any = [{"role": "user", "content": "x"}]


@pytest.mark.parametrize("native", [True, False])
class TestAnswers:
    def test_openai_chat_ends_with_content_filter(self, tmp_path: Path, native: bool) -> None:
        body = stopped(tmp_path, "openai.chat", stream=True, native=native)
        with served(body, stream=True) as url, open_ai(url) as client:
            chunks = list(client.chat.completions.create(model="m", messages=HELLO, stream=True))
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert said
        assert BEFORE.startswith(said)
        assert chunks[-1].choices[0].finish_reason == "content_filter"

    def test_openai_chat_whole(self, tmp_path: Path, native: bool) -> None:
        body = stopped(tmp_path, "openai.chat", stream=False, native=native)
        with served(body) as url, open_ai(url) as client:
            found = client.chat.completions.create(model="m", messages=HELLO)
        (choice,) = found.choices
        assert (choice.finish_reason, choice.message.refusal) == ("content_filter", "not this")
        assert not choice.message.content

    def test_openai_responses_are_incomplete(self, tmp_path: Path, native: bool) -> None:
        body = stopped(tmp_path, "openai.responses", stream=True, native=native)
        with served(body, stream=True) as url, open_ai(url) as client:
            events = list(client.responses.create(model="m", input="x", stream=True))
        last = events[-1].response
        assert (last.status, last.incomplete_details.reason) == ("incomplete", "content_filter")
        numbers = [event.sequence_number for event in events]
        assert numbers == sorted(set(numbers))

    def test_openai_responses_whole(self, tmp_path: Path, native: bool) -> None:
        body = stopped(tmp_path, "openai.responses", stream=False, native=native)
        with served(body) as url, open_ai(url) as client:
            found = client.responses.create(model="m", input="x")
        assert (found.status, found.incomplete_details.reason) == ("incomplete", "content_filter")

    def test_openai_completions(self, tmp_path: Path, native: bool) -> None:
        body = stopped(tmp_path, "openai.completions", stream=True, native=native)
        with served(body, stream=True) as url, open_ai(url) as client:
            chunks = list(client.completions.create(model="m", prompt="x", stream=True))
        assert chunks[-1].choices[0].finish_reason == "content_filter"

    def test_anthropic_messages_end_as_a_refusal(self, tmp_path: Path, native: bool) -> None:
        body = stopped(tmp_path, "anthropic.messages", stream=True, native=native)
        with (
            served(body, stream=True) as url,
            claude(url) as client,
            client.messages.stream(model="m", max_tokens=9, messages=HELLO) as stream,
        ):
            found = stream.get_final_message()
        assert found.stop_reason == "refusal"
        assert BEFORE.startswith(found.content[0].text)

    def test_anthropic_messages_whole(self, tmp_path: Path, native: bool) -> None:
        body = stopped(tmp_path, "anthropic.messages", stream=False, native=native)
        with served(body) as url, claude(url) as client:
            found = client.messages.create(model="m", max_tokens=9, messages=HELLO)
        assert (found.stop_reason, found.content[0].text) == ("refusal", "not this")


class TestRequests:
    def test_openai_raises_bad_request_with_the_code(self) -> None:
        body = DIALECTS["openai.chat"].error(Blocked("not this", guard="canary"))
        with (
            served(body, status=400) as url,
            open_ai(url) as client,
            pytest.raises(openai.BadRequestError, match="not this") as caught,
        ):
            client.chat.completions.create(model="m", messages=HELLO)
        assert caught.value.code == "content_filter"

    def test_anthropic_raises_bad_request(self) -> None:
        body = DIALECTS["anthropic.messages"].error(Blocked("not this", guard="canary"))
        with (
            served(body, status=400) as url,
            claude(url) as client,
            pytest.raises(anthropic.BadRequestError, match="not this"),
        ):
            client.messages.create(model="m", max_tokens=9, messages=HELLO)
