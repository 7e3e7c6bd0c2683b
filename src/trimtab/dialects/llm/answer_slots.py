"""Where the texts of an answer are in the JSON of each dialect: in events of streams and in bodies.

First come those that the dialect's reader makes parts of, in its order; those `aside` of them no
reader looks at, and clients do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from trimtab.dialects.llm.answer_rest import Path, leaves
from trimtab.dialects.llm.fields import as_dict, as_dicts, plain
from trimtab.dialects.llm.texts import Kind
from trimtab.kit import jsonx


class CannotEdit(Exception):
    """A text is not where it should be in a provider's answer."""


class AnswerSlot(NamedTuple):
    """A text in an answer. `again`: it may have been said before, under the same `name`.

    Args:
        beside: a member that spells the text out, and what it is without.
        aside: no part says it. `whole`: all of it is here, and nothing is added under its name.
    """

    holder: Any
    keys: tuple[Any, ...]
    name: tuple[Any, ...] = ()
    again: bool = False
    is_json: bool = False
    beside: tuple[dict[str, Any], str, Any] | None = None
    kind: Kind = "text"
    choice: int = 0
    aside: bool = False
    whole: bool = False

    @property
    def text(self) -> str:
        value = self.holder[self.keys[0]]
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


def _rest(
    value: Any, *but: str, at: Path = (), choice: int = 0, whole: bool = False
) -> Iterator[AnswerSlot]:
    """What else a value says.

    Args:
        at: what its texts are called by, with their places in the value.
        whole: each is all there is of it; what is said twice is one text.
    """
    for holder, key, path in leaves(value, at, frozenset(but)):
        kind: Kind = "reasoning" if _THOUGHTS.intersection(path) else "other"
        name = (*path, hash(holder[key])) if whole else path
        yield AnswerSlot(
            holder, (key,), name, whole, kind=kind, choice=choice, aside=True, whole=whole
        )


_THOUGHTS = frozenset({"reasoning_details", "thinking_blocks"})

# -- chat completions, completions -------------------------------------------------------------

_CHAT = ("id", "object", "created", "model", "choices", "usage", "error", "system_fingerprint")
_CHOICE = ("delta", "message", "text", "logprobs", "index")
_THOUGHT_IN = ("reasoning_content", "reasoning")
_SAID = ("role", "content", "refusal", *_THOUGHT_IN, "tool_calls", "function_call")
_IN_PIECES = _THOUGHTS | {"audio", "provider_specific_fields"}


