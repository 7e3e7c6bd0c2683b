"""What answers the rows of a suite: a release, a prompt, a model, an endpoint, recorded answers.

Each is asked a case and gives a `Response`; what it was asked before it may answer from kept
replies. Being told that there are too many requests is raised, for the engine to wait.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeGuard

import msgspec

from trimtab.errors import InvalidRequest, RateLimited, TrimtabError
from trimtab.evals.values import filled, from_environment, of_row, plucked
from trimtab.experiments.pace import reply_refusal
from trimtab.experiments.replies import KeptAnswers
from trimtab.experiments.suite import EndpointRef
from trimtab.experiments.tasks import seed_of
from trimtab.kit import jsonx, sse
from trimtab.kit.http1 import HTTP1Client, HTTPError, Timeouts
from trimtab.kit.http1 import Response as HTTPResponse
from trimtab.ports import Chat, ChatReply, Response, Template
from trimtab.records import Example, Span, text_of
from trimtab.scorers.subjects import retrieved, trace_cost

SpansOf = Callable[[str], Awaitable[Sequence[Span]]]


class ChatTask:
    """A release, a model, or a prompt asked of a model, through the gateway.

    Args:
        model: a route, `route@version`, or `provider/model`.
        fields: of every request: parameters, tools, and what a prompt brings.
        template: a prompt; its messages come first, filled with the row.
        spans_of: gives the spans of a trace, for scorers that look at what was retrieved.
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
    ) -> None:
        self._chat = chat
        self._kept = kept
        self._model = model
        self._fields = fields
        self._template = template
        self._seed = seed
        self._spans_of = spans_of

    async def answer(self, example: Example, repeat: int) -> Response:
        """Raises RateLimited."""
        request: dict[str, Any] = {**self._fields, "model": self._model}
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
        self._kept.put(key, response)
        return response

    async def _asked(self, request: Mapping[str, Any]) -> Response:
        reply = await self._chat.ask(request)
        if reply_refusal(reply) is not None:
            raise RateLimited(reply.error or "too many requests", retry_after_s=reply.retry_after_s)
        if self._spans_of is None or reply.trace_id is None or reply.error is not None:
            return _response(reply, ())
        return _response(reply, await self._spans_of(reply.trace_id))

    def _messages(self, example: Example) -> list[Any]:
        asked = example.input
        turns = asked if _is_conversation(asked) else None
        if self._template is None:
            return turns or [{"role": "user", "content": _text(asked)}]
        opening = [
            msgspec.to_builtins(message) for message in self._template.render(_variables(example))
        ]
        for message in opening:
            for name in ("name", "tool_calls", "tool_call_id"):
                if not message.get(name):
                    message.pop(name, None)
        if turns is not None:
            return [*opening, *turns]
        if opening and opening[-1]["role"] == "user":
            return opening
        return [*opening, {"role": "user", "content": _text(asked)}]


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


def _is_conversation(value: Any) -> TypeGuard[list[Any]]:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, Mapping) and "role" in turn for turn in value)
    )


def _text(value: Any) -> str:
    return text_of(value) or jsonx.encode(value).decode()


def _variables(example: Example) -> dict[str, Any]:
    """What a prompt may name: members of the input, the input itself, and the metadata."""
    own = example.input if isinstance(example.input, Mapping) else {}
    return {
        **example.metadata,
        "context": "\n\n".join(example.context),
        "input": _text(example.input),
        "question": _text(example.input),
        **own,
    }


