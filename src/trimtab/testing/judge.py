"""What every judge does, as tests: subclass and provide the fixture `judging`.

    class TestMyJudge(JudgeContract):
        @pytest.fixture
        def judging(self):
            return opened  # takes what a model says, is an async context manager that yields one

A judge is asked over a chat that says whatever the test hands in, again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from trimtab.ports import Judge, JudgeAnswer, Question

Judging = Callable[[str], AbstractAsyncContextManager[Judge]]


def _read(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("ok"), bool):
        raise ValueError("`ok` is not true or false")
    return bool(value["ok"])


_QUESTION = Question(
    name="contract",
    messages=[{"role": "user", "content": "Is it well?"}],
    schema={
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    },
    read=_read,
)


def _asked(judging: Judging, says: str, question: Question = _QUESTION) -> JudgeAnswer:
    async def work() -> JudgeAnswer:
        async with asyncio.timeout(60), judging(says) as judge:
            assert judge.model
            return await judge.ask(question)

    return asyncio.run(work())


class JudgeContract:
    """Everything `ports.Judge` promises."""

    @pytest.mark.parametrize("says", ['{"ok": true}', '```json\n{"ok": true}\n```'])
    def test_an_answer_of_the_schema_is_read(self, judging: Judging, says: str) -> None:
        answer = _asked(judging, says)
        assert answer.value is True
        assert answer.error is None
        assert answer.calls == 1

    @pytest.mark.parametrize(
        "says", ["", "I would say so.", '{"ok": "yes"}', '{"ok": tr', "[]", "null", '"\ud800"']
    )
    def test_what_is_no_answer_is_refused(self, judging: Judging, says: str) -> None:
        answer = _asked(judging, says)
        assert answer.value is None
        assert answer.error
        assert answer.calls <= 2

    def test_words_are_read_where_the_question_can(self, judging: Judging) -> None:
        def in_words(text: str) -> bool | None:
            return True if text == "Yes" else None

        question = Question(
            name="words",
            messages=_QUESTION.messages,
            schema=_QUESTION.schema,
            read=_read,
            read_text=in_words,
        )
        assert _asked(judging, "Yes", question).value is True
        assert _asked(judging, "Perhaps", question).error
