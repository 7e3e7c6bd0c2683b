"""Span events that say what a model call asked, answered, found, or why it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from trimtab.conventions.convert import text, value
from trimtab.conventions.messages import Turn, calls, messages, parts_of
from trimtab.conventions.passages import passage
from trimtab.records.span import Span

_ASKED: Mapping[str, str] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
# Events whose attributes are those a span would have.
_DETAILS = frozenset(
    {
        "gen_ai.client.inference.operation.details",
        "gen_ai.content.prompt",
        "gen_ai.content.completion",
    }
)
_FIRST_TOKEN = frozenset(
    {
        "First Token Stream Event",
        "ai.stream.firstChunk",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
        "new_token",
    }
)
_FOUND = "db.query.result"


class Told(NamedTuple):
    """What the events of a span say."""

    asked: list[Turn]
    answered: list[Turn]
    found: list[dict[str, Any]]
    details: list[dict[str, Any]]
    error: str | None = None
    first_token_ns: int | None = None


NOTHING = Told([], [], [], [])


def read(events: Sequence[Any]) -> Told:
    """Reads the events in their order; unknown ones are passed over."""
    told = NOTHING._replace(asked=[], answered=[], found=[], details=[])
    for event in events:
        attributes = event.get("attributes") if isinstance(event, dict) else None
        name = event.get("name") if isinstance(event, dict) else None
        if not isinstance(attributes, dict) or not isinstance(name, str):
            continue
        if name in _DETAILS:
            told.details.append(attributes)
        elif name == _FOUND:
            told.found.append(_passage(attributes))
        elif name == "exception":
            told = told._replace(error=_exception(attributes) or told.error)
        elif name in _FIRST_TOKEN:
            told = told._replace(first_token_ns=_earlier(told.first_token_ns, event.get("time_ns")))
        else:
            _hear(name, attributes, told)
    return told


def heard(span: Span) -> Span:
    """A span with the input and output that its events tell, where it has none itself."""
    if not span.events or (span.input is not None and span.output is not None):
        return span
    told = read(span.events)
    asked, answered = span.input or told.asked or None, span.output or told.answered or None
    if asked == span.input and answered == span.output:
        return span
    return replace(span, input=asked, output=answered)


def split(recorded: Any) -> tuple[list[Turn], list[Turn]]:
    """What was asked and answered in a list of events that came as one attribute.

    Each event is a message with its name under `event.name`; without a choice at the end the last
    message is the answer, if the assistant gave it.
    """
    asked: list[Turn] = []
    answered: list[Turn] = []
    for event in recorded if isinstance(recorded, list) else ():
        if not isinstance(event, dict):
            continue
        name = event.get("event.name")
        turn = _turn(event, _ASKED.get(name, "user") if isinstance(name, str) else "user")
        (answered if name == _CHOICE else asked).append(turn)
    if asked and not answered and asked[-1]["role"] == "assistant":
        answered.append(asked.pop())
    return asked, answered


def _hear(name: str, attributes: dict[str, Any], told: Told) -> None:
    if name in _ASKED:
        told.asked.append(_turn(attributes, _ASKED[name]))
    elif name == _CHOICE:
        told.answered.append(_turn(attributes, "assistant"))


def _turn(said: dict[str, Any], role: str) -> Turn:
    """A message from an event's attributes or body; a choice has it under `message`."""
    inner = value(said.get("message"))
    if isinstance(inner, dict):
        said = {**said, **inner}
        role = "assistant"
    named = said.get("role")
    content = inner if isinstance(inner, str) else said.get("content")
    turn: Turn = {
        "role": named if isinstance(named, str) and named else role,
        "content": parts_of(content),
    }
    if made := calls(said.get("tool_calls")):
        turn["tool_calls"] = made
    if turn["role"] == "tool" and (answers := text(said.get("id"))):
        turn["tool_call_id"] = answers
    tidy = messages([turn])
    return tidy[0] if tidy and len(tidy) == 1 else turn


def _passage(attributes: dict[str, Any]) -> dict[str, Any]:
    prefix = f"{_FOUND}."
    return passage({key.removeprefix(prefix): found for key, found in attributes.items()})


def _exception(attributes: dict[str, Any]) -> str | None:
    kind = text(attributes.get("exception.type"))
    said = text(attributes.get("exception.message"))
    return f"{kind}: {said}" if kind and said else kind or said


def _earlier(known: int | None, time_ns: Any) -> int | None:
    if type(time_ns) is not int:
        return known
    return time_ns if known is None else min(known, time_ns)
