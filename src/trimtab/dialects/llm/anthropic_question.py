"""Requests of Anthropic's messages read into the neutral question, for translation only."""

from __future__ import annotations

import base64
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

_READ: dict[str, Any] = {
    "messages": list[dict[str, Any]],
    "system": str | list[dict[str, Any]] | None,
    "tools": list[dict[str, Any]] | None,
    "tool_choice": dict[str, Any] | None,
    "temperature": float | None,
    "top_p": float | None,
    "top_k": int | None,
    "stop_sequences": list[str] | None,
    "thinking": dict[str, Any] | None,
    "output_config": dict[str, Any] | None,
    "output_format": dict[str, Any] | None,
    "cache_control": dict[str, Any] | None,
    "metadata": dict[str, Any] | None,
}
_KNOWN = {*_READ, "model", "stream", "max_tokens"}
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "any": "required",
}
_TOOL_FIELDS = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})


def question(envelope: Envelope) -> Question:
    """Raises InvalidRequest for a field of a wrong type, with its path."""
    wire = {name: field(envelope.fields, name, kind) for name, kind in _READ.items()}
    lost = [
        name
        for name, raw in envelope.fields.items()
        if name not in _KNOWN and bytes(raw) not in (b"null", b"{}", b"[]")
    ]
    reading = _Reading(lost)
    system = reading.contents(wire["system"], "system")
    turns = [turn for at, said in enumerate(wire["messages"]) if (turn := reading.turn(said, at))]
    if wire["cache_control"]:
        lost.append("cache_control")
    choice = as_dict(wire["tool_choice"])
    disabled = choice.get("disable_parallel_tool_use")
    return Question(
        system=(*(c for c in system if isinstance(c, TextContent)), *reading.system),
        turns=tuple(turns),
        tools=tuple(_tools(wire["tools"] or [], lost)),
        tool_choice=_tool_choice(choice, lost),
        parallel_tools=not disabled if isinstance(disabled, bool) else None,
        max_tokens=envelope.max_tokens,
        temperature=wire["temperature"],
        top_p=wire["top_p"],
        top_k=wire["top_k"],
        stop=tuple(wire["stop_sequences"] or ()),
        output=_output(wire, lost),
        thinking=_thinking(wire, lost),
        user=envelope.user,
        stream=envelope.stream,
        lost=tuple(lost),
    )


class _Reading:
    """Messages as turns; what has no place among them is in `lost`, by its path."""

    def __init__(self, lost: list[str]) -> None:
        self.system: list[TextContent] = []
        self._lost = lost

    def turn(self, message: dict[str, Any], place: int) -> Turn | None:
        path = f"messages[{place}]"
        content = self.contents(message.get("content"), f"{path}.content")
        if message.get("role") == "system":
            self.system += [c for c in content if isinstance(c, TextContent)]
            self._lost.append(f"{path}.role")
            return None
        side: Literal["user", "assistant"] = (
            "assistant" if message.get("role") == "assistant" else "user"
        )
        return Turn(role=side, content=tuple(content))

    def contents(self, content: Any, path: str) -> list[Content]:
        if isinstance(content, str):
            return [TextContent(text=content)]
        read: list[Content] = []
        for place, block in enumerate(as_dicts(content)):
            said = self._block(block, f"{path}[{place}]")
            if said is None:
                self._lost.append(f"{path}[{place}]")
            else:
                read.append(said)
        return read

    def _block(self, block: dict[str, Any], path: str) -> Content | None:
        """One block; None where it has no place in a question."""
        kind, cache = block.get("type"), self._cache(block, path)
        if block.get("citations"):
            self._lost.append(f"{path}.citations")
        if kind == "text":
            return TextContent(text=as_text(block.get("text")), cache=cache)
        if kind in ("thinking", "redacted_thinking"):
            return ThinkingContent(
                text=as_text(block.get("thinking")),
                signature=as_text(block.get("signature")) or None,
                redacted=as_text(block.get("data")) or None,
            )
        if kind == "tool_use":
            given = jsonx.encode(as_dict(block.get("input"))).decode()
            name, called = as_text(block.get("name")), as_text(block.get("id"))
            return ToolUse(id=called, name=name, arguments=given, cache=cache)
        if kind == "tool_result":
            return self._result(block, path, cache=cache)
        return _media(block, cache=cache) if kind in ("image", "document") else None

    def _result(self, block: dict[str, Any], path: str, *, cache: bool) -> ToolResult:
        content = self.contents(block.get("content"), f"{path}.content")
        return ToolResult(
            id=as_text(block.get("tool_use_id")),
            content=tuple(c for c in content if isinstance(c, TextContent | MediaContent)),
            is_error=block.get("is_error") is True,
            cache=cache,
        )

    def _cache(self, block: dict[str, Any], path: str) -> bool:
        mark = as_dict(block.get("cache_control"))
        if mark.get("ttl", "5m") != "5m":
            self._lost.append(f"{path}.cache_control.ttl")
        return bool(mark)


