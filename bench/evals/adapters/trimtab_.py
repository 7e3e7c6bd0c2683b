"""Trimtab: `trimtab.aevaluate`, a judge asked over HTTP without a server between."""

from __future__ import annotations

import asyncio

from measured import CONCURRENCY, Case, main, stated

import trimtab
from trimtab.evals.chat import GatewayChat
from trimtab.scorers.judges.asking import ChatJudge


def rows(cases: list[Case]) -> list[dict[str, str]]:
    return [
        {"example_id": case["id"], "input": case["question"], "expected": case["expected"]}
        for case in cases
    ]


async def evaluated(cases: list[Case], url: str) -> str:
    answers = {case["question"]: case["answer"] for case in cases}
    chat = GatewayChat(url) if url else None

    async def answer(input: str) -> str:
        return answers[input]

    name = "closed_qa" if chat else "exact"
    try:
        found = await trimtab.aevaluate(
            answer,
            rows(cases),
            scorers=[name],
            judge=chat and ChatJudge(chat=chat, target="judge"),
            concurrency=CONCURRENCY,
        )
    finally:
        if chat:
            await chat.aclose()
    metric = found.metrics[name]
    return stated(
        value=metric.value, scored=f"{metric.n} of {len(cases)}", exit_code=found.exit_code
    )


if __name__ == "__main__":
    main(
        lambda cases: asyncio.run(evaluated(cases, "")),
        lambda cases, *, url: asyncio.run(evaluated(cases, url)),
    )
