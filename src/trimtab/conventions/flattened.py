"""Lists of objects that came as one attribute per leaf, put together again.

A key such as `llm.input_messages.0.message.tool_calls.1.tool_call.function.name` is taken apart
once (`path`); what arrives here are pairs of a path, `(0, "tool_calls", 1, "function", "name")`,
and a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from trimtab.conventions.convention import Convert
from trimtab.conventions.convert import value
from trimtab.conventions.messages import Turn, as_text, call, parts_of

Step = str | int
Path = tuple[Step, ...]
Pairs = list[tuple[Path, Any]]

# OpenInference names the type of each object again in front of its fields.
_QUALIFIERS = frozenset(
    {"message", "message_content", "tool_call", "document", "prompt", "completion", "embedding"}
)


def path(segments: Sequence[str]) -> Path:
    """The segments of a key below its list, as steps; numbers are places in a list.

    >>> path(["0", "message", "contents", "1", "message_content", "text"])
    (0, 'contents', 1, 'text')
    """
    last = len(segments) - 1
    return tuple(
        int(one) if is_index(one) else one
        for place, one in enumerate(segments)
        if place == last or one not in _QUALIFIERS
    )


def is_index(segment: str) -> bool:
    return segment.isascii() and segment.isdecimal() and len(segment) < 10


def objects(pairs: Pairs) -> list[dict[Step, Any]]:
    """The objects of the list, in order; gaps in the numbering are closed."""
    root: dict[Step, Any] = {}
    for steps, given in pairs:
        # Deeper paths may write into what they find here, which must not be the attribute itself.
        leaf = deepcopy(given) if type(given) is dict else given
        if len(steps) == 2:  # nearly all of them
            place, name = steps
            item = root.get(place)
            if type(item) is dict:
                item[name] = leaf
            else:
                root[place] = {name: leaf}
            continue
        node = root
        for step in steps[:-1]:
            below = node.get(step)
            if not isinstance(below, dict):
                below = node[step] = {}
            node = below
        node[steps[-1]] = leaf
    return [item for place in sorted(root) if type(item := root[place]) is dict]


def listed(raw: Any) -> Pairs:
    """The pairs of a list that came whole, its objects with the keys they would have had."""
    found = value(raw)
    pairs: Pairs = []
    for place, item in enumerate(found if isinstance(found, list) else ()):
        for key, leaf in item.items() if isinstance(item, dict) else ():
            _spread((place, *path(key.split("."))), leaf, pairs)
    return pairs


def _spread(at: Path, leaf: Any, pairs: Pairs) -> None:
    """Lists of objects within the objects are paths as well."""
    if not isinstance(leaf, list) or not all(isinstance(one, dict) for one in leaf):
        pairs.append((at, leaf))
        return
    for place, item in enumerate(leaf):
        for key, below in item.items():
            _spread((*at, place, *path(key.split("."))), below, pairs)


def conversation(role: str) -> Convert:
    """Reads flattened messages; one that names no role is of `role`."""

    def read(pairs: Pairs) -> list[Turn] | None:
        turns: list[Any] = []
        for found in objects(pairs):
            content, said = found.get("content"), found.get("role")
            # A role and a text, and nothing else, is a message already.
            if len(found) == 2 and type(said) is type(content) is str and content[:1] != "[":
                turns.append(found)
            else:
                turns.append(_message(found, role))
        return turns or None

    return read


def whole(convert: Convert) -> Convert:
    """Reads the same list when it came as one attribute."""
    return lambda raw: convert(listed(raw))


def texts(role: str) -> Convert:
    """Reads flattened prompts or completions: texts, as messages of `role`."""

    def read(pairs: Pairs) -> list[Turn] | None:
        said = [found.get("text", found.get("content")) for found in objects(pairs)]
        return [{"role": role, "content": one} for one in said if isinstance(one, str)] or None

    return read


def embedded(pairs: Pairs) -> list[str] | None:
    """The texts that were embedded; their vectors stay in the attributes."""
    said = [found.get("text") for found in objects(pairs)]
    return [one for one in said if isinstance(one, str)] or None


def _message(found: dict[Step, Any], role: str) -> Turn:
    content, said = found.get("content"), found.get("role")
    if content is None and isinstance(found.get("contents"), dict):
        content = [_part(part) for part in _items(found["contents"])]
    turn: Turn = {
        "role": said if isinstance(said, str) and said else role,
        "content": parts_of(content),
    }
    if made := _calls(found):
        turn["tool_calls"] = made
    for key in ("tool_call_id", "name"):
        if isinstance(found.get(key), str):
            turn[key] = found[key]
    return turn


def _calls(found: dict[Step, Any]) -> list[dict[str, Any]]:
    made = []
    if isinstance(found.get("tool_calls"), dict):
        for one in _items(found["tool_calls"]):
            function = one.get("function")
            inner = function if isinstance(function, dict) else one
            made.append(call({"id": one.get("id"), **_named(inner)}))
    if isinstance(name := found.get("function_call_name"), str):
        arguments = found.get("function_call_arguments_json")
        made.append(call({"name": name, "arguments": arguments}))
    return made


def _named(function: dict[Step, Any]) -> dict[str, Any]:
    return {"name": function.get("name"), "arguments": function.get("arguments")}


def _part(part: dict[Step, Any]) -> dict[str, Any]:
    """A content part in OpenAI's shape, where that has one."""
    image = part.get("image")
    url = image.get("url", image.get("image")) if isinstance(image, dict) else image
    if isinstance(url, dict):
        url = url.get("url")
    if isinstance(url, str):
        return {"type": "image_url", "image_url": {"url": url}}
    return {str(key): _plain(leaf) for key, leaf in part.items()}


def _plain(leaf: Any) -> Any:
    if not isinstance(leaf, dict):
        return leaf
    if leaf and all(isinstance(key, int) for key in leaf):
        return [_plain(one) for one in leaf.values()]
    return {as_text(key): _plain(one) for key, one in leaf.items()}


def _items(node: dict[Step, Any]) -> list[dict[Step, Any]]:
    places = sorted([place for place in node if type(place) is int])
    return [below for place in places if type(below := node[place]) is dict]
