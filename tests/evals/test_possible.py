"""Gates that cannot be met are refused before anything is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import trimtab
from trimtab.errors import ConfigError, InvalidRequest
from trimtab.evals.document import suites_of

ROWS = [{"input": "a", "expected": "A"}, {"input": "b", "expected": "B"}]


@pytest.mark.parametrize(("repeat", "fits"), [(2, False), (9, True)])
def test_cases_cannot_pass_more_repeats_than_there_are(
    tmp_path: Path, repeat: int, *, fits: bool
) -> None:
    path = tmp_path / "a.eval.yaml"
    path.write_text(
        "name: a\ndata: {file: rows.jsonl}\ntask: {python: t.py:t}\nscorers: [exact]\n"
        f"repeat: {repeat}\ngate:\n  cases:\n  - metric: exact\n    at_least: 9\n"
    )
    if fits:
        assert suites_of(path, "a.eval.yaml")
        return
    with pytest.raises(ConfigError) as caught:
        suites_of(path, "a.eval.yaml")
    assert "a.eval.yaml:9" in str(caught.value)
    (problem,) = caught.value.fields["problems"]
    assert (problem["key"], "repeat: 9" in str(problem)) == ("gate.cases[0].at_least", True)


def test_a_rule_on_what_no_scorer_gives_is_refused_before_the_run() -> None:
    asked: list[str] = []

    def task(text: str) -> str:
        asked.append(text)
        return text.upper()

    with pytest.raises(ConfigError, match="no scorer gives 'exakt'"):
        trimtab.evaluate(task, ROWS, scorers=["exact"], rules=[{"metric": "exakt", "floor": 0.1}])
    assert asked == []


def test_rules_may_be_dicts() -> None:
    rules = [{"metric": "exact", "floor": 0.1}]
    found = trimtab.evaluate(str.upper, ROWS, scorers=["exact"], rules=rules)
    assert found.verdict is not None
    assert found.verdict.outcome == "pass"


@pytest.mark.parametrize(
    "rule", [{"margin": 0.1}, {"metric": "exact", "flor": 1}, {"metric": "exact", "margin": -1}, 7]
)
def test_what_is_no_rule_is_refused(rule: Any) -> None:
    with pytest.raises(InvalidRequest, match="not a rule") as caught:
        trimtab.evaluate(str.upper, ROWS, scorers=["exact"], rules=[rule])
    assert caught.value.where == "rules[0]"


def test_a_margin_with_nothing_to_compare_with_says_so() -> None:
    rules = [{"metric": "exact", "margin": 0.1}]
    found = trimtab.evaluate(str.upper, ROWS, scorers=["exact"], rules=rules)
    assert any("nothing was compared" in note for note in found.notes)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"metric": "token_f1", "margin": 5}, "no loss of it can reach a margin of 5"),
        ({"metric": "token_f1", "floor": 90}, "which a floor of 90 lies outside of"),
        ({"metric": "chrf", "margin": 101}, "chrf is from 0 to 100"),
        ({"metric": "chrf", "floor": -1}, "chrf is from 0 to 100"),
    ],
)
def test_a_rule_beyond_the_scale_of_its_metric_is_refused(rule: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        trimtab.evaluate(str.upper, ROWS, scorers=["token_f1", "chrf"], rules=[rule])
    within = {"metric": "chrf", "margin": 5, "floor": 100}
    assert trimtab.evaluate(str.upper, ROWS, scorers=["chrf"], rules=[within]).verdict is not None
