"""Prompts, releases, plans and probes for tests of metadata stores."""

from __future__ import annotations

from msgspec.structs import replace

from trimtab.records import (
    Approval,
    Message,
    ModelTarget,
    Plan,
    PlanBudget,
    PlanRun,
    Probe,
    ProbeLook,
    Prompt,
    Release,
    Retrieval,
    Step,
    StepRecord,
    Variable,
)
from trimtab.records.plan import plan_digest
from trimtab.records.prompt import prompt_digest
from trimtab.records.release import release_digest

NOW_NS = 1_700_000_000_000_000_000


def sample_prompt(
    text: str = "Answer briefly.", *, name: str = "docs", **changes: object
) -> Prompt:
    """A prompt as its station hands it to the store: the version is not assigned yet."""
    messages = (Message(role="system", content=text), Message(role="user", content="{{question}}"))
    prompt = Prompt(
        name=name,
        version=0,
        messages=messages,
        variables=("question",),
        parameters={"temperature": 0.0},
        digest=prompt_digest(messages, {"temperature": 0.0}),
        created_ns=1_700_000_000_000_000_000,
    )
    return replace(prompt, **changes)


def sample_release(
    release_id: str = "r1", *, model: str = "trimtab/extract", **changes: object
) -> Release:
    """A release whose content differs with `model`."""
    targets = (ModelTarget(model=model),)
    retrieval = Retrieval(corpus="docs")
    release = Release(
        release_id=release_id,
        route="docs",
        version=0,
        targets=targets,
        retrieval=retrieval,
        digest=release_digest(None, targets, {}, None, retrieval),
        created_ns=1_700_000_000_000_000_000,
    )
    return replace(release, **changes)


def approve(action: str = "promote", **changes: object) -> Approval:
    approval = Approval(principal="ann", time_ns=1_700_000_000_000_000_001, action="approve")
    return replace(approval, action=action, **changes)


def sample_plan(message: str = "{{ inputs.question }}", **changes: object) -> Plan:
    """A plan as its station hands it to the store: the version is not assigned yet."""
    inputs, budget = (Variable(name="question"),), PlanBudget(calls=5)
    steps = (Step(name="answer", ask="docs", message=message),)
    plan = Plan(
        name="triage",
        version=0,
        inputs=inputs,
        steps=steps,
        budget=budget,
        digest=plan_digest(inputs, steps, None, budget),
        created_ns=NOW_NS,
    )
    return replace(plan, **changes)


def sample_plan_run(plan_run_id: str = "p1", **changes: object) -> PlanRun:
    run = PlanRun(
        plan_run_id=plan_run_id, plan="triage@1", plan_digest="d", started_ns=NOW_NS, calls=2
    )
    return replace(run, **changes)


def sample_step(step: str = "answer", item: int | None = None, **changes: object) -> StepRecord:
    record = StepRecord(step=step, item=item, status="done", started_ns=NOW_NS, ended_ns=NOW_NS + 1)
    return replace(record, **changes)


def sample_probe(name: str = "names", **changes: object) -> Probe:
    return replace(Probe(name=name, ask="a/model", dataset="golden@1"), **changes)


def sample_look(run: str = "run-1", **changes: object) -> ProbeLook:
    return replace(ProbeLook(probe="names", run=run, time_ns=NOW_NS, status="same"), **changes)
