"""The shapes of chat completions' answers, and how answers of other types are put right.

Answers of the usual types are decoded into structs, which is what a busy stream needs; an answer
that has other types anywhere is decoded into plain values and read as far as it can be, so that
none is too strange.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.dialects.llm.fields import as_dict, as_dicts, plain
from trimtab.kit import jsonx

OTHERS = ("annotations", "audio", "images")
"""Members of a delta or message that have no part of their own."""


class Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(msgspec.Struct, gc=False):
    """A delta of a stream, or the message of a whole answer."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    thinking_blocks: Any = None
    annotations: Any = None
    audio: Any = None
    images: Any = None


class Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class Answer(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(Answer).decode


def read(data: str | bytes) -> Answer | None:
    """An answer decoded; None where it is no JSON object."""
    try:
        answer = _decode(data)
    except (msgspec.DecodeError, RecursionError):
        wire = plain(data)
        if not isinstance(wire, dict):
            return None
        answer = _strange(wire)
    if answer.choices is None and not answer.error:
        answer.error = _unnamed_error(as_dict(plain(data)))
    return answer


# -- answers of any type -----------------------------------------------------------------------


def _unnamed_error(wire: dict[str, Any]) -> Any:
    """Some servers (vLLM, those made with FastAPI) say an error without the member for it."""
    is_error = wire.get("object") == "error" or wire.get("type") == "error"
    return wire if is_error else wire.get("detail")


def _strange(wire: dict[str, Any]) -> Answer:
    """An answer as far as it can be read, whatever the types in it."""
    choices = wire.get("choices")
    return Answer(
        id=_string(wire.get("id")),
        model=_string(wire.get("model")),
        choices=[_choice(choice) for choice in as_dicts(choices)] if choices is not None else None,
        usage=wire.get("usage"),
        error=wire.get("error"),
    )


def _choice(wire: dict[str, Any]) -> Choice:
    index = wire.get("index")
    return Choice(
        index=index if type(index) is int else 0,
        delta=_delta(as_dict(wire.get("delta") or wire.get("message"))),
        finish_reason=_string(wire.get("finish_reason")),
        logprobs=wire.get("logprobs"),
    )


def _delta(wire: dict[str, Any]) -> Said:
    said = Said(**{name: wire.get(name) for name in ("thinking_blocks", *OTHERS)})
    for name in ("content", "refusal", "reasoning_content", "reasoning"):
        setattr(said, name, _string(wire.get(name)))
    for part in as_dicts(wire.get("content")):
        _content(part, said)
    calls = as_dicts(wire.get("tool_calls"))
    said.tool_calls = [_call(call) for call in calls] or None
    legacy = wire.get("function_call")
    said.function_call = _function(legacy) if isinstance(legacy, dict) else None
    return said


def _content(part: dict[str, Any], said: Said) -> None:
    """Content in parts, as Mistral's thinking models answer."""
    if isinstance(part.get("text"), str):
        said.content = (said.content or "") + part["text"]
    for thought in as_dicts(part.get("thinking")):
        if isinstance(thought.get("text"), str):
            said.reasoning_content = (said.reasoning_content or "") + thought["text"]


def _call(wire: dict[str, Any]) -> Call:
    index, number = wire.get("index"), wire.get("id")
    return Call(
        index=index if type(index) is int else None,
        id=str(number) if type(number) is int else _string(number),
        function=_function(as_dict(wire.get("function"))),
    )


def _function(wire: dict[str, Any]) -> Function:
    arguments = wire.get("arguments") or ""
    # Some providers send the JSON itself.
    text = arguments if isinstance(arguments, str) else as_json(arguments)
    return Function(name=_string(wire.get("name")), arguments=text)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def as_json(value: Any) -> str:
    """A JSON value as text; empty where it is nested too deep to be written again."""
    try:
        return jsonx.encode(value).decode()
    except RecursionError:
        return ""
