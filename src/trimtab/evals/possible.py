"""Whether a gate can be met at all, before anything is run. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trimtab.errors import ConfigError
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import SuiteGate
from trimtab.ports import Scorer
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judgement import bounds
from trimtab.scorers.judges.panel import Panel
from trimtab.scorers.judges.repeated import Repeated


def require_possible(
    gate: SuiteGate, scorers: Sequence[Scorer], *, repeats: int, left_out: bool
) -> None:
    """Refuse rules on what nobody measures, or beyond its scale, and cases that must pass more
    repeats than there are.

    Which scores an object of a program gives is only known once it has: of a metric that might be
    one of those nothing is said.

    Args:
        left_out: some scorers of the suite are not applied, so that a metric may be one of theirs.
    Raises:
        ConfigError: a rule cannot be met.
    """
    for number, case in enumerate(gate.cases):
        if case.at_least is not None and case.at_least > repeats:
            raise ConfigError(
                f"cases must pass {case.metric} in {case.at_least} of {repeats} repeats",
                where=f"gate.cases[{number}].at_least",
                fix=f"repeat at least {case.at_least} times, or ask for fewer",
            )
    known = all(isinstance(each, FunctionScorer | Panel | Repeated) for each in scorers)
    if left_out or not known:
        return
    asked = [(rule.metric, f"gate.rules[{n}]") for n, rule in enumerate(gate.rules)]
    asked += [(case.metric, f"gate.cases[{n}]") for n, case in enumerate(gate.cases)]
    for metric, where in asked:
        if not any(metric == each.name or metric.startswith(f"{each.name}.") for each in scorers):
            names = ", ".join(each.name for each in scorers) or "none"
            raise ConfigError(
                f"no scorer gives {metric[:100]!r}",
                where=where,
                fix=f"name one of the suite's scorers ({names}), or add it to `scorers`",
            )
    scales = {each.name: getattr(each, "scale", None) for each in scorers}
    for number, rule in enumerate(gate.rules):
        if (scale := bounds(scales.get(rule.metric))) is not None:
            _require_within(rule, scale, f"gate.rules[{number}]")


def _require_within(rule: GateRule, scale: tuple[float, float], where: str) -> None:
    """Refuse a margin that no loss can reach, and a floor that no value can."""
    low, high = scale
    values = f"from {low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
    on = f"{rule.metric[:100]} is {values}"
    if rule.margin > high - low:
        raise ConfigError(
            f"{on}, and no loss of it can reach a margin of {rule.margin:g}",
            where=f"{where}.margin",
            fix=f"give a margin of {high - low:g} at most",
        )
    if rule.floor is not None and not low <= rule.floor <= high:
        raise ConfigError(
            f"{on}, which a floor of {rule.floor:g} lies outside of",
            where=f"{where}.floor",
            fix=f"give a floor of {values}" if math.isinf(high) else f"give a floor {values}",
        )
