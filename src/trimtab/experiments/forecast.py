"""Before a run: what it may cost, and the smallest difference it could show.

Earlier runs, prices and the number of cases go in; two lines come out. What is not known is said
to be unknown. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from trimtab.kit import jsonx
from trimtab.records import Example, Price, Result, Run

CHARS_PER_TOKEN = 4
"""English text in common tokenisers; a rule of thumb, and said to be one."""

_POWER = 0.8
_MILLION = Decimal(1_000_000)
_NOTHING = Decimal(0)


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may cost in US dollars, None where nobody knows, and where that comes from."""

    usd: Decimal | None
    basis: str

    @property
    def text(self) -> str:
        if self.usd is None:
            return f"unknown, {self.basis}"
        return f"nothing, {self.basis}" if not self.usd else f"${_rounded(self.usd)}, {self.basis}"


class Detectable(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest true difference that the paired test would show with 80 % power."""

    difference: float | None
    cases: int
    basis: str

    @property
    def text(self) -> str:
        cases = f"{self.cases} case" + ("" if self.cases == 1 else "s")
        if self.difference is None:
            return f"nothing, {cases} cannot show a difference of a pass rate"
        points = f"{100 * self.difference:.1f} points"
        return f"{points} of a pass rate with 80 % power by {cases}, {self.basis}"


def cost_of_run(
    examples: Sequence[Example],
    repeats: int,
    *,
    earlier: Run | None = None,
    prices: Sequence[Price | None] = (),
    parameters: Mapping[str, Any] | None = None,
    judged: bool = False,
    free: str | None = None,
    silent: str | None = None,
) -> Cost:
    """What a run may cost.

    Args:
        earlier: a finished run of the same task and scorers; its cost per case is the best guess.
        prices: of the models that may answer, None for one that has none; the dearest counts. The
            length of answers is not known before, so without a `max_tokens` among the
            `parameters` there is no guess from prices.
        judged: judges are asked too, whose cost only an earlier run tells.
        free: why nothing is paid, as in "no model is asked".
        silent: why nobody can tell what an answer costs, as in "the function does not say it".
    """
    cases = len(examples) * repeats
    if free is not None and not judged:
        return Cost(usd=Decimal(0), basis=free)
    if earlier is not None and earlier.done and earlier.cost_usd is not None:
        per_case = earlier.cost_usd / earlier.done
        return Cost(usd=per_case * cases, basis=f"if cases cost what they did in {earlier.run_id}")
    if judged:
        return Cost(usd=None, basis="for no earlier run tells what the judges cost")
    if silent is not None:
        return Cost(usd=None, basis=silent)
    return _listed(examples, repeats, prices, parameters or {})


def _listed(
    examples: Sequence[Example],
    repeats: int,
    prices: Sequence[Price | None],
    parameters: Mapping[str, Any],
) -> Cost:
    """What a run costs at most by the list prices of its models."""
    known = [(p.input, p.output) for p in prices if p and None not in (p.input, p.output)]
    if not known or len(known) < len(prices):
        return Cost(usd=None, basis="for a model has no price and no earlier run tells it")
    if not any(chain.from_iterable(known)):
        return Cost(usd=Decimal(0), basis="for the models are free")
    longest = _most_tokens(parameters)
    if longest is None:
        return Cost(usd=None, basis="for nobody knows how long answers get; max_tokens bounds it")
    asked = sum(_length(example.input) for example in examples) * repeats / CHARS_PER_TOKEN
    written = longest * len(examples) * repeats
    usd = max(
        Decimal(asked) * (read or _NOTHING) + Decimal(written) * (write or _NOTHING)
        for read, write in known
    )
    basis = f"at most, by list prices and with answers of {longest} tokens"
    return Cost(usd=usd / _MILLION, basis=basis)


def detectable(
    examples: Sequence[Example],
    *,
    earlier: Iterable[Sequence[Result]] = (),
    metric: str | None = None,
) -> Detectable:
    """The smallest difference of a pass rate that these cases would show against a baseline.

    By the exact McNemar test, from the share of cases that change between two runs: of the two
    newest earlier runs, else of two independent runs at the rate of the newest, else one half, the
    worst there is.

    Args:
        earlier: results of earlier runs of the suite, newest first.
        metric: the one that counts; None takes the first that is pass or fail in all of them.
    """
    from trimtab.measures.power import mcnemar_detectable

    cases = len(examples)
    changed, basis = _changed([list(results) for results in earlier], metric)
    # Shares are rounded up, so that the search behind the number is done once for many of them.
    share = min(1.0, max(1 / max(cases, 1), int(changed * 100 + 1) / 100))
    difference = mcnemar_detectable(cases, changed=share) if cases else None
    return Detectable(difference=difference, cases=cases, basis=basis)


def _changed(earlier: Sequence[Sequence[Result]], metric: str | None) -> tuple[float, str]:
    known = [passes for results in earlier if (passes := _passes(results, metric))]
    if len(known) >= 2:
        both = known[0].keys() & known[1].keys()
        if both:
            moved = sum(known[0][case] != known[1][case] for case in both)
            return moved / len(both), "if as many change as between the last two runs"
    if known:
        rate = sum(known[0].values()) / len(known[0])
        return 2 * rate * (1 - rate), "if runs agree only by chance"
    return 0.5, "if half of the cases change, the worst case"


def _passes(results: Sequence[Result], metric: str | None) -> dict[str, bool]:
    """Which cases passed the metric, of those that were judged."""
    found: dict[str, bool] = {}
    for result in results:
        for score in result.scores:
            if score.passed is not None and metric in (None, score.name):
                metric = score.name
                found[result.example_id] = score.passed
    return found


def _most_tokens(parameters: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
        value = parameters.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(jsonx.encode(value))


def _rounded(usd: Decimal) -> str:
    return f"{usd:.2f}" if usd >= 1 else f"{usd:.2g}" if usd else "0"
