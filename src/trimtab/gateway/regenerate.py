"""Regenerating: a whole answer that a guard withholds is asked for again, a few times at most.

The model is told which rule its answer broke, and none of its words. Tokens of all answers are on
record and paid for. An answer that still breaks a rule goes to nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import reduce
from typing import Any

import msgspec

from trimtab.dialects.llm.output_schema import continued
from trimtab.errors import TrimtabError
from trimtab.gateway.answer import close
from trimtab.gateway.ask import Ask
from trimtab.gateway.calling import Begun
from trimtab.gateway.heard import Heard
from trimtab.gateway.hooks import Hooked
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.reask import plus, text_said, used
from trimtab.gateway.refusals import Retryable
from trimtab.records import Usage


class Regeneration:
    """What is known of the answers to one request that guards withheld."""

    def __init__(self) -> None:
        self.count = 0
        self.earlier: tuple[Usage, ...] = ()
        self._last = Usage()

    @property
    def said(self) -> dict[str, Any]:
        """What the span says."""
        return {"output.regenerated": self.count} if self.count else {}

    def total(self, usage: Usage | None) -> Usage | None:
        """What all answers have used, if the provider says that the last has used `usage`."""
        return reduce(plus, self.earlier, usage or self._last) if self.earlier else usage

    async def settled(
        self,
        begun: Begun,
        ask: Ask,
        prepared: Prepared,
        call: Callable[[Prepared], Awaitable[Begun]],
        hooked: Hooked,
        *,
        limit_s: float,
    ) -> Begun:
        """The first answer that guards let pass, or the last there is.

        Args:
            call: asks the same target again; what it raises leaves the answer that there is.
            limit_s: for all of it.
        """
        try:
            async with asyncio.timeout(limit_s):
                while (rule := await self._broken(begun, hooked)) is not None:
                    said = text_said(begun)
                    if said is None:
                        break
                    changes = continued(
                        ask.dialect.name, ask.envelope, prepared.changes, said, _complaint(rule)
                    )
                    prepared = msgspec.structs.replace(prepared, changes=changes)
                    again = await call(prepared)
                    if again.reply.status >= 400 or again.body is None:
                        await close(again.reply.chunks)
                        break
                    self.count += 1
                    self.earlier = (*self.earlier, used(begun, ask))
                    begun = again
                    self._last = used(begun, ask)
        except (Retryable, TrimtabError, TimeoutError):
            pass  # The answer that there is will be withheld.
        return begun

    async def _broken(self, begun: Begun, hooked: Hooked) -> str | None:
        """The rule that an answer breaks, if it is one to ask again for."""
        heard, body = Heard(), begun.body or b""
        heard.begin(hooked.ask.dialect.name if begun.relay.forwards else None)
        heard.body(body, begun.dialect.reader().body(body))
        if heard.missing is not None or not (texts := heard.texts):
            return None
        verdict = await hooked.judge(texts)
        if verdict.block is None or verdict.attempts <= self.count:
            return None
        return verdict.block.guard


def _complaint(rule: str) -> str:
    return (
        f"Your answer was withheld, because it breaks the rule {rule!r}. "
        "Answer again without what breaks it."
    )
