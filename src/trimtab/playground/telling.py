"""Telling: one column asked, its answer read as it comes and told event by event."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Ended, Failed, Finished, Part, Used
from trimtab.errors import ProviderError, TrimtabError
from trimtab.kit import sse
from trimtab.playground.column import Column
from trimtab.playground.events import End, Figures, deltas, of_column
from trimtab.ports import Clock
from trimtab.records import Span, Usage
from trimtab.scorers.subjects import trace_cost

_log = logging.getLogger("trimtab.playground")
_CHAT = DIALECTS["openai.chat"]
_CUT = "the answer broke off before its end"
_MS = 1e6


class Chunks(Protocol):
    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Answered(Protocol):
    """A chat completion on its way, streamed or whole; on record when `chunks` is closed."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def chunks(self) -> Chunks: ...
    @property
    def spans(self) -> Sequence[Span]: ...


Ask = Callable[[Column, str], Awaitable[Answered]]
"""Asks a column, as the caller; the text is the trace id of its record. Raises TrimtabError."""

Problem = Callable[[TrimtabError], dict[str, Any]]
"""An error as the API describes it."""

Tell = Callable[[bytes], Awaitable[None]]
"""Hands an event on; waits while too many are unread."""


class InternalError(TrimtabError):
    code = "internal_error"


class Telling:
    """Asks one column once: `run`, and `ended` says how it ended, whatever happened."""

    def __init__(
        self, column: Column, trace_id: str, *, ask: Ask, tell: Tell, clock: Clock, problem: Problem
    ) -> None:
        self._column = column
        self._trace_id = trace_id
        self._ask = ask
        self._hand = tell
        self._clock = clock
        self._problem = problem
        self._began_ns = self._ended_ns = 0
        self._first_ns: int | None = None
        self._answer: Answered | None = None
        self._usage: Usage | None = None
        self._why: str | None = None
        self._whole = False
        self._error: TrimtabError | None = None

    async def run(self) -> None:
        """Ask and tell what is said. What goes wrong is kept for `ended`."""
        self._began_ns = self._clock.monotonic_ns()
        try:
            await self._tell("started", {"trace_id": self._trace_id, "model": self._column.model})
            await self._said()
        except TrimtabError as error:
            self._error = error
        except Exception:
            _log.exception("column %s of the playground broke", self._column.id)
            self._error = InternalError(
                "Trimtab failed to ask this column", fix="the server's log has the details"
            )
        finally:
            self._ended_ns = self._clock.monotonic_ns()

    def ended(self, *, cancelled: bool) -> tuple[End, bytes, Decimal | None]:
        """How it ended, the event that says so, and what it cost."""
        if not (cancelled or self._whole or self._error):
            self._error = ProviderError(_CUT, fix="ask again")
        end: End = "cancelled" if cancelled else "failed" if self._error else "finished"
        figures = self._figures()
        facts: dict[str, Any] = {"figures": figures}
        if end == "failed" and self._error is not None:
            facts["problem"] = self._problem(self._error)
        return end, of_column(end, self._column.id, facts), figures.cost_usd

    async def _said(self) -> None:
        self._answer = answer = await self._ask(self._column, self._trace_id)
        reader, decoder = _CHAT.reader(), sse.Decoder()
        streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
        whole: list[bytes] = []
        try:
            async for chunk in answer.chunks:
                if not streamed:
                    whole.append(chunk)
                    continue
                for event in decoder.feed(chunk):
                    await self._take(reader.event(event))
            await self._take(reader.end() if streamed else reader.body(b"".join(whole)))
        finally:
            await answer.chunks.aclose()
        if answer.status >= 400 and self._error is None:
            self._error = ProviderError(f"the provider answered HTTP {answer.status}")

    async def _take(self, parts: Sequence[Part]) -> None:
        for part in parts:
            for delta in deltas(part):
                await self._first()
                await self._tell("delta", delta)
            if isinstance(part, Used):
                self._usage = part.usage
            elif isinstance(part, Finished) and part.choice == 0:
                self._why = part.word or part.reason
            elif isinstance(part, Ended):
                self._whole = True
            elif isinstance(part, Failed):
                said = part.message or part.kind or _CUT
                self._error = ProviderError(said, provider_status=part.status)

    async def _first(self) -> None:
        if self._first_ns is None:
            self._first_ns = self._clock.monotonic_ns()
            await self._tell("first_token", {"first_token_ms": self._ms(self._first_ns)})

    def _figures(self) -> Figures:
        headers = self._answer.headers if self._answer is not None else {}
        spans = self._answer.spans if self._answer is not None else ()
        call = next((span for span in reversed(spans) if span.kind == "llm"), None)
        # Of a cut answer the record has the better estimate.
        usage = call.usage if call is not None else self._usage
        return Figures(
            trace_id=self._trace_id,
            span_id=spans[0].span_id if spans else None,
            model=headers.get("x-trimtab-model"),
            release=headers.get("x-trimtab-release"),
            finish_reason=self._why,
            first_token_ms=None if self._first_ns is None else self._ms(self._first_ns),
            latency_ms=self._ms(self._ended_ns or self._clock.monotonic_ns()),
            usage=usage,
            tokens_per_s=self._rate(usage),
            cost_usd=self._cost(spans),
            cached=headers.get("x-trimtab-cache") in ("hit", "semantic"),
        )

    def _cost(self, spans: Sequence[Span]) -> Decimal | None:
        if spans:
            paid = [one for one in spans if one.kind == "llm"]
            # A call that failed before it used anything cost nothing.
            if paid and not any(one.is_unpriced for one in paid):
                return sum((one.cost_usd or Decimal(0) for one in paid), Decimal(0))
            return trace_cost(spans)
        error = self._error
        refused = error is not None and not isinstance(error, InternalError)
        tried = error is not None and "attempts" in error.fields
        # Nothing is paid where no model was asked.
        return Decimal(0) if not self._began_ns or (refused and not tried) else None

    def _rate(self, usage: Usage | None) -> float | None:
        """Tokens a second; None of an answer that came in one piece."""
        if usage is None or self._first_ns is None or self._ended_ns <= self._first_ns:
            return None
        if usage.total_output < 2:
            return None
        return round(usage.total_output / ((self._ended_ns - self._first_ns) / 1e9), 2)

    def _ms(self, at_ns: int) -> float:
        return round((at_ns - self._began_ns) / _MS, 3) if self._began_ns else 0.0

    async def _tell(self, name: str, facts: Mapping[str, Any]) -> None:
        await self._hand(of_column(name, self._column.id, facts))
