"""Calls whose cost nobody knows: counted as such, and kept from those who may not make them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.answers import CHAT
from tests.gateway.gateway import ADMIN, Room, question, room
from tests.gateway.test_money import stored
from tests.upstream import Upstream

from trimtab.gateway.figures import Figures

SPEECH = ("/audio/speech", {"model": "oa/speech", "input": "Hello", "voice": "alloy"})
IMAGE = ("/images/generations", {"model": "oa/image", "prompt": "a boat", "n": 10})
MODERATION = ("/moderations", {"model": "oa/moderation", "input": "Hello"})
COUNT = (
    "/messages/count_tokens",
    {"model": "an/thinking", "messages": [{"role": "user", "content": "Hello"}]},
)
EMBEDDING = ("/embeddings", {"model": "input/text-embedding", "input": "Hello"})
CALL = ("/chat/completions", question("oa/plain"))
NO_PRICE = ("/chat/completions", question("oa/unpriced"))
ROUTES = """    - name: falls-back
      targets: [{model: oa/status-500}]
      fallbacks: [oa/unpriced, oa/plain]
      retries: {attempts: 3, base_s: 0.01, max_s: 0.02}
    - name: falls-deep
      targets: [{model: oa/status-500}]
      fallbacks: [oa/unpriced]
      retries: {attempts: 2, base_s: 0.01, max_s: 0.02}
"""


@pytest.fixture
def here(far: Upstream, tmp_path: Path) -> Iterator[Room]:
    """A provider of whose models only what goes in has a price, beside those of every room."""
    more = f"""  - name: input
    kind: openai
    base_url: {far.base_url}
    api_key: sk-0123456789abcdef
    models: [{{id: text-embedding, price: {{input: 0.02}}}}]
"""
    with room(tmp_path / "data", far, ROUTES, more_providers=more) as running:
        yield running


@pytest.mark.parametrize(
    ("asked", "cost"),
    [
        (SPEECH, None),
        (IMAGE, None),
        (NO_PRICE, None),
        (MODERATION, "0"),
        (COUNT, "0"),
        (EMBEDDING, "0.00002"),
    ],
)
def test_sums_and_figures_tell_what_has_no_known_cost(
    here: Room, asked: tuple[str, Any], cost: str | None
) -> None:
    reply = here.ask(*asked)
    assert reply.status == 200, reply.body
    span = here.call(reply)
    told = span["cost_usd"]
    assert (told if told is None else Decimal(told)) == (cost if cost is None else Decimal(cost))
    unpriced = int(cost is None)
    rows = here.server.run(lambda: stored(here))
    assert rows["default"]["unpriced"] == unpriced
    assert counted(here.server.app.gateway.figures) == unpriced


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (SPEECH, 403),
        (IMAGE, 403),
        (NO_PRICE, 403),
        (MODERATION, 200),
        (COUNT, 200),
        (EMBEDDING, 200),
        (CALL, 200),
    ],
)
def test_who_may_only_make_priced_calls_is_refused_the_others(
    here: Room, asked: tuple[str, Any], status: int
) -> None:
    _, secret = priced_only(here)
    reply = here.ask(*asked, secret)
    assert reply.status == status, reply.body


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 403)])
def test_of_what_is_passed_on_only_reading_is_sure_to_cost_nothing(
    here: Room, method: str, status: int
) -> None:
    terms = {"kind": "project", "name": "default", "unpriced": "deny", "daily_usd": "5"}
    here.manage("PUT", "/allowances", terms)
    headers = {"authorization": f"Bearer {ADMIN}", "x-trimtab-provider": "oa"}
    body = None if method == "GET" else {"purpose": "batch"}
    reply = here.server.ask(method, "/v1/files", body, headers)
    assert reply.status == status, reply.body
    if status == 200:
        assert Decimal(here.call(reply)["cost_usd"]) == 0
        assert here.server.run(lambda: stored(here))["default"]["unpriced"] == 0


def test_a_fallback_without_a_price_is_passed_over(here: Room) -> None:
    reply = here.ask(CHAT, question("falls-back"))
    assert reply.headers["x-trimtab-model"] == "oa/unpriced", "where nobody minds"
    _, secret = priced_only(here)
    reply = here.ask(CHAT, question("falls-back"), secret)
    assert (reply.status, reply.headers["x-trimtab-model"]) == (200, "oa/plain")
    assert here.ask(CHAT, question("falls-deep"), secret).status >= 500


def priced_only(here: Room, **more: Any) -> tuple[str, str]:
    key, secret = here.issue("careful", **more)
    terms = {"kind": "key", "name": key, "daily_usd": "5", "unpriced": "deny"}
    here.manage("PUT", "/allowances", terms)
    return key, secret


def counted(figures: Figures) -> int:
    return sum(calls.unpriced for calls in figures.calls.values())
