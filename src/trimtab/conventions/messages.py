"""Messages in every shape they are recorded in, brought to the shape of OpenAI's chat messages.

Read are: OpenAI requests and answers (chat and responses), OpenTelemetry's messages of parts,
Anthropic's content blocks, the Vercel AI SDK's parts, LangChain's serialised messages. Parts that
are neither text nor a tool's call or result are kept as they came.
"""

from __future__ import annotations

from typing import Any

from trimtab.conventions.convert import dumped, value
from trimtab.kit import jsonx

Turn = dict[str, Any]

_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "aimessagechunk": "assistant"}
_TYPES = {
    **_ROLES,
    **{role: role for role in ("system", "developer", "user", "assistant", "tool", "function")},
    "message": "assistant",
}
_TEXT = frozenset({"text", "input_text", "output_text"})
_CALLS = frozenset({"tool_call", "tool-call", "tool_use", "function_call"})
_RESULTS = frozenset(
    {"tool_call_response", "tool-result", "tool_result", "function_call_output"},
)
_IDS = ("id", "toolCallId", "tool_call_id", "tool_use_id", "call_id")
_CALL_IDS = ("call_id", *_IDS)
_NAMES = ("name", "toolName")
_ARGUMENTS = ("arguments", "args", "input")
_ANSWERS = ("response", "result", "output", "content")
_PART_FIELDS = frozenset({"type", "text", "content"})


def recorded(raw: Any) -> list[Turn] | None:
    """The messages in an attribute's value, which may be JSON text."""
    return messages(value(raw))


def messages(found: Any) -> list[Turn] | None:
    """The messages in a recorded request, answer or list of messages; None when it is neither.

    >>> messages([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}])
    [{'role': 'user', 'content': 'Hi'}]
    """
    opening: list[Turn] = []
    if isinstance(found, dict):
        if isinstance(found.get("messages"), list) and found.get("system"):
            opening = [{"role": "system", "content": found["system"]}]
        found = _unwrapped(found)
    if not isinstance(found, list):
        return None
    if len(found) == 1 and isinstance(found[0], list) and not _is_pair(found[0]):
        found = found[0]  # LangChain records batches, here of one.
    turns: list[Turn] = []
    for item in found:
        said = _turns(item)
        if said is None:
            return None
        turns += said
    return opening + turns if turns else None


def instructions(raw: Any) -> Any:
    """System instructions, text or a list of parts, as the content of a system message."""
    found = value(raw)
    if isinstance(found, list):
        return _from_parts("system", found, collapse=True)[0]["content"]
    return found if isinstance(found, str) else None


def prompted(raw: Any) -> list[Turn] | None:
    """The Vercel AI SDK's prompt: {"system", "prompt", "messages"}, or text."""
    found = value(raw)
    if isinstance(found, str):
        return [{"role": "user", "content": found}]
    if not isinstance(found, dict):
        return messages(found)
    opening = [{"role": "system", "content": found["system"]}] if found.get("system") else []
    asked = found.get("prompt")
    if isinstance(asked, str):
        return [*opening, {"role": "user", "content": asked}]
    rest = messages(found.get("messages") or asked)
    return opening + rest if rest else None


def calls(raw: Any) -> list[dict[str, Any]] | None:
    """A list of tool calls."""
    found = value(raw)
    if not isinstance(found, list):
        return None
    return [call(item) for item in found if isinstance(item, dict)] or None


def call(part: dict[str, Any]) -> dict[str, Any]:
    """A tool call in OpenAI's shape, whose arguments are JSON text."""
    if isinstance(part.get("function"), dict):
        return part
    return {
        "id": _first(part, _CALL_IDS),
        "type": "function",
        "function": {"name": _first(part, _NAMES), "arguments": as_text(_first(part, _ARGUMENTS))},
    }


def as_text(found: Any) -> str:
    """Text as it is, nothing as no text, anything else as JSON."""
    if isinstance(found, str):
        return found
    if found is None:
        return ""
    try:
        return jsonx.encode(found).decode()
    except (ValueError, OverflowError, RecursionError):  # half a character, an enormous integer
        return str(found)


def parts_of(content: Any) -> Any:
    """Content that is a list of parts in JSON text; any other content as it is."""
    if type(content) is not str or content[:1] != "[":
        return content
    found = dumped(content)
    is_parts = isinstance(found, list) and all(isinstance(p, dict) and "type" in p for p in found)
    return found if found and is_parts else content


def _unwrapped(found: dict[str, Any]) -> Any:
    """What holds the messages in a request's or an answer's body."""
    if isinstance(found.get("messages"), list):
        return found["messages"]
    if isinstance(found.get("choices"), list):
        return found["choices"]
    if isinstance(found.get("generations"), list):
        return _generated(found["generations"])
    if isinstance(found.get("message"), dict):
        return [found["message"]]
    if "role" in found or "kwargs" in found:
        return [found]
    for key in ("output", "input"):
        if isinstance(found.get(key), list):
            return found[key]
    return None


