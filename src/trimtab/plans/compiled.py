"""A plan made ready: its templates compiled, its schemas built, what each step needs known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trimtab.errors import ConfigError, InvalidRequest
from trimtab.plans.graph import Needs, following, ordered, unused
from trimtab.plans.values import Value
from trimtab.records import Plan, Step
from trimtab.signals.schemas import Schema
from trimtab.templates.size import Size


class CompiledStep:
    """One step, ready to be done.

    Args:
        where: its place in the plan, for errors: `steps[2]`.
        size: of the templates of the steps before it.
    Raises:
        InvalidRequest: a template or the schema is wrong; `where` is its place.
    """

    def __init__(self, step: Step, where: str, size: Size) -> None:
        self.step = step
        self.where = where
        self.when = _value(step.when, f"{where}.when", size)
        self.each = _value(step.each, f"{where}.each", size)
        self.message = _value(step.message, f"{where}.message", size)
        self.inputs = {
            name: Value(text, f"{where}.inputs.{name}", size) for name, text in step.inputs.items()
        }
        self.schema = _schema(step, f"{where}.output_schema")

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def values(self) -> Iterator[Value]:
        """Every template of the step."""
        named = (self.when, self.each, self.message)
        yield from (value for value in named if value is not None)
        yield from self.inputs.values()

    @property
    def needs(self) -> frozenset[str]:
        """The steps that must be done first."""
        return frozenset(self.step.after).union(*(value.names.steps for value in self.values))


class CompiledPlan:
    """A plan, ready to be run. `order` are the names of its steps, each after those it needs.

    Raises:
        InvalidRequest: it could not be run; `where` is the first place that is wrong.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        size = Size()
        self.steps = {
            step.name: CompiledStep(step, f"steps[{index}]", size)
            for index, step in enumerate(plan.steps)
        }
        self.output = _value(plan.output, "output", size)
        self.needs: Needs = {name: step.needs for name, step in self.steps.items()}
        self._require_known()
        self.order = ordered(self.needs)
        self._require_used()

    def redone(self, first: str) -> frozenset[str]:
        """A step, and those that need it. Raises InvalidRequest where there is no such step."""
        if first not in self.steps:
            raise InvalidRequest(
                f"the plan {self.plan.ref} has no step {first[:100]!r}",
                where="from",
                fix=f"name one of {', '.join(self.steps)}",
            )
        return following(self.needs, [first])

    @property
    def _last(self) -> str:
        return self.plan.steps[-1].name

    def result(self, scope: Mapping[str, Any]) -> Any:
        """The output of a run whose steps are all done. Raises InvalidRequest."""
        if self.output is None:
            return scope["steps"][self._last]["output"]
        return self.output.of(scope)

    @property
    def result_needs(self) -> frozenset[str]:
        """The steps that the output takes."""
        return frozenset({self._last}) if self.output is None else self.output.names.steps

    def _require_known(self) -> None:
        for compiled in self.steps.values():
            for index, name in enumerate(compiled.step.after):
                self._require_steps([name], f"{compiled.where}.after[{index}]", compiled.name)
            for value in compiled.values:
                self._require_steps(value.names.steps, value.where, compiled.name)
                self._require_inputs(value)
                if value.names.item and (compiled.each is None or value is compiled.each):
                    raise InvalidRequest(
                        "there is no item here",
                        where=value.where,
                        fix="give the step `each: {{ steps.NAME.output }}`, and take the item in "
                        "its other templates",
                    )
        if self.output is not None:
            self._require_steps(self.output.names.steps, "output", "")
            self._require_inputs(self.output)
            if self.output.names.item:
                raise InvalidRequest(
                    "there is no item here", where="output", fix="write steps.NAME.output"
                )

    def _require_steps(self, names: Iterable[str], where: str, own: str) -> None:
        for name in sorted(names):
            if name == own:
                raise InvalidRequest(
                    f"the step {name!r} needs itself", where=where, fix="name another step"
                )
            if name not in self.steps:
                raise InvalidRequest(
                    f"there is no step {name[:100]!r}",
                    where=where,
                    fix=f"name one of {', '.join(list(self.steps)[:50])}",
                )

    def _require_inputs(self, value: Value) -> None:
        declared = [one.name for one in self.plan.inputs]
        for name in sorted(value.names.inputs - {"*"}):
            if name not in declared:
                raise InvalidRequest(
                    f"there is no input {name[:100]!r}",
                    where=value.where,
                    fix=f"declare it under `inputs`; there is {', '.join(declared) or 'none'}",
                )

    def _require_used(self) -> None:
        for name in unused(self.needs, self.result_needs):
            raise InvalidRequest(
                f"nothing uses the step {name!r}",
                where=self.steps[name].where,
                fix="take its output in another step or in `output`, name it under `after`, or "
                "leave it out",
            )


def _value(text: str | None, where: str, size: Size) -> Value | None:
    return None if text is None else Value(text, where, size)


def _schema(step: Step, where: str) -> Schema | None:
    if step.output_schema is None:
        return None
    try:
        return Schema(step.output_schema)
    except ConfigError as error:
        raise InvalidRequest(
            error.what, where=where, fix=error.fix or "see json-schema.org"
        ) from None
