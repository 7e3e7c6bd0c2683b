"""Hooks: where guards stand on the way of a request and of its answer.

`before` the call they see the request's texts and may refuse or rewrite them, ahead of anything
that is stored; those that run `beside` the call may only refuse; those of the answer are asked
about it as it comes (`gateway.holding`) or whole (`after`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from trimtab.dialects.llm import texts
from trimtab.errors import Blocked
from trimtab.gateway.ask import Ask
from trimtab.gateway.rulings import Bench, Block, Entry, Verdict, applied
from trimtab.ports import Clock, Edit, Guard, GuardSubject, GuardText, Place
from trimtab.records import Passage

T = TypeVar("T")

_UNREAD = "requests that are passed on are not read"


class Hooks:
    """The guards of a plan; built once, used by many requests."""

    def __init__(self, guards: Iterable[Guard]) -> None:
        self.guards = tuple(guards)
        inputs = [guard for guard in self.guards if guard.stage != "output"]
        self.before = tuple(guard for guard in inputs if not guard.parallel)
        self.beside = tuple(guard for guard in inputs if guard.parallel)
        self.after = tuple(guard for guard in self.guards if guard.stage != "input")


class Hooked:
    """The guards at work on one request."""

    def __init__(self, hooks: Hooks, ask: Ask, clock: Clock, *, route: str | None) -> None:
        self.ask = ask
        self._route = route
        self._before = Bench(hooks.before, "input", clock)
        self._beside = Bench(hooks.beside, "input", clock, may_replace=False)
        self.output = Bench(hooks.after, "output", clock)
        self.blocked: Block | None = None
        if ask.passing is not None:
            for bench in (self._before, self._beside, self.output):
                bench.skip(_UNREAD)

    @property
    def entries(self) -> list[Entry]:
        """What every guard has ruled so far; those that had nothing to rule on are left out."""
        benches = (self._before, self._beside, self.output)
        return [entry for bench in benches for entry in bench.entries if entry.checks]

    @property
    def guards_output(self) -> bool:
        return bool(self.output.guards) and self.ask.passing is None

    async def before(self) -> Block | None:
        """Ask the guards about the request; `ask` is then the one to send and to record."""
        if not self._before.guards or self.ask.passing is not None:
            return None
        said, variables = self._texts()
        places = [_place(one) for one in said]
        given = [
            GuardText(place=place, text=one.text) for place, one in zip(places, said, strict=True)
        ]
        named = {_variable(index): name for index, name in enumerate(variables)}
        given += [GuardText(place=at, text=variables[name]) for at, name in named.items()]
        verdict = await self._rule(self._before, given)
        if verdict.edits:
            changed = _changed(given, verdict.edits)
            at = {place: one.at for place, one in zip(places, said, strict=True)}
            self._rewrite(
                {at[place]: text for place, text in changed.items() if place in at},
                {named[place]: text for place, text in changed.items() if place in named},
            )
        self.blocked = verdict.block
        return verdict.block

    async def passages(self, found: list[Passage]) -> list[Passage]:
        """Ask the guards about what was retrieved. Raises Blocked."""
        if not self._before.guards or not found:
            return found
        given = [
            GuardText(place=Place("retrieved", index, "context"), text=passage.text)
            for index, passage in enumerate(found)
        ]
        verdict = await self._rule(self._before, given)
        changed = _changed(given, verdict.edits)
        if verdict.block is not None:
            self.blocked = verdict.block
            raise refusal(verdict.block)
        return [
            msgspec.structs.replace(passage, text=changed.get(text.place, passage.text))
            for passage, text in zip(found, given, strict=True)
        ]

    async def beside(self, call: Coroutine[Any, Any, T]) -> T:
        """The result of a call, once the guards beside it agree; it is cancelled if they do not.

        Raises:
            Blocked: the call may have been made, and its answer is dropped.
        """
        if not self._beside.guards or self.ask.passing is not None:
            return await call
        given = [GuardText(place=_place(one), text=one.text) for one in self._texts()[0]]
        calling = asyncio.ensure_future(call)
        judging = asyncio.ensure_future(self._rule(self._beside, given))
        try:
            await asyncio.wait((calling, judging), return_when=asyncio.FIRST_COMPLETED)
            # A call that failed first leaves nothing to be judged.
            if calling.done() and calling.exception() is not None:
                return calling.result()
            verdict = await judging
            if verdict.block is None:
                return await calling
        finally:
            judging.cancel()
            if not calling.done():
                calling.cancel()
                with suppress(BaseException):
                    await calling
        self.blocked = verdict.block
        raise _Dropped(verdict.block, calling)

    async def judge(self, given: Sequence[GuardText]) -> Verdict:
        """Ask the guards of the answer."""
        return await self._rule(self.output, given)

    async def _rule(self, bench: Bench, given: Sequence[GuardText]) -> Verdict:
        subject = GuardSubject(
            stage=bench.stage, texts=given, project=self.ask.caller.project, route=self._route
        )
        return await bench.rule(subject)

    def _texts(self) -> tuple[list[texts.Said], dict[str, str]]:
        ask = self.ask
        told = {name: text for name, text in ask.variables.items() if isinstance(text, str)}
        return texts.texts(ask.dialect.name, ask.envelope), told

    def _rewrite(
        self, changed: Mapping[tuple[str, int, int], str], variables: Mapping[str, str]
    ) -> None:
        ask = self.ask
        changes = texts.rewritten(ask.dialect.name, ask.envelope, changed)
        fields = {
            name: value if isinstance(value, msgspec.Raw) else msgspec.Raw(value)
            for name, value in changes.items()
        }
        envelope = msgspec.structs.replace(ask.envelope, fields={**ask.envelope.fields, **fields})
        self.ask = msgspec.structs.replace(
            ask, envelope=envelope, variables={**ask.variables, **variables}
        )
