"""The `anthropic` client: messages, whole, parsed, streamed, and by its stream manager."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from trimtab.sdk import usage, values
from trimtab.sdk.usage import field
from trimtab.sdk.wiring import messages
from trimtab.sdk.wiring.calls import (
    ModelCall,
    Shape,
    begin,
    given,
    messages_text,
    run,
    run_async,
    wire,
)

_PARAMETERS = ("temperature", "top_p", "top_k", "max_tokens", "stop_sequences")
_PLATFORMS = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai"}
_MARK = "_trimtab_wired"
_CALL = "_trimtab_call"


def provider(resource: Any) -> str:
    client = type(getattr(resource, "_client", None)).__name__
    return next((name for word, name in _PLATFORMS.items() if word in client), "anthropic")


class MessageGathering:
    """The events of a streamed message."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, dict[str, list[str]]] = {}
        self._reason: str | None = None
        self._began = False

    def add(self, piece: Any) -> bool:
        kind = field(piece, "type")
        if kind == "message_start":
            message = field(piece, "message")
            self._message = {"id": field(message, "id"), "model": field(message, "model")}
            self._count(field(message, "usage"))
        elif kind == "content_block_start":
            block = values.plain(field(piece, "content_block")) or {}
            self._blocks[field(piece, "index")] = block
        elif kind == "message_delta":
            self._reason = field(field(piece, "delta"), "stop_reason") or self._reason
            self._count(field(piece, "usage"))
        elif kind == "content_block_delta":
            self._extend(field(piece, "index"), field(piece, "delta"))
            first, self._began = not self._began, True
            return first
        return False

    def attributes(self, *, content: bool) -> dict[str, Any]:
        blocks = [self._whole(index) for index in sorted(self._blocks)]
        answer = {
            **self._message,
            "usage": self._usage,
            "content": blocks,
            "stop_reason": self._reason,
        }
        return _answer(answer, content)

    def _count(self, found: Any) -> None:
        counts = values.plain(found) or {}
        self._usage |= {name: count for name, count in counts.items() if count is not None}

    def _extend(self, index: int, delta: Any) -> None:
        pieces = self._pieces.setdefault(index, {})
        for name in ("text", "partial_json", "thinking"):
            if text := field(delta, name):
                pieces.setdefault(name, []).append(text)

    def _whole(self, index: int) -> dict[str, Any]:
        block = dict(self._blocks[index])
        for name, pieces in self._pieces.get(index, {}).items():
            text = "".join(pieces)
            if name == "partial_json":
                block["input"] = text
            else:
                block[name] = (block.get(name) or "") + text
        return block


def _request(kwargs: dict[str, Any], content: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"gen_ai.request.{name}": values.plain(given(kwargs, name)) for name in _PARAMETERS
    }
    found["gen_ai.request.model"] = given(kwargs, "model")
    found["gen_ai.request.stream"] = True if given(kwargs, "stream") else None
    if content:
        asked = messages.of_anthropic(given(kwargs, "messages"))
        found["gen_ai.input.messages"] = messages_text(asked)
        system = messages.anthropic_parts(given(kwargs, "system"))
        found["gen_ai.system_instructions"] = messages_text(system)
        found["gen_ai.tool.definitions"] = values.plain(given(kwargs, "tools"))
    return found


def _answer(answer: Any, content: bool) -> dict[str, Any]:
    reason = field(answer, "stop_reason")
    parts = messages.anthropic_parts(field(answer, "content"))
    said = [{"role": "assistant", "parts": parts, "finish_reason": reason}] if parts else None
    return {
        "gen_ai.response.id": field(answer, "id"),
        "gen_ai.response.model": field(answer, "model"),
        "gen_ai.response.finish_reasons": [reason] if reason else None,
        "gen_ai.output.messages": messages_text(said) if content else None,
        **usage.attributes(field(answer, "usage")),
    }


_MESSAGES = Shape("chat", provider, _request, _answer, MessageGathering)


def _hook(module: ModuleType) -> None:
    for name in ("Messages", "AsyncMessages"):
        if (owner := getattr(module, name, None)) is not None:
            wire(owner, "create", _MESSAGES)
            wire(owner, "parse", _MESSAGES)
            _wire_stream(owner)


HOOKS = {"anthropic.resources.messages": _hook, "anthropic.resources.beta.messages": _hook}


def _wire_stream(owner: Any) -> None:
    """`stream` makes no request yet: that is for the manager it returns, when it is entered."""
    original = getattr(owner, "stream", None)
    if original is None or hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def stream(self: Any, *args: Any, **kwargs: Any) -> Any:
        manager = original(self, *args, **kwargs)
        try:
            for name in ("__enter__", "__aenter__"):
                _wire_manager(type(manager), name)
            setattr(manager, _CALL, (self, {**kwargs, "stream": True}))
        except (AttributeError, TypeError):
            return manager
        return manager

    setattr(stream, _MARK, True)
    owner.stream = stream


def _wire_manager(kind: Any, name: str) -> None:
    original = getattr(kind, name, None)
    if original is None or hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def enter(self: Any) -> Any:
        return run(_begun(self), functools.partial(original, self), {})

    @functools.wraps(original)
    async def aenter(self: Any) -> Any:
        return await run_async(_begun(self), functools.partial(original, self), {})

    method = aenter if name == "__aenter__" else enter
    setattr(method, _MARK, True)
    setattr(kind, name, method)


def _begun(manager: Any) -> ModelCall | None:
    resource, kwargs = vars(manager).pop(_CALL, (None, {}))
    return begin(_MESSAGES, resource, kwargs) if resource is not None else None
