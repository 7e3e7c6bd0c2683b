"""The gate: what passes, what fails, what stays open, and how often it is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from trimtab.errors import MeasureError
from trimtab.experiments.compare import compare
from trimtab.experiments.gate import Gate, GateRule, judge
from trimtab.experiments.suite import SuiteGate
from trimtab.measures.power import Discordance, discordance, mcnemar_power
from trimtab.measures.significance import holm
from trimtab.records import Comparison, Verdict


def scores(values: object) -> dict[str, float | None]:
    return {f"e{i}": v if v is None else float(v) for i, v in enumerate(values)}


def pass_fail(
    metric: str = "exact", *, n: int = 300, worse: int = 0, better: int = 0, unscored: int = 0
) -> Comparison:
    """Of n examples, so many went from pass to fail, so many back, and so many were not scored."""
    before = [1] * worse + [0] * better + [1] * (n - worse - better)
    after: list[int | None] = [0] * worse + [1] * better + [1] * (n - worse - better)
    after[n - unscored :] = [None] * unscored
    return compare(metric, scores(before), scores(after), binary=True)


def gate(*rules: GateRule, **kwargs: float) -> Gate:
    return Gate(rules=rules or (GateRule(metric="exact", margin=0.02),), **kwargs)


@pytest.mark.parametrize(
    ("comparison", "rule", "outcome", "said"),
    [
        (pass_fail(), {"margin": 0.02}, "pass", "not worse by 2.0 points or more"),
        (pass_fail(better=20), {"margin": 0.02}, "pass", "proved better"),
        (pass_fail(better=20), {"must_improve": True}, "pass", "proved better"),
        (pass_fail(better=20), {}, "pass", "proved better"),
        (pass_fail(worse=30), {"margin": 0.02}, "fail", "proved worse"),
        (pass_fail(worse=30), {}, "fail", "proved worse"),
        (pass_fail(worse=6), {"margin": 0.05}, "pass", "by less than the 5.0 points allowed"),
        (pass_fail(worse=6), {"margin": 0.05, "must_improve": True}, "fail", "proved worse"),
        (pass_fail(worse=6, better=5), {"margin": 0.02}, "inconclusive", "a loss of 2.0 points"),
        (pass_fail(n=40), {"margin": 0.02}, "inconclusive", "a loss of 2.0 points is not excluded"),
        (pass_fail(), {}, "inconclusive", "neither better nor worse is proved"),
        (pass_fail(), {"margin": 0.02, "must_improve": True}, "inconclusive", "no improvement"),
        (pass_fail(), {"margin": 0.02, "floor": 0.9}, "pass", "not worse"),
        (pass_fail(n=1000, worse=30), {"margin": 0.06, "floor": 0.99}, "fail", "below the floor"),
        (pass_fail(n=300, worse=4), {"margin": 0.06, "floor": 0.98}, "inconclusive", "floor of"),
        (pass_fail(unscored=7), {"margin": 0.02}, "inconclusive", "293 of 300 examples (97.6 %)"),
        (pass_fail(worse=90, unscored=7), {"margin": 0.02}, "inconclusive", "98 % are needed"),
        (pass_fail(unscored=6), {"margin": 0.03}, "pass", "not worse by 3.0 points or more"),
        (pass_fail(n=1), {"margin": 0.02}, "inconclusive", "cannot show a difference of any size"),
        (compare("exact", {}, {}, binary=True), {}, "inconclusive", "no example was scored"),
        (compare("exact", {"a": 1.0}, {"b": 1.0}, binary=True), {}, "inconclusive", "no example"),
        (compare("exact", {"a": 0.5}, {"a": 0.5}, binary=False), {}, "inconclusive", "too few"),
    ],
)  # fmt: skip
def test_each_rule_has_its_verdict_and_its_sentence(
    comparison: Comparison, rule: dict[str, float], outcome: str, said: str
) -> None:
    verdict = judge([comparison], gate(GateRule(metric="exact", **rule)))
    assert verdict.outcome == outcome
    assert said in verdict.reasons[0]
    assert verdict.comparisons[0].outcome == outcome
    assert verdict.comparisons[0].reason == verdict.reasons[0]
    assert verdict.comparisons[0].margin == rule.get("margin", 0.0)


def test_a_reason_is_a_sentence_with_both_rates_the_interval_and_the_counts() -> None:
    before = scores([1] * 134 + [0] * 26)
    after = scores([1] * 131 + [0] * 3 + [1] * 15 + [0] * 11)
    found = compare("groundedness", before, after, binary=True)
    rule = GateRule(metric="groundedness", margin=0.02)
    verdict = judge([found], gate(rule))
    assert verdict.reasons == (
        "groundedness: 0.91 against 0.84, +7.5 points [+2.6, +13.3], n=160/160: proved better",
    )
    assert verdict.improved


def test_an_open_verdict_says_what_could_have_been_seen_and_what_it_would_take() -> None:
    found = pass_fail(n=100, worse=8, better=7)
    [reason] = judge([found], gate()).reasons
    assert "these 100 pairs could have shown 11.0 points (80 % power)" in reason
    assert "about 3,000 more would show 2.0 points" in reason


def test_units_other_than_points_are_kept() -> None:
    rng = np.random.default_rng(1)
    before = rng.lognormal(6, 0.3, 200)
    after = before * rng.lognormal(0.3, 0.1, 200)
    found = compare(
        "latency_ms", scores(before), scores(after), binary=False, higher_is_better=False
    )
    verdict = judge([found], gate(GateRule(metric="latency_ms", margin=20)))
    assert verdict.outcome == "fail"
    assert "points" not in verdict.reasons[0]
    assert f"{found.candidate.value:.4g} against {found.baseline.value:.4g}" in verdict.reasons[0]


def test_where_lower_is_better_a_floor_is_a_ceiling() -> None:
    fast, slow = scores(np.linspace(90, 110, 100)), scores(np.linspace(180, 220, 100))
    saved = compare("latency_ms", slow, fast, binary=False, higher_is_better=False)
    assert saved.difference.value == pytest.approx(-100)
    kept = judge([saved], gate(GateRule(metric="latency_ms", margin=5, floor=150)))
    assert (kept.outcome, kept.improved) == ("pass", True)
    missed = judge([saved], gate(GateRule(metric="latency_ms", margin=5, floor=80)))
    assert (missed.outcome, "above the ceiling of 80" in missed.reasons[0]) == ("fail", True)


def test_a_rule_may_overrule_which_way_is_better() -> None:
    longer = compare("words", scores([100] * 50), scores(np.linspace(105, 115, 50)), binary=False)
    up = judge([longer], gate(GateRule(metric="words", margin=1)))
    down = judge([longer], gate(GateRule(metric="words", margin=1, direction="lower")))
    assert (up.outcome, down.outcome) == ("pass", "fail")
    assert not down.comparisons[0].higher_is_better


def test_one_failure_fails_all_and_one_open_question_keeps_it_open() -> None:
    good, open_, bad = pass_fail("good"), pass_fail("open", n=40), pass_fail("bad", worse=30)
    rules = [GateRule(metric=c.metric, margin=0.02) for c in (good, open_, bad)]
    assert judge([good], gate(rules[0])).outcome == "pass"
    assert judge([good, open_], gate(*rules[:2])).outcome == "inconclusive"
    assert judge([good, open_, bad], gate(*rules)).outcome == "fail"


def test_p_values_are_holms_over_the_gating_metrics_only() -> None:
    found = [pass_fail(f"m{i}", worse=w, better=2) for i, w in enumerate((9, 11, 14, 30))]
    rules = [GateRule(metric=c.metric, margin=0.01) for c in found[:3]]
    verdict = judge(found, gate(*rules))
    expected = holm([c.p_value for c in found[:3]])
    assert [c.p_adjusted for c in verdict.comparisons] == [*expected, None]
    assert verdict.comparisons[3].outcome is None
    assert verdict.comparisons[3].reason.endswith("does not gate")
    assert [c.outcome for c in verdict.comparisons[:3]] == ["inconclusive", "fail", "fail"]


def test_an_improvement_elsewhere_does_not_count_beside_a_loss() -> None:
    up, down, even = pass_fail("up", better=25), pass_fail("down", worse=8), pass_fail("even")
    rules = {c.metric: GateRule(metric=c.metric, margin=0.06) for c in (up, down, even)}
    assert judge([up, even], gate(rules["up"], rules["even"])).improved
    both = judge([up, down], gate(rules["up"], rules["down"]))
    assert (both.outcome, both.improved) == ("pass", False)
    assert not judge([even], gate(rules["even"])).improved
    assert not judge([up], gate(rules["even"])).improved


def test_a_metric_that_was_not_measured_keeps_the_verdict_open() -> None:
    verdict = judge(
        [pass_fail()], gate(GateRule(metric="exact", margin=0.02), GateRule(metric="x"))
    )
    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[1] == "x: was not measured"


def test_without_rules_nothing_is_decided() -> None:
    verdict = judge([pass_fail(worse=100)], Gate(rules=()))
    assert (verdict.outcome, verdict.improved) == ("inconclusive", False)
    assert verdict.reasons == ("no metric gates: nothing was decided",)


def test_a_verdict_survives_being_stored() -> None:
    found = [pass_fail("a"), pass_fail("b", worse=30), compare("c", {}, {}, binary=False)]
    rules = [GateRule(metric=name, margin=0.02) for name in "abc"]
    verdict = judge(found, gate(*rules), baseline_run="r1", cost_usd=Decimal("0.12"))
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    assert (verdict.baseline_run, verdict.cost_usd) == ("r1", Decimal("0.12"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: judge([pass_fail(), pass_fail()], gate()),
        lambda: judge([pass_fail()], gate(confidence=0.9)),
        lambda: gate(GateRule(metric="a"), GateRule(metric="a")),
        lambda: GateRule(metric="a", margin=-0.1),
        lambda: GateRule(metric="a", margin=float("nan")),
        lambda: GateRule(metric="a", floor=float("inf")),
        lambda: gate(alpha=0.0),
        lambda: gate(alpha=0.6),
        lambda: gate(min_coverage=1.5),
        lambda: gate(min_coverage=0.0),
        lambda: gate(confidence=0.1),
        lambda: SuiteGate(coverage=0.0),
        lambda: SuiteGate(coverage=2),
        lambda: SuiteGate(alpha=1),
        lambda: SuiteGate(confidence=0.1),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(MeasureError):
        call()


def test_a_gate_is_read_from_configuration() -> None:
    text = b'{"rules": [{"metric": "exact", "margin": 0.02, "floor": 0.8}], "alpha": 0.1}'
    found = msgspec.json.decode(text, type=Gate)
    assert found == Gate(rules=(GateRule(metric="exact", margin=0.02, floor=0.8),), alpha=0.1)
    for wrong in (b'{"rules": [{"metric": "a", "margins": 1}]}', b'{"rules": [], "alpha": 7}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=Gate)


def shares(
    rng: np.random.Generator, cells: Discordance, runs: int, *, metrics: int = 1, n: int = 300
) -> dict[str, float]:
    """How often each outcome comes out when the truth is these discordances on every metric."""
    rules = gate(*(GateRule(metric=f"m{i}", margin=0.05) for i in range(metrics)))
    rates = [cells.worse, cells.better, 1 - cells.worse - cells.better]
    seen = {"pass": 0, "fail": 0, "inconclusive": 0, "improved": 0}
    for _ in range(runs):
        found = [
            pass_fail(f"m{i}", n=n, worse=int(w), better=int(b))
            for i, (w, b, _) in enumerate(rng.multinomial(n, rates, size=metrics))
        ]
        verdict = judge(found, rules)
        seen[verdict.outcome] += 1
        seen["improved"] += verdict.improved
    return {outcome: count / runs for outcome, count in seen.items()}


def test_no_change_seldom_fails_and_a_loss_of_the_margin_seldom_passes() -> None:
    rng = np.random.default_rng(1)
    unchanged = shares(rng, Discordance(0.07, 0.07), 150, metrics=3)
    assert unchanged["fail"] + unchanged["improved"] <= 0.07
    lost = shares(rng, Discordance(0.09, 0.04), 300)
    assert lost["pass"] <= 0.06
    assert lost["fail"] >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("n", "metrics"), [(50, 1), (100, 1), (300, 1), (100, 6), (300, 6)])
def test_without_a_change_the_gate_fails_at_most_one_time_in_twenty(n: int, metrics: int) -> None:
    rng = np.random.default_rng(n + metrics)
    for changed in (0.06, 0.2, 0.4):
        even = Discordance(changed / 2, changed / 2)
        seen = shares(rng, even, 600, metrics=metrics, n=n)
        assert seen["fail"] <= 0.05, changed
        assert seen["improved"] <= 0.05, changed


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50, 100, 300, 1000])
def test_a_loss_of_the_margin_passes_at_most_one_time_in_twenty(n: int) -> None:
    rng = np.random.default_rng(n)
    for worse, better in ((0.05, 0.0), (0.09, 0.04), (0.25, 0.2)):
        assert shares(rng, Discordance(worse, better), 1000, n=n)["pass"] <= 0.05, worse


@pytest.mark.slow
def test_three_hundred_cases_show_a_loss_of_five_points_as_often_as_the_test_can() -> None:
    rng = np.random.default_rng(2)
    cells = discordance(0.80, 0.75, 0.65)
    seen = shares(rng, cells, 2000)
    assert seen["fail"] >= 0.60
    assert seen["fail"] == pytest.approx(mcnemar_power(300, **cells._asdict()), abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 6])
def test_graded_scores_in_clusters_keep_the_same_promises(size: int) -> None:
    """Token F1 that seldom changes: 120 cases, alone or in documents of six changing together."""
    rng = np.random.default_rng(size)
    keys = {f"e{i}": f"d{i // size}" for i in range(120)}
    before = np.where(rng.random(120) < 0.6, 1.0, 0.8 * rng.random(120))
    rules = gate(GateRule(metric="f1", margin=0.05))

    def verdict(shift: float, seed: int) -> Verdict:
        often = np.repeat(rng.beta(0.6, 2.4, size=120 // size), size)
        moved = (rng.random(120) < often) * rng.normal(shift / 0.2, 0.3, size=120)
        found = compare(
            "f1", scores(before), scores(before + moved), binary=False, clusters=keys, seed=seed
        )
        return judge([found], rules)

    even = [verdict(0.0, seed).outcome for seed in range(500)]
    assert even.count("fail") / 500 <= 0.05
    lost = [verdict(-0.05, seed).outcome for seed in range(500)]
    assert lost.count("pass") / 500 <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 30, 60])
@pytest.mark.parametrize(
    ("scale", "higher"), [((0.0, 1.0), False), ((1.0, 5.0), True)], ids=["toxicity", "1 to 5"]
)
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_rare_losses_on_any_scale_seldom_pass(
    scale: tuple[float, float], n: int, share: float, *, higher: bool
) -> None:
    """Cases that are lost altogether, as often as the margin allows: at most 2.5 % may pass."""
    rng, draws, passed = np.random.default_rng(n), 600, 0
    best, worst = reversed(scale) if higher else scale
    usual = scores([best] * n)
    for _ in range(draws):
        lost = scores(np.where(rng.random(n) < share, worst, best))
        found = compare("m", usual, lost, binary=False, higher_is_better=higher, scale=scale)
        rule = GateRule(metric="m", margin=share * (scale[1] - scale[0]))
        passed += judge([found], gate(rule)).outcome == "pass"
    assert passed / draws <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / draws)
