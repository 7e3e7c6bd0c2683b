"""Plan: a fixed flow of several steps, and one run of it, kept step by step."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.kit.hashing import digest
from trimtab.records.prompt import Variable
from trimtab.records.record import Record

PlanStatus = Literal["running", "done", "failed", "interrupted"]


class Step(Record, frozen=True, kw_only=True):
    """One step: a call of a route, prompt or model, or a template that only shapes values.

    `after` names steps whose outputs it needs beside those its templates name. `inputs` are
    templates by the name of a variable, over `inputs.NAME` and `steps.NAME.output`. `ask` is a
    route, or `prompt/NAME`, which `model` answers, or a model; without it the step's output is
    `inputs` themselves. `message` is what the user says, as a template. An answer that
    `output_schema` refuses is asked for again, up to `retries` times in all. With `votes`, the
    answer most of so many say is taken. `when` is a template; the step is skipped where it renders
    empty, `false`, `no` or `0`. `each` is a template of a list: the step is done for each `item` of
    it. `timeout_s` is for one question, with its retries.
    """

    name: str
    ask: str | None = None
    model: str | None = None
    message: str | None = None
    inputs: dict[str, str] = {}
    after: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    output_schema: dict[str, Any] | None = None
    when: str | None = None
    each: str | None = None
    votes: Annotated[int, Meta(ge=1, le=25)] = 1
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    timeout_s: Annotated[float, Meta(gt=0, le=86_400)] = 600.0


class PlanBudget(Record, frozen=True, kw_only=True):
    """What one run may use; no call begins that could exceed it. None is no limit."""

    calls: Annotated[int, Meta(ge=1)] | None = None
    usd: Annotated[float, Meta(gt=0)] | None = None
    minutes: Annotated[float, Meta(gt=0)] | None = None


class Plan(Record, frozen=True, kw_only=True):
    """One immutable version of a flow; the steps form a graph without cycles.

    `output` is a template over `inputs` and `steps`; None is the output of the last step.
    """

    name: str
    version: int
    project: str = "default"
    description: str = ""
    inputs: tuple[Variable, ...] = ()
    steps: tuple[Step, ...]
    output: str | None = None
    budget: PlanBudget = PlanBudget()
    digest: str
    author: str | None = None
    created_ns: int

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


class StepRecord(Record, frozen=True, kw_only=True):
    """What came of one step, or of one item of a step with `each`.

    `request` is what was sent; `pinned` says which release or prompt version answered. `agreed` is
    how many of the votes said the output. Of a step with `each`, the calls are in its items.
    """

    step: str
    item: int | None = None
    status: Literal["done", "skipped", "failed"]
    output: Any = None
    request: Any = None
    pinned: str | None = None
    model: str | None = None
    error: str | None = None
    agreed: int | None = None
    attempts: int = 1
    calls: int = 0
    cost_usd: Decimal | None = None
    trace_id: str | None = None
    span_id: str | None = None
    started_ns: int
    ended_ns: int


class PlanRun(Record, frozen=True, kw_only=True):
    """One run of a plan.

    `author` started it, with the virtual key of the id `key`, if it was one; `environment` is that
    of its calls. `owner` is the process
    that executes it, last heard of at `heard_ns`, and `takeovers` how often another one had to.
    `held_usd` is what calls that are under way may cost at most, and those that a crash cut off.
    `replay_of` is the run whose steps it takes, all but `replay_from` and those that need it.
    At `redact_ns` the record of a run that is over is redacted; `hidden` says that parts of it
    were, so that nothing can be made of it again.
    """

    plan_run_id: str
    project: str = "default"
    plan: str
    plan_digest: str
    inputs: dict[str, Any] = {}
    status: PlanStatus = "running"
    output: Any = None
    error: str | None = None
    calls: int = 0
    cost_usd: Decimal | None = None
    held_usd: Decimal | None = None
    trace_id: str | None = None
    author: str | None = None
    key: str | None = None
    environment: str | None = None
    replay_of: str | None = None
    replay_from: str | None = None
    owner: str | None = None
    takeovers: int = 0
    started_ns: int
    ended_ns: int | None = None
    heard_ns: int | None = None
    redact_ns: int | None = None
    hidden: bool = False


def plan_digest(
    inputs: tuple[Variable, ...],
    steps: tuple[Step, ...],
    output: str | None,
    budget: PlanBudget,
) -> str:
    """Hash of everything that can change what a run does."""
    return digest([inputs, steps, output, budget])
