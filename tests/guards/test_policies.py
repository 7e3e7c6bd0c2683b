"""Policies by name, one over another, and the presets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from trimtab.errors import ConfigError
from trimtab.guards.policies import DEFAULT, Policies
from trimtab.guards.presets import PRESETS
from trimtab.records import GuardPolicy, GuardRule, RecordRules, RouteGuards
from trimtab.records.guard import policy_complaint
from trimtab.signals.catalogue import NAMES

STANDARD = GuardPolicy(name=DEFAULT, extends="internal")
MINE = GuardPolicy(
    name="mine",
    extends="customer-facing",
    mode="enforce",
    rules=(
        GuardRule(signal="pii", on=("input",), action="block"),
        GuardRule(signal="bans", settings={"terms": ["acme"]}),
    ),
)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_can_be_and_begin_in_shadow(name: str) -> None:
    assert policy_complaint(PRESETS[name]) is None
    assert {rule.signal for rule in PRESETS[name].rules} <= set(NAMES)
    assert Policies(default=STANDARD).named("default", name).mode == "shadow"
    assert Policies(default=STANDARD).named("default", name).record is not None


def test_a_project_without_a_policy_has_the_default_one() -> None:
    found = Policies(default=STANDARD).of("anything")
    assert (found.name, found.mode) == (DEFAULT, "shadow")
    assert [rule.called for rule in found.rules] == [
        rule.called for rule in PRESETS["internal"].rules
    ]


def test_a_project_may_have_a_default_of_its_own() -> None:
    own = GuardPolicy(name=DEFAULT, project="a", mode="flag")
    policies = Policies([own], default=STANDARD)
    assert (policies.of("a").mode, policies.of("a").rules) == ("flag", ())
    assert policies.of("b").mode == "shadow"


def test_rules_of_a_name_replace_and_others_are_added() -> None:
    found = Policies([MINE], default=STANDARD).of("default", RouteGuards(policy="mine"))
    rules = {rule.called: rule for rule in found.rules}
    assert (rules["pii"].action, rules["pii"].on) == ("block", ("input",))
    assert list(rules)[-1] == "bans"
    assert rules["injection"] in PRESETS["customer-facing"].rules
    assert (found.mode, found.extends) == ("enforce", None)
    assert found.record == PRESETS["customer-facing"].record


def test_a_route_may_have_a_mode_of_its_own() -> None:
    policies = Policies([MINE], default=STANDARD)
    assert policies.of("default", RouteGuards(policy="mine", mode="flag")).mode == "flag"
    assert policies.of("default", RouteGuards(mode="off")).mode == "off"
    assert policies.of("default", RouteGuards(policy="mine")).mode == "enforce"


def test_a_policy_of_another_project_is_not_found() -> None:
    policies = Policies([replace(MINE, project="a")], default=STANDARD)
    with pytest.raises(ConfigError, match="no policy"):
        policies.of("b", RouteGuards(policy="mine"))


def test_a_name_that_is_nearly_one_is_guessed() -> None:
    with pytest.raises(ConfigError) as caught:
        Policies(default=STANDARD).named("default", "regulatd")
    assert caught.value.fix == "did you mean 'regulated'?"


def test_policies_that_extend_each_other_are_refused() -> None:
    ring = [GuardPolicy(name="a", extends="b"), GuardPolicy(name="b", extends="a")]
    with pytest.raises(ConfigError, match="extends itself: a -> b -> a"):
        Policies(ring, default=STANDARD).named("default", "a")


@pytest.mark.parametrize(
    ("base", "own", "hides"),
    [
        ("regulated", {"secrets": "redact"}, ("redact", "redact")),
        ("regulated", {"secrets": "keep"}, ("keep", "redact")),
        ("regulated", {"pii": "keep"}, ("redact", "keep")),
        ("regulated", None, ("redact", "redact")),
        ("internal", {"pii": "redact"}, ("redact", "redact")),
        (None, {"pii": "redact"}, ("redact", "redact")),
        (None, None, ("redact", "keep")),
    ],
)
def test_what_a_policy_does_not_say_of_records_is_as_it_was(
    base: str | None, own: dict[str, Any] | None, hides: tuple[str, str]
) -> None:
    said = {"name": "a", "extends": base, "record": own}
    again = GuardPolicy(name="b", extends="a")
    for name in ("a", "b"):
        policies = Policies([msgspec.convert(said, GuardPolicy), again], default=STANDARD)
        record = policies.named("default", name).record
        assert record is not None
        assert (record.secrets, record.pii) == hides


def test_a_version_says_what_a_policy_does() -> None:
    assert MINE.version == replace(MINE, note="another note", project="b").version
    changed = (
        replace(MINE, mode="shadow"),
        replace(MINE, rules=MINE.rules[:1]),
        replace(MINE, record=RecordRules(pii="redact")),
    )
    assert len({MINE.version, *(one.version for one in changed)}) == 4
