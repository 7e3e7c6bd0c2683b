"""`contains`, `starts_with`, `ends_with`, `one_of`: texts that an answer must or must not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.exact import NO_EXPECTED
from trimtab.scorers.texts import references


@scorer
def contains(
    output: str,
    expected: Any = None,
    *,
    all: Sequence[str] = (),
    any: Sequence[str] = (),
    none: Sequence[str] = (),
    ignore_case: bool = True,
) -> Judgement | Unscored:
    """Passes when the answer holds all of `all`, one of `any` and none of `none`.

    Without any of the three it must hold the expected text (one of them, for a list).

    Args:
        ignore_case: case does not count.

    >>> contains("Port 8321, over HTTP.", any=["http", "grpc"], none=["telnet"]).passed
    True
    """
    choices = any
    if not (all or any or none):
        choices = references(expected) if expected is not None else []
        if not choices:
            return Unscored("missing: expected")
    found = _Finder(output, ignore_case)
    missed = [f"missing: {text}" for text in all if not found(text)]
    if choices and not [text for text in choices if found(text)]:
        missed.append(f"none of: {', '.join(choices)}")
    missed += [f"not allowed: {text}" for text in none if found(text)]
    return Judgement(passed=not missed, evidence=tuple(missed))


@scorer
def starts_with(
    output: str, expected: Any = None, *, any: Sequence[str] = (), ignore_case: bool = False
) -> bool | Unscored:
    """Passes when the answer begins with a text of `any`, or with an expected text.

    Args:
        ignore_case: case does not count.

    >>> starts_with("Yes, it does.", any=["Yes", "No"])
    True
    """
    accepted = list(any) or (references(expected) if expected is not None else [])
    if not accepted:
        return Unscored("missing: expected")
    answer = _folded(output.lstrip(), ignore_case)
    return answer.startswith(tuple(_folded(text, ignore_case) for text in accepted))


@scorer
def ends_with(
    output: str, expected: Any = None, *, any: Sequence[str] = (), ignore_case: bool = False
) -> bool | Unscored:
    """Passes when the answer ends with a text of `any`, or with an expected text.

    Args:
        ignore_case: case does not count.

    >>> ends_with("So the answer is 42.\\n", any=["42", "42."])
    True
    """
    accepted = list(any) or (references(expected) if expected is not None else [])
    if not accepted:
        return Unscored("missing: expected")
    answer = _folded(output.rstrip(), ignore_case)
    return answer.endswith(tuple(_folded(text, ignore_case) for text in accepted))


@scorer
def one_of(
    output: str, expected: Any = None, *, values: Sequence[str] = (), ignore_case: bool = True
) -> bool | Unscored:
    """Passes when the whole answer is one of the values, or one of the expected texts.

    White space around it and a last full stop do not count.

    Args:
        values: all there are; without them what the row expects.
        ignore_case: case does not count.

    >>> one_of("Positive.", values=["positive", "negative"])
    True
    """
    accepted = list(values) or (references(expected) if expected is not None else [])
    if not accepted:
        return NO_EXPECTED
    answer = _folded(output.strip().removesuffix("."), ignore_case)
    return answer in {_folded(value.strip(), ignore_case) for value in accepted}


class _Finder:
    """Whether a text stands in an answer."""

    def __init__(self, answer: str, ignore_case: bool) -> None:
        self._answer = _folded(answer, ignore_case)
        self._ignore_case = ignore_case

    def __call__(self, text: str) -> bool:
        return _folded(text, self._ignore_case) in self._answer


def _folded(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text
