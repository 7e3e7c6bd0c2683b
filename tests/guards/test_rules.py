"""What rules do in every mode, with every action, on every kind of text."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from tests.guards.marks import MARK, Marks, ready, shown, subject

from trimtab.errors import ConfigError
from trimtab.guards.policy import ReadyPolicy
from trimtab.guards.rule import compiled
from trimtab.ports import Guard, GuardText, Opinion, Ruling
from trimtab.ports.guarding import Stage
from trimtab.records import GuardRule
from trimtab.records.guard import rule_complaint
from trimtab.scorers.definition import scorer

SAYS = f"one {MARK} two"


def the_guards(policy: ReadyPolicy, stage: Stage = "input") -> list[Guard]:
    return [one for one in policy.begin().guards if one.stage == stage and one.name == "test"]


def ruled(policy: ReadyPolicy, *texts: GuardText, stage: Stage = "input", **fields: Any) -> Ruling:
    """What the only guard of a side rules."""
    (guard,) = the_guards(policy, stage)
    asked = texts or (shown(SAYS),)
    return asyncio.run(guard.check(subject(*asked, stage=stage, **fields)))


def opinion(ruling: Ruling) -> Opinion:
    (only,) = ruling.opinions
    return only


ACTIONS = [
    ("flag", "input", "flag", "flag"),
    ("redact", "input", "replace", "replace"),
    ("redact", "output", "replace", "replace"),
    ("tokenise", "input", "replace", "replace"),
    ("regenerate", "output", "regenerate", "regenerate"),
    ("review", "input", "flag", "flag"),
    ("block", "input", "block", "block"),
    ("block", "output", "block", "block"),
]


@pytest.mark.parametrize(("action", "on", "rules", "did"), ACTIONS)
def test_enforced_rules_act(action: Any, on: Any, rules: str, did: str) -> None:
    policy = ready(GuardRule(signal="marks", on=(on,), action=action))
    found = ruled(policy, stage=on)
    assert (found.action, opinion(found).action) == (rules, did)
    assert opinion(found).would is None
    assert opinion(found).queued is (action == "review")
    (place,) = opinion(found).findings
    assert (place["start"], place["end"], place["kind"]) == (4, 4 + len(MARK), "mark")
    assert MARK not in str(found.opinions)


@pytest.mark.parametrize(("action", "on", "rules", "did"), ACTIONS)
@pytest.mark.parametrize("mode", ["shadow", "flag"])
def test_no_other_mode_acts(action: Any, on: Any, rules: str, did: str, mode: Any) -> None:
    policy = ready(GuardRule(signal="marks", on=(on,), action=action), mode=mode)
    (guard,) = the_guards(policy, on)
    assert getattr(guard, "observes", False)
    found = ruled(policy, stage=on)
    assert found.action == ("pass" if mode == "shadow" else "flag")
    assert not found.edits
    said = opinion(found)
    assert (said.action, said.mode) == (found.action, mode)
    assert said.would == (None if (mode, action) == ("flag", "flag") else action)


def test_rules_that_are_off_are_not_there() -> None:
    rule = GuardRule(signal="marks")
    assert ready(rule, mode="off").begin().guards == []
    assert ready(GuardRule(signal="marks", mode="off")).begin().guards == []


def test_a_rule_may_have_a_mode_of_its_own() -> None:
    policy = ready(
        GuardRule(signal="marks", action="block"),
        GuardRule(signal="marks", name="other", action="block", mode="shadow"),
    )
    before, looking = the_guards(policy)
    assert (getattr(before, "observes", None), getattr(looking, "observes", None)) == (False, True)


@pytest.mark.parametrize(
    ("text", "on"),
    [
        (shown(SAYS), "input"),
        (shown(SAYS, role="system"), "input"),
        (shown(SAYS, role="variable"), "input"),
        (shown(SAYS, role="retrieved", kind="context"), "context"),
        (shown(SAYS, role="user", kind="context"), "context"),
        (shown(SAYS, role="tool", kind="tool_result"), "tool"),
        (shown(SAYS, role="user", kind="tool_result"), "tool"),
    ],
)
def test_each_text_is_read_where_it_is_mounted(text: GuardText, on: str) -> None:
    for mount in ("input", "context", "tool"):
        policy = ready(GuardRule(signal="marks", on=(mount,), action="block"))
        assert ruled(policy, text).action == ("block" if mount == on else "pass")


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "request"])
def test_attacks_are_not_looked_for_in_what_the_application_writes(role: str) -> None:
    signals: dict[str, Any] = {"injection": Marks("injection")}
    policy = ready(GuardRule(signal="injection", on=("input",), action="block"), signals=signals)
    assert ruled(policy, shown(SAYS, role=role)).action == "pass"
    assert ruled(policy, shown(SAYS)).action == "block"


def test_only_the_kinds_that_are_named_count() -> None:
    for kinds, action in ((("mark",), "block"), (("other",), "pass"), ((), "block")):
        assert ruled(ready(GuardRule(signal="marks", action="block", kinds=kinds))).action == action


@pytest.mark.parametrize(
    ("score", "threshold", "fires"),
    [(0.4, None, False), (0.5, None, True), (0.4, 0.4, True), (0.9, 0.95, False)],
)
def test_a_rule_fires_from_its_threshold_on(
    score: float, threshold: float | None, fires: bool
) -> None:
    rule = GuardRule(
        signal="marks", action="redact", threshold=threshold, settings={"score": score}
    )
    found = ruled(ready(rule))
    assert (found.action == "replace") is fires
    assert opinion(found).value == score
    assert opinion(found).threshold == (threshold if threshold is not None else 0.5)


def test_of_a_unit_less_is_worse() -> None:
    rule = GuardRule(signal="marks", action="block", settings={"scale": "unit"})
    assert ruled(ready(rule)).action == "block"
    assert ruled(ready(rule), shown("nothing")).action == "pass"


# -- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "on_error", "blocks"),
    [
        ("secrets", None, True),
        ("pii", None, True),
        ("sinks", None, True),
        ("injection", None, False),
        ("toxicity", None, False),
        ("secrets", "open", False),
        ("injection", "closed", True),
    ],
)
def test_a_signal_that_fails_is_on_record_and_rules_by_its_class(
    name: str, on_error: Any, blocks: bool
) -> None:
    signals: dict[str, Any] = {name: Marks(name, fails=True)}
    policy = ready(
        GuardRule(signal=name, action="block", on_error=on_error),
        GuardRule(signal="marks", on=("input",), action="block"),
        signals=signals,
    )
    found = ruled(policy, shown("harmless"))
    assert found.action == ("block" if blocks else "pass")
    failed, other = found.opinions
    assert (failed.action, failed.error, failed.blocked) == ("error", "ValueError", blocks)
    assert failed.value is None
    assert other.action == "pass"
    assert "harmless" not in str(found.opinions)


def test_in_shadow_a_signal_that_fails_blocks_nothing() -> None:
    signals: dict[str, Any] = {"secrets": Marks("secrets", fails=True)}
    found = ruled(ready(GuardRule(signal="secrets"), mode="shadow", signals=signals))
    assert (found.action, opinion(found).action) == ("pass", "error")


def test_nothing_to_judge_is_no_pass() -> None:
    rule = GuardRule(signal="marks", settings={"silent": True})
    found = ruled(ready(rule, mode="flag"))
    said = opinion(found)
    assert (found.action, said.action, said.value) == ("pass", "skipped", None)
    assert said.error == "nothing to compare with"


@pytest.mark.parametrize(("on_error", "action"), [("open", "pass"), ("closed", "block")])
def test_a_long_text_is_read_aside_and_within_the_budget(on_error: Any, action: str) -> None:
    slow: dict[str, Any] = {"slow": Marks("slow")}
    rule = GuardRule(signal="slow", action="block", on_error=on_error, budget_ms=200)
    policy = ready(rule, signals=slow)
    slow["slow"]._takes_s = 1.0

    async def work() -> tuple[Ruling, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        (guard,) = the_guards(policy)
        ruling = await guard.check(subject(shown("a" * 40_000)))
        ticking.cancel()
        return ruling, ticks

    found, ticks = asyncio.run(work())
    assert found.action == action
    assert opinion(found).action == "timeout"
    assert "200 ms" in (opinion(found).error or "")
    assert ticks > 1, "the event loop was blocked"


def test_a_long_text_is_ruled_as_a_short_one() -> None:
    policy = ready(GuardRule(signal="marks", action="redact"))
    found = ruled(policy, shown("a" * 40_000 + MARK))
    assert [tuple(edit[1:]) for edit in found.edits] == [(40_000, 40_000 + len(MARK), "[MARK]")]


# -- together ----------------------------------------------------------------------------------


def test_rules_of_one_signal_read_a_text_once() -> None:
    marks = Marks()
    policy = ready(
        GuardRule(signal="marks", action="block", kinds=("other",)),
        GuardRule(signal="marks", name="again", action="redact"),
        signals={"marks": marks},
    )
    marks.read_texts.clear()
    found = ruled(policy)
    assert marks.read_texts == [SAYS]
    assert [one.name for one in found.opinions] == ["marks", "again"]
    assert found.action == "replace"


def test_a_block_wins_and_is_named() -> None:
    policy = ready(
        GuardRule(signal="marks", name="hides", action="redact"),
        GuardRule(signal="marks", name="stops", action="block", message="not here"),
    )
    found = ruled(policy)
    assert (found.action, found.message) == ("block", "not here")
    assert [one.blocked for one in found.opinions] == [False, True]


@pytest.mark.parametrize("name", ["secrets", "pii"])
def test_what_lies_beside_the_messages_is_replaced_too(name: str) -> None:
    beside = shown(SAYS, role="request", kind="other")
    rule = GuardRule(signal=name, action="redact")
    assert ruled(ready(rule, signals={name: Marks(name)}), beside).action == "replace"


def test_answers_are_judged_against_what_the_model_was_told() -> None:
    marks = Marks()
    rule = GuardRule(signal="marks", on=("output",), settings={"canaries": ["c-1"]})
    policy = ready(rule, signals={"marks": marks})
    sent = [
        shown("be brief", role="system"),
        shown("first", index=1),
        shown("found", role="retrieved", kind="context"),
        shown("last", index=2),
    ]
    ruled(policy, shown("fine", role="assistant"), stage="output", sent=sent)
    about = marks.abouts[-1]
    assert (about.system, about.context, about.question) == ("be brief", ("found",), "last")
    assert about.canaries == ("c-1",)


# -- scorers -----------------------------------------------------------------------------------


@scorer
def polite(output: str) -> bool:
    return "please" in output


@scorer(scale="unit", higher_is_better=False)
def shouting(output: str) -> float:
    return sum(char.isupper() for char in output) / len(output)


@scorer
def broken(output: str) -> bool:
    raise RuntimeError(output)


@scorer
def needs_context(output: str, context: list[str]) -> bool:
    return output in context


@pytest.mark.parametrize(
    ("judge", "text", "action", "did"),
    [
        (polite, "yes please", "pass", "pass"),
        (polite, "yes", "block", "block"),
        (shouting, "YES", "block", "block"),
        (shouting, "yes", "pass", "pass"),
        (broken, "yes", "pass", "error"),
        (needs_context, "yes", "pass", "skipped"),
    ],
)
def test_a_scorer_is_a_rule_too(judge: Any, text: str, action: str, did: str) -> None:
    rule = GuardRule(scorer=judge.name, on=("output",), action="block")
    policy = ready(rule, scorer=lambda _name: judge)
    found = ruled(policy, shown(text, role="assistant"), stage="output")
    assert (found.action, opinion(found).action) == (action, did)
    assert opinion(found).version == judge.version


# -- declaration -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        GuardRule(),
        GuardRule(signal="a", scorer="b"),
        GuardRule(signal="a", on=()),
        GuardRule(signal="a", on=("input", "input")),
        GuardRule(signal="a", on=("output",), action="tokenise"),
        GuardRule(signal="a", on=("input",), action="regenerate"),
        GuardRule(signal="a", on=("output",), parallel=True),
        GuardRule(signal="a", action="redact", parallel=True),
        GuardRule(scorer="a", action="redact"),
        GuardRule(signal=" "),
    ],
)
def test_rules_that_cannot_be_are_refused(rule: GuardRule) -> None:
    assert rule_complaint(rule) is not None


@pytest.mark.parametrize(
    ("signal", "settings"), [("no-such", {}), ("bans", {"no_such": 1}), ("leak", {"canaries": "c"})]
)
def test_a_rule_that_cannot_be_asked_is_a_mistake_in_the_configuration(
    signal: str, settings: dict[str, Any]
) -> None:
    from trimtab.guards.rule import compiled

    with pytest.raises(ConfigError):
        compiled(GuardRule(signal=signal, settings=settings), "shadow")


def test_a_token_in_what_was_found_later_is_nobodys() -> None:
    policy = ready(GuardRule(signal="marks", on=("input", "context"), action="tokenise"))
    (guard,) = the_guards(policy)

    async def work() -> tuple[Ruling, Ruling]:
        first = await guard.check(subject(shown(SAYS)))
        found = shown("send it to <MARK_1>", role="retrieved", kind="context")
        return first, await guard.check(subject(found))

    first, second = asyncio.run(work())
    assert [edit.text for edit in first.edits] == ["<MARK_1>"]
    assert (second.action, [tuple(edit[1:]) for edit in second.edits]) == (
        "replace",
        [(11, 19, "[TOKEN]")],
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (GuardRule(signal="pii", kinds=("email",)), "email_address"),
        (GuardRule(signal="pii", but=("e_mail_address",)), "did you mean 'email_address'"),
        (GuardRule(signal="toxicity", kinds=("insult",)), "use one of toxicity"),
        (GuardRule(signal="injection", kinds=("nonsense",)), "nothing of the kind"),
        (GuardRule(signal="length", kinds=("long",)), "no findings"),
        (GuardRule(signal="bans"), "no terms"),
        (
            GuardRule(signal="bans", kinds=("rivals",), settings={"terms": {"rival": ["acme"]}}),
            "did you mean 'rival'",
        ),
        (GuardRule(signal="leak", on=("input",)), "on: [output]"),
        (GuardRule(signal="language", action="redact"), "points at no part"),
        (GuardRule(signal="sentiment", action="tokenise"), "points at no part"),
    ],
)
def test_a_rule_that_could_never_act_is_refused(rule: GuardRule, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        compiled(rule, "shadow")
    assert refused.value.where == f"guards rule {rule.called!r}"
