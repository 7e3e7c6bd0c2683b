"""autoevals: no runner of its own, so the loop around it is the user's."""

from __future__ import annotations

import asyncio

from autoevals import ExactMatch, init
from autoevals.llm import ClosedQA
from measured import CONCURRENCY, RUBRIC, Case, main, stated
from openai import AsyncOpenAI


async def exact(cases: list[Case]) -> str:
    scorer = ExactMatch()
    scores = [
        await scorer.eval_async(output=case["answer"], expected=case["expected"]) for case in cases
    ]
    return stated(mean=sum(score.score for score in scores) / len(scores))


async def judge(cases: list[Case], url: str) -> str:
    init(client=AsyncOpenAI(base_url=url + "/v1", api_key="none"))
    scorer, free = ClosedQA(model="judge"), asyncio.Semaphore(CONCURRENCY)

    async def one(case: Case) -> float:
        async with free:
            found = await scorer.eval_async(
                output=case["answer"], input=case["question"], criteria=RUBRIC
            )
            return found.score

    scores = await asyncio.gather(*map(one, cases))
    return stated(mean=sum(scores) / len(scores))


if __name__ == "__main__":
    main(
        lambda cases: asyncio.run(exact(cases)),
        lambda cases, *, url: asyncio.run(judge(cases, url)),
    )
