"""What one scoring costs: CPU time of each scorer of code on a row that it can judge.

    python bench/scorers.py

Subjects are like those of an experiment: an answer of some 60 words with an expected text of like
length, passages and calls of tools. Each figure is the median of rounds of `FunctionScorer.score`,
everything included: binding the subject, judging, and the score's record with its id. Nothing is
stored.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import resource
import statistics
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from trimtab.ports import Scorer, Subject
from trimtab.records import Message, Passage, Span, Target, TokenLogprob, ToolCall, Usage
from trimtab.scorers.registry import BUILT_IN

_SECONDS = 0.2
_MOST = 20_000
_COMMON = ["the", "of", "and", "to", "in", "a", "is", "that", "for", "it"]
_CALLS = (
    ToolCall(name="search", arguments={"q": "port"}),
    ToolCall(name="read", arguments={"path": "docs/serve.md", "page": 2}),
    ToolCall(name="search", arguments={"q": "address"}),
)
_JSON = '{"port": 8321, "host": "127.0.0.1", "tags": ["a", "b"], "limits": {"rps": 10}}'
_NEEDED: dict[str, dict[str, Any]] = {
    "calibration": {"output": '{"answer": "8321", "probability": 0.75}', "expected": "8321"},
    "classification": {"output": "Spam.", "expected": "spam"},
    "exact": {"output": "8321", "expected": "8321"},
    "normalised": {"output": "8321.", "expected": "8321"},
    "citation_ids": {"expected": {"citations": ["docs/p0.md#x/0"]}},
    "json_diff": {"output": _JSON, "expected": {"port": 8321, "host": "::1", "tags": ["a"]}},
    "json_schema": {"output": _JSON, "metadata": {"schema": {"required": ["port"]}}},
    "json_valid": {"output": _JSON},
    "numeric_close": {"output": "That makes 1,235 in all.", "expected": 1235},
    "python_tests": {"output": "def f(): return 1", "expected": "assert f() == 1"},
    "quote_in_source": {"output": 'It says "the server listens on this port".'},
    "regex": {"expected": "[0-9]{4}"},
    "retrieval": {"expected": {"relevant": ["docs/p3.md#x/0", "docs/p8.md#x/0"]}},
    "sql_result": {
        "output": "SELECT port FROM servers",
        "expected": "SELECT port FROM servers ORDER BY port",
        "metadata": {"setup": "CREATE TABLE servers(port); INSERT INTO servers VALUES (1), (2)"},
    },
    "tool_args": {"expected": [{"name": "search", "arguments": {"q": "port"}}]},
    "tool_called": {"expected": "search"},
    "tool_schema": {"metadata": {"tools": [{"name": "search"}, {"name": "read"}]}},
    "tool_sequence": {"expected": ["search", "read"]},
    "trajectory_f1": {"expected": ["search", "read"]},
}


def subjects(name: str, count: int) -> list[Subject]:
    """Rows with texts of their own, as some measures remember what they have seen."""
    chance = random.Random(name)
    vocabulary = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(2_000)]

    def prose(size: int) -> str:
        words = [
            chance.choice(_COMMON) if chance.random() < 0.3 else chance.choice(vocabulary)
            for _ in range(size)
        ]
        return ". ".join(" ".join(words[at : at + 12]) for at in range(0, size, 12)) + "."

    found = []
    for row in range(count):
        expected = prose(60)
        kept = [word for word in expected.split() if chance.random() > 0.2]
        passages = tuple(
            Passage(id=f"docs/p{n}.md#x/0", source=f"docs/p{n}.md", text=prose(60))
            for n in range(10 if name in _OF_PASSAGES else 1)
        )
        fields = {
            "output": f"{' '.join(kept)} [docs/p0.md#x/0]",
            "expected": expected,
            "passages": passages,
            "context": tuple(passage.text for passage in passages),
            "messages": (Message(role="system", content=expected),),
            "tool_calls": _CALLS,
            "samples": (expected,),
            "metadata": {"kind": "answerable"},
            **_OPERATIONS,
            **_NEEDED.get(name, {}),
        }
        target = Target(kind="example", id=f"e{row}")
        found.append(Subject(target=target, run="bench", input="Which port?", **fields))
    return found


_OF_PASSAGES = {"retrieval", "groundedness", "quote_in_source", "cites_source", "citation_ids"}
_OPERATIONS: dict[str, Any] = {
    "latency_ms": 12.5,
    "cost_usd": Decimal("0.0026"),
    "usage": Usage(input=40, output=12),
    "logprobs": (TokenLogprob(token=".", logprob=-0.25, top=(-0.25, -2.0)),) * 60,
    "spans": (Span(trace_id="a" * 32, span_id="b" * 16, name="n", start_ns=0, end_ns=1),),
}


async def cpu_ms(scorer: Scorer, rows: Sequence[Subject]) -> float:
    """Milliseconds of CPU of one scoring, processes that it starts included."""
    begun = _cpu_s()
    for row in rows:
        await scorer.score(row)
    return (_cpu_s() - begun) / len(rows) * 1000


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


async def measured(name: str, rounds: int) -> float:
    scorer = BUILT_IN[name]
    few = subjects(name, 3)
    for score in [score for row in few for score in await scorer.score(row)]:
        if score.status != "scored":
            raise SystemExit(f"{name} is {score.status}: {score.reason}")
    once = max(await cpu_ms(scorer, few), 0.001)
    count = max(3, min(_MOST, int(_SECONDS * 1000 / once)))
    rows = subjects(name, min(count, 1_000))
    rows = (rows * (count // len(rows) + 1))[:count]
    return statistics.median([await cpu_ms(scorer, rows) for _ in range(rounds)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"{platform.machine()}, Python {platform.python_version()}; CPU of one scoring\n")
    print("| scorer | ms |\n|---|---|")
    names = [name for name in BUILT_IN if BUILT_IN[name].tier == "code"]
    for name in names:
        print(f"| {name} | {asyncio.run(measured(name, rounds)):.4f} |", flush=True)


if __name__ == "__main__":
    main()
