"""Figures: what the calls of this process add up to, for whoever scrapes them.

Counted from the spans that are recorded anyway, so figures and records cannot differ. Adding a call
costs about a microsecond; nothing is computed before somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from trimtab.records import Span

BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper ends of the histograms' buckets in seconds; the last bucket has none."""

_MOST_LABELS = 2_000
_MS_PER_S = 1000
_NS_PER_S = 1_000_000_000
_GUARDS = "trimtab.guards"
_CALLS = frozenset({"llm", "embedding"})


class Labels(NamedTuple):
    """What figures are told apart by. Names beyond the first 2,000 count as `other`."""

    project: str
    route: str
    model: str
    status: str


class RuleLabels(NamedTuple):
    """What checks of guards are told apart by. `outcome` is what was done, or `would_block` and
    the like for what a rule that is not enforced would have done.
    """

    project: str
    rule: str
    stage: str
    mode: str
    outcome: str


class Checks(msgspec.Struct):
    """How many calls a rule looked at with one outcome, and how long that took together."""

    calls: int = 0
    seconds: float = 0.0

    def include(self, other: Checks) -> None:
        """Add the sums of another process."""
        self.calls += other.calls
        self.seconds += other.seconds


class Histogram(msgspec.Struct):
    """How long things took: a count for each bucket, and the sum of seconds."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def include(self, other: Histogram) -> None:
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.sum_s += other.sum_s


class Calls(msgspec.Struct):
    """The sums of one set of labels. `hits` and `misses`: of requests looked for in the cache.

    `retried` are requests for which more than one attempt was made.
    """

    requests: int = 0
    retried: int = 0
    unpriced: int = 0
    input: int = 0
    output: int = 0
    hits: int = 0
    misses: int = 0
    cost_usd: Decimal = Decimal(0)
    saved_usd: Decimal = Decimal(0)
    duration: Histogram = msgspec.field(default_factory=Histogram)
    first_token: Histogram = msgspec.field(default_factory=Histogram)

    def include(self, other: Calls) -> None:
        """Add the sums of another process."""
        self.requests += other.requests
        self.retried += other.retried
        self.unpriced += other.unpriced
        self.input += other.input
        self.output += other.output
        self.hits += other.hits
        self.misses += other.misses
        self.cost_usd += other.cost_usd
        self.saved_usd += other.saved_usd
        self.duration.include(other.duration)
        self.first_token.include(other.first_token)


class Figures:
    """All calls since the process began; `calls` and `checks` are by labels."""

    def __init__(self) -> None:
        self.calls: dict[Labels, Calls] = {}
        self.checks: dict[RuleLabels, Checks] = {}

    def observe(self, spans: Sequence[Span]) -> None:
        """Count one request by its spans: the call of the model is the first or the last."""
        for span in spans:
            for entry in span.attributes.get(_GUARDS) or ():
                self._checked(span.project, entry)
        root = spans[0]
        call = root if root.kind in _CALLS else spans[-1]
        if call.kind not in _CALLS:
            return
        sums = self._of(Labels(root.project, root.route or "", call.model or "", root.status))
        sums.requests += 1
        sums.retried += "trimtab.attempts" in call.attributes
        sums.duration.add((root.end_ns - root.start_ns) / _NS_PER_S)
        if call.first_token_ns is not None:
            sums.first_token.add((call.first_token_ns - root.start_ns) / _NS_PER_S)
        if cached := call.attributes.get("trimtab.cache"):
            _cached(sums, cached, call)
        if call.usage is not None:
            sums.input += call.usage.total_input
            sums.output += call.usage.total_output
        if call.cost_usd is not None:
            sums.cost_usd += call.cost_usd
        elif call.is_unpriced:
            sums.unpriced += 1

    def refuse(self, project: str, code: str) -> None:
        """Count a request that was refused before anybody was asked; its code is the status."""
        self._of(Labels(project, "", "", code)).requests += 1

    def include(
        self,
        calls: Iterable[tuple[Labels, Calls]],
        checks: Iterable[tuple[RuleLabels, Checks]] = (),
    ) -> None:
        """Add what another process counted."""
        for labels, sums in calls:
            self._of(labels).include(sums)
        for rule, sum_of in checks:
            self._checks_of(rule).include(sum_of)

    def _checked(self, project: str, entry: Mapping[str, Any]) -> None:
        """Count what one rule did on one side of a call."""
        would = entry.get("would")
        outcome = f"would_{would}" if would else entry["action"]
        mode = entry.get("mode") or "enforce"  # a guard that is no rule of a policy
        found = self._checks_of(RuleLabels(project, entry["name"], entry["stage"], mode, outcome))
        found.calls += 1
        found.seconds += entry.get("ms", 0.0) / _MS_PER_S

    def _checks_of(self, labels: RuleLabels) -> Checks:
        if labels not in self.checks and len(self.checks) >= _MOST_LABELS:
            labels = labels._replace(project="other", rule="other")
        return self.checks.setdefault(labels, Checks())

    def _of(self, labels: Labels) -> Calls:
        sums = self.calls.get(labels)
        if sums is None:
            if len(self.calls) >= _MOST_LABELS:
                labels = Labels("other", "other", "other", labels.status)
            sums = self.calls.setdefault(labels, Calls())
        return sums


def _cached(sums: Calls, verdict: str, call: Span) -> None:
    if verdict == "miss":
        sums.misses += 1
        return
    sums.hits += 1
    if saved := call.attributes.get("trimtab.cache.saved_usd"):
        sums.saved_usd += Decimal(saved)
