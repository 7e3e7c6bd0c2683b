"""A red-team run: attacks as the rows of a suite, run, journalled, stored and gated like any other.

What is attacked and how goes in; runs, rates for each kind of attack and the differences between
groups come out. There is no engine of its own: `evaluate_suite` runs it, so that resuming, budgets,
comparisons, reports and the pages of runs are those of every evaluation.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from trimtab.client import Client
from trimtab.evals.baselines import Base
from trimtab.evals.evaluation import Outcome, evaluate_suite
from trimtab.evals.files import Declared
from trimtab.evals.options import Given, Options, Site
from trimtab.evals.perform import Watching
from trimtab.evals.preview import preview_suite
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import DataRef, Slice, Suite, SuiteGate, TaskRef
from trimtab.records import Example, Result, text_of
from trimtab.redteam import pack
from trimtab.redteam.attack import Attack, Goal
from trimtab.redteam.counterfactual import MEASURES, Difference, Measure, Pair, differences
from trimtab.redteam.rates import Rate, Tried, rate_of, rates

METRIC = "resists_attack"
_NAMELESS = re.compile(r"[^A-Za-z0-9_.\-/ ]")
_LEARNED = ("toxicity", "sentiment")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is attacked: a route, a release (`route@version`) or a model.

    Args:
        url: of a server that speaks OpenAI's chat completions, where it is not the gateway; `key`
            is its credential and may name the environment: `${TOKEN}`.
    """

    name: str
    url: str | None = None
    key: str | None = None

    def task(self, client: Client | None) -> TaskRef:
        """What answers the attacks; a refusal by a guard is an answer."""
        if self.url is None and "/" not in self.name and self._is_release(client):
            return TaskRef(release=self.name, blocked="answer")
        return TaskRef(models=(self.name,), url=self.url, key=self.key, blocked="answer")

    def _is_release(self, client: Client | None) -> bool:
        if "@" in self.name or client is None:
            return "@" in self.name
        found = client.get("/api/v1/releases", {"route": self.name})["data"]
        return any(one["state"] == "live" for one in found)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One red-team run.

    Args:
        families, goals, system, seed, variants: which attacks are made (`redteam.pack.attacks`).
        without: another target that gets the same attacks, as the model without its guards.
        bias: ask counterfactual pairs too.
        max_calls: of all attacks of a target so many, spread over the techniques.
        max_cost_usd: ends a run before it costs more.
        fail_above: the success rate that is tolerable, in (0, 1); None gates nothing.
    """

    target: Target
    without: Target | None = None
    families: Sequence[str] = ()
    goals: Sequence[Goal] = ()
    system: str = ""
    seed: int = 0
    variants: int = 1
    bias: bool = False
    max_calls: int | None = None
    max_cost_usd: Decimal | None = None
    concurrency: int = 8
    fail_above: float | None = None
    resume: bool = False
    commit: str | None = None


class RedTeamed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a plan; `without` are the attacks on the target without guards."""

    outcomes: Sequence[Outcome]
    tried: Sequence[Tried]
    without: Sequence[Tried] = ()
    bias: Sequence[Difference] = ()

    @property
    def total(self) -> Rate:
        return rate_of("all", self.tried)

    @property
    def techniques(self) -> list[Rate]:
        return rates(self.tried, "technique")

    @property
    def owasp(self) -> list[Rate]:
        return rates(self.tried, "owasp")


Say = Callable[[str], None]


async def red_team(
    plan: Plan, site: Site, *, say: Say = lambda _: None, watching: Watching | None = None
) -> RedTeamed:
    """Run a plan: first the target without its guards, then the target, then the pairs.

    Raises:
        TrimtabError: something that is named is wrong, or results cannot be written.
    """
    rows = _attacks(plan)
    measures = _measures() if plan.bias else {}
    about = (plan, site, say, watching)
    base, done = None, list[Outcome]()
    if plan.without is not None:
        bare = await _run(plan.without, rows, *about)
        if bare.run.status != "done":
            return RedTeamed(outcomes=[bare], tried=tried_of(bare))
        base = Base(bare.run, bare.performed.results)
    found = await _run(plan.target, rows, *about, base=base, gates=True)
    done.append(found)
    bias: Sequence[Difference] = ()
    if plan.bias and found.run.status == "done":
        paired = await _run(plan.target, _rows(pack.pairs(plan.seed, system=plan.system)), *about)
        done.append(paired)
        bias = differences(list(_pairs(paired)), measures, seed=plan.seed)
    return RedTeamed(
        outcomes=done,
        tried=tried_of(found),
        without=() if base is None else tried_of_results(base.results, rows),
        bias=bias,
    )


async def preview(plan: Plan, site: Site) -> list[str]:
    """What would be asked and what it may cost; nothing is asked."""
    sides = [plan.target] if plan.without is None else [plan.without, plan.target]
    said = []
    for target in sides:
        rows = _attacks(plan)
        declared = await asyncio.to_thread(_declared, target, plan, site, gates=False, paired=False)
        found = await preview_suite(declared, _options(plan), site, Given(rows=rows))
        said += [text for _, text in found]
    return said


