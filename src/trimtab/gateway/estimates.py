"""Estimates: how many tokens a request will use, before it is made."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from trimtab.records import Price, TieredPrice

_BYTES_PER_TOKEN = 4  # a rough average over English text
_UNKNOWN_OUTPUT = 1_000  # of a model nobody asked yet, where the caller set no limit
_OBSERVED = 128
_FEWEST = 8
_AGAIN = 16  # observations between two looks at the quantile
_MOST_KEYS = 10_000
_NANO_PER_TOKEN = 1_000  # nano-dollars a token, for each US dollar per million tokens


class Estimate(NamedTuple):
    """Tokens of a request and its answer."""

    input: int
    output: int

    @property
    def tokens(self) -> int:
        return self.input + self.output


class _Outputs:
    """The latest output tokens of one model, and their 95th percentile."""

    __slots__ = ("latest", "p95", "until_again")

    def __init__(self) -> None:
        self.latest: deque[int] = deque(maxlen=_OBSERVED)
        self.p95: int | None = None
        self.until_again = _FEWEST

    def add(self, tokens: int) -> None:
        self.latest.append(tokens)
        self.until_again -= 1
        if not self.until_again:
            self.until_again = _AGAIN
            ranked = sorted(self.latest)
            self.p95 = ranked[-(-95 * len(ranked) // 100) - 1]


class Estimates:
    """Learns how long answers are, by any key (a route and its model).

    input = text bytes / 4, rounded up. output = the 95th percentile of the latest 128 answers, by
    nearest rank (definition 1 of Hyndman & Fan 1996, "Sample Quantiles in Statistical Packages"):
    the ceil(0.95 n)-th smallest; but never more than the caller's `max_tokens`. Before 8 answers
    were seen: `max_tokens`, or 1,000.

    >>> estimates = Estimates()
    >>> estimates.of("gpt-4o", text_bytes=401, max_tokens=None)
    Estimate(input=101, output=1000)
    >>> for tokens in range(1, 89):
    ...     estimates.observe("gpt-4o", tokens)
    >>> estimates.of("gpt-4o", text_bytes=0, max_tokens=4096)
    Estimate(input=0, output=84)
    """

    def __init__(self) -> None:
        self._outputs: dict[str, _Outputs] = {}

    def of(
        self, key: str, *, text_bytes: int, max_tokens: int | None, choices: int = 1
    ) -> Estimate:
        """Of a request for so many answers at once, each of at most `max_tokens`."""
        known = self._outputs.get(key)
        output = known.p95 if known is not None else None
        if output is None:
            output = _UNKNOWN_OUTPUT if max_tokens is None else max_tokens
        elif max_tokens is not None and max_tokens < output:
            output = max_tokens
        return Estimate(-(-text_bytes // _BYTES_PER_TOKEN), max(0, output) * choices)

    def observe(self, key: str, output_tokens: int) -> None:
        """An answer had so many tokens."""
        known = self._outputs.get(key)
        if known is None:
            if len(self._outputs) >= _MOST_KEYS:
                self._outputs.clear()
            known = self._outputs[key] = _Outputs()
        known.add(output_tokens)


def cost_nano_usd(estimate: Estimate, price: Price | None) -> int | None:
    """About what so many tokens cost, in nano-dollars; None where they have no price.

    >>> from decimal import Decimal
    >>> cost_nano_usd(Estimate(1000, 10), Price(input=Decimal("2.5"), output=Decimal(10)))
    2600000
    """
    while isinstance(price, TieredPrice) and estimate.input > price.above:
        price = price.beyond
    if price is None:
        return None
    rates = ((estimate.input, price.input), (estimate.output, price.output))
    total = 0.0
    for tokens, rate in rates:
        if tokens:
            if rate is None:
                return None
            total += tokens * float(rate) * _NANO_PER_TOKEN
    return round(total)
