"""The texts of a request in any dialect, by their places, and the request with some rewritten.

What is not rewritten stays byte for byte as it came: each message is decoded by itself, and only
those that change are written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import as_dict, as_dicts
from trimtab.dialects.llm.members import items, shown, whole
from trimtab.dialects.llm.others import Taken, strings
from trimtab.kit import jsonx

Kind = Literal["text", "refusal", "reasoning", "tool_arguments", "tool_result", "context", "other"]

# Where the texts of a request are: of each dialect its fields, with the role of what they say.
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "openai.chat": {"messages": "user"},
    "openai.responses": {"instructions": "system", "input": "user"},
    "openai.completions": {"prompt": "user", "suffix": "user"},
    "openai.embeddings": {"input": "user"},
    "openai.moderations": {"input": "user"},
    "anthropic.messages": {"system": "system", "messages": "user"},
    "anthropic.count_tokens": {"system": "system", "messages": "user"},
    "passthrough": {"prompt": "user", "input": "user"},
}
_MODEL = "model"  # It chooses who answers, and nobody is told of it.
_TEXTS: Mapping[str, tuple[str, Kind]] = {
    "text": ("text", "text"),
    "input_text": ("text", "text"),
    "output_text": ("text", "text"),
    "refusal": ("refusal", "refusal"),
    "thinking": ("thinking", "reasoning"),
    "summary_text": ("text", "reasoning"),
    "reasoning_text": ("text", "reasoning"),
}
_ROLES: Mapping[str, str] = {
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
}


class Said(NamedTuple):
    """A text of a request; `at` names it for `rewritten`."""

    role: str
    message: int
    kind: Kind
    part: int
    text: str
    at: tuple[str, int, int]


class Slot(NamedTuple):
    """Where a text is kept in a decoded value; JSON text of it where it is no text."""

    holder: Any
    key: Any
    kind: Kind
    is_json: bool = False

    @property
    def text(self) -> str:
        value = self.holder[self.key]
        return jsonx.encode(value).decode() if self.is_json else str(value)

    def put(self, text: str) -> None:
        """Raises InvalidRequest where the new text must be JSON and is not."""
        self.holder[self.key] = jsonx.decode(text.encode()) if self.is_json else text


def texts(dialect: str, envelope: Envelope) -> list[Said]:
    """Every text of a request in the order it was said; none for a dialect that is not read.

    `message` counts as the messages of the request's record do: from a system text that lies beside
    the messages, where there is one. The strings of a message that are no text of it are its
    `other`, one a line; so are those of each member beside the messages, in the role `request`.

    Raises:
        InvalidRequest: it cannot be read, or an object in it has a member twice.
    """
    found: list[Said] = []
    index = 0
    fields = _FIELDS.get(dialect)
    if fields is None:
        return found
    for name, usual in fields.items():
        for place, raw in enumerate(items(envelope.fields.get(name))):
            found += _said((name, place), whole(raw, name), index, usual)
            index += 1
    beside = [name for name in envelope.fields if name not in fields and name != _MODEL]
    for index, name in enumerate(beside):
        if rest := "\n".join(strings(shown(bytes(envelope.fields[name]), name))):
            found.append(Said("request", index, "other", 0, rest, (name, 0, 0)))
    return found


def _said(at: tuple[str, int], message: Any, index: int, usual: str) -> Iterator[Said]:
    value, role = [message], _role(message, usual)
    counts: dict[Kind, int] = {}
    slots = list(_slots(value, role))
    for number, slot in enumerate(slots):
        part = counts.get(slot.kind, 0)
        counts[slot.kind] = part + 1
        yield Said(role, index, slot.kind, part, slot.text, (*at, number))
    taken: Taken = frozenset((id(slot.holder), slot.key) for slot in slots)
    if rest := "\n".join(strings(value, taken)):
        yield Said(role, index, "other", 0, rest, (*at, len(slots)))


def told(message: Any) -> tuple[str, list[tuple[Kind, str]]]:
    """The role and the texts of one message, item or prompt of any dialect, by what they are.

    >>> told({"role": "user", "content": [{"type": "tool_result", "content": "No."}]})
    ('user', [('tool_result', 'No.')])
    """
    role = _role(message, "user")
    return role, [(slot.kind, slot.text) for slot in _slots([message], role)]


def rewritten(
    dialect: str, envelope: Envelope, changed: Mapping[tuple[str, int, int], str]
) -> dict[str, Any]:
    """Changes to the envelope's fields that put other texts where `changed` has them.

    Raises:
        InvalidRequest: arguments of a tool that must be a JSON object would not be one.
    """
    changes: dict[str, Any] = {}
    for name, usual in _FIELDS.get(dialect, {}).items():
        members = items(envelope.fields.get(name))
        touched = {place for field, place, _ in changed if field == name}
        for place in touched:
            value = [whole(members[place], name)]
            for number, slot in enumerate(_slots(value, _role(value[0], usual))):
                if (new := changed.get((name, place, number))) is not None:
                    slot.put(new)
            members[place] = msgspec.Raw(jsonx.encode(value[0]))
        if touched:
            changes[name] = _joined(envelope.fields[name], members)
    return changes


def _joined(raw: msgspec.Raw, members: list[msgspec.Raw]) -> msgspec.Raw:
    if not bytes(raw).lstrip().startswith(b"["):
        return members[0]
    return msgspec.Raw(b"[" + b",".join(map(bytes, members)) + b"]")


def _role(value: Any, usual: str) -> str:
    said = as_dict(value)
    role = said.get("role")
    if isinstance(role, str):
        return role
    return _ROLES.get(str(said.get("type")), usual)


# -- where texts are ---------------------------------------------------------------------------


def _slots(value: list[Any], role: str) -> Iterator[Slot]:
    """The texts of one member of a list of messages, items, blocks or prompts."""
    (said,) = value
    if isinstance(said, str):
        yield Slot(value, 0, "text")
    elif isinstance(said, dict):
        if "role" not in said:
            yield from _block(said, "text")
            return
        kind: Kind = "tool_result" if role in ("tool", "function") else "text"
        yield from _thoughts(said)
        yield from _content(said, "content", kind)
        yield from _calls(said)


def _thoughts(said: dict[str, Any]) -> Iterator[Slot]:
    """The members of a chat's message beside its content."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(said.get(name), str):
            yield Slot(said, name, "reasoning")
    for block in as_dicts(said.get("thinking_blocks")):
        yield from _block(block, "text")
    if isinstance(said.get("refusal"), str):
        yield Slot(said, "refusal", "refusal")


