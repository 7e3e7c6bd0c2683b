"""Whatever a judge does: a judgement, or `unscored` with the reason and what it cost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.judges.court import Court, Script, any_answer, said
from tests.upstream import Answer, hang_before_head, rate_limited, server_error_html

from trimtab.ports import Scorer
from trimtab.records import Message, ToolCall
from trimtab.scorers.catalogue import catalogue
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judges.answer_relevance import answer_relevance
from trimtab.scorers.judges.conversation import conversation
from trimtab.scorers.judges.correctness import correctness
from trimtab.scorers.judges.faithfulness import faithfulness
from trimtab.scorers.judges.summarization import summarization
from trimtab.scorers.registry import BUILT_IN
from trimtab.testing.scorer import sample_subject

ONE_CALL_USD = Decimal("0.00011")
GOOD = {"claims": [{"claim": "It is blue.", "verdict": "supported", "quote": "blue"}]}
CASE: dict[str, Any] = {
    "input": "Which colour?",
    "output": "It is blue.",
    "context": ("The sky is blue.",),
}


def equipped(scorer: FunctionScorer[..., Any], court: Court, **settings: Any) -> Scorer:
    return scorer.using(judge=court.judge(**settings))


READ = {
    "plain": json.dumps(GOOD),
    "fenced": f"```json\n{json.dumps(GOOD, indent=1)}\n```",
    "fenced in prose": f"Here is my judgement:\n```json\n{json.dumps(GOOD)}\n```\nI hope it helps.",
    "after thinking aloud": f"<think>\n{{not json}}\n</think>\n{json.dumps(GOOD)}",
    "with further fields": json.dumps({**GOOD, "confidence": 0.9}),
}


@pytest.mark.parametrize("text", READ.values(), ids=READ.keys())
def test_json_is_read_as_models_write_it(text: str, court: Court, script: Script) -> None:
    script.rule = lambda asked: text
    score = court.score(equipped(faithfulness, court), **CASE)
    assert (score.status, score.value, len(script.asked)) == ("scored", 1.0, 1)
    assert score.cost_usd == ONE_CALL_USD


REPAIRED = {
    "garbage": said("\x00\x07 lorem ipsum"),
    "empty": said(""),
    "half a JSON object": said(json.dumps(GOOD)[:30]),
    "a field is missing": said(json.dumps({"claims": [{"claim": "It is blue."}]})),
    "a word that is no verdict": said(
        json.dumps({"claims": [{"claim": "a", "verdict": "maybe", "quote": ""}]})
    ),
    "another shape": said(json.dumps([1, 2, 3])),
    "a number": said("0.85"),
}


@pytest.mark.parametrize("first", REPAIRED.values(), ids=REPAIRED.keys())
def test_an_answer_that_cannot_be_read_is_sent_back_once(
    first: Answer, court: Court, script: Script
) -> None:
    script.first.append(first)
    script.rule = lambda asked: GOOD
    score = court.score(equipped(faithfulness, court), **CASE)
    assert (score.status, score.value, len(script.asked)) == ("scored", 1.0, 2)
    assert score.cost_usd == 2 * ONE_CALL_USD
    objection = script.asked[1].body["messages"][-1]["content"]
    assert objection.startswith("That cannot be used: the judge's answer")


@pytest.mark.parametrize("first", REPAIRED.values(), ids=REPAIRED.keys())
def test_an_answer_that_cannot_be_read_twice_is_no_judgement_and_was_paid_for(
    first: Answer, court: Court, script: Script
) -> None:
    script.first.extend([first, first])
    score = court.score(equipped(faithfulness, court), **CASE)
    assert (score.status, score.value) == ("unscored", None)
    assert score.reason is not None
    assert score.reason.startswith("judge: ")
    assert score.reason.endswith("(asked twice)")
    assert score.cost_usd == 2 * ONE_CALL_USD


LOST = [
    pytest.param(server_error_html(), "judge: ", 1, id="HTTP 500"),
    pytest.param(said("", refusal="I will not judge this."), "refused", 1, id="a refusal"),
    pytest.param(
        said("", finish_reason="content_filter"), "content_filter", 1, id="a content filter"
    ),
    pytest.param(
        said('{"claims": [{"cla', finish_reason="length"), "length limit", 1, id="cut off"
    ),
]


@pytest.mark.parametrize(("fault", "reason", "calls"), LOST)
def test_what_is_no_answer_is_not_argued_with(
    fault: Answer, reason: str, calls: int, court: Court, script: Script
) -> None:
    script.first.append(fault)
    score = court.score(equipped(faithfulness, court), **CASE)
    assert (score.status, score.value) == ("unscored", None)
    assert reason in (score.reason or "")
    assert len(script.asked) == calls


def test_a_judge_that_says_when_to_ask_again_is_asked_then(court: Court, script: Script) -> None:
    script.first.append(rate_limited(1))
    script.rule = lambda asked: GOOD
    score = court.score(equipped(faithfulness, court), **CASE)
    assert (score.status, len(script.asked)) == ("scored", 2)


def test_a_judge_that_hangs_is_left_after_its_time(court: Court, script: Script) -> None:
    script.first.append(hang_before_head())
    score = court.score(equipped(faithfulness, court, timeout_s=0.3), **CASE)
    assert score.status == "unscored"
    assert score.reason == "judge: did not answer in 0.3 s"


def test_a_criterion_that_is_judged_twice_contradicts_the_schema(
    court: Court, script: Script
) -> None:
    def doubled(asked: Any) -> Any:
        first, *rest = any_answer(asked)["criteria"]
        return {"criteria": [first, first, *rest[1:]]}

    script.rule = doubled
    score = court.score(equipped(answer_relevance, court), input="?", output="!")
    assert "each criterion from 1 to 4 is needed exactly once" in (score.reason or "")


def test_the_cost_of_two_calls_is_kept_when_one_of_them_fails(court: Court, script: Script) -> None:
    script.first.append(said("", finish_reason="content_filter"))
    script.rule = lambda asked: GOOD
    score = court.score(equipped(correctness, court), output="a.", expected="a.")
    assert score.status == "unscored"
    assert score.cost_usd == 2 * ONE_CALL_USD


@pytest.mark.parametrize(
    ("scorer", "fields", "parts"),
    [
        (summarization, {"input": "a.", "output": "a."}, ["alignment", "coverage", "overall"]),
        (
            conversation,
            {"messages": sample_subject().input},
            ["completeness", "retention", "role"],
        ),
    ],
    ids=lambda part: getattr(part, "name", ""),
)
def test_a_judge_of_several_scores_names_them_all_when_it_fails_and_counts_its_cost_once(
    scorer: FunctionScorer[..., Any],
    fields: dict[str, Any],
    parts: list[str],
    court: Court,
    script: Script,
) -> None:
    if "messages" in fields:
        turns = [("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")]
        fields = {"messages": tuple(Message(role=role, content=text) for role, text in turns)}
    whole = court.scores(equipped(scorer, court), **fields)
    calls = len(script.asked)
    assert [score.name for score in whole] == [f"{scorer.name}.{part}" for part in parts]
    assert {score.status for score in whole} == {"scored"}
    script.rule = lambda asked: "no"
    failed = court.scores(equipped(scorer, court), **fields)
    assert [score.name for score in failed] == [score.name for score in whole]
    assert {score.status for score in failed} == {"unscored"}
    for scores, asked in ((whole, calls), (failed, 2 * calls)):
        assert sum(score.cost_usd or 0 for score in scores) == asked * ONE_CALL_USD


@pytest.mark.parametrize("name", [info.name for info in catalogue("judge")])
def test_every_judge_judges_a_whole_subject_and_survives_garbage(
    name: str, court: Court, script: Script
) -> None:
    subject = replace(
        sample_subject(),
        baseline="Port 80.",
        tool_calls=(ToolCall(name="look", arguments={"q": "port"}, result=8321),),
        metadata={"criteria": ["It names a port."]},
        messages=(
            Message(role="user", content="Which port?"),
            Message(role="assistant", content="8321."),
        ),
    )
    fields = {field: getattr(subject, field) for field in subject.__struct_fields__}
    fields.pop("target")
    scorer = equipped(BUILT_IN[name], court)  # type: ignore[arg-type]  # all are functions
    assert {score.status for score in court.scores(scorer, **fields)} == {"scored"}
    script.rule = lambda asked: "I would rather not."
    for score in court.scores(scorer, **fields):
        assert score.status == "unscored"
        assert "is not JSON" in (score.reason or "")
