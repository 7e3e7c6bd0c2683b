"""A neutral question as a request of the responses API.

Nothing is stored with the provider, as the dialects that are translated keep nothing there; what
a reasoning model thought comes back sealed instead, and goes back to it in the next turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trimtab.dialects.llm.openai_chat_ask import effort
from trimtab.dialects.llm.openai_responses_items import SEALED, unsealed
from trimtab.dialects.llm.question import (
    Asked,
    Content,
    MediaContent,
    OutputFormat,
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

_NOWHERE = ("top_k", "presence_penalty", "frequency_penalty", "stop", "seed")


def asked(question: Question, *, model: str) -> Asked:
    """See `dialect.Dialect.ask`."""
    lost: dict[str, None] = {}
    writing = _Writing(lost)
    lost |= dict.fromkeys(name for name in _NOWHERE if getattr(question, name) not in (None, ()))
    if question.choices > 1:
        lost["choices"] = None
    if any(text.cache for text in question.system) or any(tool.cache for tool in question.tools):
        lost["cache"] = None
    word = effort(question.thinking)
    wire: dict[str, Any] = {
        "model": model,
        "input": [item for turn in question.turns for item in writing.items(turn)],
        "instructions": "\n\n".join(text.text for text in question.system) or None,
        "tools": [_tool(tool) for tool in question.tools] or None,
        "tool_choice": _choice(question.tool_choice),
        "parallel_tool_calls": question.parallel_tools if question.tools else None,
        "max_output_tokens": question.max_tokens,
        "temperature": question.temperature,
        "top_p": question.top_p,
        "text": _output(question.output),
        "reasoning": None if word is None else {"effort": word},
        "include": ["reasoning.encrypted_content"] if word is not None or writing.thought else None,
        "user": question.user,
        "stream": question.stream or None,
        "store": False,
    }
    body = jsonx.encode({name: value for name, value in wire.items() if value is not None})
    return Asked(body=body, lost=tuple(lost))


class _Writing:
    """Writes the items of a turn, and notes what has no place in them."""

    def __init__(self, lost: dict[str, None]) -> None:
        self.lost = lost
        self.thought = False

    def items(self, turn: Turn) -> Iterator[dict[str, Any]]:
        """Texts and media of a user go together into a message; other content is an item each."""
        if turn.name is not None:
            self.lost["messages[].name"] = None
        said: list[dict[str, Any]] = []
        for content in turn.content:
            if getattr(content, "cache", False):
                self.lost["cache"] = None
            if turn.role == "user" and isinstance(content, TextContent | MediaContent):
                said += self._part(content)
                continue
            if said:
                yield {"type": "message", "role": "user", "content": said}
                said = []
            yield from self._item(content)
        if said:
            yield {"type": "message", "role": "user", "content": said}

    def _item(self, content: Content) -> Iterator[dict[str, Any]]:
        match content:
            case TextContent(text=text):
                yield {"type": "message", "role": "assistant", "content": text}
            case MediaContent():
                self.lost["messages[].content"] = None
            case ToolUse(id=id, name=name, arguments=arguments):
                call = {"type": "function_call", "call_id": id, "name": name}
                yield {**call, "arguments": arguments or "{}"}
            case ToolResult(id=id):
                if content.is_error:
                    self.lost["messages[].is_error"] = None
                result = {"type": "function_call_output", "call_id": id}
                yield {**result, "output": self._output(content)}
            case ThinkingContent():
                yield from self._thinking(content)

    def _thinking(self, content: ThinkingContent) -> Iterator[dict[str, Any]]:
        """Only reasoning that this API sealed can go back to it."""
        sealed = content.signature or content.redacted or ""
        if not sealed.startswith(SEALED):
            self.lost["messages[].thinking"] = None
            return
        self.thought = True
        summary = [{"type": "summary_text", "text": content.text}] if content.text else []
        item_id, sealed = unsealed(sealed)
        own = {"id": item_id} if item_id else {}
        yield {"type": "reasoning", **own, "summary": summary, "encrypted_content": sealed}

    def _output(self, result: ToolResult) -> str | list[dict[str, Any]]:
        texts = [part.text for part in result.content if isinstance(part, TextContent)]
        if len(texts) == len(result.content) <= 1:
            return "".join(texts)
        return [wire for part in result.content for wire in self._part(part)]

    def _part(self, part: TextContent | MediaContent) -> list[dict[str, Any]]:
        if isinstance(part, TextContent):
            return [{"type": "input_text", "text": part.text}]
        wire = _media(part)
        if wire is None:
            self.lost["messages[].content"] = None
            return []
        return [wire]


def _media(part: MediaContent) -> dict[str, Any] | None:
    """An image or a document as a part of a message; None for a sound, which has no part."""
    family = part.media_type.partition("/")[0]
    inline = f"data:{part.media_type};base64,{part.data}"
    if family == "image":
        url = part.url or inline
        return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
    if family in ("audio", "video"):
        return None
    if part.url is not None:
        return {"type": "input_file", "file_url": part.url}
    return {"type": "input_file", "filename": part.name or "file", "file_data": inline}


def _tool(tool: Tool) -> dict[str, Any]:
    """Functions of this API are strict unless they say that they are not."""
    wire: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    return {**wire, "parameters": tool.schema, "strict": tool.strict or False}


def _choice(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    if choice is None:
        return None
    return {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode


def _output(output: OutputFormat | None) -> dict[str, Any] | None:
    if output is None:
        return None
    if output.kind == "json":
        return {"format": {"type": "json_object"}}
    form = {"type": "json_schema", "name": output.name or "answer", "schema": output.schema}
    return {"format": {**form, "strict": output.strict or False}}
