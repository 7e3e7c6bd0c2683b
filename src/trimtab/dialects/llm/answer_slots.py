"""Where the texts of an answer are in the JSON of each dialect: in events of streams and in bodies.

They come in the order in which the dialect's reader makes parts of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from trimtab.dialects.llm.fields import as_dict, as_dicts, plain
from trimtab.kit import jsonx


class CannotEdit(Exception):
    """A text is not where it should be in a provider's answer."""


class AnswerSlot(NamedTuple):
    """A text in an answer. `again`: it may have been said before, under the same `name`."""

    holder: dict[str, Any]
    keys: tuple[str, ...]
    name: tuple[Any, ...] = ()
    again: bool = False
    is_json: bool = False
    beside: tuple[dict[str, Any], str, Any] | None = None

    @property
    def text(self) -> str:
        value = self.holder.get(self.keys[0])
        return jsonx.encode(value or {}).decode() if self.is_json else str(value)

    def put(self, text: str) -> None:
        value: Any = text
        if self.is_json:
            value = plain(text)
            if not isinstance(value, dict):
                raise CannotEdit
        for key in self.keys:
            self.holder[key] = value
        if self.beside is not None:
            holder, key, nothing = self.beside
            if key in holder:
                holder[key] = nothing


def _text(holder: Any, *keys: str, **more: Any) -> Iterator[AnswerSlot]:
    there = tuple(key for key in keys if isinstance(as_dict(holder).get(key), str) and holder[key])
    if there:
        yield AnswerSlot(holder, there, **more)


# -- chat completions, completions -------------------------------------------------------------


def _chat(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    for choice in as_dicts(wire.get("choices")):
        said = as_dict(choice.get("delta") or choice.get("message"))
        beside = (choice, "logprobs", None)
        yield from _text(said, "reasoning_content", "reasoning")
        yield from _text(said, "content", beside=beside)
        yield from _text(said, "refusal", beside=beside)
        if said.get("tool_calls"):
            for call in as_dicts(said["tool_calls"]):
                yield from _text(call.get("function"), "arguments")
        else:
            yield from _text(said.get("function_call"), "arguments")


def _completions(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    for choice in as_dicts(wire.get("choices")):
        yield from _text(choice, "text", beside=(choice, "logprobs", None))


# -- Anthropic's messages ----------------------------------------------------------------------


def _messages(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    if wire.get("type") == "content_block_delta":
        yield from _text(wire.get("delta"), "text")
        yield from _text(wire.get("delta"), "thinking")
        yield from _text(wire.get("delta"), "partial_json")
        return
    starting = as_dict(wire.get("content_block"))
    for block in (starting, *as_dicts(wire.get("content"))):
        if block.get("type") == "tool_use":
            # What starts without arguments gets them in pieces.
            if block is not starting or block.get("input"):
                yield AnswerSlot(block, ("input",), is_json=True)
        elif block.get("type") in ("text", "thinking"):
            yield from _text(block, "text")
            yield from _text(block, "thinking")


# -- responses ---------------------------------------------------------------------------------

_DELTAS = {
    "response.output_text": "output_text",
    "response.refusal": "refusal",
    "response.reasoning_summary_text": "summary_text",
    "response.reasoning_text": "reasoning_text",
    "response.function_call_arguments": "arguments",
}
_DONE = {"output_text": "text", "summary_text": "text", "reasoning_text": "text"}


def _responses(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    kind = str(wire.get("type"))
    index = wire.get("output_index")
    at = wire.get("summary_index", wire.get("content_index", 0))
    head, _, what = kind.rpartition(".")
    said = _DELTAS.get(head)
    if said is not None:
        key = "delta" if what == "delta" else _DONE.get(said, said)
        more: dict[str, Any] = {"name": (index, said, at), "again": what == "done"}
        yield from _text(wire, key, beside=(wire, "logprobs", []), **more)
    elif head in ("response.content_part", "response.reasoning_summary_part"):
        yield from _part(as_dict(wire.get("part")), index, at)
    elif head == "response.output_item":
        yield from _item(as_dict(wire.get("item")), index)
    else:
        whole = as_dict(wire.get("response")) or wire
        for place, item in enumerate(as_dicts(whole.get("output"))):
            yield from _item(item, place)


def _item(item: dict[str, Any], index: Any) -> Iterator[AnswerSlot]:
    if item.get("type") == "function_call":
        yield from _text(item, "arguments", name=(index, "arguments", 0), again=True)
    elif item.get("type") in ("message", "reasoning"):
        for name in ("summary", "content"):
            for place, part in enumerate(as_dicts(item.get(name))):
                yield from _part(part, index, place)


def _part(part: dict[str, Any], index: Any, place: Any) -> Iterator[AnswerSlot]:
    kind = part.get("type")
    key = "refusal" if kind == "refusal" else "text"
    beside: tuple[dict[str, Any], str, Any] = (part, "logprobs", [])
    yield from _text(part, key, name=(index, kind, place), again=True, beside=beside)


SLOTS: Mapping[str, Callable[[dict[str, Any]], Iterator[AnswerSlot]]] = {
    "openai.chat": _chat,
    "openai.completions": _completions,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
}
AGAIN = frozenset({"openai.responses"})
"""Dialects whose streams say texts again when they are whole."""
