"""A model whose answers depend on its prompt, over HTTP: for tests and benchmarks of optimisers.

It sorts messages of customers into eight kinds. It knows the kind of a message where the
instruction has the rule for it (`Rule: KIND`), or, nine times in ten, where an example of the same
kind is shown; else it guesses, right one time in eight. All of that is a hash of the question, so
that the same request has the same answer. Asked for instructions, it adds rules for the kinds that
went wrong, and proposes texts that cannot be used as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tests.upstream import Answer, Request, Upstream, respond, upstream_in_thread

KINDS: dict[str, tuple[list[str], list[str]]] = {
    "billing": (
        ["My invoice for {} is wrong", "I was charged twice for {}", "The bill of {} has an error"],
        ["March", "April", "the premium plan", "last month", "the yearly plan", "June"],
    ),
    "delivery": (
        ["My parcel with {} has not arrived", "Where is the delivery of {}", "The courier lost {}"],
        ["the boots", "the lamp", "my books", "the chair", "the kettle", "the carpet"],
    ),
    "password": (
        ["I cannot log in on {}", "Reset my password for {}", "My login fails on {}"],
        ["my phone", "the website", "the tablet", "my laptop", "the app", "the browser"],
    ),
    "refund": (
        ["I want my money back for {}", "Refund me for {}", "When is the refund of {} paid out"],
        ["the torn coat", "the broken mug", "the ticket", "the tour", "the toy", "the headset"],
    ),
    "cancel": (
        ["Cancel my subscription to {}", "End my membership of {}", "Stop the renewal of {}"],
        ["the magazine", "the gym", "the music service", "the box", "the club", "the newsletter"],
    ),
    "allergy": (
        ["Does {} contain nuts", "Is {} free of gluten", "Which allergens are in {}"],
        ["the muesli", "the soup", "the cake", "the sauce", "the bread", "the chocolate"],
    ),
    "booking": (
        ["Book a table for {}", "Reserve a room for {}", "Is there a free seat for {}"],
        ["Friday evening", "two people", "New Year", "Sunday noon", "six guests", "Easter"],
    ),
    "repair": (
        ["The screen of {} is cracked", "{} does not switch on any more", "The battery of {} died"],
        ["my camera", "the drone", "my watch", "the radio", "the printer", "the scooter"],
    ),
}
MODEL = "simulated"
REFLECTOR = "reflector"
JUDGE = "judge"
PROMPT = [
    {"role": "system", "content": "Sort the message of a customer of {{ shop }} into its kind."},
    {"role": "user", "content": "{{ question }}"},
]


def rows(copies: int = 3) -> list[dict[str, Any]]:
    """18 messages of each kind, each `copies` times with another name at the end."""
    found = []
    names = ["Ada", "Bert", "Cleo", "Dora", "Emil", "Fay"][:copies]
    for kind, (forms, things) in KINDS.items():
        for form, thing, name in product(forms, things, names):
            text = f"{form.format(thing)}. Yours, {name}"
            shop = "Acme"
            found.append(
                {
                    "example_id": hashlib.sha256(text.encode()).hexdigest()[:16],
                    "input": {"question": text, "shop": shop},
                    "expected": kind,
                    "cluster": form.format(thing),
                }
            )
    return found


_KIND_OF = {row["input"]["question"]: row["expected"] for row in rows(6)}


def chance(*of: object) -> float:
    """A number in [0, 1) made of what is given."""
    taken = hashlib.sha256(repr(of).encode()).digest()[:8]
    return int.from_bytes(taken) / 2**64


def answer(messages: list[dict[str, Any]]) -> str:
    """What the simulated model says."""
    system = "\n".join(one["content"] for one in messages if one["role"] == "system")
    question = messages[-1]["content"]
    kind = _KIND_OF[question]
    shown = {one["content"] for one in messages if one["role"] == "assistant"}
    if f"Rule: {kind}" in system:
        return kind
    if kind in shown and chance("shown", question) < 0.9:
        return kind
    if chance("guess", question) < 1 / len(KINDS):
        return kind
    others = [other for other in KINDS if other != kind]
    return others[int(chance("wrong", question) * len(others))]


def reflection(text: str) -> str:
    """What the simulated reflector writes: a list of instructions as JSON."""
    present = text.split("<<<\n", 1)[1].split("\n>>>", 1)[0]
    wrong = list(dict.fromkeys(re.findall(r"^Expected: (\w+)$", text, re.MULTILINE)))
    rules = "".join(f"\nRule: {kind}" for kind in wrong if f"Rule: {kind}" not in present)
    proposed = [
        present + rules,
        present.replace("{{ shop }}", "the shop") + rules,
        present + " ",
        present + rules + "\nMind the {{ mood }}.",
    ]
    return json.dumps({"instructions": proposed})


def judgement(messages: list[dict[str, Any]]) -> str:
    """What the simulated judge says of `KIND should be KIND`: now and then no JSON at first."""
    given, _, wanted = messages[0]["content"].partition(" should be ")
    if len(messages) == 1 and chance("judge", given, wanted) < 0.2:
        return "Let me think about it."
    return json.dumps({"right": given == wanted})


@dataclass
class Simulator:
    """The handler of an upstream.

    `before` is called with each request, and may answer in the place of the simulator. `bodies` are
    all requests that came.
    """

    before: Callable[[Request], Answer | None] = lambda _: None
    bodies: list[dict[str, Any]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Answer:
        body = request.json
        with self.lock:
            self.bodies.append(body)
        own = self.before(request)
        if own is not None:
            return own
        messages = body["messages"]
        if body["model"].endswith(REFLECTOR):
            text = reflection(messages[-1]["content"])
        elif body["model"].endswith(JUDGE):
            text = judgement(messages)
        else:
            text = answer(messages)
        told = sum(len(str(one["content"])) for one in messages) // 4
        wire = {
            "id": "sim",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": told,
                "completion_tokens": max(1, len(text) // 4),
                "total_tokens": told + max(1, len(text) // 4),
            },
        }
        return respond(200, json.dumps(wire).encode())

    @property
    def calls(self) -> int:
        return len(self.bodies)

    @property
    def repeated(self) -> int:
        """Requests that had been made before with the same body."""
        return len(self.bodies) - len({json.dumps(one, sort_keys=True) for one in self.bodies})


@contextlib.contextmanager
def simulated(simulator: Simulator) -> Iterator[Upstream]:
    """The simulator on a socket."""
    with upstream_in_thread(handler=simulator) as upstream:
        yield upstream
