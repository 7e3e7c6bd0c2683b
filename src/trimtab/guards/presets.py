"""Presets: policies by the risk of what an application is for. All of them begin in shadow."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.records import GuardPolicy, GuardRule, RecordRules

_UNICODE = GuardRule(signal="unicode", on=("input", "context", "tool"))
_SECRETS = GuardRule(signal="secrets", on=("input", "context", "tool", "output"), action="redact")
_PUBLIC = ("url", "domain_name")  # whoever sends a link wants it read

_EXFILTRATION = GuardRule(signal="exfiltration", on=("output",), action="redact")

INTERNAL = GuardPolicy(
    name="internal",
    note="for colleagues: secrets stay in, everything else is said and let pass",
    rules=(
        _UNICODE,
        _SECRETS,
        GuardRule(signal="pii", on=("input",), but=_PUBLIC),
        GuardRule(signal="injection", on=("input",)),
        GuardRule(signal="injection", name="indirect-injection", on=("context", "tool")),
        GuardRule(signal="leak", on=("output",)),
        _EXFILTRATION,
    ),
    record=RecordRules().over(),
)
CUSTOMER_FACING = GuardPolicy(
    name="customer-facing",
    note="for the public: attacks and leaks are stopped, models see no personal data",
    rules=(
        _UNICODE,
        _SECRETS,
        GuardRule(signal="pii", on=("input", "context", "tool"), action="tokenise", but=_PUBLIC),
        GuardRule(signal="injection", on=("input",), action="block"),
        GuardRule(
            signal="injection",
            name="indirect-injection",
            on=("context", "tool"),
            action="review",
        ),
        GuardRule(signal="toxicity", on=("input", "output")),
        GuardRule(signal="leak", on=("output",), action="block"),
        _EXFILTRATION,
    ),
    record=RecordRules().over(),
)
REGULATED = GuardPolicy(
    name="regulated",
    note="for health, money and law: as for the public, and no personal data in answers or records",
    rules=(
        *(rule for rule in CUSTOMER_FACING.rules if rule.called != "indirect-injection"),
        GuardRule(
            signal="injection", name="indirect-injection", on=("context", "tool"), action="block"
        ),
        GuardRule(signal="pii", name="pii-output", on=("output",), action="redact", but=_PUBLIC),
        GuardRule(signal="sinks", on=("output",)),
        GuardRule(signal="groundedness", on=("output",)),
    ),
    record=RecordRules(pii="redact").over(),
)

PRESETS: Mapping[str, GuardPolicy] = {
    policy.name: policy for policy in (INTERNAL, CUSTOMER_FACING, REGULATED)
}
