"""What judging costs beyond the call itself: CPU per judgement, and throughput under latency.

    python bench/judge_overhead.py [--seconds 3]

The judge runs in a process of its own and answers at once with fixed bytes, so the figures are
those of this process. A bare call sends the same body and reads the same answer with the same HTTP
client; a judgement makes the prompt of `faithfulness`, asks by the judge (structured output, pace,
kept replies off), checks the answer and makes a score. Then every answer takes 50 ms, with 64
in flight, and with 64 in flight over the engine of a run. CPU time hardly depends on how busy the
machine is; throughput does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import uvloop

from trimtab.evals.chat import GatewayChat
from trimtab.experiments.engine import Bounds, Engine
from trimtab.experiments.pace import Pace, PacedChat
from trimtab.kit import jsonx
from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import ChatReply, Response, Subject
from trimtab.records import Example, Result, Target
from trimtab.scorers.judges.asking import ChatJudge, TimedChat
from trimtab.scorers.judges.faithfulness import faithfulness

IN_FLIGHT = 64
DELAY_S = 0.05
PASSAGES = tuple(f"Passage {n}: " + "the widget server listens on a port. " * 12 for n in range(4))
ANSWER = "The widget server listens on port 7711. Its console uses port 7712."
CLAIMS = {
    "claims": [
        {"claim": f"Claim {n} of the answer.", "verdict": "supported", "quote": "listens on a port"}
        for n in range(4)
    ]
}
COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "judge",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": json.dumps(CLAIMS)},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990},
    }
).encode()
REPLY = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    b"x-trimtab-cost-usd: 0.0001\r\ncontent-length: %d\r\n\r\n%b" % (len(COMPLETION), COMPLETION)
)
Work = Callable[[], Awaitable[object]]


class Server(asyncio.Protocol):
    """Answers a request as soon as, or 50 ms after, its last byte is there."""

    delay_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) >= size:
            self.buffer = b""
            if self.delay_s:
                asyncio.get_running_loop().call_later(self.delay_s, self.transport.write, REPLY)
            else:
                self.transport.write(REPLY)


async def serve(delay_s: float) -> None:
    Server.delay_s = delay_s
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Capture:
    """Keeps what a judge asks, to send the same bytes without it."""

    def __init__(self) -> None:
        self.body = b""

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        self.body = jsonx.encode(request)
        return ChatReply(error="captured")


SUBJECT = Subject(
    target=Target(kind="example", id="e1"), input="Which port?", output=ANSWER, context=PASSAGES
)


def scorer_of(url: str, chat: Any = None) -> Any:
    paced = PacedChat(TimedChat(chat=chat or GatewayChat(url), timeout_s=60.0), Pace(IN_FLIGHT))
    return faithfulness.using(judge=ChatJudge(chat=paced, target="far/judge"))


async def figures(work: Work, seconds: float) -> Measured:
    """CPU microseconds a piece, and pieces a second, with 64 in flight."""
    done, stop_at = 0, time.perf_counter() + 0.5

    async def worker() -> None:
        nonlocal done
        while time.perf_counter() < stop_at:
            await work()
            done += 1

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    done = 0
    cpu, wall = time.process_time(), time.perf_counter()
    stop_at = wall + seconds
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Measured(cpu / done * 1e6, done / wall)


class Measured(NamedTuple):
    cpu_us: float
    per_s: float


async def bare_and_judged(url: str, seconds: float) -> tuple[Measured, Measured]:
    """A bare call, and a judgement by the same call."""
    capture = Capture()
    await scorer_of(url, capture).score(SUBJECT)
    client, headers = HTTP1Client(), {"content-type": "application/json"}

    async def bare() -> None:
        response = await client.request(
            "POST", url + "/v1/chat/completions", headers=headers, body=capture.body
        )
        await response.read()

    scorer = scorer_of(url)

    async def judged() -> None:
        [score] = await scorer.score(SUBJECT)
        assert score.value == 1.0, score.reason

    found = await figures(bare, seconds), await figures(judged, seconds)
    await client.aclose()
    return found


class Counting:
    """A sink that keeps nothing."""

    waits = False

    def answered(self, result: Result) -> None: ...

    def finished(self, result: Result) -> None: ...

    async def settled(self, result: Result) -> None: ...


async def engine_throughput(url: str, cases: int) -> float:
    """Judged cases a second of a run over recorded answers."""
    examples = [
        Example(example_id=str(n), input=f"Which port? {n}", context=PASSAGES) for n in range(cases)
    ]

    async def recorded(_example: Example, _repeat: int) -> Response:
        return Response(output=ANSWER, cost_usd=Decimal(0))

    engine = Engine(
        recorded, [scorer_of(url)], Counting(), run="r", bounds=Bounds(concurrency=IN_FLIGHT)
    )
    started = time.perf_counter()
    await engine.go(examples)
    assert engine.tally.unscored == 0
    return cases / (time.perf_counter() - started)


def started(delay_s: float) -> tuple[subprocess.Popen[str], str]:
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(delay_s)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    return server, f"http://127.0.0.1:{server.stdout.readline().strip()}"


def report(seconds: float) -> None:
    at_once, late = started(0.0), started(DELAY_S)
    ideal = IN_FLIGHT / DELAY_S
    try:
        for loop, factory in (
            ("asyncio", asyncio.new_event_loop),
            ("uvloop", uvloop.new_event_loop),
        ):
            with asyncio.Runner(loop_factory=factory) as runner:
                bare, judged = runner.run(bare_and_judged(at_once[1], seconds))
                over = judged.cpu_us - bare.cpu_us
                print(f"{loop}: CPU of a bare call {bare.cpu_us:.0f} us,", end=" ")
                print(f"of a judgement {judged.cpu_us:.0f} us: overhead {over:.0f} us", end=", ")
                print(f"{judged.per_s:.0f} judgements/s with one process")
                bare, judged = runner.run(bare_and_judged(late[1], seconds))
                run = runner.run(engine_throughput(late[1], int(ideal * seconds)))
                print(f"{loop}: at 50 ms, of {ideal:.0f}/s:", end=" ")
                for name, rate in (("bare", bare.per_s), ("judged", judged.per_s), ("run", run)):
                    print(f"{name} {rate:.0f}/s = {rate / ideal:.1%}", end="  ")
                print(f"judged/bare {judged.per_s / bare.per_s:.1%}", flush=True)
    finally:
        for server, _ in (at_once, late):
            server.terminate()
            server.wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve is not None:
        uvloop.run(serve(options.serve))
    else:
        report(options.seconds)
