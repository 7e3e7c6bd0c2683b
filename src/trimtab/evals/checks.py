"""Single judgements, made one by one as in a test.

A scorer and an answer go in, scores and complaints come out; `sessions` makes a run of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from trimtab.errors import ScorerError
from trimtab.evals.chat import GatewayChat
from trimtab.evals.judge import jury_of
from trimtab.evals.scorers import scorers_of
from trimtab.experiments.execute import applied
from trimtab.experiments.pace import Pace
from trimtab.kit.clock import SystemClock
from trimtab.ports import Response, Scorer
from trimtab.records import AppliedScorer, Example, Result, Score
from trimtab.scorers.subjects import of_example

_CLOCK = SystemClock()
_OF_ROW = ("input", "expected", "context", "metadata")


class Server(NamedTuple):
    """Which server has models, datasets and runs."""

    url: str
    key: str | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that was judged: the row, the answer with its scores, and who judged.

    `name` is what a test calls the case, where it has several. `repeat` is which answer to the case
    it is, from 0.
    """

    example: Example
    result: Result
    scorers: tuple[AppliedScorer, ...]
    name: str | None = None
    repeat: int = 0


async def judged(
    reference: Any,
    example: Example,
    response: Response,
    *,
    judge: Any = None,
    server: Server | None = None,
) -> Check:
    """Judge one answer.

    Args:
        reference: a scorer, its name, its name with parameters, or a plain function.
        judge: a `ports.Judge`, or the name of a model of the server.
    Raises:
        ScorerError: there is no such scorer, or it needs a judge or a server and has none.
    """
    if not isinstance(judge, str):
        return await scored(scorer_of(reference, judge), example, response)
    if server is None:
        raise ScorerError(
            f"the judge {judge!r} is a model of a server, and none is named",
            where="judge",
            fix="give --trimtab-url or TRIMTAB_URL, or a judge of your own",
        )
    chat = GatewayChat(server.url, key=server.key)
    try:
        scorer = scorer_of(reference, jury_of(chat, [judge], None, Pace(8)))
        return await scored(scorer, example, response)
    finally:
        await chat.aclose()


def scorer_of(reference: Any, judge: Any = None) -> Scorer:
    """One scorer, as `judged` takes it."""
    (scorer,) = scorers_of([reference], Path.cwd(), judge=judge)
    return scorer


def judged_at_once(
    reference: Any, example: Example, response: Response, *, judge: Any = None
) -> Check | None:
    """Judge without waiting, inside whatever event loop runs; None where the scorer has to wait.

    Such a scorer was not begun.
    """
    if isinstance(judge, str):
        return None
    scorer = scorer_of(reference, judge)
    if not getattr(scorer, "inline", False):
        return None
    judging = scored(scorer, example, response)
    try:
        judging.send(None)
    except StopIteration as done:
        found: Check = done.value
        return found
    judging.close()
    raise ScorerError(f"{scorer.name} says that it blocks nobody, and waits", where=scorer.name)


async def scored(scorer: Scorer, example: Example, response: Response) -> Check:
    """One answer through one scorer."""
    scores = await scorer.score(of_example(example, response))
    result = Result(
        example_id=example.example_id,
        output=response.output,
        context=response.context,
        tool_calls=response.tool_calls or (),
        latency_ms=response.latency_ms,
        cost_usd=response.cost_usd,
        scores=tuple(scores),
        time_ns=_CLOCK.now_ns(),
    )
    return Check(example=example, result=result, scorers=applied([scorer]))


def complaints(
    scores: Sequence[Score], *, at_least: float | None = None, at_most: float | None = None
) -> list[str]:
    """What is wrong with scores, in sentences; empty when nothing is.

    A score that is missing is wrong: nothing passes by not being judged.

    Raises:
        ScorerError: a score is a number, and nobody says how much is enough.
    """
    if not scores:
        return ["the scorer said nothing"]
    found = [_complaint(score, at_least, at_most) for score in scores]
    return [said for said in found if said is not None]


def _complaint(score: Score, at_least: float | None, at_most: float | None) -> str | None:
    why = f": {score.reason}" if score.reason else ""
    if score.status != "scored":
        return f"{score.name} is {score.status}{why}"
    number = score.number
    if at_least is None and at_most is None:
        if score.passed is not None:
            return None if score.passed else f"{score.name} did not pass{why}"
        raise ScorerError(
            f"{score.name} gives a number, and nobody says how much is enough",
            where="assert_score",
            fix="give at_least or at_most",
        )
    if number is None:
        return f"{score.name} is {score.label!r}, which is no number"
    if at_least is not None and number < at_least:
        return f"{score.name} is {number:.4g}, below {at_least:g}{why}"
    if at_most is not None and number > at_most:
        return f"{score.name} is {number:.4g}, above {at_most:g}{why}"
    return None


def row_of(
    name: str, given: Mapping[str, Any], example: Example | None
) -> tuple[Example, dict[str, Any]]:
    """The row of a check under its own name, and what is left of what was handed over.

    What is given counts before what the example says.
    """
    own = example or Example(example_id=name, input=None)
    said = {key: given[key] for key in _OF_ROW if given.get(key) is not None}
    rest = {key: value for key, value in given.items() if key not in _OF_ROW}
    if "context" in said:
        said["context"] = tuple(said["context"])
    return msgspec.structs.replace(own, example_id=name, **said), rest
