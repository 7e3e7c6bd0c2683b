"""Messages of OpenAI's and Anthropic's APIs as OpenTelemetry's messages of parts. Pure.

A message is {"role", "parts"}; a part is text, reasoning, a tool's call or response, or a piece of
media; what is none of these is kept as it came (semantic conventions for generative AI).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

from trimtab.sdk import values

Message = dict[str, Any]
Part = dict[str, Any]


def text_part(text: Any) -> Part:
    return {"type": "text", "content": text}


def tool_call(id: Any, name: Any, arguments: Any) -> Part:
    """A call of a tool, its arguments as a value where they are JSON."""
    if isinstance(arguments, str):
        with contextlib.suppress(ValueError):
            arguments = json.loads(arguments)
    return {"type": "tool_call", "id": id, "name": name, "arguments": arguments}


def tool_answer(id: Any, response: Any) -> Part:
    return {"type": "tool_call_response", "id": id, "response": response}


def of_chat(messages: Any) -> list[Message]:
    """The messages of a chat completion's request or answer."""
    return [_chat_message(one) for one in _dicts(messages)]


def of_anthropic(messages: Any) -> list[Message]:
    """The messages of Anthropic's Messages API."""
    return [
        {"role": one.get("role"), "parts": anthropic_parts(one.get("content"))}
        for one in _dicts(messages)
    ]


def anthropic_parts(content: Any) -> list[Part]:
    """The content of a message, or a system prompt: text or blocks."""
    if isinstance(content, str):
        return [text_part(content)]
    return [_anthropic_part(block) for block in _dicts(content)]


def of_responses(items: Any) -> list[Message]:
    """The input or output items of OpenAI's Responses API."""
    if isinstance(items, str):
        return [{"role": "user", "parts": [text_part(items)]}]
    return [_response_message(item) for item in _dicts(items)]


def joined(messages: list[Message], finish_reason: str | None) -> list[Message]:
    """Several items of one answer as one message of the assistant."""
    parts = [part for message in messages for part in message["parts"]]
    return [{"role": "assistant", "parts": parts, "finish_reason": finish_reason}] if parts else []


def _dicts(found: Any) -> Iterable[dict[str, Any]]:
    """The dicts of a list; an iterator is the client's to read, and not touched."""
    if not isinstance(found, (list, tuple)):
        return []
    plain = values.plain(list(found)) or []
    return [one for one in plain if isinstance(one, dict)]


def _chat_message(message: dict[str, Any]) -> Message:
    role, content = message.get("role"), message.get("content")
    if role == "tool":
        return {"role": role, "parts": [tool_answer(message.get("tool_call_id"), content)]}
    parts: list[Part] = []
    if thought := message.get("reasoning_content"):
        parts.append({"type": "reasoning", "content": thought})
    if isinstance(content, str) and content:
        parts.append(text_part(content))
    elif isinstance(content, list):
        parts += [_chat_part(part) for part in content if isinstance(part, dict)]
    if refusal := message.get("refusal"):
        parts.append({"type": "refusal", "content": refusal})
    for call in message.get("tool_calls") or []:
        asked = call.get("function") or call.get("custom") or {}
        arguments = asked.get("arguments", asked.get("input"))
        parts.append(tool_call(call.get("id"), asked.get("name"), arguments))
    return {"role": role, "parts": parts}


def _chat_part(part: dict[str, Any]) -> Part:
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        return text_part(part.get("text"))
    if kind in ("image_url", "input_image"):
        found = part.get("image_url")
        uri = found.get("url") if isinstance(found, dict) else found
        return {"type": "uri", "modality": "image", "uri": uri}
    if kind == "input_audio" and isinstance(sound := part.get("input_audio"), dict):
        mime = f"audio/{sound.get('format')}"
        return {"type": "blob", "modality": "audio", "mime_type": mime, "content": sound["data"]}
    return part


def _anthropic_part(block: dict[str, Any]) -> Part:
    kind = block.get("type")
    if kind == "text":
        return text_part(block.get("text"))
    if kind == "thinking":
        return {"type": "reasoning", "content": block.get("thinking")}
    if kind in ("tool_use", "server_tool_use"):
        return tool_call(block.get("id"), block.get("name"), block.get("input"))
    if kind == "tool_result":
        return tool_answer(block.get("tool_use_id"), block.get("content"))
    source = block.get("source")
    if kind == "image" and isinstance(source, dict):
        if source.get("type") == "url":
            return {"type": "uri", "modality": "image", "uri": source.get("url")}
        media = {"mime_type": source.get("media_type"), "content": source.get("data")}
        return {"type": "blob", "modality": "image", **media}
    return block


def _response_message(item: dict[str, Any]) -> Message:
    kind, content = item.get("type"), item.get("content")
    if kind == "function_call":
        call = tool_call(item.get("call_id"), item.get("name"), item.get("arguments"))
        return {"role": "assistant", "parts": [call]}
    if kind == "function_call_output":
        return {"role": "tool", "parts": [tool_answer(item.get("call_id"), item.get("output"))]}
    if kind == "reasoning":
        thoughts = [one.get("text", "") for one in item.get("summary") or []]
        part = {"type": "reasoning", "content": "\n".join(thoughts)}
        return {"role": "assistant", "parts": [part]}
    if isinstance(content, str):
        return {"role": item.get("role"), "parts": [text_part(content)]}
    if isinstance(content, list):
        parts = [_chat_part(part) for part in content if isinstance(part, dict)]
        return {"role": item.get("role"), "parts": parts}
    return {"role": item.get("role", "assistant"), "parts": [item]}
