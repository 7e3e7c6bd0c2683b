"""What the pages of these tests show: recorded through the API, as an application would."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tests.serving import Served

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> \u202egnp.exe\u202c \x07 🙂 עברית"
MS = 1_000_000


def record(server: Served) -> None:
    """Traces of several kinds with sessions, users and scores; the newest is hostile."""
    now_ns = time.time_ns()
    spans = [span for n in range(60) for span in conversation(n, now_ns - n * 60_000 * MS)]
    spans += hostile(now_ns + 1_000 * MS)
    send(server, spans)
    for n in range(0, 60, 3):
        score = {"name": "helpful", "passed": n % 2 == 1, "trace_id": identifier("t", n, 32)}
        server.client.post("/api/v1/scores", score)


def send(server: Served, spans: Sequence[dict[str, Any]]) -> None:
    """Spans as Trimtab exports them, taken in as a file."""
    body = "\n".join(json.dumps(span) for span in spans).encode()
    reply = server.ask("POST", "/api/v1/import?from=trimtab", body)
    assert reply.status == 200, reply.body
    assert reply.json["refused"] == 0, reply.json


def identifier(kind: str, n: int, digits: int) -> str:
    return hashlib.sha256(f"{kind}{n}".encode()).hexdigest()[:digits]


def conversation(n: int, start_ns: int) -> Iterator[dict[str, Any]]:
    """An agent that looks something up, asks a model, calls a tool, and asks again."""
    trace = identifier("t", n, 32)
    draw = random.Random(n)
    question = f"How long does green paint number {n} take to dry?"
    answer = f"Paint {n} takes four hours to dry."
    failed = n % 10 == 7

    def span(name: str, kind: str, parent: str | None, at_ms: int, ms: int, **fields: Any) -> Any:
        return {
            "trace_id": trace,
            "span_id": identifier(f"{n}{name}", 0, 16),
            "parent_id": parent and identifier(f"{n}{parent}", 0, 16),
            "project": "default",
            "name": name,
            "kind": kind,
            "start_ns": start_ns + at_ms * MS,
            "end_ns": start_ns + (at_ms + ms) * MS,
            "status": "ok",
            "user": f"user-{n % 7}",
            "session": f"session-{n // 4}",
            "environment": "production" if n % 3 else "staging",
            "service": "shop",
            "open": False,
            "revision": 0,
            **fields,
        }

    usage = {"input": 400 + 13 * n, "output": 60 + n, "cache_read": 100, "reasoning": 8}
    call = {"id": "c1", "name": "lookup", "arguments": json.dumps({"colour": "green", "n": n})}
    asked = [
        {"role": "system", "content": "You answer about paint."},
        {"role": "user", "content": question},
    ]
    called = {"role": "assistant", "content": "", "tool_calls": [call]}
    told = {"role": "tool", "content": '{"hours": 4}', "tool_call_id": "c1"}
    llm = {"provider": "openai", "model": "gpt-4o-mini", "usage": usage}
    yield span("ask", "agent", None, 0, 900 + draw.randrange(400), input=question, output=answer)
    passage = {"id": "colours.md", "content": "Green paint takes four hours to dry."}
    yield span("search", "retriever", "ask", 5, 40, input=question, output=[passage])
    yield span("plan", "llm", "ask", 50, 300, input=asked, output=[called], **llm)
    yield span("lookup", "tool", "ask", 360, 80, input={"colour": "green"}, output={"hours": 4})
    last = {"role": "assistant", "content": answer}
    error = {"status": "error", "error": "the provider answered with 500"} if failed else {}
    yield span(
        "answer",
        "llm",
        "ask",
        450,
        400,
        input=[*asked, called, told],
        output=[] if failed else [last],
        **llm,
        **error,
    )


def hostile(start_ns: int) -> list[dict[str, Any]]:
    """One call whose every text tries to be more than text."""
    long = "A" * 5_000_000
    said = [{"role": "user", "content": f"{HOSTILE} {long}"}]
    return [
        {
            "trace_id": identifier("hostile", 0, 32),
            "span_id": identifier("hostile", 0, 16),
            "parent_id": None,
            "project": "default",
            "name": HOSTILE,
            "kind": "llm",
            "start_ns": start_ns,
            "end_ns": start_ns + 500 * MS,
            "status": "ok",
            "user": HOSTILE,
            "session": HOSTILE,
            "model": "gpt-4o-mini",
            "provider": "openai",
            "open": False,
            "revision": 0,
            "input": said,
            "output": [{"role": "assistant", "content": HOSTILE}],
        }
    ]
