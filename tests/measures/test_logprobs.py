"""Measures of log probabilities by their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures import logprobs

LOGPROBS = st.lists(st.floats(-50, 0), min_size=1, max_size=30)
SHARES = st.lists(st.floats(0.01, 1), min_size=1, max_size=8).map(
    lambda weights: [weight / sum(weights) for weight in weights]
)


@given(LOGPROBS)
def test_perplexity_is_the_inverse_geometric_mean_probability(found: list[float]) -> None:
    product = math.exp(sum(found) / len(found))
    assert logprobs.perplexity(found) == pytest.approx(1 / product)
    assert logprobs.min_logprob(found) <= logprobs.mean_logprob(found) + 1e-9
    assert logprobs.mean_logprob(found) <= 0


@given(LOGPROBS, st.text(min_size=1))
def test_bits_per_byte_do_not_depend_on_how_a_text_is_cut(found: list[float], text: str) -> None:
    whole = logprobs.bits_per_byte([sum(found)], text)
    assert logprobs.bits_per_byte(found, text) == pytest.approx(whole)


@given(SHARES)
def test_entropy_of_all_choices_is_shannons(shares: list[float]) -> None:
    found = logprobs.token_entropy([math.log(share) for share in shares])
    assert found == pytest.approx(stats.entropy(shares, base=2), abs=1e-9)


@given(SHARES)
def test_entropy_of_the_likeliest_choices_is_a_lower_bound(shares: list[float]) -> None:
    shares = sorted(shares, reverse=True)
    bounds = [
        logprobs.token_entropy([math.log(share) for share in shares[:kept]])
        for kept in range(1, len(shares) + 1)
    ]
    assert all(bound <= stats.entropy(shares, base=2) + 1e-9 for bound in bounds)
    assert bounds == pytest.approx(sorted(bounds))


def test_a_rounding_error_above_certainty_is_forgiven() -> None:
    assert logprobs.perplexity([1e-9]) == pytest.approx(1.0)
    assert logprobs.token_entropy([0.0, math.log(1e-4)]) >= 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: logprobs.mean_logprob([]),
        lambda: logprobs.min_logprob([0.5]),
        lambda: logprobs.perplexity([float("-inf")]),
        lambda: logprobs.perplexity([-1e300]),
        lambda: logprobs.mean_logprob([float("nan")]),
        lambda: logprobs.bits_per_byte([-1.0], ""),
        lambda: logprobs.token_entropy([math.log(0.9), math.log(0.9)]),
        lambda: logprobs.mean_token_entropy([]),
    ],
)
def test_what_is_no_log_probability_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(MeasureError):
        call()
