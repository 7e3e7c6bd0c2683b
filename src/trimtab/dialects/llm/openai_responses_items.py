"""Items of the responses API: what they say as parts, and messages of a prompt as items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trimtab.dialects.llm.fields import as_dict, as_dicts, as_text
from trimtab.dialects.llm.parts import Failed, Reasoning, ToolCall
from trimtab.records import Message

SEALED = "openai.responses:"
"""Begins the signature of reasoning that this API sealed, so that it goes back to no other.

The id of its item follows, which the seal is bound to, a colon, and the seal.
"""

REPEATED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What an answer repeats of its request, and what it says where the request said nothing."""

_STATUS = {"rate_limit_exceeded": 429, "server_error": 500, "vector_store_timeout": 504}


def call(item: dict[str, Any], index: int, arguments: str) -> ToolCall:
    return ToolCall(
        index=index,
        id=name_of(item.get("call_id")) or name_of(item.get("id")),
        name=name_of(item.get("name")),
        arguments=arguments,
    )


def thoughts(item: dict[str, Any]) -> list[str]:
    """The paragraphs of a reasoning item: its summary, and the thoughts themselves if shown."""
    told = [*as_dicts(item.get("summary")), *as_dicts(item.get("content"))]
    return [text for part in told if (text := as_text(part.get("text")))]


def seal(item: dict[str, Any], *, thought: bool) -> tuple[Reasoning, ...]:
    """What the provider sealed of its reasoning: alone it is all there is."""
    sealed = as_text(item.get("encrypted_content"))
    if not sealed:
        return ()
    sealed = f"{SEALED}{as_text(item.get('id'))}:{sealed}"
    return (Reasoning(signature=sealed) if thought else Reasoning(redacted=sealed),)


def unsealed(signature: str) -> tuple[str, str]:
    """The id of a reasoning item ("" where unknown) and what seals it, of whichever API.

    >>> unsealed("openai.responses:rs_1:gAAA"), unsealed("EqQB")
    (('rs_1', 'gAAA'), ('', 'EqQB'))
    """
    if not signature.startswith(SEALED):
        return "", signature
    id_, _, sealed = signature.removeprefix(SEALED).partition(":")
    return id_, sealed


def failed(error: Any) -> Failed:
    said = as_dict(error)
    kind = as_text(said.get("code")) or as_text(said.get("type"))
    message = as_text(said.get("message")) or as_text(error)
    return Failed(
        message=message or "an error that cannot be read",
        kind=kind,
        status=_STATUS.get(kind),
    )


def name_of(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 1_000 else None


def items_of(message: Message) -> Iterator[dict[str, Any]]:
    """A message of a chat as items of an input: its text, then its calls; or a call's result."""
    if message.role == "tool":
        output = message.content if isinstance(message.content, str) else _contents(message)
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": output}
        return
    if message.role == "assistant" and message.text:
        yield {"type": "message", "role": "assistant", "content": message.text}
    elif message.content:
        content = message.content if isinstance(message.content, str) else _contents(message)
        yield {"type": "message", "role": message.role, "content": content}
    for made in as_dicts(message.tool_calls):
        function = as_dict(made.get("function"))
        yield {
            "type": "function_call",
            "call_id": made.get("id"),
            "name": function.get("name"),
            "arguments": function.get("arguments"),
        }


def _contents(message: Message) -> list[dict[str, Any]]:
    return [_content(part) for part in as_dicts(message.content)]


def _content(part: dict[str, Any]) -> dict[str, Any]:
    """A content part of a chat; those that are not of a chat stay as they are."""
    kind = part.get("type")
    if kind == "text":
        return {"type": "input_text", "text": part.get("text")}
    if kind == "image_url":
        image = as_dict(part.get("image_url"))
        detail = image.get("detail") or "auto"
        return {"type": "input_image", "image_url": image.get("url"), "detail": detail}
    if kind == "file":
        return {"type": "input_file", **as_dict(part.get("file"))}
    return part


def part_of(kind: str, text: str) -> dict[str, Any]:
    """A part of a message or a reasoning item."""
    if kind == "refusal":
        return {"type": kind, "refusal": text}
    if kind == "summary_text":
        return {"type": kind, "text": text}
    return {"type": kind, "text": text, "annotations": [], "logprobs": []}
