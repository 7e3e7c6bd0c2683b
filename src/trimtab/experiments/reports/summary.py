"""What every report says of a view: the same numbers, in the same words. Pure."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trimtab.experiments import findings
from trimtab.experiments.examples import Change, changes
from trimtab.experiments.groups import Group
from trimtab.experiments.reports.view import View
from trimtab.experiments.words import called, sentence
from trimtab.kit import jsonx
from trimtab.records import Comparison, Estimate, Run
from trimtab.records.record import Json

_DIGEST = re.compile(r"[0-9a-f]{16,64}")

SIGNS: Mapping[str, str] = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
KINDS: Mapping[str, str] = {
    "regression": "worse",
    "lost": "not scored any more",
    "mixed": "better and worse",
    "improvement": "better",
    "found": "scored now",
    "answer": "another answer",
}


class Line(NamedTuple):
    """One metric of the table; texts only."""

    metric: str
    baseline: str
    candidate: str
    difference: str
    cases: str
    coverage: str
    detectable: str
    says: str


class Unscored(NamedTuple):
    """Why something has no score, and which cases that is about."""

    metric: str
    status: str
    reason: str
    examples: tuple[str, ...]


def headline(view: View) -> str:
    """The verdict in one sentence."""
    return sentence(view.run, view.baseline)


def outcome(view: View) -> str:
    """`pass`, `fail`, `inconclusive`, or the status of a run that nothing was said of."""
    if view.run.status != "done":
        return view.run.status
    return view.run.verdict.outcome if view.run.verdict is not None else "done"


def notes(view: View) -> list[str]:
    """How the run was made, and what the numbers of its verdict do not know."""
    own = view.run.verdict.notes if view.run.verdict is not None else ()
    return [*view.notes, *own]


def lines(view: View) -> list[Line]:
    """Every metric: those that are compared first, those that gate before those."""
    compared = sorted(view.comparisons, key=lambda each: each.outcome is None)
    seen = {each.metric for each in compared}
    alone = [(name, own) for name, own in sorted(view.run.metrics.items()) if name not in seen]
    return [*map(_compared, compared), *(_alone(name, own) for name, own in alone)]


def group_value(group: Group) -> str:
    """The value of a group, and what it is where its failures count as the worst."""
    said = value_text(group.estimate, shares=is_share(group.estimate))
    if group.at_worst is None:
        return said
    at_worst = value_text(group.at_worst, shares=is_share(group.at_worst))
    return f"{said}; with failures as the worst {at_worst}"


def group_change(group: Group) -> str | None:
    """How a group moved, and how where its failures count as the worst; None without a baseline."""
    found = group.comparison
    if found is None:
        return None
    if found.failures is None:
        return findings.change(found)
    at_worst = findings.change(msgspec.structs.replace(found, difference=found.failures.difference))
    return f"{findings.change(found)}; with failures as the worst {at_worst}"


def _compared(each: Comparison) -> Line:
    shares, difference = findings.in_points(each), each.difference
    seen = each.detectable
    return Line(
        metric=each.metric,
        baseline=value_text(each.baseline, shares=shares),
        candidate=value_text(each.candidate, shares=shares),
        difference=findings.change(each),
        cases=f"{difference.n:,}",
        coverage=coverage_text(difference),
        detectable="-" if seen is None else _size(seen, shares=shares),
        says=each.outcome or "reported",
    )


def _alone(name: str, own: Estimate) -> Line:
    return Line(
        metric=name,
        baseline="-",
        candidate=value_text(own, shares=is_share(own)),
        difference="-",
        cases=f"{own.n:,}",
        coverage=coverage_text(own),
        detectable="-",
        says="reported",
    )


def is_share(estimate: Estimate) -> bool:
    """Whether a value is best said in two decimals between 0 and 1."""
    low, high = estimate.low, estimate.high
    inside = low is not None and high is not None and low >= 0 and high <= 1
    return estimate.method.startswith("Wilson") or inside


def value_text(estimate: Estimate, *, shares: bool = False) -> str:
    """`0.91 [0.85, 0.95]`, or that there is none."""
    if estimate.value is None:
        return "unscored"
    form = ".2f" if shares else ".4g"
    if estimate.low is None or estimate.high is None:
        return format(estimate.value, form)
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def coverage_text(estimate: Estimate) -> str:
    share = int(estimate.coverage * 1000) / 10  # 97.96 % must not read 98.0 %
    return f"{share:g} %"


def _size(number: float, *, shares: bool) -> str:
    return f"{100 * number:.1f} points" if shares else f"{number:.3g}"


def changed(view: View) -> list[Change]:
    """The cases that are not as in the baseline; none without one."""
    if view.baseline is None or not view.baseline_results:
        return []
    return changes(
        view.results,
        view.baseline_results,
        view.examples,
        scorers=view.run.scorers,
        gating=[each.metric for each in view.comparisons if each.outcome is not None],
    )


def unscored(view: View) -> list[Unscored]:
    """What has no score, by reason; most cases first. A task that failed counts once a case."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for result in view.results:
        if result.error is not None:
            found.setdefault(("task", "error", result.error), {})[result.example_id] = None
            continue
        for score in result.scores:
            if score.status != "scored":
                key = (score.name, score.status, score.reason or "no reason given")
                found.setdefault(key, {})[result.example_id] = None
    reached = {result.example_id for result in view.results}
    left = [row.example_id for row in view.examples if row.example_id not in reached]
    if left:
        found["task", "unscored", "not reached"] = dict.fromkeys(left)
    order = sorted(found.items(), key=lambda item: -len(item[1]))
    return [Unscored(*key, tuple(examples)) for key, examples in order]


