"""What is read off verdicts and traffic: reports, events, thresholds, trials."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.guards.marks import Marks

from trimtab.errors import InvalidRequest
from trimtab.guards.calibrate import Labelled, calibrated
from trimtab.guards.report import event, reported
from trimtab.guards.rows import Row
from trimtab.guards.thresholds import PLAIN
from trimtab.guards.traffic import texts_of
from trimtab.records import Score, Span, Target
from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About, Scale
from trimtab.signals.text import Text


class Said(Marks):
    """Says what number its text is."""

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        del about
        if text.raw == "none":
            return Reading(score=None, reason="nothing to judge")
        return Reading(score=float(text.raw))


def texts(scores: list[float], is_bad: bool | None = None) -> list[Labelled]:
    return [Labelled(Row(text=repr(score)), is_bad) for score in scores]


# -- thresholds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["risk", "unit"])
@pytest.mark.parametrize("target", [0.001, 0.01, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_a_threshold_keeps_to_its_rate_and_the_next_laxer_one_does_not(
    scale: Scale, target: float, seed: int
) -> None:
    drawn = random.Random(seed)
    scores = [round(drawn.betavariate(1, 6), drawn.choice([1, 2, 6])) for _ in range(400)]
    if scale == "unit":
        scores = [1 - score for score in scores]
    found = calibrated(Said(scale=scale), texts(scores), target)
    level = found.threshold
    if level is None:
        worst = max(scores) if scale == "risk" else min(scores)
        assert sum(score == worst for score in scores) > target * len(scores)
        return

    def share(at: float) -> float:
        hits = [score < at if scale == "unit" else score >= at for score in scores]
        return sum(hits) / len(scores)

    assert found.false_positives.value == share(level) <= target
    laxer = round(level + (0.0001 if scale == "unit" else -0.0001), 4)
    assert share(laxer) > target
    low, high = found.false_positives.low, found.false_positives.high
    assert low is not None
    assert high is not None
    assert low <= share(level) <= high


def test_with_labels_the_recall_that_it_costs_is_told() -> None:
    rows = texts([0.1] * 98 + [0.7, 0.9], False) + texts([0.6, 0.8, 0.95, 0.2], True)
    found = calibrated(Said(), [*rows, Labelled(Row(text="none"))], 0.01)
    assert found.threshold == pytest.approx(0.7001)
    assert found.recall is not None
    assert found.recall_before is not None
    assert (found.recall.value, found.recall_before.value) == (0.5, 0.75)
    assert (found.before, found.false_positives_before.value) == (PLAIN, 0.02)
    assert (found.texts, found.unscored, found.flagged) == (105, 1, 3)


def test_where_too_many_are_surely_flagged_no_threshold_keeps_to_the_rate() -> None:
    found = calibrated(Said(), texts([1.0] * 5 + [0.0] * 5), 0.1)
    assert found.threshold is None
    assert found.false_positives.value == 0


def test_few_texts_are_not_enough_for_a_small_rate() -> None:
    assert not calibrated(Said(), texts([0.1] * 50), 0.01).enough
    assert calibrated(Said(), texts([n / 5000 for n in range(5000)]), 0.01).enough


@pytest.mark.parametrize(
    ("signal", "rows"),
    [
        (Said(scale="number"), texts([1.0])),
        (Said(), []),
        (Said(), texts([0.5], True)),
        (Said(), [Labelled(Row(text="none"))]),
    ],
)
def test_without_a_harmless_text_there_is_no_threshold(signal: Said, rows: Any) -> None:
    with pytest.raises(InvalidRequest):
        calibrated(signal, rows, 0.01)


# -- traffic -------------------------------------------------------------------------------------


def span(given: Any, output: Any = None) -> Span:
    ids: Any = {"trace_id": "a" * 32, "span_id": "b" * 16, "name": "n"}
    return Span(**ids, start_ns=0, end_ns=1, input=given, output=output)


TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "First?"},
    {"role": "assistant", "content": "One."},
    {"role": "user", "content": [{"type": "text", "text": "Second?"}]},
]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("Which port?", "Which port?"),
        (TALK, "Second?"),
        ({"messages": TALK}, "Second?"),
        (TALK[:1], None),
        (None, None),
        ([1, 2], "1\n2"),
    ],
)
def test_what_was_asked_is_the_user_s_last_words(given: Any, asked: str | None) -> None:
    found = [one.row.text for one in texts_of([span(given), span(given)], "input")]
    assert found == ([] if asked is None else [asked])


def test_an_answer_comes_with_what_it_was_made_under() -> None:
    (found,) = texts_of([span(TALK, {"role": "assistant", "content": "Two."})], "output")
    assert (found.row.text, found.row.about) == (
        "Two.",
        About(system="Be kind.", question="Second?"),
    )


# -- reports -------------------------------------------------------------------------------------


def verdict(n: int, **fields: Any) -> Score:
    said = {"stage": "input", "mode": "shadow", "action": "pass", **fields.pop("metadata", {})}
    given = {"passed": True, "latency_ms": float(n), **fields}
    return Score(
        score_id=str(n),
        target=Target(kind="span", id=f"{n:016x}", trace_id=f"{n:032x}"),
        name="guard.r",
        time_ns=n,
        metadata=said,
        **given,
    )


VERDICTS = [
    verdict(1, passed=False, metadata={"would": "block"}),
    verdict(2, passed=False, metadata={"would": "block"}),
    verdict(3, passed=False, metadata={"action": "flag", "mode": "flag", "would": "redact"}),
    verdict(4, passed=False, metadata={"action": "block", "mode": "enforce"}),
    verdict(5),
    verdict(6, status="error", passed=None, metadata={"action": "error"}),
    verdict(7, status="timeout", passed=None, metadata={"action": "timeout"}),
    verdict(8, status="unscored", passed=None, metadata={"action": "skipped"}),
    verdict(9, metadata={"stage": "output"}),
]


def test_what_failed_or_was_skipped_is_never_counted_as_passed() -> None:
    first, second = reported("r", VERDICTS, 9)
    assert (first.checked, first.passed, first.errors, first.timeouts, first.skipped) == (
        *(5, 1, 1),
        *(1, 1),
    )
    assert first.did == {"block": 1}
    assert first.would == {"block": 2, "redact": 1}
    assert first.modes == ("enforce", "flag", "shadow")
    assert (first.p50_ms, first.p99_ms) == (4.0, 8.0)
    assert first.examples == tuple(f"{n:032x}" for n in (1, 2, 3, 4))
    assert (second.stage, second.checked, second.complete) == ("output", 1, True)
    assert not reported("r", VERDICTS, 10)[0].complete


def test_an_event_is_what_fired_or_failed() -> None:
    events = [found for one in VERDICTS if (found := event(one))]
    assert [(one.action, one.would) for one in events] == [
        ("pass", "block"),
        ("pass", "block"),
        ("flag", "redact"),
        ("block", None),
        ("error", None),
        ("timeout", None),
    ]
