"""Inputs and outputs of model calls as other SDKs record them, to messages in OpenAI's shape.

Knows plain messages, chat completions, Responses, Anthropic's answers and LangChain's serialised
messages. What it does not know stays as it came. Values in, values out; pure.
"""

from __future__ import annotations

from typing import Any

from trimtab.kit import jsonx

Wire = dict[str, Any]
_ROLES = {
    "human": "user",
    "ai": "assistant",
    "aimessagechunk": "assistant",
    "humanmessage": "user",
    "aimessage": "assistant",
    "systemmessage": "system",
    "toolmessage": "tool",
    "functionmessage": "function",
    "chatmessage": "user",
    "model": "assistant",
}
_TURNS = ("system", "developer", "user", "assistant", "tool", "function")


def asked(value: Any) -> tuple[Any, Wire]:
    """The messages of a call's input, and what else was in it (parameters, tools).

    >>> asked({"messages": [{"type": "human", "content": "Hi"}], "temperature": 0})
    ([{'role': 'user', 'content': 'Hi'}], {'temperature': 0})
    """
    if isinstance(value, str):
        return [{"role": "user", "content": value}], {}
    if isinstance(value, list):
        return messages(value) or value, {}
    if not isinstance(value, dict):
        return value, {}
    for key in ("messages", "input", "prompt", "prompts"):
        found = value.get(key)
        turns = messages([found] if isinstance(found, str | dict) else found)
        if turns:
            rest = {name: item for name, item in value.items() if name != key}
            system = rest.get("system") or rest.get("instructions")
            if isinstance(system, str | list):
                turns = [{"role": "system", "content": system}, *turns]
            return turns, rest
    single = message(value)
    return ([single], {}) if single else (value, {})


def answered(value: Any) -> tuple[Any, Wire]:
    """The messages of a call's output, and what else was in it (usage, ids).

    >>> answered({"choices": [{"message": {"role": "assistant", "content": "Hi"}}], "id": "c1"})
    ([{'role': 'assistant', 'content': 'Hi'}], {'id': 'c1'})
    """
    if isinstance(value, str):
        return [{"role": "assistant", "content": value}], {}
    if isinstance(value, list):
        return messages(value, role="assistant") or value, {}
    if not isinstance(value, dict):
        return value, {}
    for key, read in _ANSWERS.items():
        turns = read(value.get(key))
        if turns and key in value:
            return turns, {name: item for name, item in value.items() if name != key}
    single = message(value, role="assistant")
    return ([single], {}) if single else (value, {})


def messages(value: Any, *, role: str = "user") -> list[Wire] | None:
    """A list of messages in OpenAI's shape; None when one of them is none.

    A list of one list, as LangChain sends a batch of one, is that list.
    """
    if not isinstance(value, list) or not value:
        return None
    if len(value) == 1 and isinstance(value[0], list) and message(value[0]) is None:
        return messages(value[0], role=role)
    found = [
        {"role": role, "content": item} if isinstance(item, str) else message(item)
        for item in value
    ]
    return [item for item in found if item] if all(found) else None


def message(value: Any, *, role: str | None = None) -> Wire | None:
    """One message in OpenAI's shape, or None."""
    if isinstance(value, list) and len(value) == 2 and _role(value[0]):
        value = {"role": value[0], "content": value[1]}
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("message"), dict) and "role" not in value:
        return message(value["message"], role=role)
    if "kwargs" in value and value.get("lc"):
        return _constructed(value)
    if isinstance(value.get("data"), dict) and isinstance(value.get("type"), str):
        return message({"type": value["type"], **value["data"]}, role=role)
    named = value.get("role") or (value.get("type") if "content" in value else None) or role
    turn = _role(named) or (role if "role" in value else None)
    if turn is None or not {"content", "tool_calls", "parts", "refusal"} & value.keys():
        return None
    kept = {key: item for key, item in value.items() if key not in ("role", "type", "parts")}
    kept.setdefault("content", value.get("parts"))
    wire = {"role": turn, **kept}
    if isinstance(wire.get("tool_calls"), list):
        wire["tool_calls"] = [_call(call) for call in wire["tool_calls"]]
    return wire


def _constructed(value: Wire) -> Wire | None:
    """A message that LangChain serialised as its constructor."""
    name = value["id"][-1] if isinstance(value.get("id"), list) and value["id"] else ""
    arguments = value["kwargs"] if isinstance(value["kwargs"], dict) else {}
    told = {key: item for key, item in arguments.items() if item not in ({}, [], None)}
    told.pop("type", None)
    return message({"role": str(name).removesuffix("Chunk"), "content": None, **told})


def _role(name: Any) -> str | None:
    if not isinstance(name, str):
        return None
    return name if name in _TURNS else _ROLES.get(name.lower())


def _call(call: Any) -> Any:
    """A tool call in OpenAI's shape; LangChain's has name and args beside each other."""
    if not isinstance(call, dict) or "function" in call or "args" not in call:
        return call
    function = {"name": call.get("name"), "arguments": jsonx.encode(call["args"]).decode()}
    return {"id": call.get("id"), "type": "function", "function": function}


def _choices(value: Any) -> list[Wire] | None:
    if not isinstance(value, list):
        return None
    turns = [
        message(c.get("message") or c.get("delta"), role="assistant")
        if isinstance(c, dict)
        else None
        for c in value
    ]
    return [turn for turn in turns if turn] or None


def _generations(value: Any) -> list[Wire] | None:
    """LangChain's LLMResult: generations of each prompt, with a message or a text."""
    if not isinstance(value, list) or not value:
        return None
    if isinstance(value[0], list):
        return _generations(value[0])
    turns = []
    for item in value:
        if not isinstance(item, dict):
            return None
        turn = message(item.get("message"), role="assistant")
        turns.append(turn or {"role": "assistant", "content": item.get("text")})
    return turns


def _said(value: Any) -> list[Wire] | None:
    if isinstance(value, str):
        return [{"role": "assistant", "content": value}]
    if isinstance(value, dict):
        turn = message(value, role="assistant")
        return [turn] if turn else None
    return messages(value, role="assistant")


_ANSWERS = {
    "choices": _choices,
    "generations": _generations,
    "messages": _said,
    "message": _said,
    "output": _said,
    "output_text": _said,
}


def passages(value: Any) -> list[Wire] | None:
    """LangChain's documents as passages; None when one of them is none.

    >>> passages([{"page_content": "Hi", "metadata": {"source": "a.md", "score": 0.5}}])
    [{'id': None, 'text': 'Hi', 'source': 'a.md', 'score': 0.5}]
    """
    if isinstance(value, dict):
        value = value.get("documents")
    if not isinstance(value, list) or not value:
        return None
    found = []
    for item in value:
        if not isinstance(item, dict) or not isinstance(item.get("page_content"), str):
            return None
        about = {**item, **(item["metadata"] if isinstance(item.get("metadata"), dict) else {})}
        passage = {"id": about.get("id"), "text": item["page_content"]}
        found.append({**passage, "source": about.get("source"), "score": about.get("score")})
    return found
