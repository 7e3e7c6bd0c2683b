"""Requests of chat completions read into the neutral question, for translation only."""

from __future__ import annotations

from typing import Any, Literal

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import as_dict, as_dicts, as_text, field
from trimtab.dialects.llm.question import (
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

SOUNDS = {"mp3": "audio/mpeg"}
"""Media types of the sound formats whose name is not their subtype."""

_READ: dict[str, Any] = {
    "messages": list[dict[str, Any]],
    "tools": list[dict[str, Any]] | None,
    "functions": list[dict[str, Any]] | None,
    "tool_choice": str | dict[str, Any] | None,
    "function_call": str | dict[str, Any] | None,
    "parallel_tool_calls": bool | None,
    "max_tokens": int | None,
    "max_completion_tokens": int | None,
    "temperature": float | None,
    "top_p": float | None,
    "top_k": int | None,
    "presence_penalty": float | None,
    "frequency_penalty": float | None,
    "stop": str | list[str] | None,
    "seed": int | None,
    "n": int | None,
    "response_format": dict[str, Any] | None,
    "reasoning_effort": str | None,
}
_KNOWN = {*_READ, "model", "stream", "stream_options", "user"}
_SAMPLING = ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "seed")
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
}
_SYSTEM = ("system", "developer")


def question(envelope: Envelope) -> Question:
    """Raises InvalidRequest for a field of a wrong type, with its path."""
    wire = {name: field(envelope.fields, name, kind) for name, kind in _READ.items()}
    lost = [
        name
        for name, raw in envelope.fields.items()
        if name not in _KNOWN and bytes(raw) not in (b"null", b"{}", b"[]")
    ]
    said = _Conversation(lost)
    for place, message in enumerate(wire["messages"]):
        said.message(message, f"messages[{place}]")
    stop = wire["stop"]
    limit = wire["max_completion_tokens"]
    effort = wire["reasoning_effort"]
    return Question(
        system=tuple(said.system),
        turns=tuple(said.turns),
        tools=tuple(_tools(wire, lost)),
        tool_choice=_tool_choice(wire, lost),
        parallel_tools=wire["parallel_tool_calls"],
        max_tokens=wire["max_tokens"] if limit is None else limit,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        choices=wire["n"] or 1,
        output=_output(wire["response_format"], lost),
        thinking=None if effort is None else Thinking(effort=effort),
        user=envelope.user,
        stream=envelope.stream,
        lost=tuple(lost),
        **{name: wire[name] for name in _SAMPLING},
    )


class _Conversation:
    """Messages sorted into the system's text and turns."""

    def __init__(self, lost: list[str]) -> None:
        self.system: list[TextContent] = []
        self.turns: list[Turn] = []
        self._lost = lost
        self._legacy_calls = 0

    def message(self, message: dict[str, Any], path: str) -> None:
        role, name = message.get("role"), message.get("name")
        if role in _SYSTEM:
            texts = self._content(message.get("content"), path)
            self.system += [text for text in texts if isinstance(text, TextContent)]
            if self.turns:
                self._lost.append(f"{path}.role")
            return
        if role == "assistant":
            content = self._assistant(message, path)
        elif role in ("tool", "function"):
            content, name = [self._result(message, path)], None
        else:
            content = self._content(message.get("content"), path)
        side: Literal["user", "assistant"] = "assistant" if role == "assistant" else "user"
        self.turns.append(
            Turn(role=side, content=tuple(content), name=name if isinstance(name, str) else None)
        )

    def _assistant(self, message: dict[str, Any], path: str) -> list[Content]:
        content: list[Content] = list(_thoughts(message))
        content += self._content(message.get("content"), path)
        if refusal := as_text(message.get("refusal")):
            content.append(TextContent(text=refusal))
        for place, call in enumerate(as_dicts(message.get("tool_calls"))):
            function = as_dict(call.get("function"))
            if not function:
                self._lost.append(f"{path}.tool_calls[{place}]")
                continue
            content.append(_use(as_text(call.get("id")) or f"call_{place}", function))
        if legacy := as_dict(message.get("function_call")):
            self._legacy_calls += 1
            content.append(_use(f"call_{self._legacy_calls}", legacy))
        if message.get("audio"):
            self._lost.append(f"{path}.audio")
        return content

    def _result(self, message: dict[str, Any], path: str) -> ToolResult:
        content = self._content(message.get("content"), path)
        return ToolResult(
            id=as_text(message.get("tool_call_id")) or f"call_{self._legacy_calls}",
            content=tuple(c for c in content if isinstance(c, TextContent | MediaContent)),
            cache=_cached(message),
        )

    def _content(self, content: Any, path: str) -> list[Content]:
        if isinstance(content, str):
            return [TextContent(text=content)]
        read: list[Content] = []
        for place, part in enumerate(as_dicts(content)):
            said = _part(part)
            if said is None:
                self._lost.append(f"{path}.content[{place}]")
            else:
                read.append(said)
        return read


