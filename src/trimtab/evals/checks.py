"""Single judgements, made one by one as in a test, and the run that they add up to.

A scorer and an answer go in, scores and complaints come out; checks of a whole session become the
record of a run with its results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from trimtab.client import Client
from trimtab.errors import ScorerError, TrimtabError
from trimtab.evals.chat import GatewayChat
from trimtab.evals.judge import jury_of
from trimtab.evals.scorers import scorers_of
from trimtab.evals.upload import Upload
from trimtab.experiments.costs import total_cost
from trimtab.experiments.exchange.foreign import Foreign
from trimtab.experiments.execute import applied
from trimtab.experiments.journal import Journal
from trimtab.experiments.pace import Pace
from trimtab.experiments.repeats import headlines
from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.ports import Response, Scorer
from trimtab.records import AppliedScorer, Example, Result, Run, Score
from trimtab.records.example import examples_digest
from trimtab.records.run import RunStatus
from trimtab.scorers.subjects import of_example

_CLOCK = SystemClock()
_OF_ROW = ("input", "expected", "context", "metadata")


class Server(NamedTuple):
    """Which server has models, datasets and runs."""

    url: str
    key: str | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that was judged: the row, the answer with its scores, and who judged."""

    example: Example
    result: Result
    scorers: tuple[AppliedScorer, ...]


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


# -- a session of checks as a run ------------------------------------------------------------------


class Session(NamedTuple):
    """A run with everything it is made of; `stored` says that the server has its rows."""

    run: Run
    results: list[Result]
    examples: list[Example]
    stored: bool = False


def session_of(
    checks: Sequence[Check], *, name: str, started_ns: int, status: RunStatus = "done"
) -> Session:
    """The run that checks add up to.

    Further answers to one example are further repeats of it; judgements of one answer go together.
    """
    run_id = ids.uuid7()
    examples = {check.example.example_id: check.example for check in checks}
    gathered = _gathered(checks, run_id)
    scorers = {each.name: each for check in checks for each in check.scorers}
    rows = [examples[key] for key in sorted(examples)]
    run = Run(
        run_id=run_id,
        name=name,
        dataset=name,
        dataset_digest=examples_digest(rows),
        scorers=tuple(scorers.values()),
        task="tests",
        suite=name,
        source="pytest",
        repeats=max((result.repeat for result in gathered), default=0) + 1,
        status=status,
        started_ns=started_ns,
        ended_ns=_CLOCK.now_ns(),
        done=len(gathered),
        total=len(gathered),
        metrics=headlines(gathered, rows, list(scorers.values())),
        cost_usd=total_cost(gathered),
    )
    return Session(run, gathered, rows)


def foreign_session(found: Foreign, *, name: str) -> Session:
    """Results of another tool as a run."""
    run_id = ids.uuid7()
    now_ns = _CLOCK.now_ns()
    examples = list(found.examples)
    results = [
        msgspec.structs.replace(
            result,
            scores=tuple(
                msgspec.structs.replace(score, run=run_id, time_ns=score.time_ns or now_ns)
                for score in result.scores
            ),
            time_ns=result.time_ns or now_ns,
        )
        for result in found.results
    ]
    run = Run(
        run_id=run_id,
        name=name,
        dataset=name,
        dataset_digest=examples_digest(sorted(examples, key=lambda row: row.example_id)),
        scorers=tuple(found.scorers),
        task=f"imported from {found.tool}",
        variant=dict(found.variant),
        source=found.tool,
        repeats=max((result.repeat for result in results), default=0) + 1,
        status="done",
        started_ns=found.started_ns or now_ns,
        ended_ns=now_ns,
        done=len(results),
        total=len(results),
        metrics=headlines(results, examples, found.scorers),
        cost_usd=total_cost(results),
    )
    return Session(run, results, examples)


def _gathered(checks: Sequence[Check], run_id: str) -> list[Result]:
    """One result for each answer to each example."""
    answers: dict[str, list[Result]] = {}
    for check in checks:
        own = answers.setdefault(check.example.example_id, [])
        scores = tuple(msgspec.structs.replace(s, run=run_id) for s in check.result.scores)
        given = {score.name for score in scores}
        place = next(
            (
                n
                for n, other in enumerate(own)
                if other.output == check.result.output
                and given.isdisjoint(score.name for score in other.scores)
            ),
            None,
        )
        if place is None:
            own.append(msgspec.structs.replace(check.result, repeat=len(own), scores=scores))
        else:
            both = own[place].scores + scores
            own[place] = msgspec.structs.replace(own[place], scores=both)
    return [result for own in answers.values() for result in own]


def sent(session: Session, client: Client) -> TrimtabError | None:
    """Send a session to a server; what went wrong, or None."""

    async def send() -> TrimtabError | None:
        # In the order of the digest that the run has.
        rows = sorted(session.examples, key=lambda row: row.example_id)
        upload = Upload(client, session.run, () if session.stored else rows)
        await upload.open()
        for result in session.results:
            upload.add(result)
        await upload.end(session.run)
        return upload.fault

    return asyncio.run(send())


def kept(session: Session, folder: Path) -> Path:
    """Write a session as a journal. Raises NotDurable."""
    journal = Journal.begin(folder, session.run)
    for result in session.results:
        journal.finished(result)
    journal.close()
    return journal.path


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
