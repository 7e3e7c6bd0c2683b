"""A scorer made of a function: what it looks at, how it is called, and what comes of it.

A subject goes in, scores come out; what goes wrong in the function is the status of a score. A
scorer holds no state and is never changed.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from trimtab.errors import ScorerError
from trimtab.kit.clock import NS_PER_MS, SystemClock
from trimtab.kit.hashing import digest
from trimtab.ports import Clock, Subject
from trimtab.records import Score, Target
from trimtab.records.score import ScoreSource, score_id
from trimtab.scorers.arguments import FIELDS, Argument, Wants, bind
from trimtab.scorers.calling import described, in_thread, is_async, is_being_cancelled, is_large
from trimtab.scorers.counted import Counted
from trimtab.scorers.fingerprint import fingerprint
from trimtab.scorers.judgement import NAME, Outcome, Scale, bounds, failed, outcomes
from trimtab.scorers.parameters import fitting

P = ParamSpec("P")
R = TypeVar("R")
Tier = Literal["code", "model", "judge"]

_SOURCE: dict[Tier, ScoreSource] = {"code": "code", "model": "model", "judge": "judge"}


@dataclass(frozen=True, kw_only=True)
class FunctionScorer(Generic[P, R]):
    """A scorer made of a function; called, it is that function. Make one with `scorer`.

    A synchronous function of the tier "code" without `timeout_s` runs where it is called and is
    expected to take milliseconds; any other synchronous function, and one that gets a text of more
    than 100,000 characters, runs in a thread of its own, so that it blocks nobody. `inline` says
    which.
    """

    function: Callable[P, R]
    name: str
    version: str
    declared: Mapping[str, Any] = field(repr=False)
    tier: Tier
    higher_is_better: bool
    scale: Scale
    timeout_s: float | None
    wants: Wants = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    additions: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)
    clock: Clock = field(default_factory=SystemClock, repr=False, compare=False)
    is_async: bool = field(init=False, repr=False)
    inline: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        function, own = self.function, vars(self)
        own["is_async"] = is_async(function)
        own["inline"] = self.tier == "code" and self.timeout_s is None and not self.is_async
        own["__wrapped__"] = function
        for name in ("__doc__", "__module__", "__name__", "__qualname__"):
            own[name] = getattr(function, name, None)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @cached_property
    def digest(self) -> str:
        """The hash of the function, of what was declared about it, and of what was added since.

        It is taken when it is first asked for: by then the whole module of the function is there.
        """
        found = fingerprint(self.function, self.declared)
        for added in self.additions:
            found = digest([found, *added])
        return found

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The fields of a subject that the function gets."""
        return self.wants.arguments

    def configured(self, *, name: str | None = None, **settings: Any) -> FunctionScorer[P, R]:
        """This scorer with other values for its parameters; they belong to the digest.

        Args:
            name: of its scores, so that one run can hold a scorer twice.
        Raises:
            ScorerError: there is no such parameter, or a value does not fit it.

        >>> from trimtab import scorer
        >>> @scorer
        ... def short(output: str, *, words: int = 10) -> bool:
        ...     return len(output.split()) <= words
        >>> [score.passed for score in short.configured(words=3).check(output="one two three")]
        [True]
        """
        called = self.name if name is None else name
        if not NAME.fullmatch(called):
            check_declaration(called, self.scale, self.tier, self.timeout_s)
        values = {**self.settings, **fitting(self.wants.parameters, settings, where=called)}
        return replace(
            self,
            name=called,
            settings=values,
            additions=(*self.additions, (called, values)) if values or name else self.additions,
        )

    def using(self, **resources: Any) -> FunctionScorer[P, R]:
        """This scorer with what it works with (`judge`, `embedder`); it takes what it names.

        What they are belongs to the digest: `model` of a judge, `name` of an embedder.
        """
        named = {name for name, _ in self.wants.resources}
        taken = {n: r for n, r in resources.items() if n in named and r is not None}
        if not taken:
            return self
        who = [getattr(taken[n], "model", getattr(taken[n], "name", "")) for n in sorted(taken)]
        return replace(
            self, resources={**self.resources, **taken}, additions=(*self.additions, (who,))
        )

    async def score(self, subject: Subject) -> list[Score]:
        """Judge a subject; at least one score.

        A field that is absent and has no default in the function: "unscored". An exception, a
        value off the scale: "error". Not done in `timeout_s`: "timeout".
        """
        started_ns = self.clock.monotonic_ns()
        given, judged = self._prepare(subject)
        if judged is None:
            here = self.inline and not is_large(given)
            judged = self._judge(given) if here else await self._judge_elsewhere(given)
            if "judge" in self.resources:
                judged = given["judge"].paid(judged)
        return self._scores(subject, judged, started_ns)

    def check(self, **arguments: Any) -> list[Score]:
        """Score the arguments in a test; returns the scores when no assertion failed.

        Works inside and outside a running event loop. Inside one, a scorer that is not inline
        holds the loop up until it is done: `await scorer.acheck(...)` does not.

        Raises:
            AssertionError: a judgement is False, or there is no judgement.
            ScorerError: an argument is not a field of a subject.
        """
        subject = self._subject(arguments)
        if not self.inline:
            with ThreadPoolExecutor(1) as thread:
                run = contextvars.copy_context().run
                return self._asserted(thread.submit(run, asyncio.run, self.score(subject)).result())
        started_ns = self.clock.monotonic_ns()
        given, judged = self._prepare(subject)
        return self._asserted(self._scores(subject, judged or self._judge(given), started_ns))

    async def acheck(self, **arguments: Any) -> list[Score]:
        """`check` in the running event loop."""
        return self._asserted(await self.score(self._subject(arguments)))

    # -- judging -------------------------------------------------------------------------------

    def _prepare(self, subject: Subject) -> tuple[dict[str, Any], dict[str, Outcome] | None]:
        """What to call the function with, or the outcome when it cannot be called."""
        try:
            given, missing = bind(self.arguments, subject)
        except (ValueError, TypeError, RecursionError) as error:
            return {}, {self.name: failed(f"the subject cannot be read: {described(error)}")}
        missing += [n for n, needed in self.wants.resources if needed and n not in self.resources]
        if missing:
            return {}, {self.name: failed(f"missing: {', '.join(missing)}", "unscored")}
        given |= {**self.settings, **self.resources}
        if "judge" in self.resources:
            given["judge"] = Counted(self.resources["judge"])
        return given, None

    def _judge(self, given: dict[str, Any]) -> dict[str, Outcome]:
        """Call a synchronous function; whatever it raises is on record."""
        call: Callable[..., Any] = self.function
        try:
            return self._read(call(**given))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            return {self.name: failed(described(error))}

    async def _judge_elsewhere(self, given: dict[str, Any]) -> dict[str, Outcome]:
        """Await an asynchronous function, or a thread that runs a synchronous one."""
        deadline = asyncio.timeout(self.timeout_s)
        try:
            async with deadline:
                if not self.is_async:
                    return await in_thread(lambda: self._judge(given))
                call: Callable[..., Any] = self.function
                return self._read(await call(**given))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
                raise
            if deadline.expired() and isinstance(error, TimeoutError):
                reason = f"took longer than {self.timeout_s:g} s"
                return {self.name: failed(reason, "timeout")}
            return {self.name: failed(described(error))}

    def _read(self, result: object) -> dict[str, Outcome]:
        return outcomes(self.name, result, self.scale, higher_is_better=self.higher_is_better)

    def _scores(self, subject: Subject, judged: dict[str, Outcome], started_ns: int) -> list[Score]:
        latency_ms = (self.clock.monotonic_ns() - started_ns) / NS_PER_MS
        time_ns = self.clock.now_ns()
        return [
            Score(
                score_id=score_id(subject.target, name, self.digest, subject.run),
                project=subject.project,
                target=subject.target,
                name=name,
                status=outcome.status,
                value=outcome.value,
                label=outcome.label,
                passed=outcome.passed,
                reason=outcome.reason,
                evidence=outcome.evidence,
                source=_SOURCE[self.tier],
                scorer_version=self.version,
                digest=self.digest,
                run=subject.run,
                cost_usd=outcome.cost_usd,
                latency_ms=latency_ms,
                time_ns=time_ns,
                metadata=dict(outcome.metadata),
            )
            for name, outcome in judged.items()
        ]

    # -- assertions ----------------------------------------------------------------------------

    def _subject(self, arguments: dict[str, Any]) -> Subject:
        unknown = sorted(set(arguments) - set(FIELDS))
        if unknown:
            raise ScorerError(
                f"{unknown[0]!r} is nothing a scorer can look at",
                where=f"{self.name}.check",
                fix=f"use {', '.join(FIELDS)}",
                allowed=FIELDS,
            )
        for name in ("context", "passages"):
            if arguments.get(name) is not None:
                arguments = {**arguments, name: tuple(arguments[name])}
        return Subject(target=Target(kind="example", id="check"), **arguments)

    def _asserted(self, scores: list[Score]) -> list[Score]:
        against = [line for score in scores if (line := _objection(score))]
        if against:
            raise AssertionError("\n".join(against))
        return scores


