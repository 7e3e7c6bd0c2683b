"""What a call cost: exact, to the nano-dollar, and unknown rather than wrong."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.records import Price, Usage, cost_usd

BUCKETS = Price.__struct_fields__
TOKENS = st.integers(0, 10**9)
RATES = st.decimals(0, 1000, places=6, allow_nan=False)
USAGES = st.builds(Usage, **dict.fromkeys(BUCKETS, TOKENS))
PRICES = st.builds(Price, **dict.fromkeys(BUCKETS, RATES))


@given(USAGES, PRICES)
def test_a_cost_is_the_sum_over_the_buckets_to_the_nano_dollar(usage: Usage, price: Price) -> None:
    exact = sum(
        Fraction(getattr(price, bucket)) * getattr(usage, bucket) / 1_000_000 for bucket in BUCKETS
    )
    cost = cost_usd(usage, price)
    assert cost is not None
    assert cost == cost.quantize(Decimal("1e-9"))
    assert abs(Fraction(cost) - exact) <= Fraction(1, 2 * 10**9)


@given(USAGES, PRICES, st.sampled_from(BUCKETS))
def test_a_bucket_that_was_used_and_has_no_price_makes_the_cost_unknown(
    usage: Usage, price: Price, bucket: str
) -> None:
    rates = {name: getattr(price, name) for name in BUCKETS} | {bucket: None}
    counted = getattr(usage, bucket) > 0
    known = cost_usd(usage, Price(**rates)) is not None
    assert known == (not counted or bucket == "reasoning")


@given(st.integers(1, 10**9), RATES)
def test_reasoning_without_a_price_of_its_own_is_billed_as_output(
    tokens: int, rate: Decimal
) -> None:
    price = Price(output=rate)
    assert cost_usd(Usage(reasoning=tokens), price) == cost_usd(Usage(output=tokens), price)
    dearer = Price(output=rate, reasoning=rate + 1)
    assert cost_usd(Usage(reasoning=tokens), dearer) != cost_usd(Usage(output=tokens), dearer)


def test_free_is_not_unpriced() -> None:
    free = Price(**dict.fromkeys(BUCKETS, Decimal(0)))
    assert cost_usd(Usage(input=5, output=5), free) == 0
    assert cost_usd(Usage(), Price()) == 0, "nothing used costs nothing, whatever is priced"
    assert cost_usd(Usage(), None) is None


def test_halves_of_a_nano_dollar_go_to_the_even_one() -> None:
    for tokens, nano in [(1, 0), (3, 2), (5, 2), (7, 4)]:
        cost = cost_usd(Usage(input=tokens), Price(input=Decimal("0.0005")))
        assert cost == Decimal(nano).scaleb(-9)


@given(USAGES)
def test_totals_count_every_bucket_once(usage: Usage) -> None:
    assert usage.total_input + usage.total_output == sum(getattr(usage, b) for b in BUCKETS)
    assert usage.total_output == usage.output + usage.reasoning + usage.audio_output


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_bucket_of_a_price_is_a_bucket_of_the_usage(bucket: str) -> None:
    price = Price(**dict.fromkeys(BUCKETS, Decimal(0)) | {bucket: Decimal(1)})
    assert cost_usd(Usage(**{bucket: 1_000_000}), price) == 1
