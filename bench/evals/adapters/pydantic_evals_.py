"""pydantic-evals: `Dataset.evaluate`, its OpenAI model, an async task."""

from __future__ import annotations

import asyncio
from typing import Any

from measured import CONCURRENCY, RUBRIC, main, stated
from measured import Case as Row
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EqualsExpected, LLMJudge


async def evaluated(cases: list[Row], evaluator: Any) -> str:
    answers = {case["question"]: case["answer"] for case in cases}

    async def answer(question: str) -> str:
        return answers[question]

    dataset: Any = Dataset(
        name="bench",
        cases=[
            Case(name=case["id"], inputs=case["question"], expected_output=case["expected"])
            for case in cases
        ],
        evaluators=[evaluator],
    )
    report = await dataset.evaluate(answer, max_concurrency=CONCURRENCY, progress=False)
    failed = sum(bool(case.evaluator_failures) for case in report.cases)
    return stated(
        assertions=report.averages().assertions,
        failures=len(report.failures),
        evaluator_failures=failed,
    )


def judge(url: str) -> LLMJudge:
    provider = OpenAIProvider(base_url=url + "/v1", api_key="none")
    model = OpenAIChatModel("judge", provider=provider)
    return LLMJudge(RUBRIC, model=model, include_input=True, include_expected_output=True)


if __name__ == "__main__":
    main(
        lambda cases: asyncio.run(evaluated(cases, EqualsExpected())),
        lambda cases, *, url: asyncio.run(evaluated(cases, judge(url))),
    )