def tried_of(outcome: Outcome) -> list[Tried]:
    """The attacks of a run, with what came of each."""
    return tried_of_results(outcome.performed.results, outcome.performed.examples)


def tried_of_results(results: Sequence[Result], examples: Sequence[Example]) -> list[Tried]:
    """The attacks that results are about; those of rows that are no attacks are left out."""
    rows = {example.example_id: example for example in examples}
    found = []
    for result in results:
        row = rows.get(result.example_id)
        attack = row.metadata.get("attack") if row is not None else None
        if isinstance(attack, Mapping):
            found.append(_tried(attack, result))
    return found


def _tried(attack: Mapping[str, Any], result: Result) -> Tried:
    score = next((score for score in result.scores if score.name == METRIC), None)
    passed = None if score is None else score.passed
    reason = result.error or (None if score is None else score.reason)
    return Tried(
        technique=str(attack.get("technique", "")),
        family=str(attack.get("family", "")),
        owasp=str(attack.get("owasp", "")),
        goal=str(attack.get("goal", "")),
        succeeded=None if passed is None else not passed,
        reason=reason or "",
        attack_id=result.example_id,
    )


def _attacks(plan: Plan) -> list[Example]:
    """The attacks of a plan as rows."""
    made = pack.attacks(
        plan.seed,
        variants=plan.variants,
        families=plan.families,
        goals=plan.goals,
        system=plan.system,
    )
    return _rows(made)


def _rows(attacks: Sequence[Attack]) -> list[Example]:
    return [attack.example() for attack in attacks]


async def _run(
    target: Target,
    rows: Sequence[Example],
    plan: Plan,
    site: Site,
    say: Say,
    watching: Watching | None,
    *,
    base: Base | None = None,
    gates: bool = False,
) -> Outcome:
    paired = any("pair" in row.metadata["attack"] for row in rows)
    declared = await asyncio.to_thread(_declared, target, plan, site, gates=gates, paired=paired)
    [outcome] = await evaluate_suite(
        declared,
        _options(plan),
        site,
        Given(rows=rows),
        base=base,
        say=say,
        watching=watching,
    )
    return outcome


def _declared(target: Target, plan: Plan, site: Site, *, gates: bool, paired: bool) -> Declared:
    """The attacks on a target as a suite."""
    name = f"{'bias' if paired else 'red team'} {target.name}"
    data = DataRef(seed=plan.seed, sample=None if paired else plan.max_calls)
    suite = Suite(
        name=_NAMELESS.sub(" ", name)[:200],
        data=data,
        task=target.task(site.client),
        scorers=("refusal", "length") if paired else (METRIC, "refusal"),
        gate=_gate(plan) if gates else SuiteGate(),
        slices=() if paired else tuple(map(_slice, ("family", "technique", "owasp"))),
        concurrency=plan.concurrency,
    )
    return Declared(suite=suite, folder=Path.cwd(), origin="trimtab redteam")


def _slice(field: str) -> Slice:
    return Slice(by=f"metadata.attack.{field}", metric=METRIC, min_cases=1)


def _gate(plan: Plan) -> SuiteGate:
    """A ceiling for the success rate. What is gained over the bare model is reported only."""
    if plan.fail_above is None and plan.without is None:
        return SuiteGate()
    floor = None if plan.fail_above is None else 1 - plan.fail_above
    return SuiteGate(rules=(GateRule(metric=METRIC, margin=1.0, floor=floor),))


def _options(plan: Plan) -> Options:
    # Kept replies are of an answer before the guards changed: each attack is sent anew.
    return Options(
        cache="off",
        max_cost_usd=plan.max_cost_usd,
        resume=plan.resume,
        commit=plan.commit,
    )


def _pairs(outcome: Outcome) -> Iterator[Pair]:
    """Answered pairs; one that lacks a side is left out."""
    answers = {
        result.example_id: text_of(result.output)
        for result in outcome.performed.results
        if result.error is None
    }
    sides: dict[str, list[tuple[str, str, str]]] = {}
    for row in outcome.performed.examples:
        attack = row.metadata["attack"]
        if row.example_id in answers:
            side = (attack["technique"], attack["group"], answers[row.example_id])
            sides.setdefault(attack["pair"], []).append(side)
    for found in sides.values():
        if len(found) == 2:
            (technique, one, first), (_, other, second) = found
            attribute = technique.removeprefix("bias-")
            yield Pair(attribute=attribute, groups=(one, other), answers=(first, second))


def _measures() -> Mapping[str, Measure]:
    """What answers to pairs are compared by: their length, refusals, and the signals of tone."""
    from trimtab.signals.catalogue import signal
    from trimtab.signals.text import Text

    def reading(name: str) -> Measure:
        found = signal(name)
        return lambda text: found.read(Text(text)).score

    return {**MEASURES, **{name: reading(name) for name in _LEARNED}}
