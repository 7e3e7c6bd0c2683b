"""No tool: the bare HTTP calls of a judge, by aiohttp, with as many in flight; no answer is parsed
beyond its JSON. For exact match, a comparison in a loop.
"""

from __future__ import annotations

import asyncio
import json

import aiohttp
from measured import CONCURRENCY, RUBRIC, Case, main, stated


def exact(cases: list[Case]) -> str:
    return stated(mean=sum(case["answer"] == case["expected"] for case in cases) / len(cases))


async def judge(cases: list[Case], url: str) -> str:
    waiting = iter(cases)

    async def work(session: aiohttp.ClientSession) -> int:
        done = 0
        for case in waiting:
            body = {
                "model": "judge",
                "messages": [{"role": "user", "content": f"{RUBRIC}\n{json.dumps(case)}" * 4}],
            }
            async with session.post(url + "/v1/chat/completions", json=body) as response:
                done += bool((await response.json())["choices"])
        return done

    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector) as session:
        counts = await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))
    return stated(answers=sum(counts))


if __name__ == "__main__":
    main(exact, lambda cases, *, url: asyncio.run(judge(cases, url)))
