"""Parts of own.py in which a judge is asked, and those with a server of Trimtab between."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from judging import calls
from judging import judge as judge_at
from measured import CONCURRENCY, cases
from serving import serving
from trial import JUDGED, MANY, Row, Work, alternated, evaluated, rows, scratch, task

from trimtab.evals.chat import GatewayChat
from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import ChatReply
from trimtab.scorers.judges.asking import ChatJudge

DELAY_S = 0.05
PASSAGES = [f"Passage {n}: " + "the widget server listens on a port. " * 12 for n in range(4)]


class Recording:
    """A chat that keeps the body of the last question, to send the same bare."""

    def __init__(self, chat: GatewayChat) -> None:
        self.chat = chat
        self.body: Mapping[str, Any] = {}

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        self.body = request
        return await self.chat.ask(request)


async def by_aiohttp(url: str, body: bytes, count: int) -> None:
    left = iter(range(count))
    headers = {"content-type": "application/json"}
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for _ in left:
                async with session.post(url, data=body, headers=headers) as response:
                    json.loads(await response.read())

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


async def by_own_client(url: str, body: bytes, count: int) -> None:
    left, client = iter(range(count)), HTTP1Client()
    headers = {"content-type": "application/json"}

    async def work() -> None:
        for _ in left:
            response = await client.request("POST", url, headers=headers, body=body)
            json.loads(await response.read())

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    await client.aclose()


async def judged(
    url: str, count: int, scorer: str = "closed_qa", **fields: Any
) -> tuple[dict[str, Work], bytes]:
    """A judge metric over so many cases, and the bare calls of the same bytes by two clients.

    Args:
        fields: of every row.
    """
    found = cases(count)
    data = [{**row, **fields} for row in rows(found)]
    chat = Recording(GatewayChat(url))
    asking = ChatJudge(chat=chat, target="judge")

    async def metric() -> None:
        report = await evaluated(found, data, scorers=[scorer], judge=asking)
        assert report.metrics[scorer].n == count, report.metrics

    await metric()
    body = json.dumps(chat.body).encode()
    path = url + "/v1/chat/completions"
    return {
        "metric": metric,
        "aiohttp": lambda: by_aiohttp(path, body, count),
        "own": lambda: by_own_client(path, body, count),
    }, body


async def judge(rounds: int, _large: int) -> list[Row]:
    with judge_at() as url:
        works, body = await judged(url, JUDGED)
        taken = await alternated(rounds, **works)
        works, long = await judged(url, JUDGED, "faithfulness", context=PASSAGES)
        also = await alternated(rounds, **works)
    metric, theirs, own = cpu_ms(taken)
    longer, aio, ours = cpu_ms(also)
    rate = f"{JUDGED / taken['metric'][1]:,.0f} cases/s by wall"
    bare = f"aiohttp {theirs:.2f} ms, our client {own:.2f} ms"
    over = f"{metric - theirs:.2f} ms over aiohttp, {metric - own:.2f} ms over our client"
    return [
        (
            f"one judge metric, instant judge, {JUDGED:,} cases: CPU a case",
            f"{metric:.2f} ms ({rate})",
            "–",
        ),
        (f"the bare call of the same {len(body):,} bytes: CPU", bare, "–"),
        ("judge overhead over the bare call", over, "1 ms"),
        (
            f"the same of `faithfulness`, four passages, {len(long):,} bytes",
            f"{longer - aio:.2f} ms over aiohttp, {longer - ours:.2f} ms over our client",
            "1 ms",
        ),
    ]


def cpu_ms(taken: dict[str, tuple[float, float]]) -> list[float]:
    """CPU a case of a metric, and of the bare calls by aiohttp and by our client."""
    return [taken[name][0] / JUDGED * 1000 for name in ("metric", "aiohttp", "own")]


async def latency(rounds: int, _large: int) -> list[Row]:
    """The best round of each: a busy machine takes from all, and never adds."""
    count = 6_400
    with judge_at(DELAY_S) as url:
        works, _ = await judged(url, count)
        asked = await shares(rounds, count, works)
    slept = await shares(rounds, count, sleeping(count))
    said = f"64 in flight at 50 ms, {count:,} cases, best of {rounds} rounds"
    bare = f"aiohttp {asked['aiohttp']:.1%}, our client {asked['own']:.1%}"
    return [
        (
            f"share of the ideal {CONCURRENCY / DELAY_S:,.0f}/s, {said}: a judge over HTTP",
            f"{asked['metric']:.1%}; bare calls: {bare}",
            "95 %",
        ),
        (
            "the same, a task that sleeps, judged by `exact`",
            f"{slept['task']:.1%}; bare sleeps {slept['bare']:.1%}",
            "95 %",
        ),
    ]


def sleeping(count: int) -> dict[str, Work]:
    """A task that takes its time, evaluated and bare."""
    found = cases(count)
    data, answer = rows(found), task(found)

    async def slow(input: str) -> str:
        await asyncio.sleep(DELAY_S)
        return await answer(input)

    async def bare() -> None:
        left = iter(data)

        async def work() -> None:
            for row in left:
                await slow(row["input"])

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))

    return {"task": lambda: evaluated(found, data, task=slow), "bare": bare}


async def shares(rounds: int, count: int, works: dict[str, Work]) -> dict[str, float]:
    """What each reaches of the ideal, at its best; they take turns."""
    best_s: dict[str, float] = {}
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            await work()
            taken_s = time.perf_counter() - began
            best_s[name] = min(taken_s, best_s.get(name, taken_s))
    least_s = count * DELAY_S / CONCURRENCY
    return {name: least_s / taken_s for name, taken_s in best_s.items()}


# -- with a server ---------------------------------------------------------------------------------


async def server(rounds: int, _large: int) -> list[Row]:
    found = cases(MANY, wrong_every=10)
    data = rows(found)
    with scratch() as folder, judge_at() as upstream, serving(folder, upstream) as there:
        settings = {"url": there.url, "key": there.key, "cache": "off"}
        also = {**settings, "folder": folder / "kept"}
        server_s = there.cpu_s()
        stored = await alternated(rounds, stored=lambda: evaluated(found, data, **also))
        server_s = (there.cpu_s() - server_s) / (rounds + 1)
        few = cases(JUDGED)
        by_name = {**settings, "scorers": ["closed_qa"], "judge": "judge/judge-model"}
        judged_s = there.cpu_s()
        through = await alternated(rounds, through=lambda: evaluated(few, rows(few), **by_name))
        judged_s = (there.cpu_s() - judged_s) / (rounds + 1)
    own, theirs, rate = stored["stored"][0] / MANY, server_s / MANY, MANY / stored["stored"][1]
    kept = f"{own * 1000:.3f} ms, and {theirs * 1000:.3f} ms of the server ({rate:,.0f}/s by wall)"
    own, theirs = through["through"][0] / JUDGED, judged_s / JUDGED
    asked = f"{own * 1000:.2f} ms, and {theirs * 1000:.2f} ms of the server"
    return [
        (f"exact match, {MANY:,} cases, journal and server: CPU a case", kept, "0.15 ms"),
        ("one judge metric through the gateway: CPU a case", asked, "–"),
    ]


async def again(rounds: int, _large: int) -> list[Row]:
    found = cases(MANY)
    data = rows(found)
    with scratch() as folder, judge_at() as upstream, serving(folder, upstream) as there:
        settings = {
            "url": there.url,
            "key": there.key,
            "folder": folder / "kept",
            "scorers": ["closed_qa"],
            "judge": "judge/judge-model",
        }
        await evaluated(found, data, **settings)
        asked = calls(upstream)
        taken = await alternated(rounds, again=lambda: evaluated(found, data, **settings))
        asked = calls(upstream) - asked
    [(cpu, wall)] = taken.values()
    rate = (
        f"{MANY / cpu:,.0f} a CPU second ({cpu / MANY * 1000:.3f} ms); {MANY / wall:,.0f} by wall"
    )
    return [
        (f"unchanged re-run of {MANY:,} judged cases, replies kept: calls", f"{asked}", "0"),
        ("the same: cases/s", rate, "5,000"),
    ]
