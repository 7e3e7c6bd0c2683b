"""Lighthouse's opinion of the main pages, as a desktop computer sees them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from typing import Any

from sites import Site
from systems import peers

from trimtab.client import Client

CATEGORIES = {"performance": 98, "accessibility": 100, "best-practices": 100}
SHOWN = {
    "first-contentful-paint": "first paint",
    "largest-contentful-paint": "largest paint",
    "total-blocking-time": "blocked",
    "cumulative-layout-shift": "shift",
}
EXAMPLES = 40


def table(site: Site, rounds: int) -> Iterable[str]:
    """The middle of the rounds by page, and what took points off."""
    compared(Client(site.url))
    small = site.trees[0]
    paths = {
        "overview": "/overview",
        "traces": "/traces",
        "a trace of 50 spans": f"/traces/{small.trace_id}",
        "playground": f"/playground?from={small.trace_id}/{small.span_id(3).hex()}",
        "compare": "/compare?base=first&new=second",
    }
    heads = [f"{name}, line {line}" for name, line in CATEGORIES.items()] + list(SHOWN.values())
    yield "| page | " + " | ".join(heads) + " | lost points by |"
    yield "|---" * (len(heads) + 2) + "|"
    for name, path in paths.items():
        found = [audited(site.url + path) for _ in range(rounds)]
        found.sort(key=lambda one: one["categories"]["performance"]["score"])
        yield line(name, found[len(found) // 2])


def audited(url: str) -> dict[str, Any]:
    """Raises SystemExit when Lighthouse fails, with what it said."""
    cli = peers() / "lighthouse/node_modules/lighthouse/cli/index.js"
    command = [shutil.which("node") or "node", str(cli), url, "--preset=desktop", "--quiet"]
    command += ["--output=json", "--no-enable-error-reporting"]
    command += [f"--only-categories={','.join(CATEGORIES)}"]
    command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
    environment = {**os.environ, "CHROME_PATH": shutil.which("chromium") or ""}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    if done.returncode or not done.stdout:
        raise SystemExit(f"lighthouse {url}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def line(name: str, found: dict[str, Any]) -> str:
    marks = {one: round(100 * found["categories"][one]["score"]) for one in CATEGORIES}
    cells = [str(mark) if mark >= CATEGORIES[one] else f"**{mark}**" for one, mark in marks.items()]
    cells += [found["audits"][one]["displayValue"] for one in SHOWN]
    return f"| {name} | " + " | ".join([*cells, "; ".join(lost(found)) or "–"]) + " |"


def lost(found: dict[str, Any]) -> list[str]:
    """Audits that count in their category and are below full marks."""
    counting = [
        each["id"]
        for category in CATEGORIES
        for each in found["categories"][category]["auditRefs"]
        if each["weight"]
    ]
    scores = {name: found["audits"][name]["score"] for name in counting}
    return [f"{name} {score}" for name, score in scores.items() if score is not None and score < 1]


def compared(client: Client) -> None:
    """Two runs over one dataset, as somebody executed them elsewhere."""
    rows = [{"example_id": f"e{n}", "input": f"question {n}"} for n in range(EXAMPLES)]
    client.post("/api/v1/datasets", {"name": "bench", "examples": rows})
    digest = client.get("/api/v1/datasets/bench@1")["digest"]
    for at, run_id in enumerate(("first", "second")):
        opening = {
            "run_id": run_id,
            "name": run_id,
            "dataset": "bench@1",
            "dataset_digest": digest,
            "scorers": [{"name": "right", "higher_is_better": True}],
            "started_ns": time.time_ns(),
            "total": EXAMPLES,
        }
        client.post("/api/v1/runs/external", opening)
        results = [result(n, passed=(n + at) % 3 > 0) for n in range(EXAMPLES)]
        client.post(f"/api/v1/runs/{run_id}/results", {"results": results})
        ended = {"status": "done", "done": EXAMPLES, "metrics": {}}
        client.post(f"/api/v1/runs/{run_id}/end", ended)


def result(n: int, *, passed: bool) -> dict[str, Any]:
    given = {"score_id": f"right/e{n}", "target": {"kind": "example", "id": f"e{n}"}, "time_ns": 1}
    score = {"name": "right", **given, "passed": passed}
    return {"example_id": f"e{n}", "output": f"answer {n}", "latency_ms": 9.0, "scores": [score]}
