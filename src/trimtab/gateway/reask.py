"""Structured output: an answer is checked against the schema that was asked for, and asked again.

Every whole answer to a request with a schema is checked, if that is cheap. Only a request that says
so is asked again: the model is told what does not match, a few times at most. The last answer goes
to the caller whatever it is; headers and the span say whether it matches. Tokens of all answers are
on record and paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import reduce
from typing import Any

import msgspec

from trimtab.dialects.llm.output_schema import continued, output_schema
from trimtab.dialects.llm.parts import Failed, Finished, Refusal, Text, ToolCall, Used
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.gateway.answer import close
from trimtab.gateway.ask import Ask
from trimtab.gateway.calling import Begun
from trimtab.gateway.output_check import Fault, faults
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.refusals import Retryable
from trimtab.records import Usage

MOST_REASKS = 3

_CHEAP_BYTES = 32 << 10  # of an answer that nobody asked to have checked
_CHECKED_BYTES = 1 << 20
_LIMIT_S = 0.25
_BYTES_PER_TOKEN = 4
_NO_ANSWER = ("refusal", "content_filter")


def structured(ask: Ask) -> Structured | None:
    """The check of a request's answer, where there is a schema and an answer that is whole.

    Raises:
        InvalidRequest: it wants to be asked again and cannot be.
    """
    envelope = ask.envelope
    wanted = envelope.trimtab.get("reask", 0) if envelope.trimtab else 0
    if type(wanted) is not int or not 0 <= wanted <= MOST_REASKS:
        raise InvalidRequest(
            f"'reask' is not a number from 0 to {MOST_REASKS}",
            where="trimtab.reask",
            fix="say how often a model may be asked again for an answer that matches its schema",
        )
    if envelope.stream and not wanted:
        return None
    schema = output_schema(ask.dialect.name, envelope)
    if schema is not None and not envelope.stream:
        return Structured(schema, wanted)
    if not wanted:
        return None
    raise InvalidRequest(
        "only a whole answer with a schema can be asked for again",
        where="trimtab.reask",
        fix="send a JSON schema for the answer, and no `stream`",
    )


class Structured:
    """What is known of the answers to one request."""

    def __init__(self, schema: dict[str, Any], wanted: int) -> None:
        self._schema = schema
        self._wanted = wanted
        self.valid: bool | None = None
        self.reasks = 0
        self.earlier: tuple[Usage, ...] = ()  # what the answers before the last have used
        self._last = Usage()
        self._faults: list[Fault] = []

    @property
    def said(self) -> dict[str, Any]:
        """What the span says; nothing of the answer itself."""
        if self.valid is None:
            return {"output.reasks": self.reasks} if self.reasks else {}
        said: dict[str, Any] = {"output.valid": self.valid, "output.reasks": self.reasks}
        if self._faults:
            said["output.fault"] = f"{self._faults[0].keyword} at {self._faults[0].where}"
        return said

    @property
    def headers(self) -> dict[str, str]:
        headers = {"x-trimtab-reasks": str(self.reasks)} if self._wanted else {}
        if self.valid is not None:
            headers["x-trimtab-output"] = "valid" if self.valid else "invalid"
        return headers

    def total(self, usage: Usage | None) -> Usage | None:
        """What all answers have used, if the provider says that the last has used `usage`."""
        if not self.earlier:
            return usage
        return reduce(plus, self.earlier, usage or self._last)

    def look(self, begun: Begun) -> None:
        """Check another answer that came in the place of the last."""
        self._check(begun)

    async def settled(
        self,
        begun: Begun,
        ask: Ask,
        prepared: Prepared,
        call: Callable[[Prepared], Awaitable[Begun]],
        *,
        limit_s: float,
    ) -> Begun:
        """The first answer that matches, or the last there is.

        Args:
            call: asks the same target again; what it raises leaves the answer that there is.
            limit_s: for all of it.
        """
        said = self._check(begun)
        try:
            async with asyncio.timeout(limit_s):
                while self.valid is False and self.reasks < self._wanted and said is not None:
                    reply = _complaint(self._faults)
                    changes = continued(
                        ask.dialect.name, ask.envelope, prepared.changes, said, reply
                    )
                    prepared = msgspec.structs.replace(prepared, changes=changes)
                    again = await call(prepared)
                    if again.reply.status >= 400 or again.body is None:
                        await close(again.reply.chunks)
                        break
                    self.reasks += 1
                    self.earlier = (*self.earlier, used(begun, ask))
                    begun, said = again, self._check(again)
                    self._last = used(begun, ask)
        except (Retryable, TrimtabError, TimeoutError):
            pass  # The answer that there is may be of use.
        return begun

    def _check(self, begun: Begun) -> str | None:
        """Look at an answer; its text, if it has one that can be asked about."""
        self._faults, self.valid = [], None
        limit = _CHECKED_BYTES if self._wanted else _CHEAP_BYTES
        if begun.body is None or len(begun.body) > limit:
            return None
        text = text_said(begun)
        found = None if text is None else faults(text, self._schema, limit_s=_LIMIT_S)
        if text is None or found is None:
            return None
        self._faults, self.valid = found, not found
        return text


def plus(one: Usage, other: Usage) -> Usage:
    """Both together.

    >>> both = plus(Usage(input=1, output=2), Usage(input=3, estimated=True))
    >>> both.input, both.output, both.estimated
    (4, 2, True)
    """
    counts = {
        name: getattr(one, name) + getattr(other, name)
        for name in Usage.__struct_fields__
        if name != "estimated"
    }
    return Usage(**counts, estimated=one.estimated or other.estimated)


def text_said(begun: Begun) -> str | None:
    """The text of an answer; None for one that is a call of tools, a refusal or a failure."""
    parts = begun.dialect.reader().body(begun.body or b"")
    for part in parts:
        if isinstance(part, ToolCall | Refusal | Failed):
            return None
        if isinstance(part, Finished) and part.reason in _NO_ANSWER:
            return None
    return "".join(part.text for part in parts if isinstance(part, Text) and part.choice == 0)


def used(begun: Begun, ask: Ask) -> Usage:
    """The tokens of an answer, by its size where the provider did not say."""
    body = begun.body or b""
    parts = begun.dialect.reader().body(body)
    told = [part.usage for part in parts if isinstance(part, Used)]
    if told:
        return told[-1]
    asked = ask.envelope.text_bytes // _BYTES_PER_TOKEN
    return Usage(input=asked, output=len(body) // _BYTES_PER_TOKEN, estimated=True)


def _complaint(found: list[Fault]) -> str:
    told = "\n".join(f"- {fault.where}: {fault.said}" for fault in found)
    return (
        "Your answer does not match the JSON schema it must match:\n"
        f"{told}\nAnswer again, with JSON that matches and nothing else."
    )
