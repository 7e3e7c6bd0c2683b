"""A provider whose models stream, wait, fail, hang, think and call tools, by their names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import upstream as play
from tests.processes import ServeProcess, serving
from tests.upstream import Answer, Peer, Request, Upstream, upstream_in_thread

MODELS = (
    "plain",
    "slow",
    "cut",
    "hang",
    "mute",
    "tools",
    "thinker",
    "refuses",
    "flood",
    "unpriced",
)
WORDS = ("One ", "two ", "three.")
FLOOD_EVENTS = 8_000  # of a thousand letters
_PAUSE_S = 0.03


@contextmanager
def far() -> Iterator[Upstream]:
    with upstream_in_thread(handler=answer) as running:
        yield running


@contextmanager
def server(data: Path, provider: Upstream, more: str = "") -> Iterator[ServeProcess]:
    """`trimtab serve` as a process, with every model of the provider."""
    data.parent.mkdir(parents=True, exist_ok=True)
    config = data.parent / "trimtab.yaml"
    priced = "".join(
        f"      - {{id: {model}, price: {{input: 1, output: 2}}}}\n"
        for model in MODELS
        if model != "unpriced"
    )
    config.write_text(
        "providers:\n  - name: far\n    kind: openai_compatible\n"
        f"    base_url: {provider.base_url}\n    models:\n{priced}      - {{id: unpriced}}\n{more}"
    )
    with serving(data, "--config", str(config)) as running:
        yield running


def column(model: str, text: str = "Count.", **more: Any) -> dict[str, Any]:
    said = [] if "prompt" in more or "draft" in more else [{"role": "user", "content": text}]
    return {"model": f"far/{model}", **({"messages": said} if said else {}), **more}


def answer(request: Request) -> Answer:
    body = request.json
    model = body["model"]
    if not body.get("stream"):
        return play.chat_completion(body)
    if model == "refuses":
        return play.error_json(400, "the temperature is too high", "invalid_value")
    if model == "mute":
        return [play.hang]
    if model == "hang":
        return play.hang_mid_stream(*_events([{"content": "Begun "}]))
    if model == "cut":
        return play.cut_mid_stream(*_events([{"content": "Begun "}]))
    if model == "flood":
        deltas = [{"content": "x" * 1000}] * FLOOD_EVENTS
        return play.event_stream(*_ended(_events(deltas)))
    deltas = _DELTAS.get(model) or [{"content": word} for word in WORDS]
    steps: Answer = [play.STREAM_HEAD]
    for event in _ended(_events(deltas), body["messages"]):
        steps += play.chunked(event)
        if model == "slow":
            steps.append(_pause)
    return [*steps, play.LAST_CHUNK]


_DELTAS: dict[str, list[dict[str, Any]]] = {
    "thinker": [{"reasoning_content": "Let me "}, {"reasoning_content": "see."}, {"content": "4"}],
    "tools": [
        {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1,'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ' "b": 2}'}}]},
    ],
}


def _events(deltas: list[dict[str, Any]]) -> list[bytes]:
    return [
        play.sse_event(json.dumps({"id": "c", "choices": [{"index": 0, "delta": delta}]}))
        for delta in deltas
    ]


def _ended(events: list[bytes], messages: Any = ()) -> list[bytes]:
    end = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    words = sum(len(str(one.get("content")).split()) for one in messages)
    usage = {"prompt_tokens": 10 + words, "completion_tokens": 20, "total_tokens": 30 + words}
    used = {"id": "c", "choices": [], "usage": usage}
    last = [play.sse_event(json.dumps(one)) for one in (end, used)]
    return [*events, *last, play.sse_event("[DONE]")]


async def _pause(_: Peer) -> None:
    await asyncio.sleep(_PAUSE_S)
