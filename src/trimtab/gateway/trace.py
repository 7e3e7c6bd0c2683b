"""The record of one call, built while it happens: a root span and its children."""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.errors import TrimtabError
from trimtab.gateway.snapshot import Plan
from trimtab.kit import ids
from trimtab.ports import Clock
from trimtab.records import Passage, Span, Usage, cost_usd, text_of
from trimtab.records.span import SpanKind, SpanStatus

_BYTES_PER_TOKEN = 4  # A rough average over English text, used only where nothing was reported.


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what the record should say about it."""

    principal: str
    project: str
    user: str | None = None
    session: str | None = None
    environment: str | None = None
    run: str | None = None
    attributes: dict[str, Any] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the model call ended."""

    status: SpanStatus
    output: Any = None
    usage: Usage | None = None
    model: str | None = None
    error: str | None = None
    first_token_ns: int | None = None
    attributes: dict[str, Any] = {}


class CallTrace:
    """Collects the spans of one request; `spans` are complete once `finish` was called."""

    def __init__(self, clock: Clock, caller: Caller, plan: Plan, *, route: str | None) -> None:
        self._clock = clock
        self._caller = caller
        self._plan = plan
        self._route = route
        self.trace_id = ids.trace_id()
        self.root_id = ids.span_id()
        self._started_ns = clock.now_ns()
        self._called_ns = self._started_ns
        self._children: list[Span] = []

    def retrieved(self, query: str, passages: list[Passage], started_ns: int) -> None:
        """Add the retriever's span; `started_ns` is when the search began."""
        self._children.append(
            self._span(
                name="retrieve",
                kind="retriever",
                start_ns=started_ns,
                status="ok",
                input=query,
                output=msgspec.to_builtins(passages),
            )
        )

    def calling(self) -> None:
        """The model is about to be called."""
        self._called_ns = self._clock.now_ns()

    def failed(self, error: TrimtabError) -> Outcome:
        return Outcome(status="error", error=str(error), attributes={"error.code": error.code})

    def finish(self, asked: Any, sent: Any, outcome: Outcome) -> list[Span]:
        """All spans of the request.

        Args:
            asked: the caller's messages, which the root span shows.
            sent: the messages the model got, which the model's span shows.
        """
        usage = outcome.usage or _estimate(sent, outcome)
        card = self._plan.target.card
        cost = cost_usd(usage, card.price) if usage else None
        call: dict[str, Any] = {
            "status": outcome.status,
            "error": outcome.error,
            "provider": card.provider,
            "model": card.id,
            "usage": usage,
            "cost_usd": cost,
            "cost_source": None if cost is None else "table",
            "first_token_ns": outcome.first_token_ns,
            "output": outcome.output,
            "attributes": {**self._caller.attributes, **outcome.attributes},
        }
        if outcome.model and outcome.model != card.id:
            call["attributes"]["gen_ai.response.model"] = outcome.model
        if self._plan.deployment is None:
            return [self._root(name=card.id, kind="llm", input=asked, **call)]
        model_span = self._span(
            name=card.id, kind="llm", start_ns=self._called_ns, input=sent, **call
        )
        root = self._root(
            name=self._route or "route",
            kind="chain",
            input=asked,
            output=outcome.output,
            status=outcome.status,
            error=outcome.error,
            attributes={**self._caller.attributes},
        )
        return [root, *self._children, model_span]

    def _root(self, *, name: str, kind: SpanKind, **fields: Any) -> Span:
        span = self._span(name=name, kind=kind, start_ns=self._started_ns, **fields)
        return msgspec.structs.replace(span, span_id=self.root_id, parent_id=None)

    def _span(self, **fields: Any) -> Span:
        deployment, caller = self._plan.deployment, self._caller
        return Span(
            trace_id=self.trace_id,
            span_id=ids.span_id(),
            parent_id=self.root_id,
            project=caller.project,
            end_ns=max(self._clock.now_ns(), fields["start_ns"]),
            session=caller.session,
            user=caller.user,
            environment=caller.environment,
            run=caller.run,
            route=self._route,
            release=deployment.release.release_id if deployment else None,
            service="trimtab.gateway",
            **fields,
        )


def _estimate(sent: Any, outcome: Outcome) -> Usage | None:
    """Tokens of a call that was cut or did not report them; None where no model answered."""
    if outcome.status == "error" and not text_of(outcome.output):
        return None
    sizes = [len(msgspec.json.encode(part)) for part in (sent, outcome.output)]
    tokens = [-(-size // _BYTES_PER_TOKEN) for size in sizes]
    return Usage(input=tokens[0], output=tokens[1], estimated=True)
