"""Log probabilities of tokens: they spell an answer out beside it.

They stay where they spell what stands beside them, and go where that was changed, or where it is
said elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trimtab.dialects.llm.fields import as_dict, as_dicts, as_text

_NAME, _NONE = b"logprobs", b'"logprobs":null'


def may_spell(raw: bytes) -> bool:
    """Whether there may be log probabilities in these bytes."""
    return _NAME in raw and raw.count(_NAME) != raw.count(_NONE)


def unspelt(wire: dict[str, Any]) -> bool:
    """Take away what spells something else than the text beside it; whether there was any."""
    found = False
    for holder, text, nothing in _spelling(wire):
        said = holder.get("logprobs")
        if said and _spelt(said) != text:
            holder["logprobs"] = nothing
            found = True
    return found


def _spelling(wire: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """What has log probabilities, with the text that they belong to, and what is none of them."""
    for choice in as_dicts(wire.get("choices")):
        said = as_dict(choice.get("delta") or choice.get("message"))
        text = as_text(choice.get("text"))
        yield choice, text + as_text(said.get("content")) + as_text(said.get("refusal")), None
    yield wire, as_text(wire.get("delta")) or as_text(wire.get("text")), []
    whole = as_dict(wire.get("response")) or wire
    items = [as_dict(wire.get("item")), *as_dicts(whole.get("output"))]
    parts = [part for item in items for part in as_dicts(item.get("content"))]
    for part in (as_dict(wire.get("part")), *parts):
        yield part, as_text(part.get("text")), []


def _spelt(said: Any) -> str:
    if isinstance(said, list):
        return "".join(as_text(one.get("token")) for one in as_dicts(said))
    told = as_dict(said)
    if isinstance(told.get("tokens"), list):
        return "".join(map(as_text, told["tokens"]))
    return _spelt(told.get("content") or []) + _spelt(told.get("refusal") or [])
