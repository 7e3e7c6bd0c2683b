"""Inputs and outputs of model calls as other SDKs record them: their messages, and the rest.

Messages are read as those in spans are, by `trimtab.conventions`; what lies beside them, such as
parameters and usage, is told apart. What is not known stays as it came. Pure.
"""

from __future__ import annotations

from typing import Any

from trimtab.conventions.messages import messages

Wire = dict[str, Any]
_ASKED = ("messages", "input", "prompt", "prompts")
_ANSWERED = ("choices", "generations", "messages", "message", "output", "output_text")
_WRAPPED = frozenset({"choices", "generations"})
_SAYS = frozenset({"content", "tool_calls", "parts", "refusal", "kwargs", "message", "data"})


def asked(value: Any) -> tuple[Any, Wire]:
    """The messages of a call's input, and what else was in it (parameters, tools).

    >>> asked({"messages": [{"type": "human", "content": "Hi"}], "temperature": 0})
    ([{'role': 'user', 'content': 'Hi'}], {'temperature': 0})
    """
    turns, rest = _told_apart(value, _ASKED, role="user")
    system = rest.get("system") or rest.get("instructions")
    if isinstance(system, str | list):
        turns = [{"role": "system", "content": system}, *turns]
    return turns, rest


def answered(value: Any) -> tuple[Any, Wire]:
    """The messages of a call's output, and what else was in it (usage, ids).

    >>> answered({"choices": [{"message": {"role": "assistant", "content": "Hi"}}], "id": "c1"})
    ([{'role': 'assistant', 'content': 'Hi'}], {'id': 'c1'})
    """
    return _told_apart(value, _ANSWERED, role="assistant")


def _told_apart(value: Any, places: tuple[str, ...], *, role: str) -> tuple[Any, Wire]:
    if isinstance(value, dict):
        for place in places:
            found = value.get(place)
            turns = messages({place: found}) if place in _WRAPPED else _turns(found, role)
            if turns:
                return turns, {name: item for name, item in value.items() if name != place}
    return _turns(value, role) or value, {}


def _turns(value: Any, role: str) -> list[Wire] | None:
    """Messages; a text, or a message that does not say whose it is, is of this role."""
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if isinstance(value, dict):
        if _SAYS.isdisjoint(value):
            return None
        is_anybodys = "content" in value and not {"role", "type"} & value.keys()
        return messages([{"role": role, **value} if is_anybodys else value])
    if not isinstance(value, list):
        return None
    said = [{"role": role, "content": item} if isinstance(item, str) else item for item in value]
    return messages(said)
