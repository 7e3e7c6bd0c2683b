from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.serving import Served, configured, served
from tests.upstream import upstream_in_thread

from trimtab.evals.chat import GatewayChat
from trimtab.experiments.replies import KeptChat, Replies
from trimtab.ports import Chat, ChatReply, Judge
from trimtab.scorers.judges.asking import ChatJudge
from trimtab.testing.chat import ChatContract, Chatting
from trimtab.testing.judge import JudgeContract, Judging


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory: Path = tmp_path_factory.mktemp("chats")
    with upstream_in_thread() as far:
        text = f"""
providers:
  - name: far
    kind: openai_compatible
    base_url: {far.base_url}
    models: [{{id: small}}]
"""
        with served(configured(directory / "data", text)) as running:
            yield running


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[GatewayChat]:
    chat = GatewayChat(url)
    try:
        yield chat
    finally:
        await chat.aclose()


class TestGatewayChat(ChatContract):
    @pytest.fixture
    def model(self) -> str:
        return "far/small"

    @pytest.fixture
    def chatting(self, server: Served) -> Chatting:
        return lambda: asking(server.url)


class TestKeptChat(ChatContract):
    @pytest.fixture
    def model(self) -> str:
        return "far/small"

    @pytest.fixture
    def chatting(self, server: Served, tmp_path: Path) -> Chatting:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Chat]:
            async with asking(server.url) as chat:
                replies = Replies(tmp_path / "replies.sqlite")
                try:
                    yield KeptChat(chat, replies)
                finally:
                    replies.close()

        return opened


class Saying:
    """A chat that always says the same."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        return ChatReply(text=self._text, finish_reason="stop", model="parrot")


class TestChatJudge(JudgeContract):
    @pytest.fixture
    def judging(self) -> Judging:
        @asynccontextmanager
        async def opened(says: str) -> AsyncIterator[Judge]:
            yield ChatJudge(chat=Saying(says), target="parrot")

        return opened
