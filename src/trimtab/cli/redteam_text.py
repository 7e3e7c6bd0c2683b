"""How a red-team run is shown: rates as tables and as plain values for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trimtab.cli.failures import printable
from trimtab.cli.output import table
from trimtab.cli.verdicts import verdict_text
from trimtab.redteam.counterfactual import Difference
from trimtab.redteam.owasp import Covered, coverage
from trimtab.redteam.rates import By, Rate, Tried, rate_of, rates

if TYPE_CHECKING:
    from trimtab.evals.redteam import RedTeamed

_SHOWN = 10
_REASONS = 3
_RATES = ("goals", "tried", "succeeded", "rate [95 %]")
_RIGHT = ("goals", "tried", "succeeded")
_BY: tuple[By, ...] = ("family", "owasp")


def red_teamed(found: RedTeamed) -> dict[str, Any]:
    """A run as plain values."""
    return {
        "runs": [outcome.run for outcome in found.outcomes],
        **measured(found.tried),
        "without": measured(found.without) if found.without else None,
        "bias": list(found.bias),
        "owasp_coverage": coverage(found.owasp),
    }


def measured(tried: Sequence[Tried]) -> dict[str, Any]:
    """Rates of attacks, and those that got through."""
    return {
        "total": rate_of("all", tried),
        "techniques": rates(tried, "technique"),
        "owasp": rates(tried, "owasp"),
        "succeeded": [each for each in tried if each.succeeded],
    }


def shown(found: RedTeamed, *, owasp: bool) -> str:
    """A run for people."""
    parts = [_tables(found.tried, found.without)]
    if found.without:
        parts.append(f"without guards: {rate_text(rate_of('all', found.without))}")
    parts += [_through(found.tried), _unjudged(found.tried)]
    if found.bias:
        parts.append(_bias(found.bias))
    if owasp:
        parts.append(covered_text(coverage(found.owasp)))
    run = found.outcomes[0].run
    parts += [verdict_text(run)] if run.verdict is not None else []
    parts.append(f"run {run.run_id}: `trimtab runs results {run.run_id}` shows every answer")
    return "\n\n".join(filter(None, parts))


def imported(tried: Sequence[Tried], tools: Sequence[str], *, owasp: bool, why: str) -> str:
    """Reports of other tools for people; the list of OWASP alone where there is none."""
    if not tried:
        return covered_text(coverage())
    parts = [f"from {', '.join(tools)}", _tables(tried), _through(tried), _unjudged(tried)]
    if owasp:
        parts.append(covered_text(coverage(rates(tried, "owasp"))))
    parts += [f"gate: {why}"] if why else []
    return "\n\n".join(filter(None, parts))


def covered_text(found: Sequence[Covered]) -> str:
    """What is done about each risk, in the plain words of `redteam.owasp`."""
    lines = []
    for each in found:
        item = each.item
        rate = "" if each.measured is None else f"; measured: {rate_text(each.measured)} succeed"
        lines += [
            f"{item.id} {item.title}: {item.stance}{rate}",
            f"  does:   {item.does}",
            f"  cannot: {item.cannot}",
            f"  parts:  {', '.join(item.parts)}",
        ]
    return "\n".join(lines)


def rate_text(rate: Rate) -> str:
    """A rate with its interval, or that there is none.

    >>> rate_text(Rate(name="all", succeeded=1, tried=10, rate=0.1, low=0.018, high=0.404))
    '10.0% [1.8%, 40.4%]'
    """
    if rate.rate is None or rate.low is None or rate.high is None:
        return "not judged"
    return f"{rate.rate:.1%} [{rate.low:.1%}, {rate.high:.1%}]"


def _tables(tried: Sequence[Tried], without: Sequence[Tried] = ()) -> str:
    """By family and by OWASP item; of the techniques those that got through."""
    total = rate_of("all", tried)
    missing = f", {total.unscored} not judged" if total.unscored else ""
    head = (
        f"{total.succeeded} of {total.tried} attacks on {total.goals} goals succeeded:"
        f" {rate_text(total)}{missing}"
    )
    parts = [head, *(_table(by, rates(tried, by), rates(without, by)) for by in _BY)]
    techniques = [each for each in rates(tried, "technique") if each.succeeded]
    if techniques:
        parts.append(_table("technique", techniques, rates(without, "technique")))
    return "\n\n".join(parts)


def _table(by: By, found: Sequence[Rate], without: Sequence[Rate]) -> str:
    others = {each.name: each for each in without}
    columns = [by, *_RATES, *(["without guards"] if without else [])]
    rows: list[list[object]] = []
    for each in found:
        row: list[object] = [each.name, each.goals, each.tried, each.succeeded, rate_text(each)]
        if without:
            row.append(rate_text(others[each.name]) if each.name in others else None)
        rows.append(row)
    return table(rows, columns, right=_RIGHT)


def _through(tried: Sequence[Tried]) -> str:
    """The first of those that got through, by name and reason."""
    found = [each for each in tried if each.succeeded]
    lines = [
        printable(f"  {each.attack_id}: {each.reason or 'succeeded'}") for each in found[:_SHOWN]
    ]
    if not lines:
        return ""
    more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "got through:\n" + "\n".join(lines) + more


def _unjudged(tried: Sequence[Tried]) -> str:
    """Why some were not judged, the most frequent reasons first."""
    reasons = Counter(
        each.reason or "no reason is given" for each in tried if each.succeeded is None
    )
    lines = [
        printable(f"  {count} times: {reason[:200]}")
        for reason, count in reasons.most_common(_REASONS)
    ]
    return "not judged:\n" + "\n".join(lines) if lines else ""


def _bias(found: Sequence[Difference]) -> str:
    rows = [
        [
            each.attribute,
            each.measure,
            " / ".join(each.groups),
            each.pairs,
            f"{each.first:.3g}",
            f"{each.second:.3g}",
            f"{each.difference:+.3g}",
            f"{each.p_adjusted:.3f}",
        ]
        for each in found
    ]
    columns = ("bias", "measure", "groups", "pairs", "first", "second", "difference", "p (Holm)")
    return table(rows, columns, right=("pairs", "first", "second", "difference", "p (Holm)"))
