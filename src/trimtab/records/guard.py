"""Guard: what is asked of the texts of a call, and what is done about it: rules and policies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.kit.hashing import digest
from trimtab.records.record import Record

Mount = Literal["input", "context", "tool", "output"]
GuardAction = Literal["flag", "redact", "tokenise", "regenerate", "review", "block"]
GuardMode = Literal["off", "shadow", "flag", "enforce"]
OnError = Literal["open", "closed"]
Hides = Literal["redact", "keep"]
SlotKind = Literal["onnx", "http", "judge"]

INPUT_MOUNTS: frozenset[Mount] = frozenset({"input", "context", "tool"})
REPLACING: frozenset[GuardAction] = frozenset({"redact", "tokenise"})
ACTING: frozenset[GuardAction] = frozenset({"redact", "tokenise", "regenerate", "block"})

Unit = Annotated[float, Meta(ge=0, le=1)]


class ModelSlot(Record, frozen=True, kw_only=True):
    """A model that is asked where a signal is not sure: `low` <= score < `high`.

    `target` is the URL of a classifier (`http`), a model or route of the gateway (`judge`), or the
    folder of an ONNX model (`onnx`). One that does not answer within `timeout_ms`, or failed
    `failures` times in a row less than `cooldown_s` ago, leaves the rule to its `on_error`.
    """

    kind: SlotKind
    target: str
    low: Unit = 0.2
    high: Unit = 0.8
    timeout_ms: Annotated[float, Meta(gt=0, le=60_000)] = 150.0
    failures: Annotated[int, Meta(ge=1, le=1000)] = 3
    cooldown_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0


class GuardRule(Record, frozen=True, kw_only=True):
    """One signal, or one scorer, asked of some of the texts of a call.

    Args:
        name: on record; the signal's or scorer's own name if empty.
        on: which texts: `input` is what users and applications say, `context` what was retrieved,
            `tool` what tools returned, `output` the answer.
        kinds: of the findings that count; empty for all. `but`: those that do not.
        threshold: of the score from which on it fires; None is that of the scorecard, or 0.5.
        mode: None is the policy's.
        on_error: None is that of the signal's class: see `trimtab.guards.classes`.
        parallel: beside the call of the model; it may block, and not replace.
        message: for the caller, of a `block`.
        attempts: how often a `regenerate` asks again.
        budget_ms: of a check of at most 10,000 characters; of more it is longer in proportion.
        most_chars: of a text that are looked at; of a longer one its beginning and its end are,
            and it does not count as checked.
    """

    signal: str | None = None
    scorer: str | None = None
    name: str = ""
    on: tuple[Mount, ...] = ("input",)
    action: GuardAction = "flag"
    kinds: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    threshold: Unit | None = None
    mode: GuardMode | None = None
    on_error: OnError | None = None
    budget_ms: Annotated[float, Meta(gt=0, le=60_000)] = 200.0
    most_chars: Annotated[int, Meta(ge=10_000, le=32_000_000)] = 2_000_000
    settings: Annotated[dict[str, Any], Meta(extra={"free": True})] = {}
    parallel: bool = False
    message: str | None = None
    attempts: Annotated[int, Meta(ge=1, le=3)] = 2
    slot: ModelSlot | None = None

    @property
    def called(self) -> str:
        """Its name on record."""
        return self.name or self.signal or self.scorer or ""


class RecordRules(Record, frozen=True, kw_only=True):
    """What the record of a call hides, in every mode but `off`.

    None is as the policy says that is extended; where none does, secrets are hidden and personal
    data is kept.
    """

    secrets: Hides | None = None
    pii: Hides | None = None

    def over(self, base: RecordRules | None = None) -> RecordRules:
        """These, with those of `base` where these say nothing; nothing of it is left open.

        >>> RecordRules(secrets="keep").over(RecordRules(pii="redact"))
        RecordRules(secrets='keep', pii='redact')
        """
        below = base or RecordRules()
        return RecordRules(
            secrets=self.secrets or below.secrets or "redact", pii=self.pii or below.pii or "keep"
        )


class GuardPolicy(Record, frozen=True, kw_only=True):
    """Rules that hold together. `extends` names the policy whose rules these are put over.

    A rule replaces the one of its name in the policy that is extended; what `mode` and `record` do
    not say is as that policy has it, or else `shadow` and the default.
    """

    project: str = "default"
    name: str
    extends: str | None = None
    mode: GuardMode | None = None
    rules: tuple[GuardRule, ...] = ()
    record: RecordRules | None = None
    note: str = ""

    @property
    def version(self) -> str:
        """Says the same as long as the policy does."""
        said = (self.mode, self.rules, self.record, self.extends)
        return digest([self.name, *said])[:12]


class RouteGuards(Record, frozen=True, kw_only=True):
    """The policy of a route, and its mode there; None is the project's, and the policy's own."""

    policy: str | None = None
    mode: GuardMode | None = None


def rule_complaint(rule: GuardRule) -> str | None:
    """What is wrong with a rule that its types allow.

    >>> rule_complaint(GuardRule(signal="pii", on=("output",), action="tokenise"))
    'must not tokenise what a model says: only what it is told'
    """
    if (rule.signal is None) == (rule.scorer is None):
        return "must have a `signal` or a `scorer`, and not both"
    if not rule.called.strip() or len(rule.called) > 100 or not rule.called.isprintable():
        return "must have a `name` of 1 to 100 characters"
    if not rule.on or len(set(rule.on)) < len(rule.on):
        return "must say once each what it is `on`"
    if rule.slot is not None and rule.slot.low >= rule.slot.high:
        return "must have a `low` below the `high` of its `slot`"
    return _action_complaint(rule)


def _action_complaint(rule: GuardRule) -> str | None:
    if rule.action == "tokenise" and "output" in rule.on:
        return "must not tokenise what a model says: only what it is told"
    if rule.action == "regenerate" and set(rule.on) != {"output"}:
        return "must be on `output` alone to regenerate"
    if rule.parallel and ("output" in rule.on or rule.action in REPLACING):
        return "must be on input and replace nothing to be `parallel`"
    if rule.scorer is not None and rule.action in REPLACING:
        return "must not replace: a scorer points at no part of a text"
    return None


def policy_complaint(policy: GuardPolicy) -> str | None:
    """What is wrong with a policy that its types allow.

    >>> policy_complaint(GuardPolicy(name="p", rules=(GuardRule(signal="a"),) * 2))
    "must not have two rules that are called 'a'"
    """
    name = policy.name
    if not name.strip() or len(name) > 100 or not name.isprintable() or set(name) & set("/@"):
        return "must have a `name` of 1 to 100 characters without / and @"
    if policy.extends == name:
        return "must not extend itself"
    seen: set[str] = set()
    for at, rule in enumerate(policy.rules):
        if complaint := rule_complaint(rule):
            return f"must have rules that can be: rules[{at}] {complaint}"
        if rule.called in seen:
            return f"must not have two rules that are called {rule.called!r}"
        seen.add(rule.called)
    return None
