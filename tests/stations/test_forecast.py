"""The forecast: what a run may cost and could show, and why that is not known where it is not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trimtab.experiments.forecast import cost_of_run, detectable
from trimtab.records import Example, Price, Run

CHEAP = Price(input=Decimal(1), output=Decimal(2))
DEAR = Price(input=Decimal(10), output=Decimal(20))
FREE = Price(input=Decimal(0), output=Decimal(0))
EXAMPLES = [Example(example_id=f"e{n}", input="x" * 400) for n in range(10)]
EARLIER = Run(
    run_id="run-7",
    name="n",
    dataset="d",
    dataset_digest="dd",
    scorers=(),
    started_ns=1,
    done=5,
    cost_usd=Decimal("0.5"),
)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"free": "for no model is asked"}, "nothing, for no model is asked"),
        ({"earlier": EARLIER}, "$2.00, if cases cost what they did in run-7"),
        ({"free": "for it is", "judged": True, "earlier": EARLIER}, "$2.00, if cases cost"),
        ({"judged": True}, "unknown, for no earlier run tells what the judges cost"),
        ({"silent": "for nobody says"}, "unknown, for nobody says"),
        ({"prices": [CHEAP]}, "unknown, for nobody knows how long answers get; max_tokens"),
        ({"prices": [None]}, "unknown, for a model has no price"),
        ({"prices": [CHEAP, None], "parameters": {"max_tokens": 1}}, "unknown, for a model has"),
        ({"prices": [FREE]}, "nothing, for the models are free"),
        ({"prices": [FREE, CHEAP]}, "unknown, for nobody knows how long answers get"),
        # 2 x 10 x (100 tokens at $1 + 500 at $2) / 10^6
        ({"prices": [CHEAP], "parameters": {"max_tokens": 500}}, "$0.022, at most, by list"),
        ({"prices": [CHEAP, DEAR], "parameters": {"max_tokens": 500}}, "$0.22, at most"),
    ],
)
def test_a_cost_is_known_or_says_why_it_is_not(given: dict[str, Any], text: str) -> None:
    assert cost_of_run(EXAMPLES, 2, **given).text.startswith(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "nothing, 1 case cannot show a difference of a pass rate"),
        (300, " points of a pass rate with 80 % power by 300 cases, if half of the cases change"),
    ],
)
def test_what_can_be_shown_is_said_with_its_assumption(count: int, text: str) -> None:
    examples = [Example(example_id=f"e{n}", input="x") for n in range(count)]
    assert text in detectable(examples).text
