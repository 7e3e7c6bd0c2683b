"""What the pages of plans and probes show: flows and questions, and a model that does as told."""

from __future__ import annotations

from typing import Any

from tests.scripted import Scripted
from tests.serving import Served
from tests.ui.records import HOSTILE
from tests.upstream import Answer, error_json, hang_before_head

PROVIDER = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}
"""
QUESTIONS = [f"What is the rule number {number} of the house?" for number in range(16)]


class Model(Scripted):
    """Answers in its `manner`; a question with WAIT in it never, one with FAIL while it `fails`."""

    def __init__(self) -> None:
        super().__init__()
        self.manner = "The answer to:"
        self.fails = True

    def said(self, body: dict[str, Any]) -> str | Answer:
        question = body["messages"][-1]["content"]
        if "WAIT" in question:
            return hang_before_head()
        if "FAIL" in question and self.fails:
            return error_json(400, f"this cannot be answered {HOSTILE}")
        if "LIST" in question:
            return '{"parts": ["red", "green", "blue"]}'
        return f"{self.manner} {question}"


def plans(server: Served) -> dict[str, str]:
    """A flow that was run well and once badly; the ids of its runs."""
    schema = {
        "type": "object",
        "required": ["parts"],
        "properties": {"parts": {"type": "array", "items": {"type": "string"}}},
    }
    steps = [
        {"name": "parts", "ask": "far/one", "message": "LIST", "output_schema": schema},
        {
            "name": "answers",
            "ask": "far/one",
            "each": "{{ steps.parts.output.parts }}",
            "message": "Say something about {{ item }}.",
        },
        {
            "name": "apology",
            "ask": "far/one",
            "when": "{{ inputs.tone == 'sorry' }}",
            "message": "Say sorry.",
        },
        {
            "name": "reply",
            "ask": "far/one",
            "retries": 0,
            "message": "{{ inputs.mail }} {{ steps.answers.output }} {{ steps.apology.output }}",
        },
    ]
    plan = {
        "name": "answer-mail",
        "description": f"Answers a mail part by part. {HOSTILE}",
        "inputs": {"mail": "string", "tone": {"type": "string", "default": "friendly"}},
        "steps": steps,
        "budget": {"calls": 40, "minutes": 5},
    }
    server.client.post("/api/v1/plans", plan)
    mails = {"done": f"How are you? {HOSTILE}", "failed": "FAIL"}
    return {
        name: server.client.post(
            "/api/v1/plans/answer-mail/runs", {"inputs": {"mail": mail}, "wait": True}
        )["plan_run_id"]
        for name, mail in mails.items()
    }


def probes(server: Served, model: Model) -> None:
    """A probe that was answered alike, and then in another manner."""
    examples = [
        {"example_id": f"q{number:02}", "input": question}
        for number, question in enumerate(QUESTIONS)
    ]
    server.client.post("/api/v1/datasets", {"name": "pinned", "examples": examples})
    probe = {"ask": "far/one", "dataset": "pinned", "enabled": False}
    server.client.put("/api/v1/probes/nightly", probe)
    for manner in ("The answer to:", "The answer to:", "Certainly! I would be delighted:"):
        model.manner = manner
        server.client.post("/api/v1/probes/nightly/looks", {})
