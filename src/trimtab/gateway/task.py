"""A release as a task: what an experiment runs is exactly what production calls."""

from __future__ import annotations

from decimal import Decimal

from trimtab.dialects.openai_chat import Fold
from trimtab.errors import TrimtabError
from trimtab.gateway.exchange import Answer
from trimtab.gateway.gateway import Gateway
from trimtab.gateway.trace import Caller
from trimtab.kit import jsonx
from trimtab.ports import Response
from trimtab.records import Example, Span, text_of


class ReleaseTask:
    """Asks a release each example's input through the gateway; implements `ports.Task`.

    An input that is text becomes one user message; a list is sent as the messages.
    """

    def __init__(self, gateway: Gateway, *, model: str, caller: Caller) -> None:
        self._gateway = gateway
        self._model = model
        self._caller = caller

    async def __call__(self, example: Example) -> Response:
        """The answer, or the error that was answered; never raises for a failed call."""
        messages = example.input
        if not isinstance(messages, list):
            messages = [{"role": "user", "content": text_of(example.input)}]
        body = jsonx.encode({"model": self._model, "messages": messages})
        try:
            answer = await self._gateway.chat(body, self._caller)
        except TrimtabError as error:
            return Response(output=None, error=str(error))
        fold = Fold(stream=False)
        try:
            async for chunk in answer.chunks:
                fold.feed(chunk)
        finally:
            await answer.chunks.aclose()
        fold.finish()
        return _response(answer, fold)


def _response(answer: Answer, fold: Fold) -> Response:
    root = answer.spans[0]
    calls = [span for span in answer.spans if span.kind == "llm"]
    failed = fold.error or (f"HTTP {answer.status}" if answer.status >= 400 else None)
    return Response(
        output=None if failed else fold.text,
        context=_context(answer.spans),
        latency_ms=root.duration_ms,
        cost_usd=_cost(calls),
        trace_id=root.trace_id,
        span_id=root.span_id,
        error=failed,
    )


def _cost(calls: list[Span]) -> Decimal | None:
    """Cost of all model calls; None as soon as one is unpriced."""
    costs = [span.cost_usd for span in calls]
    priced = [cost for cost in costs if cost is not None]
    return sum(priced, Decimal(0)) if len(priced) == len(costs) else None


def _context(spans: list[Span]) -> tuple[str, ...]:
    found = [span.output for span in spans if span.kind == "retriever"]
    passages = [passage for output in found if isinstance(output, list) for passage in output]
    return tuple(text_of(passage) for passage in passages)