def _media(block: dict[str, Any], *, cache: bool) -> MediaContent | None:
    source = as_dict(block.get("source"))
    is_image = block.get("type") == "image"
    usual = "image/*" if is_image else "application/pdf"
    name, kind = as_text(block.get("title")) or None, source.get("type")
    told, data = as_text(source.get("media_type")) or usual, as_text(source.get("data"))
    if kind == "base64" and data:
        return MediaContent(media_type=told, data=data, name=name, cache=cache)
    if kind == "url" and source.get("url"):
        url = as_text(source["url"])
        return MediaContent(media_type=usual, url=url, name=name, cache=cache)
    if kind == "text" and data:
        encoded = base64.b64encode(data.encode()).decode()
        return MediaContent(media_type="text/plain", data=encoded, name=name, cache=cache)
    return None


def _tools(wire: list[dict[str, Any]], lost: list[str]) -> list[Tool]:
    """Tools of the caller; those that the provider runs itself have no place elsewhere."""
    tools = []
    for place, tool in enumerate(wire):
        if tool.get("type") not in (None, "custom"):
            lost.append(f"tools[{place}]")
            continue
        lost += [f"tools[{place}].{name}" for name in tool if name not in _TOOL_FIELDS]
        strict = tool.get("strict")
        tools.append(
            Tool(
                name=as_text(tool.get("name")),
                description=as_text(tool.get("description")) or None,
                schema=tool.get("input_schema"),
                strict=strict if isinstance(strict, bool) else None,
                cache=bool(tool.get("cache_control")),
            )
        )
    return tools


def _tool_choice(choice: dict[str, Any], lost: list[str]) -> ToolChoice | None:
    kind = choice.get("type")
    if kind == "tool":
        return ToolChoice(mode="named", name=as_text(choice.get("name")))
    mode = _MODES.get(as_text(kind))
    if mode is None:
        lost += ["tool_choice"] if choice else []
        return None
    return ToolChoice(mode=mode)


def _output(wire: dict[str, Any], lost: list[str]) -> OutputFormat | None:
    asked = as_dict(as_dict(wire["output_config"]).get("format") or wire["output_format"])
    if not asked:
        return None
    if asked.get("type") != "json_schema":
        lost.append("output_config.format")
        return None
    return OutputFormat(kind="schema", schema=asked.get("schema"))


def _thinking(wire: dict[str, Any], lost: list[str]) -> Thinking | None:
    thinking = as_dict(wire["thinking"])
    said = as_dict(wire["output_config"])
    effort = as_text(said.get("effort")) or None
    lost += [f"output_config.{name}" for name in said if name not in ("effort", "format")]
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if thinking.get("display") not in (None, "summarized"):
        lost.append("thinking.display")
    if kind == "disabled":
        return Thinking(effort="none")
    if kind == "enabled":
        return Thinking(effort=effort, budget_tokens=budget if type(budget) is int else None)
    if kind not in (None, "adaptive"):
        lost.append("thinking")
    return Thinking(effort=effort) if kind == "adaptive" or effort else None
