"""Hooks: where guards stand on the way of a request and of its answer.

`before` the call they see the request's texts and may refuse or rewrite them, ahead of anything
that is stored; those that run `beside` the call may only refuse; those of the answer are asked
about it as it comes (`gateway.holding`) or whole (`after`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from trimtab.dialects.llm import beside, edits, texts
from trimtab.dialects.llm.dialect import Envelope
from trimtab.errors import Blocked, InvalidRequest
from trimtab.gateway import variables
from trimtab.gateway.ask import Ask, Passing
from trimtab.gateway.observing import Observers
from trimtab.gateway.rulings import Bench, Block, Entry, Verdict, applied
from trimtab.gateway.shown import Told, continues, given_of, place_of
from trimtab.ports import Clock, Edit, Guard, GuardSubject, GuardText, Place
from trimtab.records import Passage, Span

T = TypeVar("T")

_CANNOT = "the request cannot be rewritten as a guard demands"
_NO_TEXTS = "answers of this kind have no texts"
_UNREAD = "requests that are passed on are not read"


Redact = Callable[[Sequence[Span]], list[Span]]
"""Spans as they may be stored."""


class Hooks:
    """The guards of a route or release, or of one request.

    Args:
        redact: what hides parts of the record, before it is stored.
    """

    def __init__(self, guards: Iterable[Guard], *, redact: Redact | None = None) -> None:
        self.guards = tuple(guards)
        self.redact = redact
        looking = [guard for guard in self.guards if getattr(guard, "observes", False)]
        acting = [guard for guard in self.guards if not getattr(guard, "observes", False)]
        inputs = [guard for guard in acting if guard.stage != "output"]
        self.before = tuple(guard for guard in inputs if not guard.parallel)
        self.beside = tuple(guard for guard in inputs if guard.parallel)
        self.after = tuple(guard for guard in acting if guard.stage != "input")
        self.look_in = tuple(guard for guard in looking if guard.stage != "output")
        self.look_out = tuple(guard for guard in looking if guard.stage != "input")


class Hooked:
    """The guards at work on one request."""

    def __init__(self, hooks: Hooks, ask: Ask, clock: Clock, *, route: str | None) -> None:
        self.ask = ask
        self._route = route
        self._before = Bench(hooks.before, "input", clock)
        self._beside = Bench(hooks.beside, "input", clock, may_replace=False)
        self.output = Bench(hooks.after, "output", clock)
        self.observers = Observers(hooks.look_in, hooks.look_out, ask, clock, route=route)
        self.blocked: Block | None = None
        self.told = Told()
        self._unread: str | None = None
        self._reads = ask.passing is None or _is_read(ask.passing, ask.envelope)
        self._unruly = False  # whether a text stands in `ask` that a guard wants out of it
        if not self._reads:
            self._before.skip(_UNREAD)
            self._beside.skip(_UNREAD)
            self.observers.skip("input", _UNREAD)
        if ask.passing is not None:
            self._unread = _UNREAD
        elif not edits.has_texts(ask.dialect.name):
            self._unread = _NO_TEXTS
        if self._unread is not None:
            self.output.skip(self._unread)
            self.observers.skip("output", self._unread)

    @property
    def entries(self) -> list[Entry]:
        """What every guard has ruled so far; those that had nothing to rule on are left out."""
        benches = (self._before, self._beside, self.output, *self.observers.benches)
        return [entry for bench in benches for entry in bench.entries if entry.checks]

    @property
    def guards_output(self) -> bool:
        """Whether anything of the answer is held until guards have seen it."""
        busy = any(not getattr(guard, "is_idle", False) for guard in self.output.guards)
        return busy and self._unread is None

    @property
    def regenerates(self) -> bool:
        """Whether a whole answer may be asked for again."""
        return self._unread is None and any(
            getattr(guard, "regenerates", False) for guard in self.output.guards
        )

    @property
    def may_record(self) -> bool:
        """False when a guard that decides what is on record could not do so, and refused."""
        failed = ("error", "timeout")
        benches = (self._before,) if self._reads else (self._before, self._beside)
        entries = [entry for bench in benches for entry in bench.entries]
        return not self._unruly and not any(one.blocked and one.action in failed for one in entries)

    async def before(self) -> Block | None:
        """Ask the guards about the request; `ask` is then the one to send and to record.

        Raises:
            InvalidRequest: guards would read something else than a provider may.
        """
        if not self._reads:
            self.blocked = self._before.closed(_UNREAD) or self._beside.closed(_UNREAD)
            return self.blocked
        if not self._before.guards:
            return None
        said, given = self._given()
        verdict = await self._rule(self._before, given)
        self.blocked = verdict.block
        if verdict.edits:
            self._edit(self._before, said, given, verdict.edits)
        return self.blocked

    async def passages(self, found: list[Passage]) -> list[Passage]:
        """Ask the guards about what was retrieved. Raises Blocked."""
        given = [
            GuardText(place=Place("retrieved", index, "context"), text=passage.text)
            for index, passage in enumerate(found)
        ]
        self.told.found(given)
        self.observers.look(given)
        if not self._before.guards or not found:
            return found
        verdict = await self._rule(self._before, given)
        changed = _changed(given, verdict.edits)
        if verdict.block is not None:
            self.blocked = verdict.block
            raise refusal(verdict.block)
        self.told.found(
            [
                msgspec.structs.replace(text, text=changed.get(text.place, text.text))
                for text in given
            ]
        )
        return [
            msgspec.structs.replace(passage, text=changed.get(text.place, passage.text))
            for passage, text in zip(found, given, strict=True)
        ]

    async def beside(
        self, call: Coroutine[Any, Any, T], *, drop: Callable[[T], Awaitable[None]]
    ) -> T:
        """The result of a call, once the guards beside it agree; it is cancelled if they do not.

        Args:
            drop: closes a result that nobody may have.
        Raises:
            Blocked: the call may have been made.
            InvalidRequest: as `before`; the call has not been made.
        """
        if not self._beside.guards or not self._reads:
            return await call
        try:
            said, given = self._given()
        except InvalidRequest:
            call.close()
            raise
        calling = asyncio.ensure_future(call)
        judging = asyncio.ensure_future(self._judged_beside(said, given))
        kept = False
        try:
            await asyncio.wait((calling, judging), return_when=asyncio.FIRST_COMPLETED)
            if not judging.done() and _failed(calling):
                self._beside.skip("the call failed first")
                return calling.result()
            if (block := await judging) is not None:
                raise refusal(block)
            result = await calling
            kept = True
            return result
        finally:
            await _stopped(judging)
            await _stopped(calling)
            if not kept and not _failed(calling):
                await drop(calling.result())

    async def _judged_beside(
        self, said: Sequence[texts.Said], given: Sequence[GuardText]
    ) -> Block | None:
        verdict = await self._rule(self._beside, given)
        self.blocked = verdict.block
        if verdict.block is not None and verdict.edits:
            self._edit(self._beside, said, given, verdict.edits)
        return verdict.block

    async def judge(self, given: Sequence[GuardText]) -> Verdict:
        """Ask the guards of the answer."""
        return await self._rule(self.output, given)

    async def _rule(self, bench: Bench, given: Sequence[GuardText]) -> Verdict:
        subject = GuardSubject(
            stage=bench.stage,
            texts=given,
            project=self.ask.caller.project,
            route=self._route,
            sent=self.told.texts if bench.stage == "output" else (),
            continues=continues(self.ask),
        )
        return await bench.rule(subject)

    def _given(self) -> tuple[list[texts.Said], list[GuardText]]:
        return given_of(self.ask)

    def _edit(
        self,
        bench: Bench,
        said: Sequence[texts.Said],
        given: Sequence[GuardText],
        changes: Sequence[Edit],
    ) -> None:
        """Make `ask` the request after these edits; it is blocked where it cannot be."""
        ask = self.ask
        new = _changed(given, changes)
        changed = {
            one.at: new[place]
            for one in said
            if one.kind != "other" and (place := place_of(one)) in new
        }
        others = {
            one.at[0]: [beside.Part(*edit[1:]) for edit in changes if edit.place == place_of(one)]
            for one in said
            if one.kind == "other" and one.role == "request" and place_of(one) in new
        }
        try:
            if any(place.kind == "other" and place.role != "request" for place in new):
                raise InvalidRequest(_CANNOT)
            fields = texts.rewritten(ask.dialect.name, ask.envelope, changed)
            fields = {**fields, **beside.replaced(ask.envelope, others)}
        except InvalidRequest:
            self._unruly = True
            self.blocked = self.blocked or bench.unruly(_CANNOT)
            return
        envelope = msgspec.structs.replace(ask.envelope, fields={**ask.envelope.fields, **fields})
        own = variables.retold(ask.variables, new)
        passing = ask.passing
        if passing is not None and fields:
            passing = msgspec.structs.replace(passing, body=envelope.body())
        self.ask = msgspec.structs.replace(ask, envelope=envelope, variables=own, passing=passing)


def refusal(block: Block) -> Blocked:
    """What the caller of a blocked request is told."""
    fix = "change what it says and send it again"
    if block.unchecked:
        fix = "send it again later, or less of it"
    return Blocked(block.message, fix=fix, guard=block.guard)


def _is_read(passing: Passing, envelope: Envelope) -> bool:
    """Whether guards see what is passed on: a JSON object, or nothing at all."""
    return not passing.body.strip() or bool(envelope.fields)


def _changed(given: Sequence[GuardText], changes: Sequence[Edit]) -> dict[Place, str]:
    """The texts that change."""
    found: dict[Place, list[Edit]] = {}
    for edit in changes:
        found.setdefault(edit.place, []).append(edit)
    return {one.place: applied(one.text, found[one.place]) for one in given if one.place in found}


def _failed(task: asyncio.Future[Any]) -> bool:
    """Whether a task is over without a result."""
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _stopped(task: asyncio.Future[Any]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))
