"""A request of the responses API in neutral form, for providers that speak another dialect.

What only the provider that keeps it can look up (an earlier response, a conversation, a stored
prompt) is refused: without it the answer would be one to another question. What merely cannot be
carried over is named in `Question.lost`.
"""

from __future__ import annotations

from typing import Any

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import as_dict, as_dicts, as_text, field
from trimtab.dialects.llm.openai_responses_items import thoughts
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
from trimtab.errors import InvalidRequest

KEPT = ("previous_response_id", "conversation", "prompt")
"""Fields that point at what only the provider has."""

_HANDLED = frozenset(
    {
        "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls",
        "max_output_tokens", "temperature", "top_p", "reasoning", "text", "user",
        "safety_identifier", "stream", "metadata", "stream_options",
    }
)  # fmt: skip
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "background": (False,),
    "include": ([], ["reasoning.encrypted_content"]),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "truncation": ("disabled",),
}
"""Values of other fields that ask for nothing."""

_Media = MediaContent | TextContent


def question_of(envelope: Envelope) -> Question:
    """See `dialect.Dialect.question`."""
    fields = {name: field(envelope.fields, name, Any) for name in envelope.fields}
    _refuse(fields)
    reading = _Reading()
    reading.instructions(fields.get("instructions"))
    reading.input(fields.get("input"))
    tools, choice = _tools(fields, reading.lost)
    lost = reading.lost
    for name, value in fields.items():
        if name not in _HANDLED and value is not None and value not in _HARMLESS.get(name, ()):
            lost.append(name)
    return Question(
        system=tuple(reading.system),
        turns=tuple(reading.turns),
        tools=tools,
        tool_choice=choice,
        parallel_tools=field(envelope.fields, "parallel_tool_calls", bool | None),
        max_tokens=envelope.max_tokens,
        temperature=field(envelope.fields, "temperature", float | None),
        top_p=field(envelope.fields, "top_p", float | None),
        output=_output(as_dict(fields.get("text")), lost),
        thinking=_thinking(as_dict(fields.get("reasoning")), lost),
        user=envelope.user,
        stream=envelope.stream,
        lost=tuple(lost),
    )


def _refuse(fields: dict[str, Any]) -> None:
    for name in (*KEPT, "background"):
        if fields.get(name):
            raise InvalidRequest(
                f"{name!r} is for a provider that speaks openai.responses; the one behind this "
                "route does not",
                where=name,
                fix="send the whole conversation as `input`, or ask a route whose provider does",
            )


class _Reading:
    """Reads items in order: neighbours of one side become one turn."""

    def __init__(self) -> None:
        self.system: list[TextContent] = []
        self.turns: list[Turn] = []
        self.lost: list[str] = []

    def instructions(self, value: Any) -> None:
        if isinstance(value, str):
            self.system.append(TextContent(text=value))
        elif value is not None:
            raise _wrong("instructions", "text")

    def input(self, value: Any) -> None:
        if isinstance(value, str):
            self._add("user", (TextContent(text=value),))
            return
        if not isinstance(value, list) or not value:
            raise _wrong("input", "text or a list of items")
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise _wrong(f"input[{index}]", "an object")
            self._item(item, f"input[{index}]")
        if not self.turns:
            raise _wrong("input", "a list with a message of the user")

    def _add(self, role: Any, content: tuple[Content, ...]) -> None:
        if not content:
            return
        if self.turns and self.turns[-1].role == role:
            content = (*self.turns.pop().content, *content)
        self.turns.append(Turn(role=role, content=content))

    def _item(self, item: dict[str, Any], where: str) -> None:
        kind = item.get("type") or ("message" if "role" in item else None)
        if kind == "message":
            self._message(item, where)
        elif kind == "function_call":
            use = ToolUse(
                id=_required(item, "call_id", where),
                name=_required(item, "name", where),
                arguments=as_text(item.get("arguments")),
            )
            self._add("assistant", (use,))
        elif kind == "function_call_output":
            content = self._contents(item.get("output"), f"{where}.output")
            result = ToolResult(id=_required(item, "call_id", where), content=content)
            self._add("user", (result,))
        elif kind == "reasoning":
            self._add("assistant", _thinking_content(item))
        elif kind == "item_reference":
            raise InvalidRequest(
                "an item reference is for the provider that has the item",
                where=where,
                fix="send the item itself",
            )
        else:
            self.lost.append(where)

    def _message(self, item: dict[str, Any], where: str) -> None:
        role = item.get("role")
        content = self._contents(item.get("content"), f"{where}.content")
        if role in ("user", "assistant"):
            self._add(role, content)
        elif role in ("system", "developer"):
            if self.turns:  # its place in the conversation
                self.lost.append(f"{where}.role")
            self.system += [part for part in content if isinstance(part, TextContent)]
        else:
            raise _wrong(f"{where}.role", "user, assistant, system or developer")

    def _contents(self, value: Any, where: str) -> tuple[_Media, ...]:
        if isinstance(value, str):
            return (TextContent(text=value),)
        if not isinstance(value, list):
            raise _wrong(where, "text or a list of parts")
        parts = []
        for index, part in enumerate(as_dicts(value)):
            content = _content(part)
            if content is None:
                self.lost.append(f"{where}[{index}]")
            else:
                parts.append(content)
        return tuple(parts)


