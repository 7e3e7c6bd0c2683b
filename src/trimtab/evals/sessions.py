"""Runs that did not come out of a suite: checks of a session of tests, results of another tool.

What was judged goes in; the record of a run with its results and rows comes out, and goes to a
server or into a journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.evals.checks import Check
from trimtab.evals.upload import Upload
from trimtab.experiments.costs import total_cost
from trimtab.experiments.exchange.foreign import Foreign
from trimtab.experiments.journal import Journal
from trimtab.experiments.repeats import headlines
from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.records import Example, Result, Run, Score
from trimtab.records.example import examples_digest
from trimtab.records.run import RunStatus
from trimtab.records.score import score_id

_CLOCK = SystemClock()


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

    Judgements of one answer go together, and answers that are declared to be repeats are; every
    other answer of a test is a case of its own.
    """
    run_id = ids.uuid7()
    cases = _cases(checks, run_id)
    gathered = [case.answers[repeat] for case in cases for repeat in sorted(case.answers)]
    scorers = {each.name: each for check in checks for each in check.scorers}
    rows = sorted((case.example for case in cases), key=lambda row: row.example_id)
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


# -- which case a check is of ----------------------------------------------------------------------


class _Case(msgspec.Struct, kw_only=True):
    """One case of a test: its row, and its answers by the number of the repeat."""

    example: Example
    answers: dict[int, Result]

    def takes(self, check: Check) -> bool:
        """Whether a check is of this case: of the same row, and of an answer that is declared to be
        another repeat, or that nobody has judged so yet."""
        row = check.example
        if (row.input, row.expected) != (self.example.input, self.example.expected):
            return False
        known = self.answers.get(check.repeat)
        if known is None:
            return check.repeat > 0
        judged = {score.name for score in known.scores}
        return known.output == check.result.output and judged.isdisjoint(
            score.name for score in check.result.scores
        )


def _cases(checks: Sequence[Check], run_id: str) -> list[_Case]:
    """The cases of all tests, each with a name of its own, in the order of the calls.

    The first of a test has the name of the test, those after it a number too; a name that was given
    stands in between. Only what is declared to be a repeat is one.
    """
    cases: dict[str, list[_Case]] = {}
    for check in checks:
        test = check.example.example_id
        called = test if check.name is None else f"{test} ({check.name})"
        own = cases.setdefault(called, [])
        case = next((each for each in own if each.takes(check)), None)
        if case is None:
            key = called if not own else f"{called} #{len(own) + 1}"
            case = _Case(example=msgspec.structs.replace(check.example, example_id=key), answers={})
            own.append(case)
        _add(case, check, run_id)
    return [case for own in cases.values() for case in own]


def _add(case: _Case, check: Check, run_id: str) -> None:
    key, repeat = case.example.example_id, check.repeat
    scores = tuple(_of_case(score, key, repeat, run_id) for score in check.result.scores)
    known = case.answers.get(repeat)
    if known is None:
        case.answers[repeat] = msgspec.structs.replace(
            check.result, example_id=key, repeat=repeat, scores=scores
        )
    else:
        case.answers[repeat] = msgspec.structs.replace(known, scores=known.scores + scores)


def _of_case(score: Score, example_id: str, repeat: int, run_id: str) -> Score:
    target = msgspec.structs.replace(score.target, id=example_id)
    version = f"{score.digest}/{repeat}" if repeat else score.digest
    return msgspec.structs.replace(
        score,
        target=target,
        run=run_id,
        score_id=score_id(target, score.name, version, run_id),
    )
