"""Observing: guards that only look, so that nothing waits for them but the record.

What is asked of them about a request is asked while its model is called, and about an answer when
it is over. A request that they cannot read goes on as it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from trimtab.errors import TrimtabError
from trimtab.gateway.ask import Ask
from trimtab.gateway.heard import Heard
from trimtab.gateway.rulings import Bench, Verdict
from trimtab.gateway.shown import continues, given_of
from trimtab.ports import Clock, Guard, GuardSubject, GuardText
from trimtab.ports.guarding import Stage

_GONE = "the call was over before it was judged"


class Observers:
    """The guards of one call that only look."""

    def __init__(
        self,
        of_input: Sequence[Guard],
        of_output: Sequence[Guard],
        ask: Ask,
        clock: Clock,
        *,
        route: str | None,
    ) -> None:
        self._ask = ask
        self._route = route
        self._input = Bench(of_input, "input", clock, may_replace=False)
        self._output = Bench(of_output, "output", clock, may_replace=False)
        self._looking: list[asyncio.Task[Verdict]] = []
        self._skipped: set[Stage] = set()
        self.heard = Heard() if of_output else None

    @property
    def benches(self) -> tuple[Bench, Bench]:
        return self._input, self._output

    def skip(self, stage: Stage, why: str) -> None:
        """There is nothing on one side that they can read."""
        self._skipped.add(stage)
        (self._input if stage == "input" else self._output).skip(why)
        if stage == "output":
            self.heard = None

    def begin(self, ask: Ask) -> None:
        """Look at a request, as soon as there is nothing else to do."""
        self._ask = ask
        if not self._input.guards or "input" in self._skipped:
            return
        try:
            _, given = given_of(ask)
        except TrimtabError as error:
            self.skip("input", f"the request cannot be read: {error.code}")
            return
        self.look(given)

    def look(self, given: Sequence[GuardText]) -> None:
        """Look at further texts that the model is told."""
        if self._input.guards and given and "input" not in self._skipped:
            subject = self._subject("input", given)
            self._looking.append(asyncio.create_task(self._input.rule(subject)))

    def failed(self, message: str, raw: bytes = b"") -> None:
        """There is no answer, or no more of it: what its provider says of that is looked at."""
        if self.heard is not None:
            self.heard.failed(message, raw)

    async def settle(self, sent: Sequence[GuardText]) -> None:
        """Return when everything has been looked at, the answer too."""
        looking, self._looking = self._looking, []
        for task in looking:
            await task
        heard, self.heard = self.heard, None
        if heard is None:
            return
        if heard.missing is not None:
            self.skip("output", heard.missing)
        elif texts := heard.texts:
            await self._output.rule(self._subject("output", texts, sent))

    def abandon(self) -> None:
        """Look no further: the call is recorded as it is."""
        looking, self._looking = self._looking, []
        if any(not task.done() for task in looking):
            self._input.skip(_GONE)
        for task in looking:
            task.cancel()
        if self.heard is not None and self.heard.texts:
            self._output.skip(_GONE)
        self.heard = None

    def _subject(
        self, stage: Stage, given: Sequence[GuardText], sent: Sequence[GuardText] = ()
    ) -> GuardSubject:
        return GuardSubject(
            stage=stage,
            texts=given,
            project=self._ask.caller.project,
            route=self._route,
            sent=sent,
            continues=continues(self._ask),
        )