def check_declaration(name: str, scale: Scale, tier: Tier, timeout_s: float | None) -> None:
    if not NAME.fullmatch(name):
        raise ScorerError(
            f"{name!r} is not a name for a scorer",
            where="name",
            fix="give name=, of letters, digits, '_', '.', '-', '/' and spaces",
        )
    bounds(scale)
    if tier not in _SOURCE:
        raise ScorerError(
            f"{tier!r} is not a tier", where=name, fix=f"use {', '.join(_SOURCE)}", allowed=_SOURCE
        )
    if timeout_s is not None and not timeout_s > 0:
        raise ScorerError("timeout_s is not positive", where=name, got=timeout_s)


def tier_of(wanted: Wants, declared: Tier | None, *, where: str) -> Tier:
    """The tier of a function that wants this: who takes a judge is one.

    Raises ScorerError where it takes a judge and is declared to be of another tier: it would gate
    without a calibration card, and what it asks would not be paid for.
    """
    if all(name != "judge" for name, _ in wanted.resources):
        return declared or "code"
    if declared not in (None, "judge"):
        raise ScorerError(
            f"a scorer that takes `judge` is of the tier judge, not {declared}",
            where=where,
            fix='leave `tier` out or say tier="judge", or take no `judge`',
        )
    return "judge"


def _objection(score: Score) -> str | None:
    """Why a score does not let an assertion pass; None when it does."""
    if score.status == "scored" and score.passed is not False:
        return None
    what = "failed" if score.status == "scored" else f"was not judged ({score.status})"
    reason = f": {score.reason}" if score.reason else ""
    return "\n  ".join([f"{score.name} {what}{reason}", *score.evidence])
