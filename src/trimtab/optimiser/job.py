"""What a job is: everything that decides what it does, and its name made of that. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from trimtab.errors import InvalidRequest
from trimtab.kit.hashing import digest

Algo = Literal["auto", "demos", "instructions", "gepa"]
ALGORITHMS: tuple[Algo, ...] = get_args(Algo)
USUAL_MARGIN = 0.05


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a job: the first is to get better, the others may lose no more than `margin`."""

    metric: str
    margin: float = USUAL_MARGIN


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One search. Two with the same fields are the same job, whatever they may spend.

    Args:
        prompt: the name and version of the prompt that is to be improved.
        content: digests of what is searched with: prompt, rows, splits, scorers, models behind.
        split: how rows became train, dev and test, in words.
    """

    prompt: str
    content: Mapping[str, str]
    dataset: str
    goals: tuple[Goal, ...]
    model: str
    judge: str | None = None
    reflect_model: str | None = None
    algo: Algo = "auto"
    split: str = ""
    seed: int = 0
    parameters: Mapping[str, Any] = {}
    max_tokens: int | None = None
    rounds: Annotated[int, Meta(ge=1)] = 6

    @property
    def id(self) -> str:
        """The name of the job: of its prompt, and of all that decides what it does."""
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.prompt.split("@")[0])
        return f"{name[:60]}-{digest(self)[:12]}"


def goal_of(text: str) -> tuple[str, float | None]:
    """A metric as it is written: its name, and after a colon the loss that is tolerable.

    >>> goal_of("exact"), goal_of("token_f1:0.02"), goal_of("own.py:kind")
    (('exact', None), ('token_f1', 0.02), ('own.py:kind', None))
    """
    name, colon, margin = text.rpartition(":")
    try:
        value = float(margin) if colon else None
    except ValueError:
        return text, None
    if value is None:
        return text, None
    if not (name and 0 <= value < float("inf")):
        raise InvalidRequest(
            f"{text!r} names no metric and margin", where="metric", fix="write NAME or NAME:0.02"
        )
    return name, value
