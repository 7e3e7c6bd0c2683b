"""A server with some known traces in it, for tests of what can be asked about them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.serving import Served

from trimtab.records import Score, Span, Target, Usage

S = 1_000_000_000


def trace_id(n: int) -> str:
    return f"{n:032x}"


def call(n: int, start_ns: int, **fields: Any) -> list[Span]:
    """A trace of two spans: the n-th question of a user, and the model's answer."""
    root = Span(
        trace_id=trace_id(n),
        span_id=f"{2 * n:016x}",
        name="answer",
        kind="chain",
        start_ns=start_ns,
        end_ns=start_ns + S,
        status="ok",
        user=f"u{n % 3}",
        session=f"s{n % 5}",
        input=f"question {n}",
        output=f"answer {n}",
        metadata={"tenant": "acme" if n % 2 else "globex"},
        tags=("beta",) if n % 2 else (),
    )
    usage = Usage(input=10 * n, output=n)
    model = Span(
        trace_id=trace_id(n),
        span_id=f"{2 * n + 1:016x}",
        parent_id=root.span_id,
        name="model",
        kind="llm",
        model=f"m{n % 2}",
        provider="acme",
        start_ns=start_ns + S // 10,
        end_ns=start_ns + S // 2,
        status=fields.pop("status", "ok"),
        usage=usage,
        cost_usd=fields.pop("cost_usd", Decimal(n) / 1000),
        cost_source="given",
        input=[{"role": "user", "content": f"question {n} about refunds"}],
        output={"role": "assistant", "content": f"answer {n}"},
        **fields,
    )
    return [root, model]


def judgement(n: int, name: str, **fields: Any) -> Score:
    target = Target(kind="trace", id=trace_id(n), trace_id=trace_id(n))
    return Score(score_id=f"{name}-{n}", target=target, name=name, time_ns=n, **fields)


def store(server: Served, spans: Iterable[Span], scores: Iterable[Score] = ()) -> None:
    """Return when they are stored."""
    server.app.telemetry.append(list(spans), list(scores)).result(30)


def fill(server: Served, count: int = 30) -> int:
    """Store `count` traces, one a minute, the newest now; the time of the newest."""
    now_ns = server.app.clock.now_ns() - 5 * S
    spans: list[Span] = []
    for n in range(1, count + 1):
        failed = {"status": "error", "error": "Timed out after 30 s"} if n % 10 == 0 else {}
        spans += call(n, now_ns - (count - n) * 60 * S, **failed)
    scores = [judgement(n, "helpful", value=n / count) for n in range(1, count + 1, 2)]
    store(server, spans, scores)
    return now_ns
