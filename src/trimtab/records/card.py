"""CalibrationCard: how far one version of a judge can be believed, measured against people."""

from __future__ import annotations

from trimtab.records.record import Record
from trimtab.records.run import Estimate


class CalibrationCard(Record, frozen=True, kw_only=True):
    """What was measured of a scorer with labelled examples.

    It belongs to the scorer's `digest`, which covers its code, prompt, parameters and model:
    another digest has no card. Numbers that could not be measured are None.

    Args:
        labelled: examples with a label by a person; `judged` of them the scorer could judge.
        agreement: share of labels met; `kappa` and `alpha` are chance-corrected (Cohen's, weighted
            where labels are ordered; Krippendorff's).
        true_positive_rate, true_negative_rate: for labels of two kinds.
        order_consistency: share of pairs judged alike in both orders, for pairwise judges.
        repeat_spread: mean standard deviation over repeated judgements of one example.
        length_slope: change of the judgement per doubling of the answer's length, labels held
            fixed; 0 is what one wants.
        effective_votes: for panels, how many independent judges it is worth.
    """

    scorer: str
    digest: str
    project: str = "default"
    model: str | None = None
    dataset: str
    dataset_digest: str
    label: str
    labelled: int
    judged: int
    agreement: Estimate | None = None
    kappa: Estimate | None = None
    alpha: Estimate | None = None
    true_positive_rate: Estimate | None = None
    true_negative_rate: Estimate | None = None
    order_consistency: Estimate | None = None
    repeat_spread: float | None = None
    length_slope: Estimate | None = None
    effective_votes: float | None = None
    created_ns: int
