"""A whole message of chat completions, put together of its deltas."""

from __future__ import annotations

from typing import Any


class WholeMessage:
    """The deltas of one choice put together."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Any]] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, list[str]] = {}
        self._audio: Any = None
        self.logprobs: Any = None

    def add(self, delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            if key == "tool_calls":
                self._call(value[0])
            elif key == "logprobs":
                self.logprobs = _joined(self.logprobs, value)
            elif key == "audio":
                self._audio = _joined(self._audio, value)
            elif isinstance(value, str):
                self._texts.setdefault(key, []).append(value)
            else:
                self._lists.setdefault(key, []).extend(value if type(value) is list else [value])

    def _call(self, part: dict[str, Any]) -> None:
        index, function = part.pop("index"), part["function"]
        call = self._calls.setdefault(index, part)
        if "name" in function:
            call["function"]["name"] = function["name"]
        self._arguments.setdefault(index, []).append(function["arguments"])

    @property
    def wire(self) -> dict[str, Any]:
        texts = {key: "".join(pieces) for key, pieces in self._texts.items()}
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        message |= {**texts, **self._lists}
        if self._audio is not None:
            message["audio"] = self._audio
        for index, call in self._calls.items():
            call["function"] = {
                "name": call["function"].get("name", ""),
                "arguments": "".join(self._arguments[index]),
            }
        if self._calls:
            message["tool_calls"] = [call for _, call in sorted(self._calls.items())]
        return message


def _joined(before: Any, more: Any) -> Any:
    """Fragments of logprobs or of a sound: texts and lists grow, everything else is replaced."""
    if not isinstance(before, dict) or not isinstance(more, dict):
        return more
    joined = dict(before)
    for key, value in more.items():
        grows = key not in {"id", "expires_at"} and type(joined.get(key)) is type(value)
        joined[key] = joined[key] + value if grows and isinstance(value, str | list) else value
    return joined
