"""Kept replies: what was asked before is not asked again, in any process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trimtab.errors import StoreError
from trimtab.experiments.replies import ABSENT, KeptAnswers, KeptChat, Replies
from trimtab.ports import ChatReply, Response


class Chat:
    """Counts what it is asked."""

    def __init__(self, **reply: Any) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self._reply = {"text": "yes", "cost_usd": Decimal("0.1")} | reply

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        self.asked.append(request)
        return ChatReply(**self._reply)


def ask(chat: KeptChat, *requests: dict[str, Any]) -> list[ChatReply]:
    async def work() -> list[ChatReply]:
        return [await chat.ask(request) for request in requests]

    return asyncio.run(work())


def test_a_reply_is_asked_for_once_and_says_that_it_was_kept(tmp_path: Path) -> None:
    chat = Chat()
    with Replies(tmp_path / "replies.db") as replies:
        first, second = ask(KeptChat(chat, replies), {"a": 1}, {"a": 1})
    with Replies(tmp_path / "replies.db") as replies:
        [third] = ask(KeptChat(chat, replies), {"a": 1})
        assert (replies.used, replies.added) == (1, 0)
    assert [first.cached, second.cached, third.cached] == [False, True, True]
    assert second.text == third.text == "yes"
    assert second.cost_usd == Decimal("0.1")
    assert len(chat.asked) == 1


@pytest.mark.parametrize("other", [{"a": 2}, {"a": 1, "seed": 3}, {}])
def test_another_question_is_another_reply(other: dict[str, Any]) -> None:
    chat = Chat()
    with Replies(None) as replies:
        ask(KeptChat(chat, replies), {"a": 1}, other)
    assert len(chat.asked) == 2


def test_an_error_is_not_kept(tmp_path: Path) -> None:
    chat = Chat(text=None, error="HTTP 500")
    with Replies(tmp_path / "replies.db") as replies:
        ask(KeptChat(chat, replies), {"a": 1}, {"a": 1})
        assert replies.added == 0
    assert len(chat.asked) == 2


def test_readonly_asks_nobody_and_off_asks_everybody(tmp_path: Path) -> None:
    path, chat = tmp_path / "replies.db", Chat()
    with Replies(path) as replies:
        ask(KeptChat(chat, replies), {"a": 1})
    with Replies(path, "readonly") as replies:
        known, unknown = ask(KeptChat(chat, replies), {"a": 1}, {"a": 2})
    assert (known.text, unknown.text, unknown.error) == ("yes", None, ABSENT)
    with Replies(path, "off") as replies:
        ask(KeptChat(chat, replies), {"a": 1})
    assert len(chat.asked) == 2


def test_fresh_asks_again_and_keeps_the_new_reply() -> None:
    chat = Chat()
    with Replies(None) as replies:
        ask(KeptChat(chat, replies), {"a": 1})
        [reply] = ask(KeptChat(chat, replies, fresh=True), {"a": 1})
        assert not reply.cached
    assert len(chat.asked) == 2


def test_an_answer_of_a_task_is_kept_by_task_question_repeat_and_seed() -> None:
    with Replies(None) as replies:
        kept = KeptAnswers(replies, task="t")
        key = kept.key("q", 0, 7)
        kept.put(key, Response(output={"a": [1]}, cost_usd=Decimal(1)))
        found = kept.get(key)
        assert found is not None
        assert (found.output, found.cached) == ({"a": [1]}, True)
        others = [
            kept.key("q", 1, 7),
            kept.key("q", 0, 8),
            kept.key("p", 0, 7),
            KeptAnswers(replies, task="u").key("q", 0, 7),
        ]
        assert [kept.get(other) for other in others] == [None] * 4


def test_an_answer_nobody_can_vouch_for_is_only_replayed_where_nothing_may_be_asked(
    tmp_path: Path,
) -> None:
    path = tmp_path / "replies.db"
    with Replies(path) as replies:
        kept = KeptAnswers(replies, task="t", fresh=True)
        kept.put(kept.key("q", 0, None), Response(output="old"))
        assert kept.get(kept.key("q", 0, None)) is None
    with Replies(path, "readonly") as replies:
        kept = KeptAnswers(replies, task="t", fresh=True)
        found = kept.get(kept.key("q", 0, None))
        assert found is not None
        assert found.output == "old"
        absent = kept.get(kept.key("p", 0, None))
        assert absent is not None
        assert absent.error == ABSENT


def test_a_file_that_is_no_database_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "replies.db"
    path.write_bytes(b"no database at all, and long enough to be sure of it" * 20)
    with pytest.raises(StoreError, match="cannot be used"):
        Replies(path)


def test_many_open_a_new_file_at_once_and_each_keeps_its_replies(tmp_path: Path) -> None:
    names = "abcdefgh"
    together = threading.Barrier(len(names), timeout=60)

    def keep(name: str, path: Path) -> None:
        together.wait()
        with Replies(path) as replies:
            for number in range(20):
                replies.put(f"{name}{number}", ChatReply(text=name))

    with ThreadPoolExecutor(len(names)) as pool:
        for file in range(40):  # who is refused if nobody waits is up to chance
            path = tmp_path / f"{file}.db"
            list(pool.map(keep, names, [path] * len(names)))
            with Replies(path) as replies:
                found = [replies.get(f"{name}{n}", ChatReply) for name in names for n in range(20)]
            assert None not in found
