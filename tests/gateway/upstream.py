"""Providers on loopback that speak the dialects of OpenAI and Anthropic, and fail by name.

The name of the model says what comes: one of `answers.ANSWERS`, or one of `FAULTS`. So what a
request gets depends on nothing but the request, however many are in flight.

    with providers() as far:
        far.base_url, far.requests
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tests import upstream as play
from tests.gateway.answers import ANSWERS, Bytes
from tests.upstream import Answer, Peer, Request, Upstream, upstream_in_thread

KEY = "sk-upstream-0123456789abcdef"  # what the gateway pays with
UNPRICED = "unpriced"  # the name of a model that answers like "plain"
SOUND = bytes(range(256)) * 300
FLOOD_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
FLOOD_EVENT %= b"x" * 4000
FLOOD_EVENTS = 16_000  # 64 MB, far more than all sockets and buffers on the way hold

_DRIP_S = 0.002
_WAIT_S = 0.2
_HALF = 0.5


@contextlib.contextmanager
def providers() -> Iterator[Upstream]:
    """Both providers at one address, in a thread of their own."""
    with upstream_in_thread(handler=answer) as far:
        yield far


def answer(request: Request) -> Answer:
    """What a request gets."""
    path = request.target.partition("?")[0]
    if path.endswith(("/chat/completions", "/messages", "/responses")):
        return _said(request)
    if (other := _OTHERS.get(path.removeprefix("/v1"))) is not None:
        return other(request)
    return play.error_json(404, f"Unknown request URL: {request.method} {request.target}")


def stream_of(model: str) -> bytes:
    """The bytes of a streamed answer."""
    return ANSWERS[model].stream


def whole_of(model: str) -> bytes:
    return ANSWERS[model].whole


def _said(request: Request) -> Answer:
    body = request.json
    model = body["model"]
    if model in FAULTS:
        return FAULTS[model](request)
    if model not in ANSWERS and model != UNPRICED:
        return play.error_json(404, f"The model `{model}` does not exist", "model_not_found")
    found = ANSWERS["plain" if model == UNPRICED else model]
    if not body.get("stream"):
        return play.respond(200, found.whole, x_request_id="req_9", x_ratelimit_remaining="7")
    return play.event_stream(*_cut(_asked(found, body)))


def _asked(found: Bytes, body: dict[str, Any]) -> bytes:
    """The stream without the chunk of usage, where a caller of chat completions wants none."""
    if found.dialect != "openai.chat" or (body.get("stream_options") or {}).get("include_usage"):
        return found.stream
    events = [event + b"\n\n" for event in found.stream.split(b"\n\n") if event]
    return b"".join(event for event in events if not _only_usage(event))


def _only_usage(event: bytes) -> bool:
    return b'"choices" : []' in event or b'"choices": [], "usage"' in event


def _cut(raw: bytes) -> list[bytes]:
    """Pieces that end anywhere but where events end."""
    return [raw[start : start + 701] for start in range(0, len(raw), 701)]


# -- other paths -------------------------------------------------------------------------------


def _embeddings(request: Request) -> Answer:
    body = request.json
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector: Any = [0.5, 0.25, -0.125]
    if body.get("encoding_format") == "base64":
        vector = "AAAAPwAAgD4AAAC+"
    rows = [
        {"object": "embedding", "index": place, "embedding": vector} for place in range(len(texts))
    ]
    usage = {"prompt_tokens": 1000, "total_tokens": 1000}
    return _json({"object": "list", "data": rows, "model": body["model"], "usage": usage})


def _moderations(request: Request) -> Answer:
    verdict = {"flagged": True, "categories": {"violence": True}, "category_scores": {}}
    return _json({"id": "modr-1", "model": request.json["model"], "results": [verdict]})


def _count_tokens(_: Request) -> Answer:
    return _json({"input_tokens": 2095})


def _image(request: Request) -> Answer:
    return _json({"created": 1_700_000_000, "data": [{"b64_json": "aGk="}], "x": request.json})


def _speech(_: Request) -> Answer:
    return play.respond(200, SOUND, content_type="audio/mpeg")


def _transcription(_: Request) -> Answer:
    return _json({"text": "Grüezi mitenand"})


def _files(request: Request) -> Answer:
    if request.method == "GET":
        return _json({"object": "list", "data": [], "has_more": False})
    file = {"id": "file-1", "object": "file", "bytes": len(request.body), "created_at": 1}
    return _json({**file, "filename": "batch.jsonl", "purpose": "batch", "status": "processed"})


_OTHERS: dict[str, Callable[[Request], Answer]] = {
    "/embeddings": _embeddings,
    "/moderations": _moderations,
    "/messages/count_tokens": _count_tokens,
    "/images/generations": _image,
    "/audio/speech": _speech,
    "/audio/transcriptions": _transcription,
    "/files": _files,
}


def _json(value: Any) -> Answer:
    return play.respond(200, json.dumps(value, ensure_ascii=False).encode())


# -- faults ------------------------------------------------------------------------------------


class Watched:
    """How far the latest flood got, and whether the one who asked for it left."""

    def __init__(self) -> None:
        self.sent = 0
        self.left = threading.Event()


FLOODED = Watched()
HUNG = Watched()


async def _flood(peer: Peer) -> None:
    """Events as fast as they are taken."""
    FLOODED.sent = 0
    FLOODED.left.clear()
    event = b"%x\r\n%b\r\n" % (len(FLOOD_EVENT), FLOOD_EVENT)
    try:
        for _ in range(FLOOD_EVENTS):
            peer.writer.write(event)
            await peer.writer.drain()
            FLOODED.sent += 1
        for chunk in play.chunked(b"data: [DONE]\n\n"):
            peer.writer.write(chunk)
        peer.writer.write(play.LAST_CHUNK)
        await peer.writer.drain()
    except ConnectionError:
        FLOODED.left.set()
        raise


async def _hang(peer: Peer) -> None:
    HUNG.left.clear()
    try:
        await play.hang(peer)
    finally:
        HUNG.left.set()


async def _pause(_: Peer) -> None:
    await asyncio.sleep(_DRIP_S)


async def _wait(_: Peer) -> None:
    """Long enough for what was written to be read, and passed on, before what comes next."""
    await asyncio.sleep(_WAIT_S)


def _dialect(request: Request) -> str:
    """A model whose answer is in the dialect of the path asked."""
    return "thinking" if request.target.endswith("/messages") else "plain"


def _begun(request: Request, share: float = _HALF) -> bytes:
    """Whole events of a stream, so many that content is among them, and not its end."""
    events = stream_of(_dialect(request)).split(b"\n\n")
    count = max(7 if request.target.endswith("/messages") else 2, int(len(events) * share))
    return b"".join(event + b"\n\n" for event in events[:count])


def _drip(request: Request) -> Answer:
    raw = stream_of(_dialect(request))
    pieces = [raw[start : start + 40] for start in range(0, len(raw), 40)]
    chunks = [step for piece in pieces for step in (*play.chunked(piece), _pause)]
    return [play.STREAM_HEAD, *chunks, play.LAST_CHUNK]


def _failing_event(request: Request) -> Answer:
    """An error in the middle, in the words of who was asked."""
    if request.target.endswith("/messages"):
        error = {"type": "overloaded_error", "message": "Overloaded"}
        said = b"event: error\n" + play.sse_event(json.dumps({"type": "error", "error": error}))
    else:
        error = {"message": "The server had an error", "type": "server_error", "code": None}
        said = play.sse_event(json.dumps({"error": error}))
    return [
        play.STREAM_HEAD,
        *play.chunked(_begun(request)),
        _wait,
        *play.chunked(said),
        play.LAST_CHUNK,
    ]


def _refused(status: int, message: str, **headers: str) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        if not request.target.endswith("/messages"):
            return play.error_json(status, message, **headers)
        kinds = {400: "invalid_request_error", 429: "rate_limit_error", 529: "overloaded_error"}
        error = {"type": kinds.get(status, "api_error"), "message": message}
        body = {"type": "error", "error": error, "request_id": "req_9"}
        return play.respond(status, json.dumps(body).encode(), **headers)

    return answer


def _compressed(request: Request) -> Answer:
    return play.respond(200, gzip.compress(whole_of(_dialect(request))), content_encoding="gzip")


FAULTS: dict[str, Callable[[Request], Answer]] = {
    "reset": lambda _: [play.reset],
    "closed": lambda _: [play.cut],
    "hang": lambda _: [_hang],
    "garbage": lambda _: play.garbage_protocol(),
    "not-json": lambda _: play.garbage_json(),
    "html": lambda _: play.server_error_html(),
    "redirect": lambda _: play.respond(307, b"", location="https://example.com/elsewhere"),
    "gzip": _compressed,
    "status-400": _refused(400, "temperature must be at most 2"),
    "status-401": _refused(401, "Incorrect API key provided"),
    "status-403": _refused(403, "Your project may not use this model"),
    "status-404": _refused(404, "The model does not exist"),
    "status-429": _refused(429, "Rate limit reached", retry_after="7"),
    "status-500": _refused(500, "The server had an error"),
    "status-529": _refused(529, "Overloaded", retry_after="3"),
    "too-short": lambda request: play.cut_mid_body(whole_of(_dialect(request)), missing_bytes=9),
    "no-content": lambda _: [play.STREAM_HEAD, play.LAST_CHUNK],
    "reset-mid-stream": lambda request: [
        play.STREAM_HEAD,
        *play.chunked(_begun(request)),
        _wait,
        play.reset,
    ],
    "cut-mid-stream": lambda request: play.cut_mid_stream(_begun(request)),
    "no-terminator": lambda request: play.event_stream(_begun(request)),
    "hang-mid-stream": lambda request: [
        play.STREAM_HEAD,
        *play.chunked(_begun(request)),
        _hang,
    ],
    "error-mid-stream": _failing_event,
    "drip": _drip,
    "flood": lambda _: [play.STREAM_HEAD, _flood],
}
"""By the name of the model."""
