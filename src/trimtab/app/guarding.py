"""Guarding: which guards a call passes, by its release, route and project; read by every call.

Built whenever the configuration or the stored policies change, and swapped whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from trimtab.config import Config
from trimtab.dialects.llm import DIALECTS
from trimtab.errors import ProviderError, RouteUnavailable, TrimtabError
from trimtab.gateway.ask import Ask, Caller
from trimtab.gateway.gateway import Gateway
from trimtab.gateway.hooks import Hooks
from trimtab.gateway.resolution import Resolution
from trimtab.guards.onnx import OnnxClassifier
from trimtab.guards.policies import DEFAULT, Policies
from trimtab.guards.policy import ReadyPolicy
from trimtab.guards.redaction import Redaction
from trimtab.guards.remote import RemoteClassifier
from trimtab.guards.slots import JudgeClassifier, Slots
from trimtab.kit import jsonx
from trimtab.kit.clock import SystemClock
from trimtab.kit.meter import Meter
from trimtab.ports import Clock
from trimtab.records import GuardPolicy, ModelSlot, Route, RouteGuards, Score, Span, text_of
from trimtab.scorers.registry import resolve
from trimtab.signals.catalogue import signal
from trimtab.signals.signal import Signal

Signals = dict[tuple[str, bytes], Signal]
_Key = tuple[str, RouteGuards | None]

_PURPOSE = "trimtab.purpose"
_OWN_CALLS = frozenset({"cache", "guard"})  # made by Trimtab, of texts that were looked at before


class Guarding:
    """The policies in force, ready to be asked.

    Args:
        policies: of file and store.
        signals: those that were made before, so that nothing is loaded twice.
    """

    def __init__(
        self,
        config: Config,
        policies: Mapping[tuple[str, str], GuardPolicy],
        slots: Slots,
        signals: Signals,
        clock: Clock,
    ) -> None:
        section = config.guards
        declared = {(one.project, one.name): one for one in section.policies}
        # What the file says of the default policy, the store does not say otherwise.
        kept = {
            key: policy
            for key, policy in policies.items()
            if not (section.says_default and policy.name == DEFAULT)
        }
        self._slots = slots
        self._signals = signals
        self._ready: dict[_Key, ReadyPolicy] = {}
        self._ingest = section.ingest
        self._intakes: dict[str, Redaction | None] = {}
        self._clock = clock
        self._shadowed = Meter(
            capacity=section.shadow_per_s, rate_per_s=section.shadow_per_s, now_s=self._now_s()
        )
        self.policies = Policies({**kept, **declared}.values(), default=default_policy(config))
        # A mistake in the file is one at the start; one in the store is that of its routes.
        for project, name in declared:
            self._made((project, RouteGuards(policy=name)))
        if (config.project, DEFAULT) not in kept:
            self._made((config.project, None))

    def hooks(self, ask: Ask, resolution: Resolution) -> Hooks | None:
        """The guards of one call. Raises RouteUnavailable when its policy cannot be used."""
        key = ask.caller.project, resolution.guards
        ready = self._ready.get(key) or self._late(key)
        watch = ready.begin()
        redact = watch.redaction.spans if watch.redaction is not None else None
        if ask.caller.attributes.get(_PURPOSE) in _OWN_CALLS:
            return Hooks((), redact=redact) if redact is not None else None
        if not watch.guards and redact is None:
            return None
        return Hooks(watch.guards, redact=redact)

    def refused(self, span: Span) -> Span:
        """The record of a call that was refused before it had a route, as it may be stored.

        It is redacted as the default policy of its project says.
        """
        redaction = self._of_project(span.project, ReadyPolicy.redaction)
        return redaction.span(span) if redaction is not None else span

    def ingested(self, span: Span) -> Span:
        """A span from outside, as it may be stored: see `guards.ingest`."""
        if self._ingest == "keep":
            return span
        redaction = self._intake(span.project)
        return redaction.span(span) if redaction is not None else span

    def judged(self, scores: Iterable[Score]) -> list[Score]:
        """Scores from outside, as the default policy of their project says they may be stored."""
        found = []
        for score in scores:
            redaction = self._of_project(score.project, ReadyPolicy.intake)
            found.append(redaction.score(score) if redaction is not None else score)
        return found

    def known_as(self, project: str, names: Iterable[str]) -> tuple[str, ...]:
        """Sessions or users by every name that records may have them under."""
        people = Redaction([_made_once(self._signals, "pii")])
        secret = Redaction([_made_once(self._signals, "secrets")])
        found: dict[str, None] = {}
        for name in names:
            hidden = people.name(project, secret.name(project, name))
            found |= dict.fromkeys((name, people.name(project, name), hidden))
        return tuple(found)

    def _intake(self, project: str) -> Redaction | None:
        """What hides parts of spans that come from outside."""
        if project not in self._intakes:
            redaction = self._of_project(project, ReadyPolicy.intake)
            if self._ingest == "redact":
                secrets = [_made_once(self._signals, "secrets")]
                redaction = redaction or Redaction(secrets, foreign=True)
            elif not self._hides_people(project):
                redaction = None
            self._intakes[project] = redaction
        return self._intakes[project]

    def _hides_people(self, project: str) -> bool:
        """Whether somebody said that personal data of a project is on no record.

        A policy that cannot be used may have said so.
        """
        try:
            record = self.policies.named(project, DEFAULT)
        except TrimtabError:
            return True
        return record.mode != "off" and record.record is not None and record.record.pii == "redact"

    def _of_project(
        self, project: str, kind: Callable[[ReadyPolicy], Redaction | None]
    ) -> Redaction | None:
        """What the default policy of a project hides; secrets and people where it is unusable."""
        key = project, None
        try:
            return kind(self._ready.get(key) or self._made(key))
        except TrimtabError:
            signals = [_made_once(self._signals, name) for name in ("secrets", "pii")]
            return Redaction(signals, foreign=True)

    def policy(self, project: str, guards: RouteGuards | None = None) -> GuardPolicy:
        """The policy of a route of a project, with all its rules. Raises ConfigError."""
        return self.policies.of(project, guards)

    def require_usable(self, policy: GuardPolicy) -> None:
        """Raises ConfigError, ScorerError or MissingExtra for a policy that cannot be asked."""
        known = Policies([policy], default=self.policies.named(policy.project, DEFAULT))
        self._compiled(known.named(policy.project, policy.name))

    def require_routes(self, routes: Iterable[Route]) -> None:
        """Raises what is wrong with a policy that a route names."""
        for route in routes:
            if route.guards is not None:
                self._made((route.project, route.guards))

    def _late(self, key: _Key) -> ReadyPolicy:
        """A policy that was not asked for before."""
        try:
            return self._made(key)
        except TrimtabError as error:
            # Not guarded as it should be is not answered.
            raise RouteUnavailable(
                f"the guards of this route cannot be used: {error}",
                fix="correct the policy",
                retry_after_s=60,
            ) from None

    def _made(self, key: _Key) -> ReadyPolicy:
        found = self._ready[key] = self._compiled(self.policies.of(*key))
        return found

    def _compiled(self, policy: GuardPolicy) -> ReadyPolicy:
        return ReadyPolicy(
            policy,
            slots=self._slots,
            scorer=lambda name: resolve([name])[0],
            signals=self._signals,
            shadows=self._may_shadow,
        )

    def _may_shadow(self) -> bool:
        """Whether rules that only try themselves have time for another call."""
        return self._shadowed.take(1, self._now_s())

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9


def require_guards(config: Config) -> None:
    """Raises ConfigError, ScorerError or MissingExtra for policies that `serve` would refuse."""

    def no_gateway() -> Gateway:
        raise RouteUnavailable("no models are asked here")

    clock = SystemClock()
    asking = slots(clock, no_gateway, config.project)
    try:
        Guarding(config, {}, asking, {}, clock)
    finally:
        asyncio.run(asking.aclose())


def default_policy(config: Config) -> GuardPolicy:
    """What holds where nothing else is said."""
    section = config.guards
    return GuardPolicy(
        name=DEFAULT,
        extends=section.policy,
        mode=section.mode,
        rules=section.rules,
        record=section.record,
    )


def slots(clock: Clock, gateway: Callable[[], Gateway], project: str) -> Slots:
    """What asks models of guards; calls of the gateway are recorded and paid by `project`."""

    def judge(slot: ModelSlot) -> JudgeClassifier:
        return JudgeClassifier(_asking(gateway, slot.target, project))

    return Slots(clock, {"http": RemoteClassifier, "onnx": OnnxClassifier, "judge": judge})


def _made_once(signals: Signals, name: str) -> Signal:
    """A signal with its own settings, which all policies share."""
    key = name, b"{}"
    if key not in signals:
        signals[key] = signal(name)
    return signals[key]


def _asking(
    gateway: Callable[[], Gateway], model: str, project: str
) -> Callable[[str, str], Awaitable[str]]:
    caller = Caller(principal="guard", project=project, attributes={_PURPOSE: "guard"})

    async def ask(instruction: str, text: str) -> str:
        messages = [
            {"role": "system", "content": instruction},
            {"role": "user", "content": text},
        ]
        body = jsonx.encode({"model": model, "messages": messages, "max_tokens": 8})
        answer = await gateway().ask(DIALECTS["openai.chat"], body, caller)
        try:
            said = b"".join([chunk async for chunk in answer.chunks])
        finally:
            await answer.chunks.aclose()
        if answer.status != 200:
            raise ProviderError(f"{model} answered HTTP {answer.status}", status=answer.status)
        try:
            (choice, *_) = jsonx.decode(said)["choices"]
            return text_of(choice["message"]["content"])
        except (KeyError, TypeError, ValueError):
            raise ProviderError(f"{model} gave no answer that can be read") from None

    return ask
