"""What a run is worth: who brought it, and what its results say, decide what is promoted on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.conftest import BUNDLE, publish
from tests.serving import Served, configured, served

from trimtab.client import Client
from trimtab.errors import Conflict, Forbidden, InvalidRequest

SECRET = "x" * 40
COUNT = 40
RUNS = "/api/v1/runs"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    text = f"""
access:
  keys:
    - {{name: admin, key: {SECRET}}}
    - {{name: ci, key: {SECRET}-ci, permissions: ["runs:*", "gateway:call", "traces:read"]}}
    - {{name: app, key: {SECRET}-app, permissions: ["gateway:call"]}}
"""
    with served(configured(tmp_path_factory.mktemp("guarded") / "data", text)) as running:
        running.client = Client(running.url, key=SECRET)
        publish(running)
        yield running


def client(server: Served, name: str) -> Client:
    return Client(server.url, key=f"{SECRET}-{name}") if name else server.client


def candidate(server: Served, name: str) -> dict[str, Any]:
    bundle = BUNDLE | {"parameters": {"abstain_below": 0.0, "user": name}}
    release: dict[str, Any] = server.client.post("/api/v1/releases", bundle)
    return release


def bring(
    by: Client,
    run_id: str,
    release: dict[str, Any],
    passed: int,
    baseline: str | None = None,
    terms: dict[str, Any] | None = None,
) -> None:
    """A finished run, brought from elsewhere, that says of itself that the gate passes it."""
    opening = {
        "run_id": run_id,
        "name": run_id,
        "dataset": "rows.jsonl",
        "dataset_digest": "dd",
        "release": f"{release['route']}@{release['version']}",
        "release_digest": release["digest"],
        "scorers": [{"name": "exact", "digest": "x"}],
        "started_ns": 1,
        "total": COUNT,
    }
    by.post(f"{RUNS}/external", opening)
    results = [
        {
            "example_id": f"e{n}",
            "output": "x",
            "scores": [
                {
                    "score_id": f"{run_id}-{n}",
                    "target": {"kind": "example", "id": f"e{n}"},
                    "name": "exact",
                    "passed": n < passed,
                    "time_ns": 1,
                }
            ],
        }
        for n in range(COUNT)
    ]
    by.post(f"{RUNS}/{run_id}/results", {"results": results})
    verdict = {
        "outcome": "pass",
        "reasons": ["it is good"],
        "baseline_run": baseline,
        "terms": terms,
    }
    end = {"status": "done", "done": COUNT, "verdict": verdict if baseline else None}
    by.post(f"{RUNS}/{run_id}/end", end)


def promote(server: Served, release: dict[str, Any], run_id: str) -> Any:
    path = f"/api/v1/releases/{release['release_id']}/promote"
    return server.client.post(path, {"run": run_id})


def test_a_run_of_somebody_who_may_not_promote_is_no_evidence(guarded: Served) -> None:
    live = guarded.client.get("/api/v1/releases/widgets@1")
    release = candidate(guarded, "forged")
    ci = client(guarded, "ci")
    bring(ci, "base-1", live, COUNT // 2)
    bring(ci, "forged-1", release, COUNT, "base-1")
    assert guarded.client.get(f"{RUNS}/forged-1")["vouched"] is False
    with pytest.raises(Conflict, match="brought by ci, who may not promote"):
        promote(guarded, release, "forged-1")


def test_a_verdict_that_the_stored_results_do_not_say_is_no_evidence(guarded: Served) -> None:
    live = guarded.client.get("/api/v1/releases/widgets@1")
    release = candidate(guarded, "worse")
    bring(guarded.client, "base-2", live, COUNT)
    bring(guarded.client, "worse-1", release, COUNT // 2, "base-2")
    assert guarded.client.get(f"{RUNS}/worse-1")["vouched"] is True
    with pytest.raises(Conflict, match="its stored results say fail"):
        promote(guarded, release, "worse-1")


def test_a_run_that_is_vouched_for_is_filled_by_nobody_who_may_not_promote(
    guarded: Served,
) -> None:
    live = guarded.client.get("/api/v1/releases/widgets@1")
    bring(guarded.client, "own-1", live, COUNT)
    ci = client(guarded, "ci")
    for path, body in (
        (f"{RUNS}/own-1/results", {"results": []}),
        (f"{RUNS}/own-1/end", {"status": "done", "done": 1}),
    ):
        with pytest.raises(Forbidden, match="was opened by admin"):
            ci.post(path, body)
    with pytest.raises(Forbidden, match="was opened by admin"):
        bring(ci, "own-1", live, COUNT)


def test_only_who_may_make_runs_can_say_that_a_call_is_of_a_run(guarded: Served) -> None:
    body = {"model": "widgets@1", "messages": [{"role": "user", "content": "Which port?"}]}
    of_run = {}
    for name in ("ci", "app"):
        headers = {"authorization": f"Bearer {SECRET}-{name}", "x-trimtab-run": f"of-{name}"}
        reply = guarded.ask("POST", "/v1/chat/completions", body, headers)
        assert reply.status == 200
        trace = guarded.client.trace(reply.headers["x-trimtab-trace-id"])
        of_run[name] = {span["run"] for span in trace["spans"]}
    assert of_run == {"ci": {"of-ci"}, "app": {None}}


def test_a_run_of_somebody_who_may_promote_is_evidence(guarded: Served) -> None:
    live = guarded.client.get("/api/v1/releases/widgets@1")
    release = candidate(guarded, "better")
    bring(guarded.client, "base-3", live, COUNT // 2)
    bring(guarded.client, "better-1", release, COUNT, "base-3")
    live_now = promote(guarded, release, "better-1")
    assert live_now["state"] == "live"
    assert "clusters are not known" in live_now["approvals"][-1]["reason"]
    before = guarded.client.get(f"{RUNS}/better-1")
    with pytest.raises(Conflict, match="a release was promoted on run better-1"):
        guarded.client.post(f"{RUNS}/better-1/end", {"status": "done", "done": 0})
    with pytest.raises(Conflict, match="a release was promoted on run better-1"):
        bring(guarded.client, "better-1", release, 0, "base-3")
    answered = guarded.client.post(f"{RUNS}/better-1/comparison", {"baseline": "own-1"})
    assert answered["verdict"]["baseline_run"] == "own-1"
    body = {"baseline": "own-1", "store": True}
    with pytest.raises(Conflict, match="a release was promoted on run better-1"):
        guarded.client.post(f"{RUNS}/better-1/comparison", body)
    assert guarded.client.get(f"{RUNS}/better-1") == before


@pytest.mark.parametrize(
    ("by", "body", "stored"),
    [
        ("ci", {"rules": [{"metric": "exact", "margin": 0.9}]}, False),
        ("ci", {"allow_uncalibrated": True}, False),
        ("ci", {}, True),
        ("", {"rules": [{"metric": "exact", "margin": 0.9}]}, True),
    ],
)
def test_who_may_not_promote_chooses_no_rules_for_evidence(
    guarded: Served, by: str, body: dict[str, Any], stored: bool
) -> None:
    live = guarded.client.get("/api/v1/releases/widgets@1")
    bring(guarded.client, "base-4", live, COUNT)
    bring(guarded.client, "worse-4", live, COUNT - 4)
    path, body = f"{RUNS}/worse-4/comparison", {"baseline": "base-4", **body}
    answered = client(guarded, by).post(path, body)
    assert answered["verdict"] is not None
    if stored:
        assert client(guarded, by).post(path, {**body, "store": True}) == answered
    else:
        with pytest.raises(Forbidden, match="releases:promote"):
            client(guarded, by).post(path, {**body, "store": True})
    kept = guarded.client.get(f"{RUNS}/worse-4")["verdict"]
    assert kept == (answered["verdict"] if stored else None)


# -- a verdict is confirmed under the terms it was given under ------------------------------------


@pytest.mark.parametrize(
    ("terms", "passed", "told"),
    [
        ({"rules": [{"metric": "exact", "margin": 0.2}]}, COUNT, None),
        ({"rules": [{"metric": "exact", "margin": 0.2}], "confidence": 0.9999}, COUNT, "inconcl"),
        ({"rules": [{"metric": "exact", "margin": 0.2}, {"metric": "polite"}]}, COUNT, "inconcl"),
        (
            {"rules": [{"metric": "exact", "margin": 0.9}], "cases": [{"metric": "exact"}]},
            39,
            "fail",
        ),
        (
            {
                "rules": [{"metric": "exact", "margin": 0.9}],
                "gaps": [{"by": "split", "metric": "exact", "max_gap": 0.1}],
            },
            COUNT,
            "inconcl",
        ),
    ],
)
def test_a_promotion_is_confirmed_under_the_terms_of_the_verdict(
    guarded: Served, terms: dict[str, Any], passed: int, told: str | None
) -> None:
    name = f"terms-{abs(hash(repr(terms)))}"
    live = next(
        release
        for release in guarded.client.get("/api/v1/releases", {"route": "widgets"})["data"]
        if release["state"] == "live"
    )
    release = candidate(guarded, name)
    bring(guarded.client, f"{name}-base", live, COUNT)
    bring(guarded.client, f"{name}-new", release, passed, f"{name}-base", terms)
    if told is None:
        assert promote(guarded, release, f"{name}-new")["state"] == "live"
        return
    with pytest.raises(Conflict, match=f"its stored results say {told}"):
        promote(guarded, release, f"{name}-new")


def test_terms_that_cannot_be_are_refused(guarded: Served) -> None:
    live = guarded.client.get("/api/v1/releases/widgets@1")
    with pytest.raises(InvalidRequest, match="alpha"):
        bring(guarded.client, "odd-terms", live, COUNT, "base-1", {"alpha": 0.9})
