"""Records from rows of sums: the overview from those by hour and latency bucket, and others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any, NamedTuple

from trimtab.ports import HourBucket, Overview, ProjectTraffic, ScoreSummary, StepCount
from trimtab.stores.telemetry import rows
from trimtab.stores.telemetry.queries import HOUR_NS, Period
from trimtab.stores.telemetry.rows import Row

_EMPTY_HOURS_UP_TO = 31 * 24
_STEP = 1.02
_NOT_A_CALL = -1


class _Sums(NamedTuple):
    spans: int = 0
    roots: int = 0
    errors: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    def plus(self, other: _Sums) -> _Sums:
        both: Iterator[tuple[Any, Any]] = zip(self, other, strict=True)
        return _Sums._make(mine + theirs for mine, theirs in both)


def project_traffic(row: Row) -> ProjectTraffic:
    """From a row of `queries.projects`."""
    project, spans, calls, hour = row
    return ProjectTraffic(project, int(spans), int(calls), int(hour) * HOUR_NS)


def overview(period: Period, found: Sequence[Row], scores: Sequence[Row]) -> Overview:
    """The figures of a period from the rows of `Period.hours` and `Period.score_summaries`.

    Latencies are the value at rank ceil(q n), to within 1 %: sums are kept in steps of 2 %
    (as in DDSketch, Masson, Rim and Lee 2019, section 2.1).
    """
    calls: dict[int, _Sums] = {}
    others: dict[int, _Sums] = {}
    latencies: Counter[int] = Counter()
    for by_bucket, hour, call, bucket, *values in found:
        sums = _Sums._make([*values[:-1], values[-1] or Decimal(0)])
        if by_bucket:
            latencies[bucket] += sums.spans
        else:
            (calls if call else others)[hour] = sums
    del latencies[_NOT_A_CALL]
    total = reduce(_Sums.plus, calls.values(), _Sums())
    rest = reduce(_Sums.plus, others.values(), _Sums())
    return Overview(
        project=period.project,
        since_ns=period.since,
        until_ns=period.until,
        traces=total.roots + rest.roots,
        spans=total.spans + rest.spans,
        calls=total.spans,
        errors=total.errors,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost_usd=rows.money(total.cost_usd) or Decimal(0),
        unpriced=total.unpriced,
        latency_p50_ms=quantile_ms(latencies, 0.5),
        latency_p95_ms=quantile_ms(latencies, 0.95),
        latency_p99_ms=quantile_ms(latencies, 0.99),
        hours=tuple(_hours(period, calls, others)),
        scores=tuple(map(score_summary, scores)),
    )


def score_summary(row: Row) -> ScoreSummary:
    """The record of a row whose columns are its fields in order."""
    return ScoreSummary(**dict(zip(ScoreSummary.__struct_fields__, row, strict=True)))


def step_count(row: Row, step_ns: int) -> StepCount:
    """From a row of `queries.counts`."""
    step, key, spans, errors = row
    return StepCount(start_ns=step * step_ns, key=key, spans=spans, errors=errors)


def quantile_ms(latencies: Mapping[int, int], q: float) -> float | None:
    """The latency at rank ceil(q n) in milliseconds, from counts by bucket; None without any.

    >>> quantile_ms({}, 0.5) is None
    True
    >>> abs(quantile_ms({math.floor(math.log(20e6, 1.02)): 3}, 0.5) / 20 - 1) < 0.01
    True
    """
    rank = math.ceil(q * sum(latencies.values()))
    seen = 0
    for bucket in sorted(latencies):
        seen += latencies[bucket]
        if seen >= max(rank, 1):
            return float(_STEP ** (bucket + 0.5) / 1e6)
    return None


def _hours(
    period: Period, calls: Mapping[int, _Sums], others: Mapping[int, _Sums]
) -> Iterator[HourBucket]:
    roots = {hour: sums.roots for hour, sums in others.items() if sums.roots}
    first, last = period.since // HOUR_NS, -(-period.until // HOUR_NS)
    is_short = last - first <= _EMPTY_HOURS_UP_TO + 1
    shown = range(first, last) if is_short else sorted({*calls, *roots})
    for hour in shown:
        sums = calls.get(hour, _Sums())
        yield HourBucket(
            start_ns=hour * HOUR_NS,
            traces=sums.roots + roots.get(hour, 0),
            calls=sums.spans,
            errors=sums.errors,
            cost_usd=rows.money(sums.cost_usd) or Decimal(0),
        )
