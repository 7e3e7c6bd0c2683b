"""The neutral question written as a request of chat completions."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from trimtab.dialects.llm.openai_chat_question import SOUNDS
from trimtab.dialects.llm.question import (
    Asked,
    Content,
    MediaContent,
    OutputFormat,
    Question,
    TextContent,
    Thinking,
    ThinkingContent,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from trimtab.kit import jsonx

_FORMATS = {kind: suffix for suffix, kind in SOUNDS.items()}
_EFFORTS = {"max": "xhigh"}
# Tokens that a thinking budget may reach to count as an effort; beyond the last it is high.
_BUDGETS = ((1_024, "minimal"), (4_096, "low"), (16_384, "medium"))


def ask(question: Question, *, model: str) -> Asked:
    """See `Dialect.ask`. A stream always reports its usage: whoever reads it needs that.

    What a model thought in earlier turns is left out and reported: the API takes none of it back.
    """
    said = _Writing()
    messages = said.messages(question)
    wire: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "tools": [_tool(tool) for tool in question.tools] or None,
        "tool_choice": _tool_choice(question.tool_choice) if question.tools else None,
        "parallel_tool_calls": question.parallel_tools if question.tools else None,
        "max_completion_tokens": question.max_tokens,
        "temperature": question.temperature,
        "top_p": question.top_p,
        "presence_penalty": question.presence_penalty,
        "frequency_penalty": question.frequency_penalty,
        "stop": list(question.stop) or None,
        "seed": question.seed,
        "n": question.choices if question.choices != 1 else None,
        "response_format": _output(question.output),
        "reasoning_effort": effort(question.thinking),
        "user": question.user,
        "stream": question.stream or None,
        "stream_options": {"include_usage": True} if question.stream else None,
    }
    if question.top_k is not None:
        said.lost["top_k"] = None
    if any(tool.cache for tool in question.tools):
        said.lost["cache"] = None
    body = jsonx.encode({name: value for name, value in wire.items() if value is not None})
    return Asked(body=body, lost=tuple(said.lost))


def effort(thinking: Thinking | None) -> str | None:
    """An effort in OpenAI's words, of a word or a number of tokens.

    >>> effort(Thinking(budget_tokens=10_000)), effort(Thinking(effort="max"))
    ('medium', 'xhigh')
    """
    if thinking is None:
        return None
    if thinking.effort is not None:
        return _EFFORTS.get(thinking.effort, thinking.effort)
    budget = thinking.budget_tokens
    if budget is None:
        return None
    return next((word for most, word in _BUDGETS if budget <= most), "high")


class _Writing:
    """Turns to messages; what cannot be said is in `lost`, each kind once."""

    def __init__(self) -> None:
        self.lost: dict[str, None] = {}

    def messages(self, question: Question) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        if question.system:
            content = self._parts(list(question.system))
            messages.append({"role": "system", "content": content})
        for turn in question.turns:
            if turn.role == "assistant":
                messages += self._assistant(turn)
            else:
                messages += self._user(turn)
        return messages

    def _user(self, turn: Turn) -> list[dict[str, Any]]:
        """Results of tools first, since they must follow their calls, then what the user said.

        A message of a tool takes only text: images it brought are said by the user.
        """
        results = [content for content in turn.content if isinstance(content, ToolResult)]
        messages = [self._result(result) for result in results]
        media = [c for r in results for c in r.content if isinstance(c, MediaContent)]
        rest = [content for content in turn.content if not isinstance(content, ToolResult)]
        if media or rest or not results:
            content = self._parts([*media, *rest])
            messages.append(_named({"role": "user", "content": content}, turn))
        return messages

    def _result(self, result: ToolResult) -> dict[str, Any]:
        texts = [content for content in result.content if isinstance(content, TextContent)]
        if result.is_error:
            self.lost["messages[].is_error"] = None
        if result.cache:
            self.lost["cache"] = None
        return {"role": "tool", "tool_call_id": result.id, "content": self._parts(list(texts))}

    def _assistant(self, turn: Turn) -> list[dict[str, Any]]:
        texts: list[str] = []
        calls: list[dict[str, Any]] = []
        for content in turn.content:
            if isinstance(content, TextContent):
                texts.append(content.text)
            elif isinstance(content, ToolUse):
                function = {"name": content.name, "arguments": content.arguments}
                calls.append({"id": content.id, "type": "function", "function": function})
            elif isinstance(content, ThinkingContent):
                self.lost["messages[].thinking"] = None
            else:
                self.lost["messages[].content"] = None
            if getattr(content, "cache", False):
                self.lost["cache"] = None
        if not texts and not calls:
            return []
        message = _named({"role": "assistant", "content": "".join(texts) if texts else None}, turn)
        return [{**message, "tool_calls": calls}] if calls else [message]

    def _parts(self, contents: list[Content]) -> str | list[dict[str, Any]]:
        if any(getattr(content, "cache", False) for content in contents):
            self.lost["cache"] = None
        parts = [part for content in contents if (part := self._part(content)) is not None]
        if len(parts) == 1 and parts[0]["type"] == "text":
            return str(parts[0]["text"])
        return parts or ""

    def _part(self, content: Content) -> dict[str, Any] | None:
        if isinstance(content, TextContent):
            return {"type": "text", "text": content.text}
        part = _media(content) if isinstance(content, MediaContent) else None
        if part is None:
            self.lost["messages[].content"] = None
        return part


def _named(message: dict[str, Any], turn: Turn) -> dict[str, Any]:
    return message if turn.name is None else {**message, "name": turn.name}


def _media(media: MediaContent) -> dict[str, Any] | None:
    """A content part; None for what has none, such as a document by its URL."""
    family, _, subtype = media.media_type.partition("/")
    if family == "image":
        image = {"url": media.url or f"data:{media.media_type};base64,{media.data}"}
        detail = {} if media.detail is None else {"detail": media.detail}
        return {"type": "image_url", "image_url": {**image, **detail}}
    if media.data is None:
        return None
    if family == "audio":
        sound = {"data": media.data, "format": _FORMATS.get(media.media_type, subtype)}
        return {"type": "input_audio", "input_audio": sound}
    if family == "text":
        return _text(media.data)
    file = {"filename": media.name or "document.pdf"}
    data = f"data:{media.media_type};base64,{media.data}"
    return {"type": "file", "file": {**file, "file_data": data}}


def _text(data: str) -> dict[str, Any] | None:
    """A document of plain text, which the API does not take as a file."""
    try:
        return {"type": "text", "text": base64.b64decode(data).decode()}
    except (binascii.Error, ValueError):
        return None


def _tool(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.schema,
        "strict": tool.strict,
    }
    given = {name: value for name, value in function.items() if value is not None}
    return {"type": "function", "function": given}


def _tool_choice(choice: ToolChoice | None) -> Any:
    if choice is None or choice.mode != "named":
        return None if choice is None else choice.mode
    return {"type": "function", "function": {"name": choice.name}}


def _output(output: OutputFormat | None) -> dict[str, Any] | None:
    if output is None:
        return None
    if output.kind == "json":
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": output.name or "answer", "schema": output.schema}
    if output.strict is not None:
        schema["strict"] = output.strict
    return {"type": "json_schema", "json_schema": schema}
