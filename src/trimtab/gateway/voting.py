"""Voting: a question is asked several times at once, and what most answers say is the answer.

Self-consistency (Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning in
Language Models"), for answers that are short or structured. Each vote is a call of its own: its
guards, its limits, its cost, its spans. All are calls of one trace, under a span that says how the
vote went. The answer is whole before its first byte leaves; who asked for a stream gets it as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from trimtab.dialects.llm.ballots import Ballot, count, said_by
from trimtab.dialects.llm.parts import Used
from trimtab.dialects.llm.votes import MEMBER, MOST_VOTES, Votes, votes_of
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.gateway.admission import Reservation
from trimtab.gateway.answer import Answer, Chunks
from trimtab.gateway.ask import Ask
from trimtab.gateway.journal import Journal
from trimtab.gateway.resolution import Resolution
from trimtab.kit import ids
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock
from trimtab.records import Span
from trimtab.records.span import GATEWAY

_IDEMPOTENCY = "idempotency-key"

Admit = Callable[[Ask, Resolution], Awaitable[Reservation]]
AnswerOne = Callable[[Ask, Resolution, Reservation], Awaitable[Answer]]


def votes_for(ask: Ask, resolution: Resolution) -> Votes | None:
    """How a request is voted on; None where one answer is enough. A release wins over a request.

    Raises:
        InvalidRequest: answers to it cannot be counted.
    """
    pinned = (
        votes_of(resolution.parameters)
        if resolution.is_chain and MEMBER in resolution.parameters
        else None
    )
    said = ask.envelope.trimtab
    if pinned is None and not said:
        return None
    votes = pinned or Votes(votes=said.get("votes", 1), votes_on=said.get("votes_on"))
    if votes.votes == 1:
        return None
    if ask.passing is not None or not ask.dialect.translates or ask.envelope.choices != 1:
        raise InvalidRequest(
            "only single answers of a chat can be voted on",
            where="trimtab.votes",
            fix="ask for one answer (no `n`), in a chat; or leave the votes out",
            most=MOST_VOTES,
        )
    return votes


async def elected(
    ask: Ask,
    resolution: Resolution,
    votes: Votes,
    *,
    admit: Admit,
    answer: AnswerOne,
    journal: Journal,
    clock: Clock,
) -> Answer:
    """The first of the answers that most agree with; none is asked unless all are admitted.

    Raises:
        As `Gateway.ask`. Where no answer came, the error of the first call that failed.
    """
    trace_id, span_id = ask.caller.trace_id or ids.trace_id(), ids.span_id()
    started_ns = clock.now_ns()
    asks = [_vote(ask, number, trace_id, span_id) for number in range(votes.votes)]
    held: list[Reservation] = []
    try:
        while len(held) < len(asks):
            held.append(await admit(asks[len(held)], resolution))
    except BaseException:
        for reservation in held:
            reservation.drop()
        raise
    above = partial(_span, ask, resolution, trace_id, span_id, started_ns)
    calls = [_cast(answer, one, resolution, kept) for one, kept in zip(asks, held, strict=True)]
    try:
        found = await asyncio.gather(*calls, return_exceptions=True)
    except asyncio.CancelledError:
        journal.write_late([above(clock.now_ns(), None, None)])
        raise
    answers = [one for one in found if isinstance(one, Answer)]
    ballot = _counted(ask, answers, votes)
    winner = answers[ballot.first] if ballot is not None else next(iter(answers), None)
    span = above(clock.now_ns(), winner, ballot)
    await journal.write([span])
    if winner is None:
        raise _failure(found)
    spans = [span, *(each for one in answers for each in one.spans)]
    headers = {**winner.headers, **_headers(ballot, votes)}
    changed = msgspec.structs.replace(winner, headers=headers, spans=spans)
    if ask.envelope.stream and winner.status < 400:
        return _streamed(ask, changed, clock)
    return changed


async def _cast(answer: AnswerOne, ask: Ask, resolution: Resolution, held: Reservation) -> Answer:
    try:
        return await answer(ask, resolution, held)
    except BaseException:
        held.settle(None, None)  # where the call ended before anything was asked
        raise


def _counted(ask: Ask, answers: Sequence[Answer], votes: Votes) -> Ballot | None:
    ballot = count([_said(ask, one, votes.votes_on) for one in answers], asked=votes.votes)
    if ballot is None and votes.votes_on is not None:
        # Nobody said it where it was to be said: what they say altogether is counted.
        ballot = count([_said(ask, one, None) for one in answers], asked=votes.votes)
    return ballot


def _vote(ask: Ask, number: int, trace_id: str, parent_id: str) -> Ask:
    """One of the calls: whole, past the cache, with a seed and an idempotency key of its own."""
    envelope, caller = ask.envelope, ask.caller
    member = {name: value for name, value in envelope.trimtab.items() if "votes" not in name}
    changes: dict[str, Any] = {
        "stream": None,
        "stream_options": None,
        MEMBER: {**member, "cache": False},
    }
    seed = _seed(envelope.fields)
    if seed is not None:
        changes["seed"] = seed + number
    headers = {
        name: f"{value}-{number}" if name == _IDEMPOTENCY else value
        for name, value in caller.headers.items()
    }
    return msgspec.structs.replace(
        ask,
        envelope=ask.dialect.envelope(envelope.body(**changes)),
        caller=msgspec.structs.replace(
            caller,
            trace_id=trace_id,
            parent_id=parent_id,
            headers=headers,
            live=caller.live and number == 0,
            attributes={**caller.attributes, "trimtab.vote": number + 1},
        ),
    )


def _seed(fields: Mapping[str, msgspec.Raw]) -> int | None:
    raw = fields.get("seed")
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=int)
    except msgspec.ValidationError:
        return None


def _said(ask: Ask, answer: Answer, member: str | None) -> Any:
    """What an answer says, None for one that failed."""
    if answer.status >= 400 or answer.body is None:
        return None
    return said_by(ask.dialect.reader().body(answer.body), member=member)


def _failure(found: Sequence[Answer | BaseException]) -> BaseException:
    """The first error of calls of which none was answered, one that says what to do if there is."""
    errors = [one for one in found if isinstance(one, BaseException)]
    return next((one for one in errors if isinstance(one, TrimtabError)), errors[0])


def _headers(ballot: Ballot | None, votes: Votes) -> dict[str, str]:
    if ballot is None:
        return {"x-trimtab-votes": f"0/{votes.votes}"}
    headers = {"x-trimtab-votes": f"{len(ballot.agreed)}/{votes.votes}"}
    if ballot.tied:
        same = 1 + ballot.others.count(len(ballot.agreed))
        headers["x-trimtab-votes-tied"] = str(same)
    return headers


def _span(
    ask: Ask,
    resolution: Resolution,
    trace_id: str,
    span_id: str,
    started_ns: int,
    ended_ns: int,
    winner: Answer | None,
    ballot: Ballot | None,
) -> Span:
    """The span above all votes. What it shows is what the winner's, as guards left it, shows."""
    root = winner.spans[0] if winner is not None and winner.spans else None
    caller, template, deployment = ask.caller, resolution.template, resolution.deployment
    attributes: dict[str, Any] = {**caller.attributes, "trimtab.dialect": ask.dialect.name}
    if ballot is not None:
        attributes |= {
            "trimtab.votes.asked": ballot.asked,
            "trimtab.votes.answered": ballot.answered,
            "trimtab.votes.agreed": len(ballot.agreed),
            "trimtab.votes.others": list(ballot.others),
            "trimtab.votes.tied": ballot.tied,
        }
        if root is not None:
            attributes["trimtab.votes.winner"] = root.span_id
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=caller.parent_id,
        project=caller.project,
        name=f"vote on {resolution.name}",
        kind="chain",
        start_ns=started_ns,
        end_ns=max(ended_ns, started_ns),
        status="ok" if ballot is not None else "error",
        error=None if ballot is not None else "no vote was answered",
        input=root.input if root is not None else None,
        output=root.output if root is not None else None,
        session=caller.session,
        user=caller.user,
        environment=caller.environment,
        run=caller.run,
        route=resolution.route,
        release=deployment.release.release_id if deployment is not None else None,
        prompt=template.prompt.ref if template is not None else None,
        service=GATEWAY,
        attributes=attributes,
    )


def _streamed(ask: Ask, answer: Answer, clock: Clock) -> Answer:
    """A whole answer for somebody who asked for a stream: all of its events at once."""
    dialect, envelope = ask.dialect, ask.envelope
    parts = dialect.reader().body(answer.body or b"")
    if not envelope.wants_usage:
        parts = [part for part in parts if not isinstance(part, Used)]
    created_s = clock.now_ns() // NS_PER_S
    writer = dialect.writer(envelope, id=ids.span_id(), created_s=created_s)
    data = b"".join(map(writer.stream, parts))
    headers = {**answer.headers, "content-type": "text/event-stream"}
    return msgspec.structs.replace(answer, headers=headers, chunks=Chunks.whole(data), body=None)