def _thoughts(message: dict[str, Any]) -> list[ThinkingContent]:
    """Sealed blocks where the client gave them back, else the text of them."""
    blocks = [
        ThinkingContent(
            text=as_text(block.get("thinking")),
            signature=as_text(block.get("signature")) or None,
            redacted=as_text(block.get("data")) or None,
        )
        for block in as_dicts(message.get("thinking_blocks"))
    ]
    text = as_text(message.get("reasoning_content")) or as_text(message.get("reasoning"))
    return blocks or ([ThinkingContent(text=text)] if text else [])


def _use(id: str, function: dict[str, Any]) -> ToolUse:
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else jsonx.encode(arguments or {}).decode()
    return ToolUse(id=id, name=as_text(function.get("name")), arguments=text)


def _cached(part: dict[str, Any]) -> bool:
    """OpenAI caches by itself; the mark is one that proxies of other providers take."""
    return isinstance(part.get("cache_control"), dict)


def _part(part: dict[str, Any]) -> Content | None:
    """One content part; None where it has no place in a question."""
    kind, cache = part.get("type"), _cached(part)
    if kind in ("text", "refusal"):
        return TextContent(text=as_text(part.get(kind)), cache=cache)
    if kind == "image_url":
        image = part.get("image_url")
        url = image if isinstance(image, str) else as_text(as_dict(image).get("url"))
        detail = as_text(as_dict(image).get("detail")) or None
        return _media(url, "image/*", detail=detail, cache=cache)
    if kind == "input_audio":
        sound = as_dict(part.get("input_audio"))
        suffix = as_text(sound.get("format"))
        heard = SOUNDS.get(suffix, f"audio/{suffix}")
        return MediaContent(media_type=heard, data=as_text(sound.get("data")), cache=cache)
    if kind == "file":
        file = as_dict(part.get("file"))
        name = as_text(file.get("filename")) or None
        return _media(as_text(file.get("file_data")), "application/pdf", name=name, cache=cache)
    return None


def _media(
    url: str, kind: str, *, name: str | None = None, detail: str | None = None, cache: bool
) -> MediaContent | None:
    """What a URL points to or, a data URL, holds. Files that lie at the provider have none."""
    if not url:
        return None
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        told = head.removeprefix("data:").removesuffix(";base64").partition(";")[0]
        return MediaContent(
            media_type=told or kind, data=data, name=name, detail=detail, cache=cache
        )
    return MediaContent(media_type=kind, url=url, name=name, detail=detail, cache=cache)


def _tools(wire: dict[str, Any], lost: list[str]) -> list[Tool]:
    tools = []
    for place, tool in enumerate(wire["tools"] or ()):
        function = as_dict(tool.get("function"))
        if tool.get("type", "function") != "function" or not function:
            lost.append(f"tools[{place}]")
        else:
            tools.append(_tool(function, cache=_cached(tool) or _cached(function)))
    return tools + [_tool(function, cache=False) for function in wire["functions"] or ()]


def _tool(function: dict[str, Any], *, cache: bool) -> Tool:
    strict = function.get("strict")
    return Tool(
        name=as_text(function.get("name")),
        description=as_text(function.get("description")) or None,
        schema=function.get("parameters"),
        strict=strict if isinstance(strict, bool) else None,
        cache=cache,
    )


def _tool_choice(wire: dict[str, Any], lost: list[str]) -> ToolChoice | None:
    key = "function_call" if wire["tool_choice"] is None else "tool_choice"
    choice = wire[key]
    if choice is None:
        return None
    if mode := _MODES.get(choice if isinstance(choice, str) else ""):
        return ToolChoice(mode=mode)
    named = as_dict(choice)
    name = as_text(as_dict(named.get("function")).get("name")) or as_text(named.get("name"))
    if not name or named.get("type", "function") != "function":
        lost.append(key)
        return None
    return ToolChoice(mode="named", name=name)


def _output(format: dict[str, Any] | None, lost: list[str]) -> OutputFormat | None:
    kind = as_dict(format).get("type", "text")
    if kind == "json_object":
        return OutputFormat(kind="json")
    schema = as_dict(as_dict(format).get("json_schema"))
    if kind == "json_schema" and schema:
        strict = schema.get("strict")
        return OutputFormat(
            kind="schema",
            name=as_text(schema.get("name")),
            schema=schema.get("schema"),
            strict=strict if isinstance(strict, bool) else None,
        )
    if kind != "text":
        lost.append("response_format")
    return None