class EndpointTask:
    """An HTTP endpoint of the application."""

    def __init__(self, endpoint: EndpointRef, kept: KeptAnswers, *, where: str) -> None:
        self._endpoint = endpoint
        self._kept = kept
        self._where = where
        self._client = HTTP1Client()
        self._headers = {
            name: from_environment(value, where=f"{where}.headers.{name}")
            for name, value in endpoint.headers.items()
        }
        seconds = endpoint.timeout_s
        self._timeouts = Timeouts(first_byte_s=seconds, idle_s=seconds, total_s=seconds)

    async def answer(self, example: Example, repeat: int) -> Response:
        """Raises RateLimited."""
        endpoint, look_up = self._endpoint, of_row(example)
        url = filled(endpoint.url, look_up, where=f"{self._where}.url")
        body = filled(endpoint.body, look_up, where=f"{self._where}.body")
        if body is None and endpoint.method != "GET":
            body = {"input": example.input}
        key = self._kept.key([url, body], repeat, None)
        found = self._kept.get(key)
        if found is not None:
            return found
        started = time.perf_counter()
        try:
            response = await self._called(url, body, started)
        except (HTTPError, ValueError) as error:
            return Response(output=None, error=f"{endpoint.url} cannot be asked: {error}")
        self._kept.put(key, response)
        return response

    async def _called(self, url: str, body: Any, started: float) -> Response:
        endpoint = self._endpoint
        payload = b"" if body is None else jsonx.encode(body)
        headers = {"content-type": "application/json", **self._headers}
        answer = await self._client.request(
            endpoint.method, url, headers=headers, body=payload, timeouts=self._timeouts
        )
        if endpoint.stream and answer.status < 400:
            return await self._streamed(answer, started)
        received = await answer.read()
        if answer.status == 429:
            wait_s = answer.headers.get("retry-after", "")
            raise RateLimited(
                f"{endpoint.url} has too many requests",
                retry_after_s=float(wait_s) if wait_s.isdecimal() else None,
            )
        taken_ms = (time.perf_counter() - started) * 1000
        if answer.status >= 400:
            said = received[:300].decode(errors="replace").strip()
            return Response(output=None, error=f"HTTP {answer.status}: {said}", latency_ms=taken_ms)
        return self._read(received, taken_ms)

    def _read(self, received: bytes, taken_ms: float) -> Response:
        endpoint = self._endpoint
        try:
            value: Any = jsonx.decode(received, what="the answer")
        except TrimtabError as error:
            if endpoint.output is not None:
                return Response(output=None, error=str(error), latency_ms=taken_ms)
            value = received.decode(errors="replace")
        output = value if endpoint.output is None else plucked(value, endpoint.output)
        if output is None:
            what = f"the answer has no {endpoint.output}" if endpoint.output else "it is empty"
            return Response(output=None, error=what, latency_ms=taken_ms)
        context = plucked(value, endpoint.context) if endpoint.context else None
        texts = context if isinstance(context, list) else [context] if context else []
        return Response(
            output=output,
            context=tuple(_text(text) for text in texts),
            cost_usd=_cost(plucked(value, endpoint.cost_usd)) if endpoint.cost_usd else None,
            latency_ms=taken_ms,
        )

    async def _streamed(self, answer: HTTPResponse, started: float) -> Response:
        """The pieces of a stream joined: of server-sent events their data, else the bytes."""
        events = answer.headers.get("content-type", "").startswith("text/event-stream")
        decoder, pieces, first_ms = sse.Decoder(), list[str](), None
        async for chunk in answer:
            if first_ms is None:
                first_ms = (time.perf_counter() - started) * 1000
            if not events:
                pieces.append(chunk.decode(errors="replace"))
                continue
            for event in decoder.feed(chunk):
                pieces += self._piece(event.data)
        taken_ms = (time.perf_counter() - started) * 1000
        return Response(output="".join(pieces), latency_ms=taken_ms, first_token_ms=first_ms)

    def _piece(self, data: str | None) -> list[str]:
        if data is None or data == "[DONE]":
            return []
        if self._endpoint.output is None:
            return [data]
        try:
            found = plucked(jsonx.decode(data.encode()), self._endpoint.output)
        except TrimtabError:
            return []
        return [str(found)] if found is not None else []

    async def aclose(self) -> None:
        await self._client.aclose()


def _cost(value: Any) -> Decimal | None:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            cost = Decimal(str(value))
        except ArithmeticError:
            return None
        return cost if cost.is_finite() and cost >= 0 else None
    return None


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
