"""ragas: `evaluate` with `ExactMatch`, or `AspectCritic`: one call a case."""

from __future__ import annotations

import math
import os

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

from langchain_openai import ChatOpenAI
from measured import CONCURRENCY, RUBRIC, Case, main
from ragas import EvaluationDataset, RunConfig, evaluate
from ragas.llms import LangchainLLMWrapper
from ragas.metrics import AspectCritic, ExactMatch
from ragas.metrics.base import Metric


def evaluated(cases: list[Case], metric: Metric) -> str:
    dataset = EvaluationDataset.from_list(
        [
            {
                "user_input": case["question"],
                "response": case["answer"],
                "reference": case["expected"],
            }
            for case in cases
        ]
    )
    found = evaluate(
        dataset,
        [metric],
        run_config=RunConfig(max_workers=CONCURRENCY),
        show_progress=False,
        raise_exceptions=False,
    )
    values = found[metric.name]
    absent = sum(math.isnan(value) for value in values)
    return f"{found}, NaN {absent}"


def judge(cases: list[Case], url: str) -> str:
    model = ChatOpenAI(model="gpt-4o", base_url=url + "/v1", api_key="none")
    return evaluated(
        cases, AspectCritic(name="correct", definition=RUBRIC, llm=LangchainLLMWrapper(model))
    )


if __name__ == "__main__":
    main(lambda cases: evaluated(cases, ExactMatch()), judge)
