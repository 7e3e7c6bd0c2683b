"""Costs computed anew: with the same prices they are the same, whoever recorded the call."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.gateway.answers import CHAT
from tests.gateway.gateway import question, room
from tests.serving import configured
from tests.upstream import Upstream

from trimtab.app import prices, providers
from trimtab.models import Prices
from trimtab.providers.extract.provider import MODEL
from trimtab.records import ModelCard, Price

NOW_NS = 1_790_000_000_000_000_000  # 21 September 2026
FREE = Price(input=Decimal(0), output=Decimal(0))
EMBEDDED = ModelCard(id=f"trimtab/{MODEL}", provider="trimtab", price=FREE)
SETTINGS = """providers:
  - name: ours
    kind: openai
    api_key: sk-0123456789abcdef
    models: [{id: gpt-4o, price: {input: 7, output: 9}}, {id: gpt-4o-mini}]
  - name: elsewhere
    kind: gemini
    api_key: sk-0123456789abcdef
    models: [{id: gemini-2.5-pro}]
"""


@pytest.mark.parametrize("model", ["oa/plain", "an/plain", "oa/unpriced", "trimtab/extract"])
def test_costs_of_the_gateway_stay_while_prices_do(
    far: Upstream, tmp_path: Path, model: str
) -> None:
    with room(tmp_path / "data", far) as here:
        reply = here.ask(CHAT, question(model))
        assert reply.status == 200, reply.body
        before = here.call(reply)["cost_usd"]
        done = here.manage("POST", "/reprice", {})
        assert done == {"calls": 1, "changed": 0}
        assert here.call(reply)["cost_usd"] == before


def test_a_recorded_call_has_the_price_that_the_gateway_gave_it(tmp_path: Path) -> None:
    config = configured(tmp_path / "data", SETTINGS)
    table = providers.prices(config)
    price_of = prices.price_of_recorded(config, table, [EMBEDDED])
    shipped = Prices.shipped()

    assert price_of("trimtab/extract", "trimtab", NOW_NS) == FREE
    own = price_of("ours/gpt-4o", "ours", NOW_NS)
    assert own is not None
    assert (own.input, own.output) == (7, 9)
    assert price_of("ours/gpt-4o-mini", "ours", NOW_NS) == shipped.lookup(
        "gpt-4o-mini", "openai", NOW_NS
    )
    by_kind = price_of("elsewhere/gemini-2.5-pro", "elsewhere", NOW_NS)
    assert by_kind is not None
    assert by_kind == shipped.lookup("gemini-2.5-pro", "gemini", NOW_NS)
    # What an application recorded itself has nothing to do with the providers of the gateway.
    assert price_of("gpt-4o", "openai", NOW_NS) == shipped.lookup("gpt-4o", "openai", NOW_NS)
    assert price_of("trimtab/extract", None, NOW_NS) is None
    assert price_of("gpt-4o", "openai", 0) is None, "before the day a price began"
