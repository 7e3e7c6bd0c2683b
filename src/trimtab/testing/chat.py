"""What every chat does, as tests: subclass and provide the fixtures `chatting` and `model`.

class TestMyChat(ChatContract):
    @pytest.fixture
    def chatting(self):
        return opened  # an async context manager that yields one

    @pytest.fixture
    def model(self):
        return "openai/small"  # one that answers
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from trimtab.ports import Chat

Chatting = Callable[[], AbstractAsyncContextManager[Chat]]

_HELLO = [{"role": "user", "content": "Which port does the widget server use?"}]


def _used(chatting: Chatting, use: Callable[[Chat], Awaitable[None]]) -> None:
    async def work() -> None:
        async with asyncio.timeout(60), chatting() as chat:
            await use(chat)

    asyncio.run(work())


class ChatContract:
    """Everything `ports.Chat` promises."""

    def test_a_question_is_answered(self, chatting: Chatting, model: str) -> None:
        async def use(chat: Chat) -> None:
            reply = await chat.ask({"model": model, "messages": _HELLO})
            assert reply.error is None
            assert reply.text
            assert reply.status == 200

        _used(chatting, use)

    def test_what_fails_is_an_error_of_the_reply(self, chatting: Chatting, model: str) -> None:
        bad: list[dict[str, Any]] = [
            {"model": "nobody/nothing", "messages": _HELLO},
            {"model": model, "messages": [{"role": "user", "content": object()}]},
        ]

        async def use(chat: Chat) -> None:
            for request in bad:
                reply = await chat.ask(request)
                assert reply.error
                assert reply.text is None

        _used(chatting, use)

    def test_many_may_ask_at_once(self, chatting: Chatting, model: str) -> None:
        async def use(chat: Chat) -> None:
            request = {"model": model, "messages": _HELLO}
            replies = await asyncio.gather(*(chat.ask(request) for _ in range(20)))
            assert [reply.error for reply in replies] == [None] * 20

        _used(chatting, use)

    def test_a_cancelled_question_leaves_the_others_alone(
        self, chatting: Chatting, model: str
    ) -> None:
        async def use(chat: Chat) -> None:
            request = {"model": model, "messages": _HELLO}
            given_up = asyncio.ensure_future(chat.ask(request))
            await asyncio.sleep(0)
            given_up.cancel()
            assert (await chat.ask(request)).error is None

        _used(chatting, use)