def _calls(said: dict[str, Any]) -> Iterator[Slot]:
    for call in [*as_dicts(said.get("tool_calls")), {"function": said.get("function_call")}]:
        for name, key in (("function", "arguments"), ("custom", "input")):
            if isinstance(as_dict(call.get(name)).get(key), str):
                yield Slot(call[name], key, "tool_arguments")


def _content(holder: dict[str, Any], key: str, kind: Kind) -> Iterator[Slot]:
    content = holder.get(key)
    if isinstance(content, str):
        yield Slot(holder, key, kind)
    elif isinstance(content, list):
        for place, block in enumerate(content):
            if isinstance(block, str):
                yield Slot(content, place, kind)
            elif isinstance(block, dict):
                yield from _block(block, kind)


def _block(block: dict[str, Any], kind: Kind) -> Iterator[Slot]:
    """One content block or item, of any dialect: their types do not clash."""
    name = str(block.get("type"))
    key, own = _TEXTS.get(name, ("", kind))
    if key:
        if isinstance(block.get(key), str):
            yield Slot(block, key, kind if own == "text" else own)
        return
    more = _OTHERS.get(name)
    if more is not None:
        yield from more(block)


def _tool_use(block: dict[str, Any]) -> Iterator[Slot]:
    if block.get("input"):
        yield Slot(block, "input", "tool_arguments", not isinstance(block["input"], str))


def _arguments(block: dict[str, Any]) -> Iterator[Slot]:
    if isinstance(block.get("arguments"), str):
        yield Slot(block, "arguments", "tool_arguments")


def _result(block: dict[str, Any]) -> Iterator[Slot]:
    yield from _content(block, "content", "tool_result")


def _output(block: dict[str, Any]) -> Iterator[Slot]:
    yield from _content(block, "output", "tool_result")


def _reasoning(block: dict[str, Any]) -> Iterator[Slot]:
    yield from _content(block, "summary", "reasoning")
    yield from _content(block, "content", "reasoning")


def _document(block: dict[str, Any]) -> Iterator[Slot]:
    for name in ("title", "context"):
        if isinstance(block.get(name), str):
            yield Slot(block, name, "context")
    source = block.get("source")
    if isinstance(source, dict):
        if source.get("type") == "text" and isinstance(source.get("data"), str):
            yield Slot(source, "data", "context")
        yield from _content(source, "content", "context")
    yield from _content(block, "content", "context")


_OTHERS: Mapping[str, Callable[[dict[str, Any]], Iterator[Slot]]] = {
    "tool_use": _tool_use,
    "server_tool_use": _tool_use,
    "custom_tool_call": _tool_use,
    "function_call": _arguments,
    "mcp_call": _arguments,
    "tool_result": _result,
    "mcp_tool_result": _result,
    "function_call_output": _output,
    "custom_tool_call_output": _output,
    "reasoning": _reasoning,
    "document": _document,
    "search_result": _document,
}
