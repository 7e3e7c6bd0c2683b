"""Instructions by reflection: a model is shown what went wrong, and writes better ones.

The present instruction, failures of the train split and the reasons of the scorers go into one
question; texts come out. Rows of dev and test are never shown. A text that loses or invents a
variable, or says nearly what another one said, is discarded before it costs a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.evals.values import as_text
from trimtab.experiments.pace import Pace, PacedChat
from trimtab.kit import jsonx
from trimtab.optimiser.asking import EXHAUSTED
from trimtab.optimiser.budget import Exhausted
from trimtab.optimiser.candidate import (
    Candidate,
    fault_in,
    instruction_of,
    is_near,
    with_instruction,
)
from trimtab.optimiser.metric import Metrics
from trimtab.optimiser.result import Discarded
from trimtab.ports import Chat
from trimtab.prompts.template import needs
from trimtab.records import Example, Prompt, Result

WANTED = 3
SHOWN = 6
_MOST_CHARACTERS = 2_000
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"instructions": {"type": "array", "items": {"type": "string"}}},
    "required": ["instructions"],
    "additionalProperties": False,
}
_SYSTEM = (
    "You improve the instruction of a prompt. You are shown the instruction, cases that went wrong"
    " and why. Find what the instruction lacks or says wrongly, as a rule that holds for other"
    " cases of the kind too; never list the cases themselves. Write {count} different improved"
    " instructions, each of them complete, to be used in the place of the present one."
)


class Reflection:
    """Asks a model for better instructions.

    Args:
        chat: within the budget.
        model: that reflects.

    `said` are all instructions that were there or proposed so far, `discarded` those not tried.
    """

    def __init__(self, chat: Chat, model: str, metrics: Metrics) -> None:
        self._chat = PacedChat(chat, Pace(1))
        self._model = model
        self._metrics = metrics
        self.said: list[str] = []
        self.discarded: list[Discarded] = []

    async def better(
        self, prompt: Prompt, failures: Sequence[tuple[Example, Result]], *, number: int
    ) -> list[Candidate]:
        """The prompt with other instructions, each of them usable.

        Args:
            failures: rows of the train split with what was answered.
            number: of the round; the same question in another round is asked again.
        Raises:
            Exhausted: the budget is spent.
        """
        present = instruction_of(prompt)
        if present not in self.said:
            self.said.append(present)
        found = []
        for text in await self._proposed(prompt, failures, number):
            why = fault_in(text, prompt)
            if why is None and is_near(text, self.said):
                why = "it says nearly what another one says"
            if why is not None:
                self.discarded.append(Discarded(words=text[:200], why=why))
                continue
            self.said.append(text)
            words = f"instruction {len(self.said) - 1}"
            found.append(
                Candidate(prompt=with_instruction(prompt, text), kind="instruction", words=words)
            )
        return found

    async def _proposed(
        self, prompt: Prompt, failures: Sequence[tuple[Example, Result]], number: int
    ) -> list[str]:
        reply = await self._chat.ask(self._request(prompt, failures, number))
        if reply.code == EXHAUSTED:
            raise Exhausted(reply.error or "the budget is spent")
        if reply.error is not None:
            raise TrimtabError(
                f"the model that reflects cannot be asked: {reply.error}",
                where=self._model,
                fix="name another with --reflect-model, then carry on with --resume",
            )
        texts = read_instructions(reply.text or "")
        if not texts:
            said = (reply.text or "")[:200]
            self.discarded.append(Discarded(words=said, why="it is no list of instructions"))
        return texts[: 2 * WANTED]

    def _request(
        self, prompt: Prompt, failures: Sequence[tuple[Example, Result]], number: int
    ) -> dict[str, Any]:
        own = instruction_of(prompt)
        names = [f"{{{{ {name} }}}}" for name in _names(prompt)]
        keep = (
            f"Keep these variables as they are written, and use no others: {', '.join(names)}."
            if names
            else "It has no variables: do not write any {{ name }}."
        )
        cases = "\n\n".join(
            f"Case {at}\n{self._case(row, result)}"
            for at, (row, result) in enumerate(failures, start=1)
        )
        earlier = [text for text in self.said if text != own][-3:]
        tried = "".join(f"\n\nTried before:\n<<<\n{_cut(text)}\n>>>" for text in earlier)
        user = (
            f"The present instruction:\n<<<\n{own}\n>>>\n\n{keep}\n\nWhat went wrong:\n\n{cases}"
            f"{tried}\n\nAnswer with JSON: "
            f'{{"instructions": [{WANTED} texts]}}. This is round {number}.'
        )
        return {
            "model": self._model,
            "messages": [
                {"role": "system", "content": _SYSTEM.format(count=WANTED)},
                {"role": "user", "content": user},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "instructions", "strict": True, "schema": _SCHEMA},
            },
        }

    def _case(self, row: Example, result: Result) -> str:
        lines = [f"Input: {_cut(as_text(row.input))}"]
        answered = result.error or as_text(result.output if result.output is not None else "")
        lines.append(f"Answer: {_cut(answered)}")
        if row.expected is not None:
            lines.append(f"Expected: {_cut(as_text(row.expected))}")
        for metric in self._metrics.all:
            score = metric.score_of(result)
            if score is not None:
                number = "no score" if score.number is None else f"{score.number:g}"
                why = f": {_cut(score.reason)}" if score.reason else ""
                lines.append(f"{metric.name}: {number}{why}")
        return "\n".join(lines)


def read_instructions(text: str) -> list[str]:
    """The instructions in an answer: of JSON, also within a fence, or of what stands in it.

    >>> read_instructions('Here: {"instructions": ["Be brief."]}')
    ['Be brief.']
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return []
    try:
        value = jsonx.decode(text[start : end + 1].encode("utf-8", "replace"), what="the answer")
        found = value.get("instructions") if isinstance(value, dict) else None
        return msgspec.convert(found, list[str])
    except (InvalidRequest, msgspec.ValidationError):
        return []


def failures_of(
    rows: Sequence[Example], results: Sequence[Result], metrics: Metrics
) -> list[tuple[Example, Result]]:
    """Rows that leave something to improve, the worst first, those without a score before all."""
    first = metrics.first
    failed = [
        (row, result) for row, result in zip(rows, results, strict=True) if not first.passes(result)
    ]
    known = [value for _, result in failed if (value := first.of(result)) is not None]
    least = min(known, default=0.0)

    def badness(pair: tuple[Example, Result]) -> float:
        value = first.of(pair[1])
        return least - 1 if value is None else value

    return sorted(failed, key=badness)


def _names(prompt: Prompt) -> tuple[str, ...]:
    """The variables of the instruction."""
    text = instruction_of(prompt)
    message = next(one for one in prompt.messages if one.content == text)
    return needs([message], prompt.syntax).variables


def _cut(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}... ({len(text) - _MOST_CHARACTERS} more characters)"