def _chat(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    for place, choice in enumerate(as_dicts(wire.get("choices"))):
        said = as_dict(choice.get("delta") or choice.get("message"))
        beside = (choice, "logprobs", None)
        which = choice["index"] if type(choice.get("index")) is int else place
        more: dict[str, Any] = {"choice": which}
        yield from _thoughts(said, more)
        yield from _text(said, "content", beside=beside, **more)
        yield from _text(said, "refusal", beside=beside, kind="refusal", **more)
        yield from _calls(said, which)
        yield from _unknown(said, which)
        yield from _rest(choice, *_CHOICE, at=("choice", which), choice=which, whole=True)
    yield from _rest(wire, *_CHAT, at=("answer",), whole=True)


def _unknown(said: dict[str, Any], choice: int) -> Iterator[AnswerSlot]:
    """What else a delta or message says: strings and thoughts may come in pieces."""
    for name, value in said.items():
        if name not in _SAID and value:
            whole = not (isinstance(value, str) or name in _IN_PIECES)
            others = (other for other in said if other != name)
            yield from _rest(said, *others, at=("said", choice), choice=choice, whole=whole)


def _thoughts(said: dict[str, Any], more: dict[str, Any]) -> Iterator[AnswerSlot]:
    names = _THOUGHT_IN
    told = [said[name] for name in names if isinstance(said.get(name), str) and said[name]]
    if len(set(told)) < 2:
        yield from _text(said, *names, kind="reasoning", **more)
        return
    # Who says two different things is read once.
    yield from _text(said, names[0], kind="reasoning", **more)
    name = ("said", more["choice"], names[1])
    yield from _text(said, names[1], kind="reasoning", name=name, aside=True, **more)


def _calls(said: dict[str, Any], choice: int) -> Iterator[AnswerSlot]:
    more: dict[str, Any] = {"kind": "tool_arguments", "choice": choice}
    calls = as_dicts(said.get("tool_calls"))
    for call in calls:
        yield from _text(call.get("function"), "arguments", **more)
    if not said.get("tool_calls"):
        yield from _text(said.get("function_call"), "arguments", **more)
    for place, call in enumerate(calls):
        index = call["index"] if type(call.get("index")) is int else place
        at = ("call", choice, index)
        yield from _text(call.get("custom"), "input", name=(*at, "input"), aside=True, **more)
        for name in ("function", "custom"):
            made = as_dict(call.get(name))
            yield from _rest(made, "arguments", "input", "name", at=(*at, name), choice=choice)
        yield from _rest(call, "function", "custom", at=at, choice=choice)


def _completions(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    for place, choice in enumerate(as_dicts(wire.get("choices"))):
        which = choice["index"] if type(choice.get("index")) is int else place
        yield from _text(choice, "text", beside=(choice, "logprobs", None), choice=which)
        yield from _rest(choice, *_CHOICE, at=("choice", which), choice=which, whole=True)
    yield from _rest(wire, *_CHAT, at=("answer",), whole=True)


# -- Anthropic's messages ----------------------------------------------------------------------

_READ = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_DELTA = ("text", "thinking", "partial_json")


def _messages(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    index = wire.get("index")
    if wire.get("type") == "content_block_delta":
        delta = as_dict(wire.get("delta"))
        yield from _text(delta, "text")
        yield from _text(delta, "thinking", kind="reasoning")
        yield from _text(delta, "partial_json", kind="tool_arguments", name=(index, "input"))
        yield from _rest(delta, *_DELTA, at=(index, "delta"), whole=True)
        return
    starting = as_dict(wire.get("content_block"))
    for place, block in enumerate((starting, *as_dicts(wire.get("content")))):
        if block:
            yield from _block(block, index if block is starting else place, block is starting)


def _block(block: dict[str, Any], index: Any, starts: bool) -> Iterator[AnswerSlot]:
    kind = block.get("type")
    given: dict[str, Any] = {"is_json": True, "kind": "tool_arguments"}
    # What starts without arguments gets them in pieces.
    if kind == "tool_use" and (block.get("input") or not starts):
        yield AnswerSlot(block, ("input",), **given)
    elif kind in ("text", "thinking"):
        yield from _text(block, "text")
        yield from _text(block, "thinking", kind="reasoning")
    is_input = kind not in _READ and isinstance(block.get("input"), dict)
    if is_input and block["input"]:
        yield AnswerSlot(block, ("input",), (index, "input"), aside=True, **given)
    read = ("text", "thinking", "data", "name", "input") if kind in _READ else ("name",)
    read = (*read, "input") if is_input else read
    yield from _rest(block, *read, at=(index, "block"), whole=True)


# -- responses ---------------------------------------------------------------------------------

_DELTAS: Mapping[str, tuple[str, str, Kind]] = {
    "response.output_text": ("output_text", "text", "text"),
    "response.refusal": ("refusal", "refusal", "refusal"),
    "response.reasoning_summary_text": ("summary_text", "text", "reasoning"),
    "response.reasoning_text": ("reasoning_text", "text", "reasoning"),
    "response.function_call_arguments": ("arguments", "arguments", "tool_arguments"),
    "response.mcp_call_arguments": ("arguments", "arguments", "tool_arguments"),
    "response.custom_tool_call_input": ("input", "input", "tool_arguments"),
    "response.code_interpreter_call_code": ("code", "code", "tool_arguments"),
    "response.audio.transcript": ("transcript", "transcript", "text"),
}
_READ_BY_READER = frozenset(list(_DELTAS)[:5])
_GIVEN = ("arguments", "input", "code")
_EVENT = ("type", "sequence_number", "response", "obfuscation")


def _responses(wire: dict[str, Any]) -> Iterator[AnswerSlot]:
    kind = str(wire.get("type"))
    index = wire.get("output_index")
    at = wire.get("summary_index", wire.get("content_index", 0))
    head, _, what = kind.rpartition(".")
    said = _DELTAS.get(head)
    if said is not None:
        name, whole_key, kind_of = said
        key = "delta" if what == "delta" else whole_key
        more: dict[str, Any] = {"name": (index, name, at), "again": what == "done"}
        more |= {"kind": kind_of, "aside": head not in _READ_BY_READER}
        yield from _text(wire, key, beside=(wire, "logprobs", []), **more)
    elif head in ("response.content_part", "response.reasoning_summary_part"):
        yield from _part(as_dict(wire.get("part")), index, at)
    elif head == "response.output_item":
        yield from _item(as_dict(wire.get("item")), index)
    elif kind == "response.output_text.annotation.added":
        yield from _rest(wire.get("annotation"), at=(index, "note"), whole=True)
    elif what == "delta":
        yield from _text(wire, "delta", name=(index, head, at), kind="other", aside=True)
    elif head.startswith("response.") or "output" not in (as_dict(wire.get("response")) or wire):
        yield from _rest(wire, *_EVENT, "error", at=(index, kind), whole=True)
    else:
        whole = as_dict(wire.get("response")) or wire
        for place, item in enumerate(as_dicts(whole.get("output"))):
            yield from _item(item, place)


def _item(item: dict[str, Any], index: Any) -> Iterator[AnswerSlot]:
    kind = item.get("type")
    if kind in ("message", "reasoning"):
        for name in ("summary", "content"):
            for place, part in enumerate(as_dicts(item.get(name))):
                yield from _part(part, index, place)
    elif kind == "function_call":
        said: dict[str, Any] = {"name": (index, "arguments", 0), "again": True}
        yield from _text(item, "arguments", kind="tool_arguments", **said)
    else:
        for key in _GIVEN:
            more: dict[str, Any] = {"name": (index, key, 0), "again": True, "aside": True}
            yield from _text(item, key, kind="tool_arguments", **more)
        yield from _rest(item, *_GIVEN, "name", at=(index, "item"), whole=True)


def _part(part: dict[str, Any], index: Any, place: Any) -> Iterator[AnswerSlot]:
    kind = part.get("type")
    key = "refusal" if kind == "refusal" else "text"
    beside: tuple[dict[str, Any], str, Any] = (part, "logprobs", [])
    kind_of: Kind = "text" if kind == "output_text" else "reasoning"
    kind_of = "refusal" if kind == "refusal" else kind_of
    name = index, kind, place
    yield from _text(part, key, name=name, again=True, beside=beside, kind=kind_of)
    for note in as_dicts(part.get("annotations")):
        yield from _rest(note, at=(index, "note"), whole=True)


SLOTS: Mapping[str, Callable[[dict[str, Any]], Iterator[AnswerSlot]]] = {
    "openai.chat": _chat,
    "openai.completions": _completions,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
}
