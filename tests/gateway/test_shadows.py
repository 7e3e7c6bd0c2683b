"""Copies in the shadow: the same request, at the expense of the project and not of the caller."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.answers import CHAT
from tests.gateway.gateway import Room, question, room
from tests.gateway.test_money import stored
from tests.upstream import Upstream
from tests.waiting import until

ROUTES = """    - name: shadowed
      targets: [{model: oa/plain}]
      shadows: [{model: oa/thinking, share: 1}]
"""


@pytest.fixture
def here(far: Upstream, tmp_path: Path) -> Iterator[Room]:
    with room(tmp_path / "data", far, ROUTES) as running:
        yield running


def shadows(here: Room, count: int) -> list[dict[str, Any]]:
    """The spans of so many copies, once they are there."""
    calls: list[dict[str, Any]] = []

    def there() -> bool:
        traces = here.manage("GET", "/traces?limit=200")["data"]
        spans = [span for trace in traces for span in here.spans(trace["trace_id"])]
        copies = [span for span in spans if span["attributes"].get("trimtab.shadow")]
        calls[:] = [span for span in copies if span["kind"] == "llm"]
        return len(calls) >= count

    until(there, "the copies are not on record")
    return calls


def test_a_copy_takes_nothing_from_the_limits_of_the_caller(here: Room) -> None:
    key, secret = here.issue("web", user="ada", team="shop")
    terms = {"daily_usd": "1", "requests_per_minute": 6, "concurrency": 1}
    here.manage("PUT", "/allowances", {"kind": "key", "name": key, **terms})
    here.manage("PUT", "/allowances", {"kind": "project", "name": "default", "daily_usd": "1"})
    replies = [here.ask(CHAT, question("shadowed"), secret) for _ in range(6)]
    assert [reply.status for reply in replies] == [200] * 6
    copies = shadows(here, 6)
    names = ("trimtab.key", "trimtab.key_user", "trimtab.team")
    assert not any(name in span["attributes"] for span in copies for name in names)
    own = sum(Decimal(here.call(reply)["cost_usd"]) for reply in replies)
    copied = sum(Decimal(span["cost_usd"]) for span in copies)
    assert copied > 0
    assert here.used(key) == own
    rows = here.server.run(lambda: stored(here))
    spent = {name: Decimal(rows[name]["cost_usd"]) for name in (key, "ada", "shop", "default")}
    assert spent == {key: own, "ada": own, "shop": own, "default": own + copied}


def test_a_copy_is_asked_with_the_same_prompt(here: Room) -> None:
    here.manage(
        "POST",
        "/prompts",
        {"name": "greeting", "messages": [{"role": "system", "content": "Say {{word}}"}]},
    )
    told = {"model": "shadowed", "variables": {"word": "Grüezi"}}
    before = len(here.sent("Say Gr"))
    assert here.ask(CHAT, question("greeting", trimtab=told)).status == 200
    shadows(here, 1)
    models = [request.json["model"] for request in here.sent("Say Gr")[before:]]
    assert sorted(models) == ["plain", "thinking"]
