"""The scenario: the loop once around, each step a real call to the server."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from trimtab.client import Client
from trimtab.demo import assistant, life, questions, report
from trimtab.demo.users import FEEDBACK, Visit, visits
from trimtab.records import Run

GOLDEN = "docs-golden"
FAILURES = "docs-failures"


class Display(Protocol):
    """Where the demo shows what it does."""

    def step(self, text: str) -> None: ...

    def say(self, text: str) -> None: ...

    def verdict(self, run: Run) -> None:
        """Show every comparison of a judged run, the gate's word and its reasons."""
        ...

    def counting(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show progress; the function takes how many are done."""
        ...


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo found out."""

    before: list[Visit]
    after: list[Visit]
    baseline: Run
    candidate: Run
    promoted: bool


def play(client: Client, show: Display) -> Result:
    """The whole loop. Raises TrimtabError when a step cannot be done."""
    show.step("1. A docs assistant answers from Trimtab's own documentation")
    client.post("/api/v1/prompts", assistant.PROMPT)
    first = client.post("/api/v1/releases", assistant.FIRST)
    first = client.post(f"/api/v1/releases/{first['release_id']}/promote", {})
    show.say(f"{_ref(first)} is live: {first['note']}")

    show.step("2. Users ask; every call is recorded before its answer is complete, then scored")
    before = _traffic(client, show, "first")
    _recorded(client, show, before)

    show.step("3. The calls that users were not satisfied with become a dataset")
    curation = {"score": FEEDBACK}
    failures = client.post(f"/api/v1/datasets/{FAILURES}/curate", curation)
    show.say(f"{failures['name']}@{failures['version']}: {failures['size']} failing calls")
    report.failures(client.examples(FAILURES), show.say)

    show.step("4. A second release is tried on the golden set, against the first")
    second = client.post("/api/v1/releases", assistant.SECOND)
    show.say(f"{_ref(second)} is a candidate: {second['note']}")
    golden = questions.golden()
    dataset = client.post("/api/v1/datasets", {"name": GOLDEN, "examples": golden})
    ref = f"{dataset['name']}@{dataset['version']}"
    baseline = _run(client, show, _ref(first), ref)
    candidate = _run(client, show, _ref(second), ref)
    repaired = _run(client, show, _ref(second), f"{FAILURES}@{failures['version']}")

    show.step("5. The gate compares them, example by example")
    body = {"baseline": baseline.run_id, "rules": assistant.RULES, "store": True}
    judged = client.post(f"/api/v1/runs/{candidate.run_id}/comparison", body)
    candidate = msgspec.convert(judged, Run)
    show.verdict(candidate)
    report.repaired(repaired, show.say)

    promoted = _promote(client, show, second, candidate)
    show.step("7. The same users ask again")
    after = _traffic(client, show, "again")
    report.improvement(before, after, show.say)
    life.fill(client)
    show.say("to look at, made up and called `demo`: an agent, a plan, a probe, a key, reviews")
    return Result(
        before=before, after=after, baseline=baseline, candidate=candidate, promoted=promoted
    )


def _traffic(client: Client, show: Display, sitting: str) -> list[Visit]:
    asked = questions.traffic()
    done = itertools.count(1)
    with show.counting("questions", len(asked)) as advance:
        return visits(client, asked, sitting, lambda: advance(next(done)))


def _recorded(client: Client, show: Display, asked: list[Visit]) -> None:
    spans = client.get("/api/v1/spans/count")["count"]
    overview = _when_scored(client, len(asked))
    report.recorded(spans, overview, asked, show.say)


def _when_scored(client: Client, calls: int) -> dict[str, Any]:
    """The overview once the background scoring has seen every call."""
    overview: dict[str, Any] = {}
    for overview in client.poll("/api/v1/metrics/overview", {"hours": 1}):
        by_name = {score["name"]: score["total"] for score in overview["scores"]}
        if by_name.get("latency", 0) >= calls:
            break
    return overview


def _run(client: Client, show: Display, release: str, dataset: str) -> Run:
    started = client.post("/api/v1/runs", {"release": release, "dataset": dataset})
    label = f"{release} on {dataset}"
    run = started
    with show.counting(label, started["total"]) as advance:
        for run in client.watch(started["run_id"]):
            advance(run["done"])
    return msgspec.convert(run, Run)


def _promote(client: Client, show: Display, release: dict[str, Any], run: Run) -> bool:
    if run.verdict is None or run.verdict.outcome != "pass":
        show.step("6. Nothing is promoted: the gate did not say pass")
        return False
    show.step("6. The candidate is promoted, on the evidence of its run")
    path = f"/api/v1/releases/{release['release_id']}/promote"
    live = client.post(path, {"run": run.run_id})
    show.say(f"{_ref(live)} is {live['state']}")
    return True


def _ref(release: dict[str, Any]) -> str:
    return f"{release['route']}@{release['version']}"
