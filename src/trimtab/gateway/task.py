"""What runs of the server ask: a release as production calls it, or a prompt over a model."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeGuard

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.answer import Fold
from trimtab.errors import Overloaded, RateLimited, TrimtabError
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.gateway.gateway import Gateway
from trimtab.gateway.prompted import prompted
from trimtab.kit import jsonx
from trimtab.ports import Response, Template
from trimtab.records import Example, ToolCall, text_of
from trimtab.scorers.subjects import retrieved, trace_cost


class ReleaseTask:
    """Asks a release each example's input through the gateway; implements `ports.Task`.

    An input that is text becomes one user message; a list is sent as the messages.

    Args:
        model: a release, a route or a model.
        fields: further fields of each request.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        model: str,
        caller: Caller,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self._gateway = gateway
        self._model = model
        self._caller = caller
        self._fields = fields or {}

    async def __call__(self, example: Example) -> Response:
        """The answer, or the error that was answered.

        Raises:
            RateLimited, Overloaded: too many are asked at once; it is no answer to this example.
        """
        messages = example.input
        if not isinstance(messages, list):
            messages = [{"role": "user", "content": text_of(example.input)}]
        body = jsonx.encode({**self._fields, "model": self._model, "messages": messages})
        return await answered(self._gateway.chat(body, self._caller))


class PromptTask:
    """Asks a model, opened by a prompt that each example fills; implements `ports.Task`.

    The members of an input are variables of the prompt, with its metadata below them; a text is
    the variable `question`, and the user's message where the prompt does not end with one. A list,
    or the member `messages`, is the conversation that follows the prompt.

    Args:
        template: the prompt, stored or not.
        model: a route or `provider/model`.
        variables: for all examples; those of an example win.
    """

    def __init__(
        self,
        gateway: Gateway,
        template: Template,
        *,
        model: str,
        caller: Caller,
        variables: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self._gateway = gateway
        self._template = template
        self._model = model
        self._caller = caller
        self._variables = variables or {}
        self._fields = fields or {}

    async def __call__(self, example: Example) -> Response:
        """As `ReleaseTask`."""
        return await answered(self._asked(example))

    async def _asked(self, example: Example) -> Answer:
        ask = prompted(
            self._template,
            self._caller,
            model=self._model,
            fields=self._fields,
            variables={**self._variables, **_variables(example)},
            messages=self._conversation(example),
        )
        return await self._gateway.put(ask)

    def _conversation(self, example: Example) -> Sequence[Any]:
        given = example.input
        turns = given.get("messages") if isinstance(given, Mapping) else given
        if _is_conversation(turns):
            return turns
        last = self._template.prompt.messages[-1]
        if last.role == "user":
            return ()
        return [{"role": "user", "content": _text(given)}]


async def answered(asking: Awaitable[Answer]) -> Response:
    """What came of a chat completion, read to its end.

    Raises:
        RateLimited, Overloaded: too many are asked at once.
    """
    try:
        answer = await asking
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
        tool_calls=tuple(map(_tool_call, fold.tool_calls)) or None,
        model=answer.headers.get("x-trimtab-model"),
        usage=fold.usage,
        spans=tuple(answer.spans),
        latency_ms=root.duration_ms,
        cost_usd=trace_cost(answer.spans),
        trace_id=root.trace_id,
        span_id=root.span_id,
        error=failed,
    )


def _tool_call(wire: Mapping[str, Any]) -> ToolCall:
    arguments: Any = wire["function"]["arguments"]
    try:
        arguments = jsonx.decode(arguments.encode("utf-8", "replace"))
    except TrimtabError:
        return ToolCall(name=wire["function"]["name"], arguments=arguments)
    return ToolCall(name=wire["function"]["name"], arguments=arguments)


def _variables(example: Example) -> dict[str, Any]:
    own = example.input if isinstance(example.input, Mapping) else {}
    asked = _text(example.input)
    told = {"context": "\n\n".join(example.context), "input": asked, "question": asked}
    return {**example.metadata, **told, **own}


def _text(value: Any) -> str:
    """The text of an input; of anything else, its JSON."""
    return text_of(value) or ("" if value is None else jsonx.encode(value).decode())


def _is_conversation(value: Any) -> TypeGuard[list[Any]]:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, Mapping) and "role" in turn for turn in value)
    )
