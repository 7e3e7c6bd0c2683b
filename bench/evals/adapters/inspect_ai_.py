"""inspect-ai: `eval` of a task whose solver gives the recorded answer; logs as it writes them."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import inspect_ai
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.scorer import exact, model_graded_qa
from inspect_ai.solver import solver
from measured import CONCURRENCY, Case, main, stated

LOGS = tempfile.mkdtemp(prefix="evals-bench-")


@solver
def recorded() -> Any:
    async def solve(state: Any, _generate: Any) -> Any:
        state.output = ModelOutput.from_content("none", state.metadata["answer"])
        return state

    return solve


def evaluated(cases: list[Case], scorer: Any) -> str:
    samples = [
        Sample(
            id=case["id"],
            input=case["question"],
            target=case["expected"],
            metadata={"answer": case["answer"]},
        )
        for case in cases
    ]
    task = inspect_ai.Task(dataset=MemoryDataset(samples), solver=recorded(), scorer=scorer)
    [log] = inspect_ai.eval(
        task,
        model="mockllm/model",
        display="none",
        log_dir=LOGS,
        max_samples=CONCURRENCY,
        max_connections=CONCURRENCY,
    )
    if log.results is None:
        return stated(status=log.status, error=log.error and log.error.message[:160])
    [score] = log.results.scores
    headline = {name: metric.value for name, metric in score.metrics.items() if name != "stderr"}
    return stated(
        status=log.status,
        **headline,
        scored=score.scored_samples,
        unscored=score.unscored_samples,
    )


def judge(cases: list[Case], url: str) -> str:
    model = get_model("openai/gpt-4o", base_url=url + "/v1", api_key="none", responses_api=False)
    return evaluated(cases, model_graded_qa(model=model))


if __name__ == "__main__":
    os.environ.setdefault("INSPECT_LOG_LEVEL", "error")
    main(lambda cases: evaluated(cases, exact()), judge)
