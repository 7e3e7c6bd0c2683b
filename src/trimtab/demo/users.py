"""Simulated users: each asks its question, reads the answer, and says whether it was right.

A user knows the answer to its own question, so its thumb is honest; it is given by the same rule as
the `answer_correct` scorer. Somebody whose question got a wrong answer writes down the right one.
Each asks a few questions in a row, which are one session; each is put on its own, without those
before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from trimtab.client import Client
from trimtab.demo.assistant import ROUTE
from trimtab.ports import Subject
from trimtab.records import Example, Target
from trimtab.scorers.correct import answer_correct

FEEDBACK = "user_feedback"
_AT_ONCE = 8
_TURNS = 4


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One question asked: what came back and what the user thought of it."""

    example: Example
    answer: str
    trace_id: str
    release: str
    satisfied: bool


def visit(client: Client, example: Example, *, user: str, session: str) -> Visit:
    """Ask a question over HTTP and leave feedback on the trace that answered it."""
    answer = client.chat(ROUTE, str(example.input), user=user, session=session)
    text = answer["choices"][0]["message"]["content"] or ""
    satisfied = _is_right(example, text)
    judgement: dict[str, object] = {"passed": satisfied, "source": "user"}
    if not satisfied:
        metadata = {**example.metadata, "cluster": example.cluster, "expected": example.expected}
        judgement |= {"reason": "not what I needed", "metadata": metadata}
    client.score(answer["trace_id"], FEEDBACK, **judgement)
    return Visit(
        example=example,
        answer=text,
        trace_id=answer["trace_id"],
        release=answer["release"],
        satisfied=satisfied,
    )


def visits(
    client: Client, examples: Sequence[Example], sitting: str, on_done: Callable[[], None]
) -> list[Visit]:
    """All questions, some users at a time, in their order; `on_done` after each.

    Args:
        sitting: what the users came for, by which their sessions are told apart.
    """

    def one(number: int) -> list[Visit]:
        user = f"user-{number + 1:02}"
        asked: list[Visit] = []
        for example in examples[number * _TURNS : (number + 1) * _TURNS]:
            asked.append(visit(client, example, user=user, session=f"{sitting}-{user}"))
            on_done()
        return asked

    users = range(-(-len(examples) // _TURNS))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="user") as pool:
        return [done for asked in pool.map(one, users) for done in asked]


def _is_right(example: Example, answer: str) -> bool:
    subject = Subject(
        target=Target(kind="example", id=example.example_id),
        input=example.input,
        output=answer,
        expected=example.expected,
        metadata=example.metadata,
        example=example,
    )
    (score,) = asyncio.run(answer_correct.score(subject))
    return bool(score.passed)