def _generated(batches: list[Any]) -> list[Any]:
    """LangChain's generations: a list, in a list for each prompt."""
    first = batches[0] if batches and isinstance(batches[0], list) else batches
    found = [one for one in first if isinstance(one, dict)]
    return [
        one.get("message") or {"role": "assistant", "content": one.get("text")} for one in found
    ]


def _turns(item: Any) -> list[Turn] | None:
    """One recorded message, which may hold the results of several tools."""
    if _is_pair(item):
        item = {"type": item[0], "content": item[1]}
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("data"), dict) and _kind(item).lower() in _TYPES:
        item = {**item["data"], "type": item["type"]}  # LangChain's messages_to_dict
    if isinstance(item.get("kwargs"), dict):  # LangChain's serialised form
        item = {"type": _class_name(item), **item["kwargs"]}
    if isinstance(item.get("parts"), list):
        role = _role(item) or "assistant"
        return _from_parts(role, item["parts"], collapse=True)
    kind = _kind(item)
    if kind in _CALLS and "role" not in item:
        return [{"role": "assistant", "content": None, "tool_calls": [call(item)]}]
    if kind in _RESULTS and "role" not in item:
        return [_result(item)]
    for key in ("message", "delta"):  # of a choice of an answer
        if isinstance(item.get(key), dict) and "role" not in item:
            said = item[key]
            is_plain = _role(said) is None and "kwargs" not in said and "data" not in said
            return _turns({**said, "role": "assistant"} if is_plain else said)
    named = _role(item)
    return None if named is None else _spoken(named, item)


def _is_pair(item: Any) -> bool:
    """LangChain's short form of a message: its role and its content."""
    if not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], str):
        return False
    return item[0].lower() in _TYPES and isinstance(item[1], str | list)


def _spoken(role: str, item: dict[str, Any]) -> list[Turn]:
    content, made = item.get("content"), item.get("tool_calls")
    if isinstance(content, list) and any(_is_about_tools(part) for part in content):
        turns = _from_parts(role, content, collapse=False)
    elif item.get("role") == role and not made:
        return [item]
    else:
        kept = ("content", "name", "tool_call_id")
        turns = [{"role": role, **{key: item[key] for key in kept if key in item}}]
    if isinstance(made, list) and made and "tool_calls" not in turns[0]:
        turns[0]["tool_calls"] = [call(one) for one in made if isinstance(one, dict)]
    return turns


def _from_parts(role: str, parts: list[Any], *, collapse: bool) -> list[Turn]:
    """A message of parts: calls become tool calls, results become messages of role tool.

    With `collapse` a single text is the content itself.
    """
    content: list[Any] = []
    made: list[dict[str, Any]] = []
    results: list[Turn] = []
    for part in parts:
        kind = _kind(part)
        if kind in _CALLS:
            made.append(call(part))
        elif kind in _RESULTS:
            results.append(_result(part))
        else:
            content.append(_part(part))
    body: Any = content or None
    if collapse and len(content) == 1 and content[0].get("type") == "text":
        body = content[0].get("text")
    turn: Turn = {"role": role, "content": body}
    if made:
        turn["tool_calls"] = made
    return [turn, *results] if content or made or not results else results


def _part(part: Any) -> dict[str, Any]:
    if not isinstance(part, dict):
        return {"type": "text", "text": as_text(part)}
    said = part.get("text", part.get("content"))
    if _kind(part) in _TEXT and isinstance(said, str) and part.keys() <= _PART_FIELDS:
        return {"type": "text", "text": said}
    return part


def _result(part: dict[str, Any]) -> Turn:
    answer = _first(part, _ANSWERS)
    if isinstance(answer, dict) and answer.keys() == {"type", "value"}:  # Vercel names the type.
        answer = answer["value"]
    if not isinstance(answer, list):
        answer = as_text(answer)
    return {"role": "tool", "tool_call_id": _first(part, _IDS), "content": answer}


def _is_about_tools(part: Any) -> bool:
    kind = _kind(part)
    return kind in _CALLS or kind in _RESULTS


def _kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else ""


def _role(item: dict[str, Any]) -> str | None:
    role = item.get("role")
    if isinstance(role, str):
        return _ROLES.get(role.lower(), role)
    return _TYPES.get(_kind(item).lower())


def _class_name(item: dict[str, Any]) -> str:
    path = item.get("id")
    last = path[-1] if isinstance(path, list) and path else ""
    return str(last).removesuffix("Chunk").removesuffix("Message")


def _first(part: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((part[name] for name in names if part.get(name) is not None), None)
