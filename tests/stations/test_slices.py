"""Groups of cases: how rows are grouped, what is said of each group, and gaps that gate."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from tests.stations.measured import examples, measured

from trimtab.errors import InvalidRequest
from trimtab.experiments.compare import summarise
from trimtab.experiments.decision import decide
from trimtab.experiments.gaps import largest_gap
from trimtab.experiments.grouping import NONE, grouped
from trimtab.experiments.languages import guessed
from trimtab.experiments.slices import sliced
from trimtab.experiments.suite import Slice, SuiteGate
from trimtab.records import Estimate, Example


def row(key: str, **fields: Any) -> Example:
    return Example(example_id=key, **{"input": "x", **fields})


@pytest.mark.parametrize(
    ("by", "rows", "groups"),
    [
        (
            "tag",
            [row("a", tags=("x", "y")), row("b", tags=("x",)), row("c")],
            {"x": ["a", "b"], "y": ["a"], NONE: ["c"]},
        ),
        ("split", [row("a", split="test"), row("b")], {"test": ["a"], NONE: ["b"]}),
        ("cluster", [row("a", cluster="k"), row("b", cluster="k")], {"k": ["a", "b"]}),
        (
            "metadata.group",
            [row("a", metadata={"group": "f"}), row("b", metadata={"group": 7}), row("c")],
            {"f": ["a"], "7": ["b"], NONE: ["c"]},
        ),
        ("metadata.who.sex", [row("a", metadata={"who": {"sex": "f"}})], {"f": ["a"]}),
        (
            "language",
            [
                row("a", metadata={"language": "pt-BR"}),
                row("b", input="Wo finde ich die Rechnung und was ist das?"),
                row("c", input="什么是端口"),
            ],
            {"pt": ["a"], "de": ["b"], "zh": ["c"]},
        ),
        (
            "length",
            [row(str(n), input="x" * n) for n in (1, 2, 3, 4, 5, 6)],
            {
                "up to 3 characters": ["1", "2", "3"],
                "up to 5 characters": ["4", "5"],
                "longer": ["6"],
            },
        ),
    ],
)
def test_rows_are_grouped(by: str, rows: list[Example], groups: dict[str, list[str]]) -> None:
    assert grouped(by, rows) == groups


@pytest.mark.parametrize("by", ["colour", "metadata.", ""])
def test_a_field_that_is_none_is_refused(by: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be grouped"):
        grouped(by, examples(2))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the capital of the country?", "en"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("¿Cuál es la capital de España?", "es"),
        ("Qual è la capitale della Francia e come si arriva?", "it"),
        ("Wat is de hoofdstad van het land?", "nl"),
        ("ما هي العاصمة", "arabic"),
        ("서울은 어디입니까", "ko"),
        ("東京はどこですか", "ja"),
        ("SKU-4711 XKCD", "unknown (latin script)"),
        ("Do a refund", "unknown (latin script)"),
        ("no", "unknown (latin script)"),
        ("Do a refund as a gift", "unknown (latin script)"),
        ("I want a refund as a gift", "en"),
        ("12345 !?", "unknown"),
        ("", "unknown"),
        ("\ud800\x00", "unknown"),
    ],
)
def test_a_language_is_guessed(text: str, language: str) -> None:
    assert guessed(text) == language


TAGGED = [
    msgspec.structs.replace(one, tags=(("ports", "paint")[n % 2],), metadata={"n": n % 80})
    for n, one in enumerate(examples(80))
]
WEAK = [n % 2 == 0 or n % 8 == 1 for n in range(80)]
"""All of `ports` pass, a quarter of `paint` does."""


def test_a_weak_group_is_found_with_its_interval() -> None:
    run = measured("1", {"right": WEAK})
    (found,) = sliced([Slice(by="tag")], run.results, TAGGED)
    ports, paint = sorted(found.groups, key=lambda group: group.estimate.value or 0, reverse=True)
    assert (ports.key, ports.estimate.value, paint.key, paint.estimate.value) == (
        *("ports", 1.0),
        *("paint", 0.25),
    )
    assert paint.estimate.method == "Wilson"
    assert paint.p_adjusted is not None
    assert paint.p_adjusted < 0.01
    assert not paint.small


def test_small_groups_are_shown_and_not_tested() -> None:
    run = measured("1", {"right": WEAK})
    (found,) = sliced([Slice(by="metadata.n")], run.results, TAGGED)
    assert len(found.groups) == 80
    assert all(group.small and group.p_value is None for group in found.groups)


def test_p_values_are_adjusted_over_all_groups_that_are_looked_at_together() -> None:
    run = measured("1", {"right": WEAK})
    rng = np.random.default_rng(5)
    noise = {row.example_id: {f"k{i}": str(rng.integers(2)) for i in range(9)} for row in TAGGED}
    rows = [msgspec.structs.replace(row, metadata=noise[row.example_id]) for row in TAGGED]
    asked = [Slice(by="tag"), *(Slice(by=f"metadata.k{i}") for i in range(9))]
    found = sliced(asked, run.results, rows)
    tested = [group for each in found for group in each.groups]
    assert len(tested) == 20
    assert all((group.p_adjusted or 0) >= (group.p_value or 0) for group in tested)
    assert {g.key for g in tested if g.p_adjusted is not None and g.p_adjusted < 0.05} == {
        *("ports", "paint")
    }


def test_a_group_is_compared_with_the_baseline_where_there_is_one() -> None:
    base, new = measured("1", {"right": [True] * 80}), measured("2", {"right": WEAK})
    (found,) = sliced([Slice(by="tag")], new.results, TAGGED, baseline=base.results)
    moved = {
        group.key: group.comparison.difference.value for group in found.groups if group.comparison
    }
    assert moved == {"ports": 0.0, "paint": -0.75}


def test_a_metric_that_there_is_not_is_refused() -> None:
    run = measured("1", {"right": WEAK})
    with pytest.raises(InvalidRequest, match="no metric 'wrong'"):
        sliced([Slice(by="tag", metric="wrong")], run.results, TAGGED)


class TestGaps:
    def gate(self, passes: list[bool | None], **settings: Any) -> tuple[str, str]:
        rows = [
            msgspec.structs.replace(one, metadata={"sex": "fm"[n % 2]})
            for n, one in enumerate(examples(len(passes)))
        ]
        run = measured("1", {"right": passes})
        asked = Slice(by="metadata.sex", **{"metric": "right", "max_gap": 0.1, **settings})
        verdict = decide(run, rows, SuiteGate(), slices=[asked])
        assert verdict is not None
        return verdict.outcome, verdict.reasons[0]

    def test_a_gap_that_is_proved_fails(self) -> None:
        outcome, reason = self.gate([n % 2 == 0 or n % 4 == 1 for n in range(400)])
        assert outcome == "fail"
        assert reason.startswith("right by metadata.sex: m is 50.0 points [")
        assert reason.endswith("proved larger than the 10.0 points allowed")

    def test_no_gap_over_many_cases_passes(self) -> None:
        outcome, reason = self.gate([n % 20 != 0 and n % 20 != 1 for n in range(1000)])
        assert outcome == "pass", reason

    def test_few_cases_decide_nothing(self) -> None:
        assert self.gate([True] * 60)[0] == "inconclusive"

    def test_groups_below_the_minimum_never_gate(self) -> None:
        outcome, reason = self.gate([n % 2 == 0 for n in range(60)], min_cases=31)
        assert outcome == "inconclusive"
        assert "fewer than two groups have 31 cases" in reason

    def test_a_group_that_was_not_scored_decides_nothing(self) -> None:
        passes: list[bool | None] = [None if n % 2 and n < 100 else n % 2 == 0 for n in range(1000)]
        outcome, reason = self.gate(passes)
        assert outcome == "inconclusive"
        assert reason.endswith("only 90.0 % of m were scored")

    def test_a_group_that_is_too_small_only_by_what_was_not_scored_decides_nothing(self) -> None:
        """Nobody could score most of one group, and what could be scored of it is all wrong."""
        passes = [True if n % 2 == 0 else None if n % 4 == 1 else False for n in range(200)]
        outcome, reason = self.gate(passes, min_cases=60)
        assert outcome == "inconclusive"
        assert reason.endswith("only 50.0 % of m were scored")

    @pytest.mark.parametrize(
        ("rates", "cases"),
        [((0.8, 0.8, 0.8, 0.8), 60), ((0.9, 0.8, 0.85), 100), ((1, 1, 0.97), 50)],
    )
    def test_the_interval_of_the_largest_gap_holds_the_true_one(
        self, rates: tuple[float, ...], cases: int
    ) -> None:
        """A usual interval of the largest of four equal groups would be wrong far more often."""
        rng = np.random.default_rng(11)
        truth, held, tries = max(rates) - min(rates), 0, 200
        for _ in range(tries):
            drawn = {str(g): rng.random(cases) < rate for g, rate in enumerate(rates)}
            found = largest_gap(
                dict.fromkeys(drawn, cases),
                lambda key, confidence, drawn=drawn: binary(drawn[key], confidence),
                allowed=0.1,
                min_cases=20,
                coverage=0.98,
            )
            assert found.low is not None
            assert found.high is not None
            held += found.low <= truth <= found.high
        assert held >= 0.95 * tries


def binary(passes: Any, confidence: float) -> Estimate:
    values = {str(n): float(passed) for n, passed in enumerate(passes)}
    return summarise("right", values, binary=True, confidence=confidence)
