"""What came of a run in one sentence, for people who read no more than that. Pure.

Records go in; plain text comes out, with numbers, intervals and the number of cases.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trimtab.experiments import findings
from trimtab.records import Comparison, Run, Verdict

_NAMED = 3


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run in one sentence, and the verdict that it puts into words.

    `baseline` is the run it was compared with, None where there is none or it is not stored.
    `cases` counts the rows that were compared, None of a verdict that was given before.
    """

    sentence: str
    run: Run
    baseline: Run | None = None
    cases: int | None = None


def sentence(run: Run, baseline: Run | None = None) -> str:
    """The verdict on a run in words.

    `docs@2 is proved better on answer_correct (+12.0 points [+4.0, +20.0], 160 cases); nothing
    that gates got worse.`

    Args:
        baseline: what it is compared with, for its name.
    """
    name = called(run)
    if run.status != "done":
        why = f": {run.error}" if run.error else ""
        return _ended(f"{name} is {run.status} after {run.done} of {run.total} answers{why}")
    verdict = run.verdict
    if verdict is None:
        return f"{name} came to its end with {_cases(run.done, 'answer')}; nothing gates it."
    if not any(each.outcome for each in verdict.comparisons):
        return _alone(name, verdict)
    against = "the baseline" if baseline is None else called(baseline)
    return _compared(name, against if against != name else "the baseline", verdict)


def called(run: Run) -> str:
    """A run as people call it: its release, else what tells it apart, else its name."""
    if run.release:
        return run.release
    if run.variant:
        return f"{run.name} ({', '.join(f'{key} {value}' for key, value in run.variant.items())})"
    return run.name


def _alone(name: str, verdict: Verdict) -> str:
    """A verdict on a run's own numbers, or on nothing that could be compared."""
    word = {"pass": "passes", "fail": "fails", "inconclusive": "is not decided on"}
    return _ended(f"{name} {word[verdict.outcome]}: {_listed(verdict.reasons, '; ')}")


def _compared(name: str, against: str, verdict: Verdict) -> str:
    gating = [each for each in verdict.comparisons if each.outcome is not None]
    better = [each for each in gating if each.proved == "better"]
    worse = [each for each in gating if each.proved == "worse"]
    if verdict.outcome == "fail":
        return _failed(name, against, verdict, worse, better)
    if verdict.outcome == "inconclusive":
        return _open(name, against, verdict, worse, better)
    if worse:
        lost = _on(worse)
        what = f"is proved worse on {lost}, by less than is allowed"
        gained = f", and proved better on {_on(better)}" if better else ""
        return f"{name} {what}{gained}."
    if better:
        return f"{name} is proved better on {_on(better)}; nothing that gates got worse."
    return (
        f"{name} is as good as {against} on {_on(gating)}, to within the margins; no gain is"
        " proved."
    )


def _failed(
    name: str,
    against: str,
    verdict: Verdict,
    worse: Sequence[Comparison],
    better: Sequence[Comparison],
) -> str:
    lost = [each for each in worse if each.outcome == "fail"]
    gained = f"; it is proved better on {_on(better)}" if better else ""
    if lost:
        return f"{name} is proved worse than {against} on {_on(lost)}{gained}."
    failed = [each.reason for each in verdict.comparisons if each.outcome == "fail"]
    return _ended(f"{name} fails: {_listed(failed or verdict.reasons, '; ')}{gained}")


def _open(
    name: str,
    against: str,
    verdict: Verdict,
    worse: Sequence[Comparison],
    better: Sequence[Comparison],
) -> str:
    proved = "".join(
        f"; {word} is proved on {_on(each)}"
        for word, each in (("a gain", better), ("a loss", worse))
        if each
    )
    why = _undecided(verdict)
    return _ended(f"Whether {name} can replace {against} is not decided{why}{proved}")


def _undecided(verdict: Verdict) -> str:
    """On which metrics, and the one thing that is most useful to know; the reasons have the rest.

    What more cases would not mend comes first, then the metric that needs the most of them.
    """
    held_up = [each for each in verdict.comparisons if each.outcome == "inconclusive"]
    if not held_up:
        words = verdict.outcomes or ("inconclusive",) * len(verdict.reasons)
        pairs = zip(words, verdict.reasons, strict=False)
        why = [reason for word, reason in pairs if word == "inconclusive"]
        more = f" (and {len(why) - 1} more)" if len(why) > 1 else ""
        return f": {why[0]}{more}" if why else ""
    other = [each for each in held_up if not findings.lacks_power(each)]
    first = other[0] if other else max(held_up, key=findings.needed)
    where = "" if len(held_up) == 1 else f"for {first.metric}, "
    names = _listed([each.metric for each in held_up], ", ").replace(", and ", " and ")
    return f" on {names}: {where}{findings.advice(first)}"


def _on(comparisons: Sequence[Comparison]) -> str:
    said = [
        f"{each.metric} ({findings.change(each)}, {_cases(each.difference.n)})"
        for each in comparisons
    ]
    return _listed(said, ", ")


def _listed(items: Sequence[str], between: str) -> str:
    more = f"{between}and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return between.join(items[:_NAMED]) + more


def _cases(count: int, noun: str = "case") -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
