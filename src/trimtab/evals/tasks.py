"""What answers the rows of a suite: a release, a prompt, a model, recorded answers.

Each is asked a case and gives a `Response`; what it was asked before it may answer from kept
replies. Being told that there are too many requests is raised, for the engine to wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeGuard

import msgspec

from trimtab.errors import Blocked, InvalidRequest, RateLimited
from trimtab.evals.values import as_text, named_in, of_row
from trimtab.experiments.pace import reply_refusal
from trimtab.experiments.replies import KeptAnswers
from trimtab.experiments.tasks import seed_of
from trimtab.ports import Chat, ChatReply, Response, Template
from trimtab.records import Example, Span
from trimtab.scorers.subjects import retrieved, trace_cost

_OF_REQUESTS = ("tools", "tool_choice", "max_tokens")
SpansOf = Callable[[str], Awaitable[Sequence[Span]]]


class ChatTask:
    """A release, a model, or a prompt asked of a model, through the gateway.

    Args:
        model: a route, `route@version`, or `provider/model`.
        fields: of every request: parameters, tools, and what a prompt brings.
        template: a prompt; its messages come first, filled with the row.
        spans_of: gives the spans of a trace, for scorers that look at what was retrieved.
        blocked_answers: a request that was refused for what it says is an answer.
    """

    def __init__(
        self,
        chat: Chat,
        kept: KeptAnswers,
        *,
        model: str,
        fields: Mapping[str, Any],
        template: Template | None = None,
        seed: int | None = None,
        spans_of: SpansOf | None = None,
        blocked_answers: bool = False,
    ) -> None:
        self._chat = chat
        self._kept = kept
        self._model = model
        self._fields = fields
        self._template = template
        self._seed = seed
        self._spans_of = spans_of
        self._blocked_answers = blocked_answers

    async def answer(self, example: Example, repeat: int) -> Response:
        """Raises RateLimited."""
        own = _request_of(example.input)
        request: dict[str, Any] = {**self._fields, **own, "model": self._model}
        request["messages"] = self._messages(example)
        if self._seed is not None:
            request.setdefault("seed", seed_of(self._seed, example.example_id, repeat))
        key = self._kept.key(request, repeat, self._seed)
        found = self._kept.get(key)
        if found is not None:
            return found
        if repeat:
            # A route with a cache would answer every repeat alike.
            request["trimtab"] = {"cache": False}
        response = await self._asked(request)
        if not isinstance(response.output, Mapping):
            # What a guard refuses changes with its policy, which the key does not know.
            self._kept.put(key, response)
        return response

    async def _asked(self, request: Mapping[str, Any]) -> Response:
        reply = await self._chat.ask(request)
        if reply_refusal(reply) is not None:
            raise RateLimited(reply.error or "too many requests", retry_after_s=reply.retry_after_s)
        if reply.code == Blocked.code and self._blocked_answers:
            return msgspec.structs.replace(
                _response(reply, ()), output={"blocked": reply.error}, error=None
            )
        if self._spans_of is None or reply.trace_id is None or reply.error is not None:
            return _response(reply, ())
        return _response(reply, await self._spans_of(reply.trace_id))

    def _messages(self, example: Example) -> list[Any]:
        asked: Any = example.input
        if _request_of(asked):
            asked = asked["messages"]
        turns = asked if _is_conversation(asked) else None
        if self._template is None:
            return turns or [{"role": "user", "content": as_text(asked)}]
        opening = [
            msgspec.to_builtins(message) for message in self._template.render(named_in(example))
        ]
        for message in opening:
            for name in ("name", "tool_calls", "tool_call_id"):
                if not message.get(name):
                    message.pop(name, None)
        if turns is not None:
            return [*opening, *turns]
        if opening and opening[-1]["role"] == "user":
            return opening
        return [*opening, {"role": "user", "content": as_text(asked)}]


def _response(reply: ChatReply, spans: Sequence[Span]) -> Response:
    passages = retrieved(spans) or ()
    cost_usd = reply.cost_usd
    if cost_usd is None and spans:
        cost_usd = trace_cost(spans)
    return Response(
        output=None if reply.error is not None else reply.text,
        error=reply.error,
        context=tuple(passage.text for passage in passages),
        passages=passages,
        tool_calls=reply.tool_calls or None,
        model=reply.model,
        usage=reply.usage,
        logprobs=reply.logprobs,
        latency_ms=reply.latency_ms,
        first_token_ms=reply.first_token_ms,
        cost_usd=Decimal(0) if reply.cached and cost_usd is None else cost_usd,
        cached=reply.cached,
        spans=tuple(spans),
        trace_id=reply.trace_id,
        span_id=reply.span_id,
    )


def _request_of(value: Any) -> Mapping[str, Any]:
    """The members of an input that is a whole request: a conversation with its tools."""
    if isinstance(value, Mapping) and _is_conversation(value.get("messages")):
        return {name: value[name] for name in ("messages", *_OF_REQUESTS) if name in value}
    return {}


def _is_conversation(value: Any) -> TypeGuard[list[Any]]:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, Mapping) and "role" in turn for turn in value)
    )


class RecordedTask:
    """Answers that the rows hold already; asks nobody and costs nothing."""

    def __init__(self, field: str) -> None:
        self._field = field

    async def answer(self, example: Example, _repeat: int) -> Response:
        """The recorded answer, the same in every repeat."""
        output = of_row(example)(self._field)
        if output is None:
            raise InvalidRequest(
                f"the row has no recorded answer in {self._field}",
                where=f"example {example.example_id}",
                fix="correct `task.outputs`, or add the answer",
            )
        return Response(output=output, cost_usd=Decimal(0), latency_ms=0.0)
