"""Asking: a model answers by a schema, is told once what was wrong, or there is no answer.

A `Chat` comes in, a `Judge` comes out. The caller's schema is asked for by structured output; what
comes back is checked all the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.hashing import digest
from trimtab.ports import Chat, ChatReply, JudgeAnswer, Question

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)
_THOUGHT = re.compile(r"\A\s*<(think|thinking)>.*?</\1>", re.DOTALL)
_MOST_QUOTED = 200
_MOST_REPEATED = 4_000


@dataclass(frozen=True, kw_only=True)
class ChatJudge:
    """A model of the gateway that judges; implements `ports.Judge`.

    Args:
        target: the route or model that is asked.
        parameters: sent with every question, as `{"temperature": 0}`.
        behind: what the target resolved to, where that is not its name.
        seed: sent along, so that providers that know one answer alike; a sample adds its number.
    """

    chat: Chat = field(repr=False)
    target: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0})
    behind: str = ""
    seed: int | None = None

    @property
    def model(self) -> str:
        """The target, and digests of the parameters and of what is behind it, if any."""
        with_parameters = digest(dict(self.parameters))[:8] if self.parameters else ""
        parts = (self.target, with_parameters, self.behind[:16])
        return " ".join(part for part in parts if part)

    async def ask(self, question: Question) -> JudgeAnswer:
        """Ask, and once more with what was wrong if the answer cannot be read."""
        request = self._request(question)
        first = await self.chat.ask(request)
        read = _read(first, question)
        if not read.repairable:
            return _answer(read, [first])
        request["messages"] = [*request["messages"], *_objection(first, read)]
        second = await self.chat.ask(request)
        return _answer(_read(second, question), [first, second])

    def _request(self, question: Question) -> dict[str, Any]:
        schema = {"name": question.name, "strict": True, "schema": question.schema}
        request: dict[str, Any] = {
            **self.parameters,
            "model": self.target,
            "messages": list(question.messages),
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        if self.seed is not None or question.sample:
            request["seed"] = (self.seed or 0) + question.sample
        return request


@dataclass(frozen=True, kw_only=True)
class TimedChat:
    """A chat whose every call has `timeout_s`; implements `ports.Chat`.

    It belongs below whatever keeps a pace: waiting for a turn is not the model's time.
    """

    chat: Chat = field(repr=False)
    timeout_s: float = 60.0

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self.chat.ask(request)
        except TimeoutError:
            late = f"the judge did not answer in {self.timeout_s:g} s"
            return ChatReply(status=504, error=late, finish_reason="timeout")


class _Read(NamedTuple):
    """A reply as it was read; `repairable` answers came whole and are wrong."""

    value: Any = None
    error: str | None = None
    repairable: bool = False


def _read(reply: ChatReply, question: Question) -> _Read:
    if reply.error is not None:
        return _Read(error=reply.error)
    if reply.finish_reason in ("content_filter", "refusal"):
        return _Read(error=f"the judge refused ({reply.finish_reason})")
    text = _THOUGHT.sub("", reply.text or "").strip()
    if not text:
        return _Read(error="the judge's answer is empty", repairable=True)
    read = _read_text(text, question)
    if reply.finish_reason == "length" and read.error is not None:
        return _Read(error="the judge's answer was cut off at its length limit")
    return read


def _read_text(text: str, question: Question) -> _Read:
    fences = _FENCE.findall(text)
    try:
        plain = fences[0] if len(fences) == 1 else text
        value = jsonx.decode(plain.encode(), what="the answer")
    except (InvalidRequest, UnicodeEncodeError):
        said = question.read_text(text) if question.read_text else None
        if said is not None:
            return _Read(value=said)
        return _Read(error=f"the judge's answer is not JSON: {_quoted(text)}", repairable=True)
    try:
        return _Read(value=question.read(value))
    except (ValueError, TypeError, KeyError) as error:
        return _Read(error=f"the judge's answer breaks its schema: {error}", repairable=True)


def _objection(reply: ChatReply, read: _Read) -> list[dict[str, str]]:
    """The wrong answer and what is wrong with it, as turns of the conversation."""
    return [
        {"role": "assistant", "content": (reply.text or "(empty)")[:_MOST_REPEATED]},
        {
            "role": "user",
            "content": f"That cannot be used: {read.error}. Answer again with one JSON object that "
            "matches the schema, and nothing else.",
        },
    ]


def _answer(read: _Read, replies: list[ChatReply]) -> JudgeAnswer:
    last = replies[-1]
    again = " (asked twice)" if len(replies) > 1 else ""
    return JudgeAnswer(
        value=read.value,
        error=None if read.error is None else read.error + again,
        text=last.text,
        model=last.model,
        calls=len(replies),
        cost_usd=_sum([_spent(reply) for reply in replies]),
        latency_ms=sum(reply.latency_ms or 0.0 for reply in replies),
        timed_out=last.finish_reason == "timeout",
    )


def _spent(reply: ChatReply) -> Decimal | None:
    """What a reply cost now: nothing if it was kept, or if nothing was answered."""
    return Decimal(0) if reply.cached or (reply.usage is None and reply.error) else reply.cost_usd


def _sum(costs: list[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _MOST_QUOTED else text[:_MOST_QUOTED] + "...")
