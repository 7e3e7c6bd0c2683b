"""GET /api/v1/metrics/overview: the figures of a period, checked against the records themselves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served
from tests.upstream import Upstream, server_error_html, upstream_in_thread

from trimtab.errors import ProviderError

PATH = "/api/v1/metrics/overview"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Any]]:
    """A server that has seen priced, unpriced, free and failing calls, and their overview."""
    data = tmp_path_factory.mktemp("metrics") / "data"
    with upstream_in_thread() as upstream, served(configured(data, far(upstream))) as one:
        for n in range(12):
            one.client.chat("far/big", f"{n} " * (n + 1))
        one.client.chat("far/unpriced", "hello")
        one.client.chat("trimtab/extract", "hello")
        upstream.play(server_error_html())
        with pytest.raises(ProviderError):
            one.client.chat("far/big", "hello")
        one.client.score(one.client.traces()[0]["trace_id"], "thumb", passed=False)
        one.client.score(one.client.traces()[1]["trace_id"], "thumb", passed=True)
        one.client.score(one.client.traces()[1]["trace_id"], "thumb", status="error", reason="x")
        one.client.score(one.client.traces()[1]["trace_id"], "stars", value=4)
        one.client.score(one.client.traces()[2]["trace_id"], "stars", value=5)
        yield one, one.client.get(PATH, {"hours": 1})


def far(upstream: Upstream) -> str:
    return f"""
providers:
  - name: far
    kind: openai_compatible
    base_url: {upstream.base_url}
    models:
      - {{id: big, price: {{input: "2.5", output: "10"}}}}
      - {{id: unpriced}}
gateway: {{defaults: {{retries: {{attempts: 0}}}}}}
"""


def model_spans(server: Served) -> list[dict[str, Any]]:
    traces = [server.client.trace(row["trace_id"]) for row in server.client.traces(limit=1000)]
    return [span for trace in traces for span in trace["spans"] if span["kind"] == "llm"]


def test_calls_errors_and_tokens_are_those_of_the_records(recorded: tuple[Served, Any]) -> None:
    server, overview = recorded
    spans = model_spans(server)
    assert overview["calls"] == len(spans) == 15
    assert overview["errors"] == sum(span["status"] == "error" for span in spans) == 1
    used = [span["usage"] for span in spans if span["usage"]]
    assert overview["output_tokens"] == sum(usage["output"] for usage in used)
    assert overview["input_tokens"] == sum(usage["input"] for usage in used)
    assert overview["traces"] == 15


def test_cost_is_exact_and_what_is_unpriced_is_counted_apart(recorded: tuple[Served, Any]) -> None:
    server, overview = recorded
    spans = model_spans(server)
    costs = [span["cost_usd"] for span in spans]
    # A call that failed before anything was used cost nothing.
    unpriced = [
        s for s in spans if s["cost_usd"] is None and (s["usage"] or s["status"] != "error")
    ]
    assert Decimal(overview["cost_usd"]) == sum((Decimal(c) for c in costs if c), Decimal(0)) > 0
    assert overview["unpriced"] == len(unpriced) >= 1


@pytest.mark.parametrize("sort", ["cost", "tokens", "spans", "errors"])
def test_groups_are_sorted_by_what_is_asked(recorded: tuple[Served, Any], sort: str) -> None:
    def measure(group: dict[str, Any]) -> float:
        if sort == "cost":
            return -1 if group["cost_usd"] is None else float(group["cost_usd"])
        tokens = group["input_tokens"] + group["output_tokens"]
        return float(tokens if sort == "tokens" else group[sort])

    found = recorded[0].client.groups("model", sort=sort)
    assert len(found) > 2
    assert found == sorted(found, key=measure, reverse=True)


def test_latency_quantiles_are_those_of_numpy(recorded: tuple[Served, Any]) -> None:
    server, overview = recorded
    latencies = [(span["end_ns"] - span["start_ns"]) / 1e6 for span in model_spans(server)]
    for rank in (50, 95, 99):
        expected = np.percentile(latencies, rank, method="inverted_cdf")
        assert overview[f"latency_p{rank}_ms"] == pytest.approx(expected, rel=0.01)


def test_scores_are_summarised_by_name_and_source(recorded: tuple[Served, Any]) -> None:
    _, overview = recorded
    by_name = {score["name"]: score for score in overview["scores"] if score["source"] == "user"}
    thumb, stars = by_name["thumb"], by_name["stars"]
    assert (thumb["total"], thumb["scored"], thumb["passed"]) == (3, 2, 1)
    assert (stars["total"], stars["scored"], stars["mean"]) == (2, 2, 4.5)
    assert stars["passed"] is None


def test_the_hours_add_up_to_the_whole(recorded: tuple[Served, Any]) -> None:
    _, overview = recorded
    assert sum(hour["calls"] for hour in overview["hours"]) == overview["calls"]
    assert sum(hour["errors"] for hour in overview["hours"]) == overview["errors"]
    assert overview["until_ns"] - overview["since_ns"] == 3_600_000_000_000


def test_an_empty_store_has_no_latency_and_no_cost(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data")) as server:
        overview = server.client.get(PATH)
    assert (overview["calls"], overview["errors"], Decimal(overview["cost_usd"])) == (0, 0, 0)
    assert overview["latency_p50_ms"] is None
    assert overview["scores"] == []


@pytest.mark.parametrize("hours", ["0", "8785", "-1", "1.5", "day", "", "1e9"])
def test_hours_out_of_range_are_refused(recorded: tuple[Served, Any], hours: str) -> None:
    reply = recorded[0].ask("GET", f"{PATH}?hours={hours}")
    problem(reply, 400, where="query parameter hours")


def test_the_longest_period_is_a_leap_year(recorded: tuple[Served, Any]) -> None:
    assert recorded[0].ask("GET", f"{PATH}?hours=8784").status == 200


def test_the_period_can_be_named_by_its_ends(recorded: tuple[Served, Any]) -> None:
    server, overview = recorded
    assert server.client.get(PATH, {"since": "1h"})["calls"] == overview["calls"]
    assert server.client.get(PATH, {"until": "2020-01-01"})["calls"] == 0
    problem(server.ask("GET", f"{PATH}?since=soon"), 400)
    problem(server.ask("GET", f"{PATH}?since=1h&until=2h"), 400, where="query parameter since")


def test_scores_of_a_filter_come_with_their_intervals(recorded: tuple[Served, Any]) -> None:
    client = recorded[0].client
    found = client.get("/api/v1/metrics/scores", {"filter": "since:1h"})["data"]
    by_name = {score["name"]: score for score in found if score["source"] == "user"}
    # Wilson's interval of 1 in 2; Student's of 4 and 5, with t = 12.706 of one degree of freedom
    thumb, stars = by_name["thumb"], by_name["stars"]
    assert (thumb["low"], thumb["high"]) == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert (stars["low"], stars["high"]) == pytest.approx((4.5 - 6.3531, 4.5 + 6.3531), abs=1e-3)
    trace = client.traces()[2]["trace_id"]
    alone = client.get("/api/v1/metrics/scores", {"filter": f"trace_id:{trace}"})["data"]
    (one,) = (score for score in alone if score["source"] == "user")
    assert (one["name"], one["mean"], one["low"], one["high"]) == ("stars", 5, None, None)
