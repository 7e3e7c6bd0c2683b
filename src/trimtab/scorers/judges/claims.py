"""The primitive `claims`: a text taken apart into claims, each held against a source.

The claim verdicts of RAGAS (Es et al. 2023, arXiv:2309.15217) and FActScore (Min et al. 2023,
arXiv:2305.14251), in one call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from trimtab.measures.overlap import normalised
from trimtab.ports import Judge, Question
from trimtab.scorers.judgement import Unscored
from trimtab.scorers.judges.answers import Found, found
from trimtab.scorers.judges.material import messages

Verdict = Literal["supported", "contradicted", "not_mentioned"]

_TASK = (
    "Take <{text}> apart into its factual claims: short sentences that each say one thing and can "
    "be understood alone. Leave out questions, greetings and advice. Then hold each claim against "
    "<{source}> and nothing else: `supported` if it follows from it, `contradicted` if it says "
    "otherwise, `not_mentioned` if it says nothing of it. With `supported` and `contradicted` give "
    "the words of <{source}> that decide it, copied exactly, as `quote`; else an empty one."
)


class Claim(msgspec.Struct, frozen=True):
    """One claim with its verdict. `is_quoted`: its quote stands in the source literally."""

    claim: str
    verdict: Verdict
    quote: str = ""
    is_quoted: bool = False

    @property
    def supported(self) -> bool:
        return self.verdict == "supported"


async def claims(
    judge: Judge,
    name: str,
    text: str,
    source: str | Sequence[str],
    *,
    names: tuple[str, str] = ("answer", "source"),
    beside: Mapping[str, Any] | None = None,
) -> Found[list[Claim]] | Unscored:
    """The claims of a text, each held against a source.

    Args:
        names: what the two are called towards the judge.
        beside: further material that helps to understand them, as the question asked.
    Returns:
        At least one claim; unscored without an answer, or where the text claims nothing.
    """
    called, against = names
    shown = {**(beside or {}), called: text, against: source}
    question = Question(
        name=name,
        messages=messages(_TASK.format(text=called, source=against), shown),
        schema=_SCHEMA,
        read=lambda value: msgspec.convert(value, _Claims).claims,
    )
    answer = await found(judge, question)
    if isinstance(answer, Unscored):
        return answer
    if not answer.value:
        return Unscored(f"the {called} makes no claim", answer.cost_usd)
    whole = normalised(source if isinstance(source, str) else "\n".join(source))
    return Found([_checked(claim, whole) for claim in answer.value], answer.cost_usd)


def evidence(judged: Sequence[Claim]) -> tuple[str, ...]:
    """The claims that are not supported, in words.

    >>> evidence([Claim("It rains.", "contradicted", "It is dry.", True)])
    ('contradicted: It rains. ("It is dry.")',)
    """
    return tuple(
        f"{claim.verdict.replace('_', ' ')}: {claim.claim}"
        + (f' ("{claim.quote}")' if claim.quote and claim.is_quoted else "")
        for claim in judged
        if not claim.supported
    )


def _checked(claim: Claim, source: str) -> Claim:
    quote = normalised(claim.quote)
    return msgspec.structs.replace(claim, is_quoted=bool(quote) and quote in source)


class _Claims(msgspec.Struct, frozen=True):
    claims: list[Claim]


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "claims": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "claim": {"type": "string"},
                    "verdict": {
                        "type": "string",
                        "enum": ["supported", "contradicted", "not_mentioned"],
                    },
                    "quote": {"type": "string"},
                },
                "required": ["claim", "verdict", "quote"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["claims"],
    "additionalProperties": False,
}
