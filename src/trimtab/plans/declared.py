"""Declarations: what a file or a request says of a plan becomes a `Plan`, or an error that says
where it is wrong and what to do."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit.jsonx import reason
from trimtab.plans.compiled import CompiledPlan
from trimtab.plans.requests import PROMPT
from trimtab.ports import Clock
from trimtab.records import Plan, PlanBudget, Step, Variable
from trimtab.records.plan import plan_digest
from trimtab.templates.variables import article, fits

MOST_STEPS = 200
MOST_BYTES = 256 * 1024
"""Of a declaration as text."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_UNKNOWN = re.compile(r"object contains unknown field `([^`]*)`")
_OWN = frozenset({"messages", "model", "n", "response_format", "stream", "trimtab"})
_OF_CALLS = ("model", "message", "parameters", "output_schema")


class StepInput(Step, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of a plan that is declared."""


class BudgetInput(PlanBudget, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run of a plan that is declared may use."""


class PlanInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan as it is declared.

    `inputs` is a list of variables, or an object of them by name: `{text: string}`.
    """

    name: str
    description: str = ""
    inputs: list[Variable] | dict[str, Any] = []
    steps: tuple[StepInput, ...]
    output: str | None = None
    budget: BudgetInput = BudgetInput()


def declared(value: Any, *, project: str, author: str | None, clock: Clock) -> Plan:
    """The plan of a declaration, checked: it can be run. Its version is not assigned.

    Raises:
        InvalidRequest: something in it is wrong; `where` is its place, as `steps[2].message`.
    """
    _require_finite(value, "")
    given = _converted(value)
    _check_plan_name(given.name)
    if not given.steps or len(given.steps) > MOST_STEPS:
        raise InvalidRequest(
            f"a plan has 1 to {MOST_STEPS} steps, not {len(given.steps)}",
            where="steps",
            fix="do what is alike in one step with `each`, or make several plans",
        )
    inputs = _inputs(given.inputs)
    steps = tuple(msgspec.convert(msgspec.to_builtins(step), Step) for step in given.steps)
    _check_names([step.name for step in steps], "steps", "step")
    for index, step in enumerate(steps):
        _check_step(step, f"steps[{index}]")
    budget = msgspec.convert(msgspec.to_builtins(given.budget), PlanBudget)
    plan = Plan(
        name=given.name,
        version=0,
        project=project,
        description=given.description,
        inputs=inputs,
        steps=steps,
        output=given.output,
        budget=budget,
        digest=plan_digest(inputs, steps, given.output, budget),
        author=author,
        created_ns=clock.now_ns(),
    )
    CompiledPlan(plan)
    return plan


def filled(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given to a run, in the order of the declaration, with the defaults of what was not.

    Raises:
        InvalidRequest: an input is missing, unknown, or of another type; `where` is `inputs.NAME`.
    """
    known = {one.name: one for one in plan.inputs}
    for name in given:
        if name not in known:
            near = get_close_matches(name[:100], known, n=1)
            raise InvalidRequest(
                f"the plan {plan.ref} has no input {name[:100]!r}",
                where=f"inputs.{name[:100]}",
                fix=f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}",
            )
    found = {}
    for one in plan.inputs:
        if one.name not in given and one.required:
            raise InvalidRequest(
                f"the plan {plan.ref} lacks the input {one.name!r}",
                where=f"inputs.{one.name}",
                fix=f"give {article(one.type)}",
            )
        value = given.get(one.name, one.default)
        if one.name in given and not fits(one, value):
            raise InvalidRequest(
                f"the input {one.name!r} must be {article(one.type)}",
                where=f"inputs.{one.name}",
                fix="give it as the plan declares it",
            )
        found[one.name] = value
    return found


def _require_finite(value: Any, where: str) -> None:
    """Raises InvalidRequest for .inf and .nan of YAML: a limit of them would be none."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest(
            f"{value} is not a finite number", where=where or "$", fix="write it out, or leave it"
        )
    if isinstance(value, dict):
        for name, one in value.items():
            _require_finite(one, f"{where}.{name}" if where else str(name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            _require_finite(one, f"{where}[{index}]")


def _converted(value: Any) -> PlanInput:
    try:
        return msgspec.convert(value, PlanInput)
    except msgspec.ValidationError as error:
        text, path = reason(error)
        unknown = _UNKNOWN.match(text)
        where = path.removeprefix("$").removeprefix(".") or "$"
        if unknown is None:
            raise InvalidRequest(
                f"the plan is wrong: {text}", where=where, fix="see docs/plans.md"
            ) from None
        kinds: dict[str, type[msgspec.Struct]] = {"steps": StepInput, "budget": BudgetInput}
        kind = kinds.get(re.split(r"[.\[]", where)[0], PlanInput)
        near = get_close_matches(unknown[1][:100], kind.__struct_fields__, n=1)
        known = f"there is {', '.join(kind.__struct_fields__)}"
        raise InvalidRequest(
            f"there is no field {unknown[1][:100]!r}",
            where=where,
            fix=f"did you mean {near[0]}?" if near else known,
        ) from None


def _inputs(given: list[Variable] | dict[str, Any]) -> tuple[Variable, ...]:
    if isinstance(given, list):
        found = given
    else:
        found = [_input(name, about) for name, about in given.items()]
    _check_names([one.name for one in found], "inputs", "input")
    for one in found:
        if not one.required and one.default is not None and not fits(one, one.default):
            raise InvalidRequest(
                f"the default of {one.name!r} is not {article(one.type)}",
                where=f"inputs.{one.name}.default",
                fix="correct the type or the default",
            )
    return tuple(found)


def _input(name: str, about: Any) -> Variable:
    """One input by name: its type, or an object of what is known of it."""
    fields = about if isinstance(about, dict) else {"type": about or "string"}
    if "default" in fields:
        fields = {"required": False, **fields}
    try:
        return msgspec.convert({**fields, "name": name}, Variable)
    except msgspec.ValidationError as error:
        text, path = reason(error)
        raise InvalidRequest(
            f"the input is wrong: {text}",
            where=f"inputs.{name[:100]}{path.removeprefix('$')}",
            fix="write its type: string, number, integer, boolean, array or object",
        ) from None


def _check_plan_name(name: str) -> None:
    """It stands in paths of URLs, and before the @ of a version."""
    if not name.strip() or name in (".", "..") or {"/", "@"} & set(name):
        raise InvalidRequest(
            f"{name[:100]!r} cannot be the name of a plan",
            where="name",
            fix="choose one without / and @",
        )


def _check_names(names: list[str], where: str, what: str) -> None:
    for index, name in enumerate(names):
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"{name[:100]!r} cannot be the name of an {what}"
                if what == "input"
                else f"{name[:100]!r} cannot be the name of a {what}",
                where=f"{where}[{index}].name",
                fix="use letters, digits and underscores, a letter first, 64 at most",
            )
        if name in names[:index]:
            raise InvalidRequest(
                f"two are called {name!r}",
                where=f"{where}[{index}].name",
                fix="give one of them another name",
            )


def _check_step(step: Step, where: str) -> None:
    if step.ask is None:
        for field in _OF_CALLS:
            if getattr(step, field):
                raise InvalidRequest(
                    f"a step that asks nobody has no {field}",
                    where=f"{where}.{field}",
                    fix="say whom it asks, `ask: ROUTE`, or leave this out",
                )
        if step.votes > 1:
            raise InvalidRequest(
                "a step that asks nobody has no votes", where=f"{where}.votes", fix="leave it out"
            )
    elif not step.ask.removeprefix(PROMPT).strip():
        raise InvalidRequest(
            "whom the step asks is empty",
            where=f"{where}.ask",
            fix="name a route, prompt/NAME or a model, or leave it out for a step that asks nobody",
        )
    elif step.message is None:
        raise InvalidRequest(
            f"the step {step.name!r} says nothing to {step.ask[:100]!r}",
            where=f"{where}.message",
            fix="write a `message`; a prompt comes before it, with `inputs` as its variables",
        )
    for name in step.parameters:
        if name in _OWN:
            raise InvalidRequest(
                f"{name!r} is not for `parameters`",
                where=f"{where}.parameters.{name}",
                fix="the step says it in a field of its own: ask, model, message, output_schema "
                "or votes",
            )