def _content(part: dict[str, Any]) -> _Media | None:
    """A part of a message; None for what has no place, as a file that the provider keeps."""
    cache = part.get("prompt_cache_breakpoint") is not None
    kind = part.get("type")
    text = part.get("refusal" if kind == "refusal" else "text")
    if kind in ("input_text", "output_text", "refusal", "text") and isinstance(text, str):
        return TextContent(text=text, cache=cache)
    if kind == "input_image":
        return _media(part.get("image_url"), "image/*", cache, detail=as_text(part.get("detail")))
    if kind == "input_file":
        source = part.get("file_url") or part.get("file_data")
        return _media(source, "application/pdf", cache, name=as_text(part.get("filename")))
    if kind == "input_audio":
        audio = as_dict(part.get("input_audio"))
        form, data = as_text(audio.get("format")), as_text(audio.get("data"))
        return MediaContent(media_type=f"audio/{form}", data=data, cache=cache) if data else None
    return None


def _media(
    source: Any, media_type: str, cache: bool, *, detail: str = "", name: str = ""
) -> MediaContent | None:
    if not isinstance(source, str) or not source:
        return None
    more: dict[str, Any] = {"cache": cache, "detail": detail or None, "name": name or None}
    if source.startswith("data:"):
        head, _, data = source[5:].partition(",")
        return MediaContent(media_type=head.partition(";")[0] or media_type, data=data, **more)
    if source.startswith(("http://", "https://")):
        return MediaContent(media_type=media_type, url=source, **more)
    return MediaContent(media_type=media_type, data=source, **more)


def _thinking_content(item: dict[str, Any]) -> tuple[Content, ...]:
    text, sealed = "\n\n".join(thoughts(item)), as_text(item.get("encrypted_content"))
    if text:
        return (ThinkingContent(text=text, signature=sealed or None),)
    return (ThinkingContent(redacted=sealed),) if sealed else ()


def _tools(fields: dict[str, Any], lost: list[str]) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    tools = []
    for index, wire in enumerate(as_dicts(fields.get("tools"))):
        if wire.get("type") != "function":
            lost.append(f"tools[{index}]")
            continue
        tools.append(
            Tool(
                name=_required(wire, "name", f"tools[{index}]"),
                description=wire.get("description"),
                schema=wire.get("parameters"),
                strict=wire.get("strict"),
            )
        )
    choice = fields.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = {tool.get("name") for tool in as_dicts(choice.get("tools"))}
        tools = [tool for tool in tools if tool.name in allowed]
        choice = choice.get("mode")
    return tuple(tools), _choice(choice, {tool.name for tool in tools})


def _choice(choice: Any, names: set[str]) -> ToolChoice | None:
    if choice is None:
        return None
    if choice in ("auto", "none", "required"):
        return ToolChoice(mode=choice)
    name = as_dict(choice).get("name")
    if as_dict(choice).get("type") == "function" and name in names:
        return ToolChoice(mode="named", name=name)
    raise InvalidRequest(
        "'tool_choice' forces a tool that is none of the function tools of this request; built-in "
        "tools are for a provider that speaks openai.responses",
        where="tool_choice",
        fix="name a function of `tools`, or ask a route whose provider has the built-in tool",
    )


def _output(text: dict[str, Any], lost: list[str]) -> OutputFormat | None:
    if text.get("verbosity") not in (None, "medium"):
        lost.append("text.verbosity")
    form = as_dict(text.get("format"))
    kind = form.get("type")
    if kind == "json_object":
        return OutputFormat(kind="json")
    if kind == "json_schema":
        return OutputFormat(
            kind="schema",
            name=as_text(form.get("name")),
            schema=form.get("schema"),
            strict=form.get("strict"),
        )
    if kind not in (None, "text"):
        lost.append("text.format")
    return None


def _thinking(reasoning: dict[str, Any], lost: list[str]) -> Thinking | None:
    lost += [f"reasoning.{name}" for name in reasoning if name != "effort" and reasoning[name]]
    effort = reasoning.get("effort")
    return Thinking(effort=effort) if isinstance(effort, str) else None


def _required(item: dict[str, Any], name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(f"{where}.{name}", "text")
    return value


def _wrong(where: str, expected: str) -> InvalidRequest:
    return InvalidRequest(
        f"{where!r} is not {expected}",
        where=where,
        fix="see the OpenAI responses reference",
    )
