"""deepeval: `evaluate` with `ExactMatchMetric`, or `GEval` with its steps given."""

from __future__ import annotations

from typing import Any

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import ExactMatchMetric, GEval
from deepeval.models import OpenAIModel
from deepeval.test_case import LLMTestCase, SingleTurnParams
from measured import CONCURRENCY, RUBRIC, Case, main, stated


def evaluated(cases: list[Case], metric: Any) -> str:
    report = evaluate(
        [
            LLMTestCase(
                name=case["id"],
                input=case["question"],
                actual_output=case["answer"],
                expected_output=case["expected"],
            )
            for case in cases
        ],
        [metric],
        async_config=AsyncConfig(max_concurrent=CONCURRENCY),
        display_config=DisplayConfig(
            show_indicator=False, print_results=False, inspect_after_run=False
        ),
        cache_config=CacheConfig(write_cache=False),
    )
    passed = [result.success for result in report.test_results]
    return stated(pass_rate=sum(passed) / len(passed), results=len(passed))


def judge(cases: list[Case], url: str) -> str:
    model = OpenAIModel(model="gpt-4o", base_url=url + "/v1", api_key="none")
    metric = GEval(
        name="Correctness",
        evaluation_steps=[RUBRIC],
        evaluation_params=[
            SingleTurnParams.INPUT,
            SingleTurnParams.ACTUAL_OUTPUT,
            SingleTurnParams.EXPECTED_OUTPUT,
        ],
        model=model,
    )
    return evaluated(cases, metric)


if __name__ == "__main__":
    main(lambda cases: evaluated(cases, ExactMatchMetric()), judge)
