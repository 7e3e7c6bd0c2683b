"""Labels of people beside a judge's judgements of the same cases, on one scale. Pure.

Examples with a label and the scores of a judge go in; pairs of label and judgement come out, with
how they are to be compared: as verdicts (yes or no), as names, or as numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.records import Example, Score

Kind = Literal["verdict", "name", "number"]
_VERDICTS = {
    **dict.fromkeys(("yes", "true", "pass", "passed", "good", "correct"), 1.0),
    **dict.fromkeys(("no", "false", "fail", "failed", "bad", "incorrect"), 0.0),
}
_WINNERS = {"answer": 1.0, "baseline": 0.0, "tie": 0.5}


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled case as the judge saw it; `judged` is None where there is no judgement.

    Args:
        length: of the answer, in characters, or for two answers how many times as long as the
            baseline's it is.
        consistent: of a pair, whether it was judged alike in both orders.
        judgements: of a repeated judge, each of them; `votes`: of a panel, by model.
    """

    example_id: str
    label: float | str
    judged: float | str | None = None
    length: float | None = None
    cluster: str | None = None
    consistent: bool | None = None
    judgements: tuple[float | None, ...] = ()
    votes: Mapping[str, float | None] = {}


class Labelled(NamedTuple):
    """Cases with labels, and how the two are compared.

    `threshold`: of verdicts, the least number that counts as yes.
    """

    cases: Sequence[Rated]
    kind: Kind
    threshold: float = 0.5


def value_at(example: Example, path: str) -> Any:
    """What stands at `expected`, `metadata.KEY` or `metadata.KEY.KEY`; None where nothing does.

    >>> value_at(Example(example_id="1", input="?", metadata={"human": {"ok": True}}),
    ...          "metadata.human.ok")
    True
    """
    name, *rest = path.split(".")
    value = getattr(example, name, None) if name in Example.__struct_fields__ else None
    for key in rest:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def labelled(
    examples: Sequence[Example],
    scores: Mapping[str, Score],
    label: str,
    *,
    lengths: Mapping[str, float] | None = None,
    scale: tuple[float, float] | None = None,
    onto: tuple[float, float] | None = None,
    threshold: float = 0.5,
) -> Labelled:
    """The examples that have a label, with the judge's score of each.

    Args:
        scores: of one metric, by example id.
        label: where the label is, as `expected` or `metadata.human`: a number, true or false, `yes`
            or `no`, `pass` or `fail`, a winner (`answer`, `baseline`, `tie`), or a name.
        lengths: of the answers, by example id.
        scale: lowest and highest possible label, for numbers on another scale than the judge's.
        onto: the judge's scale; None: [0, 1] of one that passes or fails, else any number.
        threshold: with labels of two kinds, the least number of the judge that counts as yes.
    Raises:
        InvalidRequest: there is no label, or numbers are not on the judge's scale.
    """
    found = {each.example_id: value_at(each, label) for each in examples}
    known = {name: value for name, value in found.items() if value is not None}
    if not known:
        raise InvalidRequest(
            f"no example has a label in {label}",
            where="label",
            fix="name where the labels are, as `expected` or `metadata.KEY`",
        )
    names = any(score.label is not None for score in scores.values())
    numbers = {name: str(value) if names else _number(value) for name, value in known.items()}
    if onto is None and any(score.passed is not None for score in scores.values()):
        onto = (0.0, 1.0)
    if scale is not None:
        numbers = {n: _moved(value, scale, onto or (0.0, 1.0)) for n, value in numbers.items()}
    _check_scale(numbers, scores, onto)
    cases = [
        _rated(each, numbers[each.example_id], scores.get(each.example_id), lengths or {})
        for each in examples
        if each.example_id in numbers
    ]
    return Labelled(cases, _kind(cases), threshold)


def _kind(cases: Sequence[Rated]) -> Kind:
    if any(isinstance(case.label, str) for case in cases):
        return "name"
    paired = any(case.consistent is not None for case in cases)
    return "verdict" if not paired and {case.label for case in cases} <= {0.0, 1.0} else "number"


def _number(value: Any) -> float | str:
    """A label as a number where it is one or says one, else as a name."""
    if isinstance(value, bool | int | float):
        return float(value)
    word = str(value).strip().casefold()
    known = {**_VERDICTS, **_WINNERS}.get(word)
    return str(value) if known is None else known


def _moved(
    value: float | str, scale: tuple[float, float], onto: tuple[float, float]
) -> float | str:
    """A number on one scale as the same place on another."""
    if isinstance(value, str):
        return value
    share = (value - scale[0]) / (scale[1] - scale[0])
    return onto[0] + share * (onto[1] - onto[0])


def _check_scale(
    labels: Mapping[str, float | str],
    scores: Mapping[str, Score],
    onto: tuple[float, float] | None,
) -> None:
    """Raises InvalidRequest when labels cannot be compared with what the judge says."""
    numeric = any(score.number is not None for score in scores.values())
    for name, value in labels.items():
        if numeric and isinstance(value, str):
            raise InvalidRequest(
                f"the label {value[:50]!r} of example {name} is not a number, the judge's are",
                where="label",
                fix="label with numbers, true and false, yes and no, or pass and fail",
            )
        if onto and not isinstance(value, str) and not onto[0] <= value <= onto[1]:
            raise InvalidRequest(
                f"the label of example {name} would be {value:g} on the judge's scale,"
                f" {onto[0]:g} to {onto[1]:g}",
                where="label",
                fix="say which scale the labels are on, as --scale 1:5",
            )


def _rated(
    example: Example, label: float | str, score: Score | None, lengths: Mapping[str, float]
) -> Rated:
    metadata: Mapping[str, Any] = {} if score is None else score.metadata
    judged: float | str | None = None
    if score is not None and score.status == "scored":
        judged = score.number if score.label is None else score.label
    return Rated(
        example_id=example.example_id,
        label=label,
        judged=judged,
        length=metadata.get("longer_times") or lengths.get(example.example_id),
        cluster=example.cluster,
        consistent=metadata.get("consistent"),
        judgements=tuple(_or_none(each) for each in metadata.get("judgements", ())),
        votes={name: _or_none(vote) for name, vote in metadata.get("votes", {}).items()},
    )


def _or_none(value: Any) -> float | None:
    return float(value) if isinstance(value, bool | int | float) else None


def clusters(cases: Sequence[Rated]) -> list[Hashable] | None:
    """A key for each case, None where no case belongs to a group."""
    groups = {case.example_id: case.cluster for case in cases if case.cluster is not None}
    return keys_of([case.example_id for case in cases], groups)


def keys_of(names: Iterable[str], groups: Mapping[str, str]) -> list[Hashable] | None:
    """The same for examples by name; one that belongs to no group is its own."""
    return [groups.get(name) or (name,) for name in names] if groups else None
