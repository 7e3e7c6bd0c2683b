"""A release as a task: what an experiment runs is exactly what production calls."""

from __future__ import annotations

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.answer import Fold
from trimtab.errors import Overloaded, RateLimited, TrimtabError
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.gateway.gateway import Gateway
from trimtab.kit import jsonx
from trimtab.ports import Response
from trimtab.records import Example, text_of
from trimtab.scorers.subjects import retrieved, trace_cost


class ReleaseTask:
    """Asks a release each example's input through the gateway; implements `ports.Task`.

    An input that is text becomes one user message; a list is sent as the messages.
    """

    def __init__(self, gateway: Gateway, *, model: str, caller: Caller) -> None:
        self._gateway = gateway
        self._model = model
        self._caller = caller

    async def __call__(self, example: Example) -> Response:
        """The answer, or the error that was answered.

        Raises:
            RateLimited, Overloaded: too many are asked at once; it is no answer to this example.
        """
        messages = example.input
        if not isinstance(messages, list):
            messages = [{"role": "user", "content": text_of(example.input)}]
        body = jsonx.encode({"model": self._model, "messages": messages})
        try:
            answer = await self._gateway.chat(body, self._caller)
        except (RateLimited, Overloaded):
            raise
        except TrimtabError as error:
            return Response(output=None, error=str(error))
        try:
            whole = b"".join([chunk async for chunk in answer.chunks])
        finally:
            await answer.chunks.aclose()
        if answer.status == 429:
            wait_s = answer.headers.get("retry-after", "")
            raise RateLimited(
                "the provider has too many requests",
                retry_after_s=int(wait_s) if wait_s.isdecimal() else None,
            )
        fold = Fold()
        fold.take(DIALECTS["openai.chat"].reader().body(whole))
        return _response(answer, fold)


def _response(answer: Answer, fold: Fold) -> Response:
    root = answer.spans[0]
    passages = retrieved(answer.spans) or ()
    failed = fold.error or (f"HTTP {answer.status}" if answer.status >= 400 else None)
    return Response(
        output=None if failed else fold.text,
        context=tuple(passage.text for passage in passages),
        passages=passages,
        model=answer.headers.get("x-trimtab-model"),
        usage=fold.usage,
        spans=tuple(answer.spans),
        latency_ms=root.duration_ms,
        cost_usd=trace_cost(answer.spans),
        trace_id=root.trace_id,
        span_id=root.span_id,
        error=failed,
    )
