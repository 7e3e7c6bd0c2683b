"""What a request sets beside its words, for its record: parameters, tools, variables.

With these, a recorded call can be asked again as it was. Of much only the names are kept.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.gateway.ask import Ask
from trimtab.kit import jsonx

MOST_BYTES = 16_384

# The words themselves, and what says how an answer is wanted and who wants it.
_APART = frozenset(
    {
        "input",
        "instructions",
        "messages",
        "metadata",
        "model",
        "prompt",
        "stream",
        "stream_options",
        "system",
        "trimtab",
        "user",
    }
)
_DIALECTS = frozenset({"openai.chat", "openai.responses", "anthropic.messages"})


def settings_of(ask: Ask) -> dict[str, Any]:
    """Attributes of the call: `request` and `variables`, each only where there is something.

    What is left out for its size is named in `left_out`.
    """
    if ask.dialect.name not in _DIALECTS:
        return {}
    found: dict[str, Any] = {}
    left_out: list[str] = []
    if set_ := _settings(ask, left_out):
        found["request"] = set_
    if ask.variables:
        raw = jsonx.encode(ask.variables)
        if len(raw) <= MOST_BYTES:
            found["variables"] = dict(ask.variables)
        else:
            left_out.append("variables")
    if left_out:
        found["left_out"] = left_out
    return found


def _settings(ask: Ask, left_out: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    room = MOST_BYTES
    fields = ask.envelope.fields
    for name in fields.keys() - _APART:
        raw = bytes(fields[name])
        room -= len(raw) + len(name)
        if room < 0:
            left_out.append(name[:100])
            room += len(raw) + len(name)
            continue
        try:
            found[name] = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):  # Numbers beyond Python's are valid JSON.
            left_out.append(name[:100])
    return {name: found[name] for name in sorted(found)}
