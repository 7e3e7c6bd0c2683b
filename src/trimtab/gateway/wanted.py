"""Wanted: what a request asks for, as far as limits are concerned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trimtab.gateway.ask import Ask
from trimtab.gateway.estimates import Estimate, Estimates, cost_nano_usd
from trimtab.gateway.resolution import Resolution


class Wanted(NamedTuple):
    """What a request asks for: a name, the models that may answer, and about how much of them.

    `cost_nano_usd` None: a model among them has no known price. `learns` is the key under which the
    length of an answer is remembered, of which there are `choices`.
    """

    model: str
    models: Sequence[str] = ()
    tokens: int = 0
    cost_nano_usd: int | None = 0
    learns: str = ""
    choices: int = 1


def wanted_of(ask: Ask, resolution: Resolution, estimates: Estimates) -> Wanted:
    """What a request wants of the targets that are asked first."""
    envelope, pool = ask.envelope, resolution.arm.pool
    model = resolution.route or (
        envelope.model if resolution.prompt is None else resolution.compiled.route.name
    )
    estimate = estimates.of(
        model,
        text_bytes=envelope.text_bytes,
        max_tokens=envelope.max_tokens,
        choices=envelope.choices,
    )
    cost = _cost(ask, resolution, estimate)
    return Wanted(model, pool.ids, estimate.tokens, cost, model, envelope.choices)


def _cost(ask: Ask, resolution: Resolution, estimate: Estimate) -> int | None:
    """About what a request costs at the dearest target of its pool; None where nobody can say."""
    if ask.is_free:
        return 0
    if ask.passing is not None:
        # What a provider makes of it, an image or a batch, may have no count of tokens at all.
        return None
    costs = [cost_nano_usd(estimate, target.card.price) for target in resolution.arm.pool.targets]
    return None if None in costs else max((c for c in costs if c is not None), default=0)
