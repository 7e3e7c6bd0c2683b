"""`@scorer`: a function becomes a scorer, one object for tests, experiments and live traffic.

A subject goes in, scores come out. The function gets the fields it names and nothing else; what
goes wrong in it is the status of a score. A scorer holds no state and is never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from trimtab.scorers.arguments import wants
from trimtab.scorers.function import FunctionScorer, P, R, Tier, check_declaration, tier_of
from trimtab.scorers.judgement import Judgement, Scale, Unscored

__all__ = ["FunctionScorer", "Judgement", "Unscored", "scorer"]


@overload
def scorer(function: Callable[P, R], /) -> FunctionScorer[P, R]: ...
@overload
def scorer(
    *,
    name: str | None = None,
    version: str = "1",
    scale: Scale = None,
    tier: Tier | None = None,
    higher_is_better: bool = True,
    timeout_s: float | None = None,
) -> Callable[[Callable[P, R]], FunctionScorer[P, R]]: ...
def scorer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    version: str = "1",
    scale: Scale = None,
    tier: Tier | None = None,
    higher_is_better: bool = True,
    timeout_s: float | None = None,
) -> Any:
    """Make a scorer of a function, plain or async, that says what it wants by its argument names.

    The function may take the fields of a subject (`arguments.FIELDS`): `input`, `output`,
    `expected`, `context`, `tool_calls`, `latency_ms` and so on; annotated `str`, the first three
    are text. It may take `judge` and `embedder` to work with. A keyword-only argument with a
    default is a parameter, which `configured` sets. It returns a bool (an assertion), a number on
    the `scale`, a string (a label), a dict of those (several scores, named `name.key`), a
    `Judgement`, or None or `Unscored` for no judgement.

    Args:
        name: of its scores; the function's name when None.
        version: raise it when the same code comes to judge differently.
        scale: "binary" (0 or 1), "unit" ([0, 1]), (low, high), or None for any finite number.
        tier: "code" is free and offline, "model" uses a small local model, "judge" costs money.
            None is "judge" where the function takes `judge`, else "code".
        higher_is_better: the direction of improvement. Where less is better, True is what should
            not be: a bool of it passes where it is False, and its number is the share of True.
        timeout_s: seconds after which judging is given up; the score's status is "timeout".
    Raises:
        ScorerError: declared wrongly.

    >>> @scorer(scale="binary")
    ... def polite(output: str) -> bool:
    ...     return "please" in output.lower()
    >>> polite("Please wait.")
    True
    >>> polite.check(output="Wait.")
    Traceback (most recent call last):
    AssertionError: polite failed
    """

    def define(function: Callable[P, R]) -> FunctionScorer[P, R]:
        called = name if name is not None else getattr(function, "__name__", "")
        check_declaration(called, scale, tier or "code", timeout_s)
        wanted = wants(function, where=called)
        its_tier = tier_of(wanted, tier, where=called)
        declared = {
            "name": called,
            "version": str(version),
            "scale": scale,
            "tier": its_tier,
            "higher_is_better": higher_is_better,
        }
        return FunctionScorer(
            function=function,
            name=called,
            version=str(version),
            declared=declared,
            tier=its_tier,
            higher_is_better=higher_is_better,
            scale=scale,
            timeout_s=timeout_s,
            wants=wanted,
        )

    return define if function is None else define(function)
