"""GET /metrics: the figures of this server in the text format of Prometheus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from trimtab.api.http import Endpoint, Request, Response
from trimtab.app import App
from trimtab.errors import StoreError
from trimtab.gateway.figures import BOUNDS_S, Calls, Checks, Figures, Histogram, Labels, RuleLabels
from trimtab.kit.clock import NS_PER_S
from trimtab.probes.standing import Latest

if TYPE_CHECKING:
    from prometheus_client import Metric

_log = logging.getLogger("trimtab.api")
_LABELS = ["project", "route", "model", "status"]
_COUNTERS: tuple[tuple[str, str, Callable[[Calls], float]], ...] = (
    ("requests", "Requests that were answered or failed.", lambda sums: sums.requests),
    ("retried_requests", "Requests of more than one attempt.", lambda sums: sums.retried),
    ("input_tokens", "Tokens read by models.", lambda sums: sums.input),
    ("output_tokens", "Tokens written by models.", lambda sums: sums.output),
    ("cost_usd", "Cost in US dollars of calls with a price.", lambda sums: float(sums.cost_usd)),
    ("unpriced_requests", "Calls without a known price.", lambda sums: sums.unpriced),
    ("cache_hits", "Requests answered from memory.", lambda sums: sums.hits),
    ("cache_misses", "Requests that were not in memory.", lambda sums: sums.misses),
    ("cache_saved_usd", "Cost of the calls that hits saved.", lambda sums: float(sums.saved_usd)),
)
_HISTOGRAMS: tuple[tuple[str, str, Callable[[Calls], Histogram]], ...] = (
    ("request_duration_seconds", "Time to the end of the answer.", lambda sums: sums.duration),
    ("time_to_first_token_seconds", "Time to the first content.", lambda sums: sums.first_token),
)
_PROBES: tuple[tuple[str, str, Callable[[Latest], float | None]], ...] = (
    (
        "drifted",
        "1 where the last look that could tell found another model.",
        lambda one: None if one.told is None else float(one.told.status == "drifted"),
    ),
    (
        "failed",
        "1 where too few questions were answered in the last look.",
        lambda one: None if one.look is None else float(one.look.status == "failed"),
    ),
    (
        "likeness",
        "How like the reference's the answers of that look were, from 0 to 1.",
        lambda one: None if one.told is None else one.told.likeness,
    ),
    (
        "last_look_timestamp_seconds",
        "When it was looked at last.",
        lambda one: None if one.look is None else one.look.time_ns / NS_PER_S,
    ),
)
_GAUGES = {
    "gateway_in_flight": "Requests admitted and not answered yet.",
    "spool_frames": "Spans that wait for the telemetry store.",
    "spool_bytes": "Their size in bytes.",
    "scoring_skipped": "Spans that live scoring passed over.",
    "canaries_watched": "Canaries that are watched.",
    "canary_blind_seconds": "How overdue the look at a canary is that was not seen for longest.",
    "canaries_taken_back": "Canaries that a watch has ended.",
    "bandits_followed": "Splits whose shares follow a score.",
    "bandit_changes": "How often such shares changed.",
    "cache_answers": "Answers in memory.",
    "cache_bytes": "Their size in bytes.",
    "cache_embedder_failures": "Texts without a vector.",
    "shadow_running": "Copies of requests being answered.",
    "shadow_dropped": "Copies that were never made.",
}


async def scrape(request: Request) -> Response:
    # Takes a tenth of a second to load, which most processes never need.
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    figures, gauges = await request.app.measured()
    try:
        probes = await asyncio.to_thread(request.app.probing.latest)
    except StoreError as error:
        _log.warning("it cannot be read what probes found: %s", error)
        probes = []
    body = generate_latest(_Collector(request.app, figures, gauges, probes))
    return Response(body=body, media_type=CONTENT_TYPE_LATEST)


class _Collector:
    """Everything at this moment, as the Prometheus client writes it."""

    def __init__(
        self, app: App, figures: Figures, gauges: dict[str, float], probes: Sequence[Latest]
    ) -> None:
        self._app = app
        self._figures = figures
        self._gauges = gauges
        self._probes = probes

    def collect(self) -> Iterator[Metric]:
        yield from _calls(self._figures.calls)
        yield from _checks(self._figures.checks)
        yield from _targets(self._app)
        yield from _process(self._gauges)
        yield from _probed(self._probes)


def _calls(calls: dict[Labels, Calls]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    known = list(calls.items())
    for name, text, value in _COUNTERS:
        counter = CounterMetricFamily(f"trimtab_gateway_{name}", text, labels=_LABELS)
        for labels, sums in known:
            counter.add_metric(labels, value(sums))
        yield counter
    for name, text, histogram_of in _HISTOGRAMS:
        histogram = HistogramMetricFamily(f"trimtab_gateway_{name}", text, labels=_LABELS)
        for labels, sums in known:
            of = histogram_of(sums)
            bounds = [*map(str, BOUNDS_S), "+Inf"]
            buckets = list(zip(bounds, accumulate(of.counts), strict=True))
            histogram.add_metric(labels, buckets, of.sum_s)
        yield histogram


def _checks(checks: dict[RuleLabels, Checks]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    names = list(RuleLabels._fields)
    known = list(checks.items())
    calls = CounterMetricFamily(
        "trimtab_guard_calls", "Calls that a rule looked at, by what it did.", labels=names
    )
    seconds = CounterMetricFamily(
        "trimtab_guard_seconds", "Time that a rule took to look at them.", labels=names
    )
    for labels, sums in known:
        calls.add_metric(labels, sums.calls)
        seconds.add_metric(labels, sums.seconds)
    yield calls
    yield seconds


def _targets(app: App) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    states = app.gateway.health.states()
    gauges: tuple[tuple[str, str, Callable[[Any], float | None]], ...] = (
        ("in_flight", "Calls that a target is answering.", lambda state: state.in_flight),
        ("up", "1 unless its breaker is open or half open.", lambda s: s.breaker == "closed"),
        ("error_rate", "Share of its recent calls that failed.", lambda state: state.error_rate),
        ("first_byte_seconds", "Its recent time to a first byte.", lambda s: s.first_byte_s),
    )
    for name, text, value in gauges:
        gauge = GaugeMetricFamily(f"trimtab_target_{name}", text, labels=["target"])
        for state in states:
            if (found := value(state)) is not None:
                gauge.add_metric([state.target], float(found))
        yield gauge


def _process(gauges: dict[str, float]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    for name, text in _GAUGES.items():
        yield GaugeMetricFamily(f"trimtab_{name}", text, value=float(gauges[name]))


def _probed(probes: Sequence[Latest]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    for name, text, value in _PROBES:
        gauge = GaugeMetricFamily(f"trimtab_probe_{name}", text, labels=["project", "probe"])
        for one in probes:
            if (found := value(one)) is not None:
                gauge.add_metric([one.probe.project, one.probe.name], found)
        yield gauge


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/metrics",
        permission="metrics:read",
        handler=scrape,
        summary="The figures of this server, for Prometheus",
    ),
]
