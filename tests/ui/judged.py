"""Datasets, runs over them and calibration cards, for the pages that show what was judged."""

from __future__ import annotations

import time
from typing import Any

from tests.serving import Served
from tests.ui.records import HOSTILE, identifier

SIZE = 40
ROWS = [
    {
        "example_id": f"e{n:02}",
        "input": f"How long does paint {n} take?",
        "expected": f"Paint {n} takes four hours.",
        "tags": [("wall", "wood")[n % 2]],
        "cluster": f"sheet-{n % 20}",
        "split": "golden" if n < 30 else "calibration",
        "source_trace": identifier("t", n, 32),
    }
    for n in range(SIZE)
]
DATASETS = "/api/v1/datasets"
RUNS = "/api/v1/runs"


def datasets(server: Served) -> None:
    """`paint` in two versions, `again` with repeated rows, and one whose every text is hostile."""
    post = server.client.post
    changed = [
        {**row, "expected": "Paint 0 takes six hours."} if not n else row
        for n, row in enumerate(ROWS)
    ]
    post(DATASETS, {"name": "paint", "examples": ROWS[:-1], "note": "the first rows"})
    post(DATASETS, {"name": "paint", "examples": changed, "note": "one more", "tags": ["checked"]})
    again = [{"example_id": f"a{n}", "input": f"Which  PORT {n // 2}?"} for n in range(4)]
    post(DATASETS, {"name": "again", "examples": again})
    hostile = {"example_id": HOSTILE[:100], "input": HOSTILE, "expected": {HOSTILE: "A" * 100_000}}
    more = {"tags": [HOSTILE[:40]], "split": HOSTILE[:40], "metadata": {HOSTILE: [HOSTILE]}}
    post(DATASETS, {"name": "hostile", "examples": [hostile | more], "note": HOSTILE})


def runs(server: Served) -> None:
    """Four runs over `paint`: a base, a better one with losses, one that is the same as it, one
    that is under way; and a hostile one.
    """
    base = {n: f"Paint {n} takes two hours." for n in range(SIZE)}
    right = {n: f"Paint {n} takes four hours." for n in range(SIZE)}
    run(server, "base", base, {n: n % 2 == 0 for n in range(SIZE)}, at=1)
    better = {n: n not in (0, 2) for n in range(SIZE)}
    run(server, "better", right, better, at=2, errors={4: "the model was away"})
    run(server, "same", right, better, at=3, errors={4: "the model was away"})
    run(
        server,
        "going",
        dict(list(base.items())[:10]),
        dict.fromkeys(range(10), True),
        at=4,
        end=False,
    )
    run(server, "hostile", {0: HOSTILE}, {0: False}, at=5, reason=HOSTILE, name=HOSTILE)


def run(
    server: Served,
    run_id: str,
    outputs: dict[int, str],
    passed: dict[int, bool],
    *,
    at: int,
    errors: dict[int, str] | None = None,
    reason: str = "compared with the label",
    end: bool = True,
    **fields: Any,
) -> None:
    """A run as somebody executed it elsewhere; what failed is not scored."""
    errors = errors or {}
    dataset = server.client.get(f"{DATASETS}/paint@2")
    names = {"right": True, "latency": False}
    opening = {
        "run_id": run_id,
        "name": run_id,
        "dataset": "paint@2",
        "dataset_digest": dataset["digest"],
        "release": f"docs@{at}",
        "scorers": [{"name": name, "higher_is_better": up} for name, up in names.items()],
        "started_ns": time.time_ns() - (10 - at) * 60_000_000_000,
        "total": SIZE,
    }
    server.client.post(f"{RUNS}/external", {**opening, **fields})
    results = [
        {
            "example_id": f"e{n:02}",
            "output": None if n in errors else output,
            "error": errors.get(n),
            "latency_ms": 100.0 + n,
            "trace_id": identifier("t", n, 32),
            "scores": [score(n, passed[n], reason, failed=n in errors), took(n)],
        }
        for n, output in outputs.items()
    ]
    server.client.post(f"{RUNS}/{run_id}/results", {"results": results})
    if end:
        body = {"status": "done", "done": len(results), "metrics": metrics(passed, errors)}
        server.client.post(f"{RUNS}/{run_id}/end", body)


def score(n: int, passed: bool, reason: str, *, failed: bool) -> dict[str, Any]:
    said = {"status": "unscored", "reason": "there is no answer"} if failed else {}
    return (
        {"name": "right", **given(n, "right"), "passed": passed, "reason": reason}
        | said
        | ({"passed": None} if failed else {})
    )


def took(n: int) -> dict[str, Any]:
    return {"name": "latency", **given(n, "latency"), "value": 100.0 + n}


def given(n: int, name: str) -> dict[str, Any]:
    target = {"kind": "example", "id": f"e{n:02}"}
    return {"score_id": f"{name}/e{n:02}", "target": target, "time_ns": 1}


def metrics(passed: dict[int, bool], errors: dict[int, str]) -> dict[str, Any]:
    known = [value for n, value in passed.items() if n not in errors]
    share = sum(known) / len(known)
    rate = {"value": share, "low": max(share - 0.1, 0), "high": min(share + 0.1, 1)}
    counted = {"n": len(known), "total": len(passed), "method": "Wilson over 20 clusters"}
    time_ms = {"value": 119.5, "low": 115.0, "high": 124.0, "n": len(passed), "total": len(passed)}
    return {"right": rate | counted, "latency": time_ms}


def cards(server: Served) -> None:
    """How far a judge was believed, with intervals, and one by a hostile name."""
    estimate = {"value": 0.72, "low": 0.55, "high": 0.85, "n": 60, "total": 64}
    card = {
        "digest": "d" * 64,
        "model": "openai/gpt-4o-mini",
        "dataset": "paint",
        "dataset_digest": "x",
        "label": "metadata.human",
        "labelled": 64,
        "judged": 60,
        "agreement": {**estimate, "value": 0.9, "low": 0.8, "high": 0.95},
        "kappa": estimate,
        "true_positive_rate": estimate,
        "true_negative_rate": {**estimate, "value": 1.0, "low": None, "high": None},
        "effective_votes": 1.8,
    }
    server.client.post("/api/v1/cards", {**card, "scorer": "correctness"})
    server.client.post("/api/v1/cards", {**card, "scorer": HOSTILE[:150], "digest": "e"})
