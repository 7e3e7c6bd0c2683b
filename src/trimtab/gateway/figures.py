"""Figures: what the calls of this process add up to, for whoever scrapes them.

Counted from the spans that are recorded anyway, so figures and records cannot differ. Adding a call
costs about a microsecond; nothing is computed before somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from trimtab.records import Span

BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper ends of the histograms' buckets in seconds; the last bucket has none."""

_MOST_LABELS = 2_000
_NS_PER_S = 1_000_000_000
_CALLS = frozenset({"llm", "embedding"})


class Labels(NamedTuple):
    """What figures are told apart by. Names beyond the first 2,000 count as `other`."""

    project: str
    route: str
    model: str
    status: str


class Histogram:
    """How long things took: a count for each bucket, and the sum of seconds."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


class Calls:
    """The sums of one set of labels."""

    __slots__ = (
        "cost_usd",
        "duration",
        "first_token",
        "hits",
        "input",
        "misses",
        "output",
        "requests",
        "saved_usd",
        "unpriced",
    )

    def __init__(self) -> None:
        self.requests = self.unpriced = self.input = self.output = 0
        self.hits = self.misses = 0  # of the cache, where a request was looked for in it
        self.cost_usd = self.saved_usd = Decimal(0)
        self.duration = Histogram()
        self.first_token = Histogram()


class Figures:
    """All calls since the process began; `calls` is by labels."""

    def __init__(self) -> None:
        self.calls: dict[Labels, Calls] = {}

    def observe(self, spans: Sequence[Span]) -> None:
        """Count one request by its spans, of which the last is the call of the model."""
        call, root = spans[-1], spans[0]
        if call.kind not in _CALLS:
            return
        sums = self._of(Labels(root.project, root.route or "", call.model or "", root.status))
        sums.requests += 1
        sums.duration.add((root.end_ns - root.start_ns) / _NS_PER_S)
        if call.first_token_ns is not None:
            sums.first_token.add((call.first_token_ns - root.start_ns) / _NS_PER_S)
        if cached := call.attributes.get("trimtab.cache"):
            _cached(sums, cached, call)
        usage = call.usage
        if usage is None:
            return
        sums.input += usage.total_input
        sums.output += usage.total_output
        if call.cost_usd is None:
            sums.unpriced += 1
        else:
            sums.cost_usd += call.cost_usd

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
