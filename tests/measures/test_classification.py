"""Labels, scores and numbers predicted: every measure against scikit-learn and SciPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures import classification, discrimination, regression

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sklearn import metrics

LABELS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("abcde")), min_size=1, max_size=60
)
# few distinct scores, so that most are tied
SCORED = st.lists(
    st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.integers(0, 1)), min_size=2, max_size=60
)
NUMBERS = st.lists(
    st.tuples(st.integers(-5, 5).map(float), st.integers(-5, 5).map(float)),
    min_size=2,
    max_size=40,
)


def columns(rows: list[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    first, second = zip(*rows, strict=True)
    return list(first), list(second)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():  # scikit-learn warns of shares of nothing
        warnings.simplefilter("ignore")
        yield


@given(LABELS)
def test_label_measures_are_scikit_learns(rows: list[tuple[str, str]]) -> None:
    expected, predicted = columns(rows)
    assert classification.accuracy(expected, predicted) == pytest.approx(
        metrics.accuracy_score(expected, predicted)
    )
    assert classification.matthews_correlation(expected, predicted) == pytest.approx(
        metrics.matthews_corrcoef(expected, predicted)
    )
    recalls = metrics.recall_score(
        expected, predicted, average="macro", labels=sorted(set(expected))
    )
    assert classification.balanced_accuracy(expected, predicted) == pytest.approx(recalls)
    found = classification.confusion(expected, predicted)
    counts = metrics.confusion_matrix(expected, predicted, labels=list(found.labels))
    assert found.counts.tolist() == counts.tolist()


@given(LABELS, st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([None, list("ac"), list("xab")]))
def test_f_scores_are_scikit_learns(
    rows: list[tuple[str, str]], beta: float, labels: list[str] | None
) -> None:
    expected, predicted = columns(rows)
    assume(labels is None or any(label in labels for label in expected))
    for average in ("micro", "macro", "weighted"):
        precision, recall, f, _ = metrics.precision_recall_fscore_support(
            expected, predicted, beta=beta, labels=labels, average=average, zero_division=0
        )
        found = classification.f_score(
            expected, predicted, average=average, labels=labels, beta=beta
        )
        assert found[:3] == pytest.approx((precision, recall, f)), average
    names = sorted({*expected, *predicted})
    table = metrics.precision_recall_fscore_support(
        expected, predicted, beta=beta, labels=names, zero_division=0
    )
    by_label = classification.by_label(expected, predicted, beta=beta)
    for name, *values in zip(names, *table, strict=True):
        assert tuple(by_label[name]) == pytest.approx(values), name


@given(SCORED)
def test_areas_are_scikit_learns(rows: list[tuple[float, int]]) -> None:
    scores, outcomes = columns(rows)
    assume(0 < sum(outcomes) < len(outcomes))
    assert discrimination.roc_auc(scores, outcomes) == pytest.approx(
        metrics.roc_auc_score(outcomes, scores)
    )
    assert discrimination.average_precision_score(scores, outcomes) == pytest.approx(
        metrics.average_precision_score(outcomes, scores)
    )
    precision, recall, thresholds = metrics.precision_recall_curve(outcomes, scores)
    found = discrimination.precision_recall_curve(scores, outcomes)
    assert found[0] == pytest.approx(thresholds[::-1])
    assert found[1] == pytest.approx(precision[:-1][::-1])
    assert found[2] == pytest.approx(recall[:-1][::-1])


@given(SCORED)
def test_log_loss_is_scikit_learns(rows: list[tuple[float, int]]) -> None:
    probabilities, outcomes = columns(rows)
    found = discrimination.log_loss(probabilities, outcomes)
    assert found == pytest.approx(metrics.log_loss(outcomes, probabilities, labels=[0, 1]))
    table = np.column_stack([1 - np.array(probabilities), probabilities])
    assert discrimination.log_loss(table, outcomes) == pytest.approx(found)


@given(NUMBERS)
def test_errors_and_correlations_are_scikit_learns_and_scipys(
    rows: list[tuple[float, float]],
) -> None:
    first, second = columns(rows)
    assert regression.mean_absolute_error(first, second) == pytest.approx(
        metrics.mean_absolute_error(first, second)
    )
    assert regression.root_mean_squared_error(first, second) == pytest.approx(
        metrics.mean_squared_error(first, second) ** 0.5
    )
    assume(len(set(first)) > 1 and len(set(second)) > 1)
    assert regression.r_squared(first, second) == pytest.approx(metrics.r2_score(first, second))
    for mine, theirs in (
        (regression.pearson, stats.pearsonr),
        (regression.spearman, stats.spearmanr),
        (regression.kendall_tau_b, stats.kendalltau),
    ):
        assert mine(first, second) == pytest.approx(theirs(first, second).statistic)


def test_rank_correlations_of_many_values_are_scipys() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(0, 500, 5_000)
    second = first + rng.normal(0, 300, 5_000).round()
    found = regression.kendall_tau_b(first, second)
    assert found == pytest.approx(stats.kendalltau(first, second).statistic)
    assert regression.spearman(first, second) == pytest.approx(
        stats.spearmanr(first, second).statistic
    )


@given(LABELS)
def test_with_every_label_in_micro_averages_are_the_accuracy(rows: list[tuple[str, str]]) -> None:
    expected, predicted = columns(rows)
    found = classification.f_score(expected, predicted, average="micro")
    share = classification.accuracy(expected, predicted)
    assert found[:3] == pytest.approx((share, share, share))


@pytest.mark.parametrize(
    "call",
    [
        lambda: classification.accuracy([], []),
        lambda: classification.accuracy(["a"], ["a", "b"]),
        lambda: classification.confusion(["a"], ["b"], labels=["a"]),
        lambda: classification.f_score(["a"], ["a"], average="samples"),
        lambda: classification.by_label(["a"], ["a"], beta=0),
        lambda: discrimination.roc_auc([0.1, 0.2], [1, 1]),
        lambda: discrimination.roc_auc([float("nan"), 0.2], [0, 1]),
        lambda: discrimination.average_precision_score([0.1], [0]),
        lambda: discrimination.log_loss([0.5], [2]),
        lambda: discrimination.log_loss([[0.5, 0.6]], [0]),
        lambda: discrimination.log_loss([1.5], [0]),
        lambda: regression.r_squared([1.0, 1.0], [1.0, 2.0]),
        lambda: regression.spearman([1.0, 1.0], [1.0, 2.0]),
        lambda: regression.kendall_tau_b([1.0, 1.0], [1.0, 2.0]),
        lambda: regression.mean_absolute_error([], []),
    ],
)
def test_what_has_no_value_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(MeasureError):
        call()
