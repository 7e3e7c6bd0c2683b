"""The neutral question written as a request of Anthropic's messages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from trimtab.dialects.llm.anthropic_thinking import IDLE, is_sealed, thoughts
from trimtab.dialects.llm.question import (
    Asked,
    Content,
    MediaContent,
    Question,
    TextContent,
    ThinkingContent,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from trimtab.kit import jsonx

DEFAULT_MAX_TOKENS = 8_192
"""The dialect demands a limit. Where the caller set none, this is one that every model since Claude
3.5 takes; what the caller wants the model to think comes on top."""
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_BAD_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_NOT_TAKEN = ("presence_penalty", "frequency_penalty", "seed")
_CACHE = {"cache_control": {"type": "ephemeral"}}


def ask(question: Question, *, model: str) -> Asked:
    """See `Dialect.ask`. A limit that the caller left out is `DEFAULT_MAX_TOKENS`."""
    lost: dict[str, None] = {}
    thinking = thoughts(question, model, lost)
    wire: dict[str, Any] = {
        "model": model,
        "max_tokens": question.max_tokens or DEFAULT_MAX_TOKENS + thinking.pop("room", 0),
        "system": _system(question.system),
        "messages": _messages(question.turns, lost),
        "tools": [_tool(tool) for tool in question.tools] or None,
        "tool_choice": _tool_choice(question) if question.tools else None,
        "temperature": _temperature(question, thinking, lost),
        "top_p": question.top_p,
        "top_k": question.top_k,
        "stop_sequences": _stops(question, lost),
        "metadata": None if question.user is None else {"user_id": question.user},
        "stream": question.stream or None,
        "thinking": thinking.get("thinking"),
        "output_config": _output(question, thinking.get("effort"), lost),
    }
    for name in _NOT_TAKEN:
        if getattr(question, name) is not None:
            lost[name] = None
    if question.choices != 1:
        lost["choices"] = None
    body = jsonx.encode({name: value for name, value in wire.items() if value is not None})
    return Asked(body=body, lost=tuple(lost))


def _system(system: Sequence[TextContent]) -> Any:
    if len(system) == 1 and not system[0].cache:
        return system[0].text or None
    return [block for text in system if (block := _text(text)) is not None] or None


def _messages(turns: Sequence[Turn], lost: dict[str, None]) -> list[dict[str, Any]]:
    """Turns of one side after another become one message."""
    messages = []
    for role, group in groupby(turns, key=lambda turn: turn.role):
        blocks: list[dict[str, Any]] = []
        for turn in group:
            if turn.name is not None:
                lost["messages[].name"] = None
            blocks += _blocks(turn.content, lost)
        # Results must come before anything else that follows their calls.
        blocks.sort(key=lambda block: block["type"] != "tool_result")
        if blocks:
            only = blocks[0] if len(blocks) == 1 and list(blocks[0]) == ["type", "text"] else None
            messages.append({"role": role, "content": only["text"] if only else blocks})
    return messages


def _blocks(contents: Sequence[Content], lost: dict[str, None]) -> list[dict[str, Any]]:
    blocks = []
    for content in contents:
        if isinstance(content, TextContent):
            block = _text(content)
        elif isinstance(content, ToolUse):
            use = {"id": _id(content.id), "name": content.name, "input": _input(content.arguments)}
            block = _marked({"type": "tool_use", **use}, content.cache)
        elif isinstance(content, ToolResult):
            block = _result(content, lost)
        elif isinstance(content, ThinkingContent):
            block = _thought(content, lost)
        else:
            block = _media(content, lost)
        if block is not None:
            blocks.append(block)
    return blocks


def _text(text: TextContent) -> dict[str, Any] | None:
    """A block of text; None for one without any, which the API refuses."""
    return _marked({"type": "text", "text": text.text}, text.cache) if text.text else None


def _marked(block: dict[str, Any], cache: bool) -> dict[str, Any]:
    return {**block, **_CACHE} if cache else block


def _id(id: str) -> str:
    """An id in the letters that the API takes."""
    return _BAD_IN_ID.sub("_", id)


def _input(arguments: str) -> Any:
    """Arguments as the object they must be here; those that are none go into one, as they are."""
    try:
        msgspec.json.decode(arguments or "{}", type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return {"arguments": arguments}
    return msgspec.Raw((arguments or "{}").encode())


def _result(result: ToolResult, lost: dict[str, None]) -> dict[str, Any]:
    content = _blocks(result.content, lost)
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(result.id)}
    if content:
        only = content[0] if len(content) == 1 and list(content[0]) == ["type", "text"] else None
        block["content"] = only["text"] if only else content
    if result.is_error:
        block["is_error"] = True
    return _marked(block, result.cache)


def _thought(thought: ThinkingContent, lost: dict[str, None]) -> dict[str, Any] | None:
    if not is_sealed(thought):
        lost["messages[].thinking"] = None
        return None
    if thought.redacted:
        return {"type": "redacted_thinking", "data": thought.redacted}
    return {"type": "thinking", "thinking": thought.text, "signature": thought.signature}


def _media(media: MediaContent, lost: dict[str, None]) -> dict[str, Any] | None:
    family = media.media_type.partition("/")[0]
    source = _source(media, family)
    if family not in ("image", "application", "text") or source is None:
        lost["messages[].content"] = None
        return None
    if media.detail not in (None, "auto"):
        lost["messages[].content[].detail"] = None
    kind = "image" if family == "image" else "document"
    title = {"title": media.name} if media.name and kind == "document" else {}
    return _marked({"type": kind, "source": source, **title}, media.cache)


def _source(media: MediaContent, family: str) -> dict[str, Any] | None:
    if media.url is not None:
        return {"type": "url", "url": media.url}
    if family != "text":
        return {"type": "base64", "media_type": media.media_type, "data": media.data}
    try:
        text = base64.b64decode(media.data or "").decode()
    except (binascii.Error, ValueError):
        return None
    return {"type": "text", "media_type": "text/plain", "data": text}


def _tool(tool: Tool) -> dict[str, Any]:
    schema = tool.schema if isinstance(tool.schema, dict) else {"properties": {}}
    wire: dict[str, Any] = {"name": tool.name, "input_schema": {"type": "object", **schema}}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.strict is not None:
        wire["strict"] = tool.strict
    return _marked(wire, tool.cache)


def _tool_choice(question: Question) -> dict[str, Any] | None:
    choice = question.tool_choice
    if choice is None and question.parallel_tools is None:
        return None
    choice = choice or ToolChoice(mode="auto")
    if choice.mode == "named":
        wire: dict[str, Any] = {"type": "tool", "name": choice.name}
    else:
        wire = {"type": _CHOICES[choice.mode]}
    if question.parallel_tools is not None and choice.mode != "none":
        wire["disable_parallel_tool_use"] = not question.parallel_tools
    return wire


def _temperature(
    question: Question, thinking: dict[str, Any], lost: dict[str, None]
) -> float | None:
    """At most 1 here, and none beside thinking."""
    asked = question.temperature
    if asked is None:
        return None
    is_thinking = thinking.get("thinking", IDLE) != IDLE
    if asked > 1 or (is_thinking and asked != 1):
        lost["temperature"] = None
        return None if is_thinking else 1.0
    return asked


def _stops(question: Question, lost: dict[str, None]) -> list[str] | None:
    """Sequences of white space alone are refused."""
    stops = [stop for stop in question.stop if stop.strip()]
    if len(stops) != len(question.stop):
        lost["stop"] = None
    return stops or None


def _output(question: Question, effort: str | None, lost: dict[str, None]) -> dict[str, Any] | None:
    config: dict[str, Any] = {} if effort is None else {"effort": effort}
    output = question.output
    if output is not None:
        if output.kind == "schema" and isinstance(output.schema, dict):
            config["format"] = {"type": "json_schema", "schema": output.schema}
        else:
            lost["output"] = None
    return config or None
