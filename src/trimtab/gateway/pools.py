"""Pools: targets that share the same requests, and the ways to choose one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

import msgspec

from trimtab.gateway.draws import AliasTable, draw
from trimtab.gateway.health import Health
from trimtab.gateway.target import Target
from trimtab.ports import Clock
from trimtab.records.model import ModelCard
from trimtab.records.route import Choice


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """Targets to choose from, all weights above 0. `places` are by price, the cheapest 0."""

    targets: tuple[Target, ...]
    ids: tuple[str, ...]
    weights: tuple[float, ...]
    table: AliasTable
    places: tuple[int, ...]
    choose: Choice


def pool_of(choose: Choice, targets: Sequence[Target], weights: Sequence[float]) -> Pool:
    """A pool of targets and their weights, all above 0."""
    by_price = sorted(range(len(targets)), key=lambda index: _price(targets[index].card))
    return Pool(
        targets=tuple(targets),
        ids=tuple(target.id for target in targets),
        weights=tuple(weights),
        table=AliasTable(weights),
        places=tuple(by_price.index(index) for index in range(len(targets))),
        choose=choose,
    )


def _price(card: ModelCard) -> tuple[bool, float]:
    """US dollars of 3 million tokens read and 1 million written; models without a price last.

    What a request will cost is not known before it is answered; three to one is what published
    comparisons of models blend prices with.
    """
    price = card.price
    if price is None or price.input is None or price.output is None:
        return True, 0.0
    return False, float(3 * price.input + price.output)


class Chance(msgspec.Struct, frozen=True):
    """What choices are made with."""

    health: Health
    clock: Clock
    random: Random


def chosen(pool: Pool, up: Sequence[int], chance: Chance) -> int:
    """One of the targets that should be asked now, by the pool's own way to choose."""
    return up[0] if len(up) == 1 else _WAYS[pool.choose](pool, up, chance)


def _weighted(pool: Pool, up: Sequence[int], chance: Chance) -> int:
    if len(up) == len(pool.ids):
        return pool.table.draw(chance.random)
    return draw(up, pool.weights, chance.random)


def _faster(pool: Pool, up: Sequence[int], chance: Chance) -> int:
    """The better of two drawn (Mitzenmacher 2001, "The power of two choices")."""
    one = _weighted(pool, up, chance)
    other = draw([index for index in up if index != one], pool.weights, chance.random)
    now_ns = chance.clock.monotonic_ns()
    one_s = chance.health.of(pool.ids[one]).wait_s(now_ns)
    other_s = chance.health.of(pool.ids[other]).wait_s(now_ns)
    return one if one_s <= other_s else other


def _least_busy(pool: Pool, up: Sequence[int], chance: Chance) -> int:
    """The one with the fewest calls in flight for its weight; chance decides between equals."""

    def busy(index: int) -> tuple[float, float]:
        calls = chance.health.of(pool.ids[index]).in_flight
        return calls / pool.weights[index], chance.random.random()

    return min(up, key=busy)


def _cheapest(pool: Pool, up: Sequence[int], _chance: Chance) -> int:
    return min(up, key=pool.places.__getitem__)


_WAYS: Mapping[Choice, Callable[[Pool, Sequence[int], Chance], int]] = {
    "weighted": _weighted,
    "latency": _faster,
    "cost": _cheapest,
    "least_busy": _least_busy,
}
