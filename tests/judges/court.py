"""A judge for tests: a model provider that judges by rules, and a gateway in front of it.

`Script` is what the provider does: a rule that turns what is asked into an answer, and faults that
come first. `Court` asks it from one event loop, through the gateway or directly.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.serving import Served, configured, served
from tests.upstream import Answer, Request, Upstream, error_json, respond, upstream_in_thread

from trimtab.evals.chat import GatewayChat
from trimtab.experiments.pace import Pace, PacedChat
from trimtab.ports import Scorer, Subject
from trimtab.records import Score, Target
from trimtab.scorers.judges.asking import ChatJudge, TimedChat

PRICE_USD = {"input": "1", "output": "1"}


class Asked:
    """One question as the judge reads it."""

    def __init__(self, request: Request) -> None:
        self.body: dict[str, Any] = request.json
        self.text: str = self.body["messages"][1]["content"]
        self.schema: dict[str, Any] = self.body["response_format"]["json_schema"]["schema"]
        self.model: str = self.body["model"]

    def material(self, name: str) -> str:
        """What stands between the tags of a name; "" where there are none."""
        found = re.search(rf"^<{name}>\n(.*?)\n</{name}>", self.text, re.DOTALL | re.MULTILINE)
        return found[1] if found else ""

    def items(self, name: str) -> list[str]:
        """The material as the numbered list that it is."""
        parts = re.split(r"^\d+\. ", self.material(name), flags=re.MULTILINE)
        return [part.strip() for part in parts[1:]]

    @property
    def criteria(self) -> int:
        item = self.schema["properties"]["criteria"]["items"]
        return int(item["properties"]["criterion"]["maximum"])


Rule = Callable[[Asked], Any]


def any_answer(asked: Asked) -> Any:
    """Something that has the schema, whatever it is."""
    return _valid(asked.schema)


def _valid(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: _valid(part) for name, part in schema["properties"].items()}
    if schema["type"] == "array":
        most = schema["items"].get("properties", {}).get("criterion", {}).get("maximum", 1)
        items = [_valid(schema["items"]) for _ in range(most)]
        return [
            {**item, "criterion": number} if "criterion" in item else item
            for number, item in enumerate(items, 1)
        ]
    return {"string": "because", "integer": schema.get("minimum", 1)}[schema["type"]]


def verdicts(asked: Asked, verdict: str) -> Any:
    """The same verdict on every criterion."""
    return {
        "criteria": [
            {"criterion": number, "verdict": verdict, "reason": "so"}
            for number in range(1, asked.criteria + 1)
        ]
    }


def literal_claims(asked: Asked) -> Any:
    """Each sentence is a claim, supported where it stands in the source word for word."""
    text, source = asked.material("answer"), asked.material("source")
    sentences = [part.strip() for part in re.findall(r"[^.!?]+[.!?]", text)]
    return {
        "claims": [
            {
                "claim": sentence,
                "verdict": "supported" if sentence in source else "not_mentioned",
                "quote": sentence if sentence in source else "",
            }
            for sentence in sentences
        ]
    }


def said(text: str, *, finish_reason: str = "stop", refusal: str | None = None) -> Answer:
    """A completion with this text."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "judge",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
    return respond(200, json.dumps(body).encode())


class Script:
    """What the provider answers: queued faults first, then the rule."""

    def __init__(self) -> None:
        self.rule: Rule = any_answer
        self.first: deque[Answer] = deque()
        self.asked: list[Asked] = []

    def __call__(self, request: Request) -> Answer:
        if request.target != "/v1/chat/completions":
            return error_json(404, "no such path")
        if "response_format" not in request.json:
            return said("It is blue.")
        asked = Asked(request)
        self.asked.append(asked)
        if self.first:
            return self.first.popleft()
        answer = self.rule(asked)
        return said(answer if isinstance(answer, str) else json.dumps(answer))


class Court:
    """One event loop that asks judges at a URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._runner = asyncio.Runner()
        self._chat = GatewayChat(url)

    def __enter__(self) -> Court:
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._chat.aclose())
        self._runner.close()

    def judge(self, model: str = "far/judge", *, timeout_s: float = 20.0) -> ChatJudge:
        chat = TimedChat(chat=self._chat, timeout_s=timeout_s)
        return ChatJudge(chat=PacedChat(chat, Pace(16)), target=model)

    def scores(self, scorer: Scorer, **fields: Any) -> list[Score]:
        subject = Subject(target=Target(kind="example", id="e1"), **fields)
        return self._runner.run(scorer.score(subject))

    def score(self, scorer: Scorer, **fields: Any) -> Score:
        [score] = self.scores(scorer, **fields)
        return score


@contextmanager
def provider(script: Script) -> Iterator[Upstream]:
    with upstream_in_thread(handler=script) as far:
        yield far


@contextmanager
def gateway(folder: Path, far: Upstream) -> Iterator[Served]:
    """A server whose provider `far` has the models judge, one, two, three, gpt-1 and gpt-2."""
    models = "".join(
        f"\n      - id: {name}\n        price: {json.dumps(PRICE_USD)}"
        for name in ("judge", "one", "two", "three", "gpt-1", "gpt-2")
    )
    text = f"""
providers:
  - name: far
    kind: openai_compatible
    base_url: {far.base_url}
    models:{models}
gateway:
  defaults:
    retries: {{attempts: 0}}
    breaker: {{failures: 1000}}
"""
    with served(configured(folder / "data", text)) as server:
        yield server
