"""Fragments: the end of an answer that broke off, which may be a part of what no record shows.

Nobody knows half an address or half a number for what it is, and it says most of it all the same.
"""

from __future__ import annotations

import re
from typing import Any

CUT = "[CUT]"
"""What stands on record in the place of such an end."""

_TELLING = re.compile(r"[\d@]")
_MOST_WORDS = 20  # of one value, such as a number in groups
_SPACE = " \t\r\n"


def unbroken(message: dict[str, Any]) -> dict[str, Any]:
    """A message in OpenAI's shape without the last words of its texts that may be part of a value.

    >>> unbroken({"role": "assistant", "content": "write to ann@exam"})
    {'role': 'assistant', 'content': 'write to [CUT]'}
    """
    made = {
        key: _whole(value) if isinstance(value, str) and key != "role" else value
        for key, value in message.items()
    }
    if calls := message.get("tool_calls"):
        made["tool_calls"] = [_called(one) for one in calls]
    return made


def _called(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": _whole(function["arguments"])}}


def _whole(text: str) -> str:
    """A text up to the last words in a row that have digits or an `@`."""
    kept = len(text)
    for _ in range(_MOST_WORDS):
        end = len(text[:kept].rstrip(_SPACE))
        start = max(text.rfind(space, 0, end) for space in _SPACE) + 1
        if not _TELLING.search(text, start, end):
            break
        kept = start
    return text if kept == len(text) else text[:kept] + CUT
