"""Prices of recorded calls: those of the gateway as it had them, all others by the table."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.config import Config
from trimtab.models import Prices
from trimtab.records import ModelCard, Price
from trimtab.tracing.pricing import PriceOf


def price_of_recorded(config: Config, prices: Prices, embedded: Iterable[ModelCard]) -> PriceOf:
    """What a model of a provider cost at a time, in nanoseconds since 1970.

    A model with a price of its own in the configuration has it whenever it was called. A provider
    has a name of the user's choosing, so a price that is not found for the name is looked for under
    the provider's kind.

    Args:
        embedded: the models that run in this process.
    """
    own: dict[tuple[str | None, str], Price | None] = {
        (card.provider, card.id): card.price for card in embedded
    }
    for entry in config.providers:
        own |= {
            (entry.name, f"{entry.name}/{model.id}"): model.price
            for model in entry.models
            if model.price is not None
        }
    kinds = {entry.name: entry.kind for entry in config.providers}

    def price_of(model: str, provider: str | None, at_ns: int) -> Price | None:
        if (stated := own.get((provider, model))) is not None:
            return stated
        if provider not in kinds:
            return prices.lookup(model, provider, at_ns)
        name = model.removeprefix(f"{provider}/")
        return prices.lookup(name, provider, at_ns) or prices.lookup(name, kinds[provider], at_ns)

    return price_of
