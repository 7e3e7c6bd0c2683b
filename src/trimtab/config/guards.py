"""What guards are told in the file: the default policy, further policies, what is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from trimtab.records import GuardPolicy, GuardRule, RecordRules
from trimtab.records.guard import GuardMode, policy_complaint, rule_complaint

_Rule = Annotated[GuardRule, Meta(extra={"check": rule_complaint})]


def _separate_rules(rules: Sequence[GuardRule | None]) -> str | None:
    named = [rule.called for rule in rules if rule is not None]
    twice = next((name for name in named if named.count(name) > 1), None)
    return None if twice is None else f"must not have two rules that are called {twice!r}"


def _separate_policies(policies: Sequence[GuardPolicy | None]) -> str | None:
    named = [(one.project, one.name) for one in policies if one is not None]
    twice = next((key for key in named if named.count(key) > 1), None)
    return None if twice is None else f"must not have two policies with the name {twice[1]!r}"


class GuardsSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How calls are guarded. Without it the preset `internal` looks at them, in shadow."""

    policy: Annotated[
        str,
        Meta(
            min_length=1,
            description="What the default policy starts from: internal, customer-facing, "
            "regulated, or one of `policies`.",
        ),
    ] = "internal"
    mode: Annotated[
        GuardMode | None,
        Meta(
            description="Of the default policy: off, shadow (only say what would be done), flag "
            "or enforce; null for its own, which is shadow in presets."
        ),
    ] = None
    rules: Annotated[
        tuple[_Rule, ...],
        Meta(
            description="Rules put over those of that policy: one of the same name replaces.",
            extra={"check": _separate_rules},
        ),
    ] = ()
    record: Annotated[
        RecordRules | None,
        Meta(description="What the record hides under the default policy; null for its own."),
    ] = None
    shadow_per_s: Annotated[
        float,
        Meta(
            ge=1,
            le=1_000_000,
            description="How many calls a second rules in shadow look at, in each process; "
            "of more calls they see these and have nothing to say of the others.",
        ),
    ] = 10.0
    ingest: Annotated[
        Literal["keep", "redact"] | None,
        Meta(
            description="Whether telemetry from SDKs is redacted before it is stored, as the"
            " default policy of its project says; null where that policy hides personal data."
        ),
    ] = None
    policies: Annotated[
        tuple[Annotated[GuardPolicy, Meta(extra={"check": policy_complaint})], ...],
        Meta(
            description="Further policies, for routes to name; the API cannot change them.",
            extra={"check": _separate_policies},
        ),
    ] = ()

    @property
    def says_default(self) -> bool:
        """Whether anything is said of the default policy, which the API then cannot change."""
        said = (self.policy, self.mode, self.rules, self.record)
        return said != ("internal", None, (), None)