def facts(view: View) -> list[tuple[str, str]]:
    """What the run was, with a name for each thing."""
    run = view.run
    given = [
        ("run", run.run_id),
        ("task", run.task or run.release or ""),
        ("dataset", f"{run.dataset}, split {run.split}" if run.split else run.dataset),
        ("answers", f"{run.done:,} of {run.total:,}" + _repeats(run)),
        ("failed", _failed(view)),
        ("compared with", "" if view.baseline is None else _named(view.baseline)),
        ("cost", cost_text(run)),
        ("latency", _latency(view)),
        ("kept replies", _kept(view)),
        ("seed", "" if run.seed is None else str(run.seed)),
        ("commit", run.commit or ""),
    ]
    return [(name, text) for name, text in given if text]


def _named(run: Run) -> str:
    return f"{called(run)} (run {run.run_id})"


def _repeats(run: Run) -> str:
    return f", {run.repeats} to each case" if run.repeats > 1 else ""


def cost_text(run: Run) -> str:
    """What a run cost; unknown is not nothing."""
    if run.cost_usd is None:
        return "unpriced"
    total = dollars(run.cost_usd)
    if not run.done or not run.cost_usd:
        return total
    return f"{total}, {dollars(run.cost_usd / run.done)} an answer"


def dollars(amount: Decimal) -> str:
    """An amount, short.

    >>> dollars(Decimal("0.0012345")), dollars(Decimal(0)), dollars(Decimal("12.3"))
    ('$0.00123', '$0', '$12.30')
    """
    if amount == 0:
        return "$0"
    return f"${amount:.2f}" if amount >= 1 else f"${float(amount):.3g}"


def _failed(view: View) -> str:
    count = sum(result.error is not None for result in view.results)
    return f"{count:,} of {len(view.results):,} calls" if count else ""


def _latency(view: View) -> str:
    taken = [result.latency_ms for result in view.results if result.latency_ms is not None]
    fresh = [
        result.latency_ms
        for result in view.results
        if result.latency_ms is not None and not result.cached
    ]
    measured = fresh or taken
    if not measured:
        return ""
    if len(measured) == 1:
        return f"{measured[0]:.3g} ms"
    last = statistics.quantiles(measured, n=20, method="inclusive")[-1]
    return f"{statistics.median(measured):.3g} ms in the middle, {last:.3g} ms at 95 %"


def _kept(view: View) -> str:
    kept = sum(result.cached for result in view.results)
    return f"{kept:,} of {len(view.results):,}" if kept else ""


def shown(value: Json) -> str:
    """An answer or an input as text: text as it is, messages as what they say, the rest as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(map(_is_message, value)):
        return "\n".join(f"{turn.get('role')}: {shown(turn.get('content'))}" for turn in value)
    return jsonx.encode(value).decode()


def case_name(change: Change) -> str:
    """What a case is called: its id, or what was asked where the id is but a digest of the row."""
    asked = " ".join(shown(change.input).split())
    return asked if asked and _DIGEST.fullmatch(change.example_id) else change.example_id


def _is_message(value: Json) -> bool:
    return isinstance(value, dict) and "content" in value and "role" in value


def shift_text(change: Change) -> str:
    """`exact 1 → 0, token_f1 0.80 → 0.35`."""
    return ", ".join(
        f"{shift.metric} {number(shift.before)} → {number(shift.after)}" for shift in change.shifts
    )


def cases(count: int) -> str:
    return f"{count:,} case" + ("" if count == 1 else "s")


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def named(items: Sequence[str], most: int) -> str:
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
