"""Judges around judges: one asks for another sample, one only weighs its questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from trimtab.kit import jsonx
from trimtab.ports import Judge, JudgeAnswer, Question, Subject
from trimtab.scorers.definition import FunctionScorer


@dataclass(frozen=True)
class Sampled:
    """A judge whose every question is the given repetition of it; implements `ports.Judge`.

    Repetitions of one question are different requests, so that none is answered by the kept reply
    of another.
    """

    judge: Judge = field(repr=False)
    sample: int

    @property
    def model(self) -> str:
        return self.judge.model

    async def ask(self, question: Question) -> JudgeAnswer:
        return await self.judge.ask(msgspec.structs.replace(question, sample=self.sample))


@dataclass
class Weighing:
    """Answers nothing and adds up how large the questions are; implements `ports.Judge`."""

    questions: int = 0
    size_bytes: int = 0
    model: str = "nobody"

    async def ask(self, question: Question) -> JudgeAnswer:
        self.questions += 1
        self.size_bytes += len(jsonx.encode([question.messages, question.schema]))
        return JudgeAnswer(error="only weighed", calls=0)


async def prompt_size(scorer: FunctionScorer[..., Any], subject: Subject) -> Weighing:
    """How many questions a judge asks about a subject and of how many bytes; nobody is asked.

    What a provider charges for grows with it: about a token for every four bytes of English.
    """
    weighing = Weighing()
    await scorer.using(judge=weighing).score(subject)
    return weighing
