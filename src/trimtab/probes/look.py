"""What the results of a look say beside the reference's, in numbers and in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from trimtab.probes.drift import Drift, drift_of, threshold
from trimtab.probes.likeness import FloatArray, Given, likeness, text_in
from trimtab.records import ProbeLook, Result, Score, Target
from trimtab.records.score import score_id

LEAST_ANSWERED = 0.5
"""Of the questions; a look with fewer answers shows nothing."""

Status = Literal["reference", "same", "drifted", "inconclusive", "failed"]
_PERPLEXITY = "perplexity.value"
_NAMED = 3


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a look found."""

    status: Status
    sentence: str
    likeness: float | None = None
    expected: float | None = None
    p_value: float | None = None
    models: tuple[str, ...] = ()


def reference(results: Sequence[Result], questions: int) -> Seen:
    """A first look: what later ones are compared with, if enough was answered."""
    models = models_of(results)
    by_question = _answers(results)
    short = _too_few(len(by_question), questions, results)
    if short is not None:
        return Seen(status="failed", sentence=short, models=models)
    alike = [likeness(given) for given in by_question.values() if len(given) > 1]
    if not alike:
        return Seen(
            status="failed",
            sentence="no question was answered twice, so nobody knows how answers differ by chance",
            models=models,
        )
    own = [(one.sum() - len(one)) / (len(one) * (len(one) - 1)) for one in alike]
    expected = float(sum(own) / len(own))
    return Seen(
        status="reference",
        expected=expected,
        models=models,
        sentence=(
            f"{len(alike)} questions are the reference; answers to one are {expected:.2f} alike"
            f"{_by(models)}"
        ),
    )


def compared(
    results: Sequence[Result],
    before: Sequence[Result],
    *,
    questions: int,
    look: int,
    alpha: float,
) -> Seen:
    """A later look beside the reference.

    Args:
        before: the results of the reference.
        look: the how manieth it is since the reference, from 1.
        alpha: the most that may be risked of a false alarm, ever.
    """
    models, known = models_of(results), models_of(before)
    given, earlier = _answers(results), _answers(before)
    short = _too_few(len(given), questions, results)
    if short is not None:
        return Seen(status="failed", sentence=short, models=models)
    found = drift_of(list(_pairs(given, earlier)))
    if found is None:
        return Seen(
            status="inconclusive",
            sentence="the reference has no question with two answers or more; accept a new one",
            models=models,
        )
    limit = threshold(alpha, look)
    renamed = sorted({_name(one) for one in models} - {_name(one) for one in known})
    status = _status(found, limit, bool(renamed) and bool(known))
    return Seen(
        status=status,
        likeness=found.likeness,
        expected=found.expected,
        p_value=found.p_value,
        models=models,
        sentence=_sentence(status, found, limit, look, renamed, models, known),
    )


def models_of(results: Iterable[Result]) -> tuple[str, ...]:
    """The names that the provider said answered, with their fingerprints, each once."""
    return tuple(sorted({one.model for one in results if one.error is None and one.model}))


def score_of(found: ProbeLook, *, author: str) -> Score:
    """A look as the judgement of its run; one that could not tell judges nothing."""
    target = Target(kind="run", id=found.run)
    name = f"probe/{found.probe}"
    judged = found.status in ("same", "drifted")
    return Score(
        score_id=score_id(target, name, "", found.run),
        project=found.project,
        target=target,
        name=name,
        status="scored" if judged else "unscored",
        value=found.likeness if judged else None,
        passed=found.status == "same" if judged else None,
        reason=found.sentence,
        source="monitor",
        author=author,
        run=found.run,
        time_ns=found.time_ns,
        metadata={"status": found.status, "p_value": found.p_value},
    )


def _status(found: Drift, limit: float, renamed: bool) -> Status:
    if renamed or found.p_value <= limit:
        return "drifted"
    return "inconclusive" if found.least > limit else "same"


def _sentence(
    status: Status,
    found: Drift,
    limit: float,
    look: int,
    renamed: Sequence[str],
    models: Sequence[str],
    known: Sequence[str],
) -> str:
    numbers = (
        f"answers are {found.likeness:.2f} like the reference's, which are {found.expected:.2f}"
        f" alike ({found.questions} questions, p = {found.p_value:.2g}, an alarm at"
        f" {limit:.2g} in look {look})"
    )
    if renamed and known:
        was = _listed(sorted({_name(one) for one in known}))
        return f"the provider says {_listed(renamed)} answers, and it was {was}; {numbers}"
    if status == "drifted":
        return f"the model answers in another way: {numbers}"
    if status == "inconclusive":
        return f"{numbers}: so few questions cannot show a change any more; add some"
    fingerprints = sorted({*models} - {*known})
    told = f"; new fingerprint {_listed(fingerprints)}" if fingerprints and known else ""
    return f"no change shows: {numbers}{told}"


def _pairs(
    given: Mapping[str, Sequence[Given]], earlier: Mapping[str, Sequence[Given]]
) -> Iterable[FloatArray]:
    """For each question that both have, how alike its answers are; the look's is the last."""
    for question in sorted(given):
        before = earlier.get(question)
        if before:
            yield likeness([*before, given[question][0]])


def _answers(results: Sequence[Result]) -> dict[str, list[Given]]:
    """The answers to each question, in the order of their repeats."""
    found: dict[str, list[Given]] = {}
    for one in sorted(results, key=lambda result: result.repeat):
        if one.error is None:
            told = (score.value for score in one.scores if score.name == _PERPLEXITY)
            given = Given(text=text_in(one.output), perplexity=next(told, None))
            found.setdefault(one.example_id, []).append(given)
    return found


def _too_few(answered: int, questions: int, results: Sequence[Result]) -> str | None:
    if answered >= LEAST_ANSWERED * questions and answered:
        return None
    why = next((one.error for one in results if one.error is not None), "")
    return f"{answered} of {questions} questions were answered: {why}"[:500]


def _name(model: str) -> str:
    """The name of a model without its fingerprint."""
    return model.partition(" ")[0]


def _by(models: Sequence[str]) -> str:
    return f", given by {_listed(models)}" if models else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
