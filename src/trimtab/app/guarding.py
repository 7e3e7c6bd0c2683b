"""Guarding: which guards a call passes, by its route and its project; read by every call.

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
from trimtab.gateway.plan import Plan
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
from trimtab.records import GuardPolicy, ModelSlot, Route, RouteGuards, Span, text_of
from trimtab.scorers.registry import resolve
from trimtab.signals.catalogue import signal
from trimtab.signals.signal import Signal

Signals = dict[tuple[str, bytes], Signal]
_Key = tuple[str, RouteGuards | None]

_PURPOSE = "trimtab.purpose"
_OWN_CALLS = frozenset({"cache", "guard"})  # made by Trimtab, of texts that were looked at before
_SECRETS = "secrets", b"{}"


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

    def hooks(self, ask: Ask, plan: Plan) -> Hooks | None:
        """The guards of one call. Raises RouteUnavailable when its policy cannot be used."""
        key = ask.caller.project, plan.compiled.route.guards
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

        It is redacted as the default policy of its project says; secrets are hidden where that
        cannot be used.
        """
        key = span.project, None
        try:
            redaction = (self._ready.get(key) or self._made(key)).redaction()
        except TrimtabError:
            redaction = Redaction([_secrets(self._signals)])
        return redaction.span(span) if redaction is not None else span

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


def ingest_redaction(config: Config, signals: Signals) -> Callable[[Span], Span] | None:
    """What hides secrets in spans from outside, where that is wanted."""
    if config.guards.ingest == "keep":
        return None
    found = [_secrets(signals)]
    return lambda span: Redaction(found).span(span)


def _secrets(signals: Signals) -> Signal:
    if _SECRETS not in signals:
        signals[_SECRETS] = signal("secrets")
    return signals[_SECRETS]


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
