"""What there is to choose from: every built-in scorer, described by its own declaration.

Nothing here is written down twice: names, inputs and parameters are read from the signatures.
"""

from __future__ import annotations

import inspect
import re
from difflib import get_close_matches
from typing import Any

import msgspec

from trimtab.errors import NotFound
from trimtab.records.run import Tier
from trimtab.scorers.arguments import Argument, Parameter
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judgement import Scale
from trimtab.scorers.registry import BUILT_IN, JUDGES

_END = re.compile(r"(?<!\bal)\. ")  # no sentence ends with "et al."


class ParameterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a scorer, with its type and default as they would be written."""

    name: str
    type: str
    default: str


class ScorerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A built-in scorer.

    `scale` is what bounds a value, where anything does.
    `needs` are fields of a subject without which it is unscored, `takes` those it looks at where
    they are there, `resources` what it works with.
    """

    name: str
    version: str
    digest: str
    tier: Tier
    scale: str
    higher_is_better: bool
    needs: tuple[str, ...]
    takes: tuple[str, ...]
    resources: tuple[str, ...]
    parameters: tuple[ParameterInfo, ...]
    summary: str
    description: str


def catalogue(tier: Tier | None = None) -> list[ScorerInfo]:
    """The built-in scorers by name, all or those of a tier."""
    names = JUDGES if tier == "judge" else BUILT_IN
    found = [described(BUILT_IN[name]) for name in sorted(names)]
    return [each for each in found if tier is None or each.tier == tier]


def entry(name: str, tier: Tier | None = None) -> ScorerInfo:
    """One of them.

    Raises:
        NotFound: there is no such scorer, or it is of another tier.
    """
    what = "judge" if tier == "judge" else "scorer"
    found = described(BUILT_IN[name]) if name in BUILT_IN else None
    if found is None or (tier is not None and found.tier != tier):
        fix = f"`trimtab {what}{'s' if what == 'scorer' else ''} list` lists them"
        close = get_close_matches(name[:100], JUDGES if tier == "judge" else BUILT_IN, n=1)
        if close:
            fix = f"did you mean {close[0]!r}? {fix}"
        raise NotFound(f"no {what} {name[:100]!r}", where="name", fix=fix)
    return found


def described(scorer: Any) -> ScorerInfo:
    """A scorer made of a function, in words."""
    found: FunctionScorer[..., Any] = scorer
    description = inspect.cleandoc(found.function.__doc__ or "")
    return ScorerInfo(
        name=found.name,
        version=found.version,
        digest=found.digest,
        tier=found.tier,
        scale=_scale(found.scale),
        higher_is_better=found.higher_is_better,
        needs=_names(found.arguments, required=True),
        takes=_names(found.arguments, required=False),
        resources=tuple(name for name, _ in found.wants.resources),
        parameters=tuple(map(_parameter, found.wants.parameters)),
        summary=_first_sentence(description),
        description=description,
    )


def _names(arguments: tuple[Argument, ...], *, required: bool) -> tuple[str, ...]:
    return tuple(each.name for each in arguments if each.required is required)


def _parameter(given: Parameter) -> ParameterInfo:
    kind = "" if given.type is inspect.Parameter.empty else inspect.formatannotation(given.type)
    plain = kind.replace("collections.abc.", "").replace("typing.", "")
    return ParameterInfo(name=given.name, type=plain, default=repr(given.default))


def _scale(scale: Scale) -> str:
    if scale is None:
        return "any number, verdict or label"
    if isinstance(scale, tuple) and scale[1] is None:
        return f"{scale[0]:g} or more"
    if isinstance(scale, tuple):
        return f"{scale[0]:g} to {scale[1]:g}"
    return {"unit": "0 to 1", "binary": "0 or 1"}[scale]


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.partition("\n\n")[0].split())
    end = _END.search(paragraph)
    return paragraph if end is None else paragraph[: end.start() + 1]
