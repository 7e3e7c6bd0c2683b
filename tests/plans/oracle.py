"""A model for plans, over HTTP: it does what the message asks, and remembers what it was asked.

    SPLIT a,b   a JSON list            ECHO x     x in capitals
    CLASS x     {"label": x}           BAD x      never JSON
    MEND x      JSON at the second try HANG x     no answer
    FAIL x      HTTP 500

A vote (`VOTE a b b`) is answered by the words in turn.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tests.upstream import Answer, Request, Upstream, error_json, hang, respond, upstream_in_thread

PROVIDERS = """
gateway: {{defaults: {{retries: {{attempts: 0}}}}}}
providers:
  - kind: openai_compatible
    name: far
    base_url: {url}
    models:
      - id: m
        context_tokens: 8000
        price: {{input: "1", output: "10"}}
      - id: free
"""


class Oracle:
    """The model; `asked` are the texts it was asked, in the order they came."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.on_ask: Callable[[str], None] = lambda _: None
        self._votes: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        body = request.json
        text = str(body["messages"][-1]["content"] if body["messages"] else "")
        first = next((m["content"] for m in body["messages"] if m["role"] == "user"), "")
        with self._lock:
            self.asked.append(text)
            self.bodies.append(request.body)
        self.on_ask(text)
        return self._answer(str(first), body)

    def _answer(self, text: str, body: dict[str, Any]) -> Answer:
        word, _, rest = text.partition(" ")
        if word == "HANG":
            return [hang]
        if word == "FAIL":
            return error_json(500, "out of order")
        tried_again = len(body["messages"]) > 2
        answers: dict[str, Callable[[], str]] = {
            "SPLIT": lambda: json.dumps(rest.split(",")),
            "CLASS": lambda: "```json\n" + json.dumps({"label": rest}) + "\n```",
            "BAD": lambda: "certainly! here you are",
            "MEND": lambda: json.dumps({"label": rest}) if tried_again else "oh",
            "VOTE": lambda: self._vote(rest),
        }
        return completion(body, answers.get(word, rest.upper)())

    def _vote(self, rest: str) -> str:
        with self._lock:
            number = self._votes[rest]
            self._votes[rest] += 1
        words = rest.split()
        return words[number % len(words)]


def completion(body: dict[str, Any], text: str) -> Answer:
    """An answer of 1,000 tokens, which at the price of `far/m` is a cent and a bit."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    answer = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{**choice, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1_000, "total_tokens": 1_010},
    }
    return respond(200, json.dumps(answer).encode())


@contextlib.contextmanager
def oracle() -> Iterator[tuple[Oracle, Upstream]]:
    found = Oracle()
    with upstream_in_thread(handler=found) as upstream:
        yield found, upstream
