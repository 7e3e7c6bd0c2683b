"""How commands show a calibration card: every number with its interval, drawn to scale."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.cli.output import table
from trimtab.cli.verdicts import estimate_text
from trimtab.experiments.calibration import shortcoming
from trimtab.kit.clock import iso
from trimtab.records import CalibrationCard, Estimate

_WIDTH = 24
_ROWS: Sequence[tuple[str, str, float]] = (
    ("agreement", "agreement", 0.0),
    ("kappa", "kappa", -1.0),
    ("alpha", "alpha", -1.0),
    ("true positive rate", "true_positive_rate", 0.0),
    ("true negative rate", "true_negative_rate", 0.0),
    ("same in both orders", "order_consistency", 0.0),
)


def card_text(card: CalibrationCard) -> str:
    """A card for people.

    Numbers from 0 to 1 are drawn on a line, kappa and alpha on one from -1 to 1: `-` is the
    interval, `o` the value.
    """
    lines = [
        f"{card.scorer}, judged by {card.model or 'an unknown model'}",
        f"digest {card.digest}",
        f"{card.judged} of {card.labelled} cases of {card.dataset} with {card.label} judged",
        f"made {iso(card.created_ns)}",
        "",
        table(_measured(card), ["", "value [95 %]", "", "method"]),
    ]
    lines += _further(card)
    if (why := shortcoming(card)) is not None:
        lines.append(f"its judge does not gate: {why}")
    return "\n".join(line.rstrip() for line in lines)


def drawn(estimate: Estimate, low: float, high: float) -> str:
    """An interval on a line of 24 characters.

    >>> drawn(Estimate(value=0.5, low=0.25, high=0.75, n=9, total=9), 0.0, 1.0)
    '|      ------o------     |'
    """
    if estimate.value is None:
        return ""
    line = [" "] * _WIDTH
    if estimate.low is not None and estimate.high is not None:
        first, last = _place(estimate.low, low, high), _place(estimate.high, low, high)
        line[first : last + 1] = "-" * (last + 1 - first)
    line[_place(estimate.value, low, high)] = "o"
    return f"|{''.join(line)}|"


def _place(value: float, low: float, high: float) -> int:
    share = (value - low) / (high - low)
    return min(_WIDTH - 1, max(0, int(share * _WIDTH)))


def _measured(card: CalibrationCard) -> list[list[object]]:
    rows: list[list[object]] = []
    for title, name, low in _ROWS:
        estimate: Estimate | None = getattr(card, name)
        if estimate is None:
            rows.append([title, "not measured", "", ""])
        else:
            rows.append(
                [title, estimate_text(estimate), drawn(estimate, low, 1.0), estimate.method]
            )
    return rows


def _further(card: CalibrationCard) -> list[str]:
    lines = []
    if card.repeat_spread is not None:
        lines.append(f"repeats of one case differ by {card.repeat_spread:.3g} (standard deviation)")
    if card.length_slope is not None:
        slope = estimate_text(card.length_slope, signed=True)
        lines.append(f"an answer twice as long is judged by {slope} more than people do")
    if card.effective_votes is not None:
        lines.append(f"the panel is worth {card.effective_votes:.2g} independent judges")
    return lines
