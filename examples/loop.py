"""The loop in under a hundred lines: ask, judge, curate, try, compare, decide.

    trimtab serve &
    python examples/loop.py

Works with any model a server offers; this one answers from Trimtab's own documentation.
"""

from __future__ import annotations

import os
from typing import Any

import trimtab

ROUTE = "loop-example"
QUESTIONS = {
    "Which port does the server listen on by default?": "The default port is 8321.",
    "Where are secrets kept in the configuration?": "${ENV} reads a secret from the environment.",
    "How do I cook an egg?": None,  # The documentation cannot know, so it should say so.
    "What is the capital of Peru?": None,
    "Who won the cup last night?": None,
    "Can you book me a flight to Oslo?": None,
}


def main() -> None:
    client = trimtab.Client(os.environ.get("TRIMTAB_URL", "http://127.0.0.1:8321"))

    # 1. A prompt and a release: what answers behind a route name.
    message = {"role": "system", "content": "Answer from these passages.\n{{ passages }}"}
    client.post("/api/v1/prompts", {"name": ROUTE, "messages": [message]})
    first = client.post("/api/v1/releases", bundle(abstain_below=0.0))
    client.post(f"/api/v1/releases/{first['release_id']}/promote")

    # 2. Traffic: each call is on record before its answer is complete; users judge what they got.
    for question, expected in QUESTIONS.items():
        answer = client.chat(ROUTE, question)
        text = answer["choices"][0]["message"]["content"]
        is_right = "could not find" in text if expected is None else "could not find" not in text
        kind = "unanswerable" if expected is None else "answerable"
        correction = {"kind": kind, "expected": expected}
        client.score(answer["trace_id"], "thumb", passed=is_right, metadata=correction)
        print(f"{'+' if is_right else '-'} {question} -> {text[:60]}")

    # 3. What failed becomes a dataset.
    failures = client.post(f"/api/v1/datasets/{ROUTE}/curate", {"score": "thumb"})
    dataset = f"{failures['name']}@{failures['version']}"
    print(f"{dataset}: {failures['size']} failing calls")

    # 4. A candidate and the live release run over it; the gate compares them example by example.
    second = client.post("/api/v1/releases", bundle(abstain_below=0.5))
    baseline = run(client, first, dataset)
    candidate = run(client, second, dataset)
    rules = [{"metric": "answer_correct", "must_improve": True}]
    body = {"baseline": baseline["run_id"], "rules": rules, "store": True}
    judged = client.post(f"/api/v1/runs/{candidate['run_id']}/comparison", body)
    verdict = judged["verdict"]
    print(f"gate: {verdict['outcome']}: {'; '.join(verdict['reasons'])}")

    # 5. Only evidence promotes. A handful of examples is rarely enough, and the gate says so.
    if verdict["outcome"] == "pass":
        promotion = {"run": candidate["run_id"]}
        client.post(f"/api/v1/releases/{second['release_id']}/promote", promotion)
    releases = client.get("/api/v1/releases", {"route": ROUTE})["data"]
    print(", ".join(f"{r['route']}@{r['version']} is {r['state']}" for r in releases))


def bundle(*, abstain_below: float) -> dict[str, Any]:
    """A release of the route that answers only when it is at least this sure."""
    return {
        "route": ROUTE,
        "prompt": ROUTE,
        "targets": [{"model": "trimtab/extract"}],
        "retrieval": {"corpus": "trimtab"},
        "parameters": {"abstain_below": abstain_below},
    }


def run(client: trimtab.Client, release: dict[str, Any], dataset: str) -> dict[str, Any]:
    """An experiment, awaited."""
    request = {"release": release["release_id"], "dataset": dataset}
    *_, finished = client.watch(client.post("/api/v1/runs", request)["run_id"])
    return finished


if __name__ == "__main__":
    main()
