"""Models, what they cost, and how many tokens a call used."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from trimtab.records.record import Record

_PER_MILLION = Decimal(1_000_000)
_NANO_USD = Decimal("0.000000001")
_ABSURD_USD = Decimal(1_000_000_000)


class Usage(Record, frozen=True, kw_only=True):
    """Tokens of one call in disjoint buckets: every token is counted in exactly one of them.

    `input` excludes cached and audio tokens; `output` excludes reasoning and audio tokens.
    `estimated` says that the provider did not report the numbers.
    """

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    output: int = 0
    reasoning: int = 0
    audio_output: int = 0
    estimated: bool = False

    @property
    def total_input(self) -> int:
        return (
            self.input
            + self.cache_read
            + self.cache_write_5m
            + self.cache_write_1h
            + self.audio_input
        )

    @property
    def total_output(self) -> int:
        return self.output + self.reasoning + self.audio_output


class Price(Record, frozen=True, kw_only=True):
    """US dollars per million tokens of each bucket; a bucket without a price is unpriced."""

    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    audio_output: Decimal | None = None


class TieredPrice(Price, frozen=True, kw_only=True):
    """A price that gives way to another, for every token of a call whose input is long.

    `beyond` holds for calls with more than `above` input tokens, cached ones included.
    """

    above: int
    beyond: Price

    @classmethod
    def of(cls, price: Price, *, above: int, beyond: Price) -> TieredPrice:
        """`price` up to `above` input tokens, `beyond` for calls with more."""
        buckets = {bucket: getattr(price, bucket) for bucket in Price.__struct_fields__}
        return cls(**buckets, above=above, beyond=beyond)


class ModelCard(Record, frozen=True, kw_only=True):
    """What a model is, can do, costs, and is not for."""

    id: str
    provider: str
    description: str = ""
    limitations: str = ""
    context_tokens: int | None = None
    price: Price | None = None
    owned_by: str = ""


def cost_usd(usage: Usage, price: Price | None) -> Decimal | None:
    """What a call cost, to the nano-dollar; None when any bucket it used has no price.

    A sum no call can cost (a provider's usage can be nonsense) is None as well.
    Reasoning tokens without a price of their own are billed as output.

    >>> cost_usd(Usage(input=1000, output=10), Price(input=Decimal("2.5"), output=Decimal(10)))
    Decimal('0.002600000')
    >>> cost_usd(Usage(input=1), None) is None
    True
    """
    parts = cost_parts(usage, price)
    if parts is None:
        return None
    total = sum(parts.values(), Decimal(0))
    if total >= _ABSURD_USD:
        return None
    return total.quantize(_NANO_USD, rounding=ROUND_HALF_EVEN)


def cost_parts(usage: Usage, price: Price | None) -> dict[str, Decimal] | None:
    """What each bucket that a call used adds to its cost, not rounded; None as `cost_usd` is.

    >>> cost_parts(Usage(input=1000, output=10), Price(input=Decimal("2.5"), output=Decimal(10)))
    {'input': Decimal('0.0025'), 'output': Decimal('0.0001')}
    """
    while isinstance(price, TieredPrice) and usage.total_input > price.above:
        price = price.beyond
    if price is None:
        return None
    parts: dict[str, Decimal] = {}
    for bucket in Price.__struct_fields__:
        tokens = getattr(usage, bucket)
        if not tokens:
            continue
        rate = getattr(price, bucket)
        if rate is None and bucket == "reasoning":
            rate = price.output
        if rate is None:
            return None
        parts[bucket] = rate * tokens / _PER_MILLION
    return parts


def cost_of_answers(usage: Usage, earlier: Sequence[Usage], price: Price | None) -> Decimal | None:
    """What the answers to a call that was asked more than once cost; None as `cost_usd` is.

    Each is priced by itself, because a price may depend on what goes in at once.

    Args:
        usage: of all answers together.
        earlier: the part of each answer before the last.

    >>> long = Price(input=Decimal(9))
    >>> price = TieredPrice.of(Price(input=Decimal(1)), above=1000, beyond=long)
    >>> cost_of_answers(Usage(input=1500), [Usage(input=700)], price)
    Decimal('0.001500000')
    """
    if not earlier or not isinstance(price, TieredPrice):
        return cost_usd(usage, price)
    last = {
        bucket: getattr(usage, bucket) - sum(getattr(one, bucket) for one in earlier)
        for bucket in Price.__struct_fields__
    }
    costs = [cost_usd(one, price) for one in (*earlier, Usage(**last))]
    return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))
