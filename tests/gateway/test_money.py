"""What a call costs is the same however it is answered, and the same wherever it is added up."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from tests.gateway.answers import ANSWERS, CHAT, MESSAGES, RESPONSES
from tests.gateway.gateway import Room, question
from tests.gateway.test_bytes import named

MIX = [
    (CHAT, "oa/plain", False),
    (CHAT, "oa/plain", True),
    (CHAT, "an/thinking", True),
    (MESSAGES, "an/thinking", False),
    (MESSAGES, "oa/plain", True),
    (CHAT, "oa/unpriced", False),
    (CHAT, "oa-no-terminator", True),
    (CHAT, "oa-reset", False),
    (CHAT, "oa-status-400", False),
    (CHAT, "oa-error-mid-stream", True),
    (MESSAGES, "an-cut-mid-stream", True),
    (CHAT, "oa/text-embedding", False),
]


def spent(room: Room, dialect: str, model: str, *, stream: bool) -> tuple[Any, Any]:
    """Tokens of every kind, and the cost, of one call."""
    body = question(model, dialect, **({"stream": True} if stream else {}))
    reply = room.ask(dialect, body)
    assert reply.status == 200, reply.body
    span = room.call(reply)
    assert span["usage"]["estimated"] is False
    return span["usage"], Decimal(span["cost_usd"])


@pytest.mark.parametrize("model", ANSWERS)
class TestStreamedAndWhole:
    def test_they_cost_the_same(self, shared: Room, model: str) -> None:
        dialect = ANSWERS[model].dialect
        whole = spent(shared, dialect, named(model), stream=False)
        assert spent(shared, dialect, named(model), stream=True) == whole
        assert whole[1] > 0


@pytest.mark.parametrize("model", [name for name in ANSWERS if ANSWERS[name].dialect != RESPONSES])
def test_an_answer_costs_the_same_for_a_caller_of_another_dialect(shared: Room, model: str) -> None:
    dialect = ANSWERS[model].dialect
    whole = spent(shared, dialect, named(model), stream=False)
    other = MESSAGES if dialect == CHAT else CHAT
    for stream in (False, True):
        assert spent(shared, other, named(model), stream=stream) == whole


def test_the_price_is_that_of_every_kind_of_token(shared: Room) -> None:
    """1,200 new at $2.5, 800 cached at $1.25 and 340 out at $10, each for a million."""
    usage, cost = spent(shared, MESSAGES, "an/thinking", stream=True)
    assert (usage["input"], usage["cache_read"], usage["output"]) == (1200, 800, 340)
    assert cost == Decimal("0.0074")


def test_a_call_without_a_price_is_unpriced_and_not_free(shared: Room) -> None:
    body = question("oa/unpriced")
    reply = shared.ask(CHAT, body)
    span = shared.call(reply)
    assert (span["cost_usd"], span["cost_source"]) == (None, None)


# -- sums --------------------------------------------------------------------------------------


def test_spans_and_budget_add_up_to_the_same(own: Room) -> None:
    """Also where calls fail, break off and have no price, and many are made at once."""
    key, secret = own.issue("web", user="ada", team="shop")
    terms = {"kind": "key", "name": key, "daily_usd": "1000", "monthly_usd": "5000"}
    own.manage("PUT", "/allowances", terms)

    def one(place: int) -> None:
        dialect, model, stream = MIX[place % len(MIX)]
        if model.endswith("text-embedding"):
            own.ask("/embeddings", {"model": model, "input": "x"}, secret)
            return
        body = question(model, dialect, **({"stream": True} if stream else {}))
        own.ask(dialect, body, secret)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(5 * len(MIX))))
    traces = own.manage("GET", "/traces?limit=500")["data"]
    spans = [span for trace in traces for span in own.spans(trace["trace_id"])]
    assert len(spans) == 5 * len(MIX)
    assert {span["attributes"]["trimtab.key"] for span in spans} == {key}
    total = sum(Decimal(span["cost_usd"]) for span in spans if span["cost_usd"])
    assert total > 0
    statuses = Counter(span["status"] for span in spans)
    assert statuses["error"] == 25
    assert own.used(key, "daily_usd") == own.used(key, "monthly_usd") == total
    rows = own.server.run(lambda: stored(own))
    assert {name: Decimal(row["cost_usd"]) for name, row in rows.items()} == {
        key: total,
        "ada": total,
        "shop": total,
        "default": total,
    }
    assert {row["requests"] for row in rows.values()} == {len(spans)}
    assert {row["unpriced"] for row in rows.values()} == {5}


async def stored(room: Room) -> dict[str, dict[str, Any]]:
    """What the store says was spent this month, by name."""
    app = room.server.app
    await app.tracing.flush()
    await asyncio.to_thread(app._recording.ledger.send)
    page = await asyncio.to_thread(room.manage, "GET", "/spend")
    return {row["name"]: row for row in page["data"]}
