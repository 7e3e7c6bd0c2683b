"""The record of one call, built while it happens: a root span and its children.

A call that only went to a model is one span; a release or a prompt makes the model's span a child
of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import TrimtabError
from trimtab.gateway.ask import Caller
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.rulings import Entry, on_record
from trimtab.gateway.target import Target
from trimtab.kit import ids
from trimtab.ports import Clock
from trimtab.records import Passage, Span, Usage, cost_of_answers, text_of
from trimtab.records.span import EARLIER_USAGE, GATEWAY, CostSource, SpanKind, SpanStatus

_FINISHED = "gen_ai.response.finish_reasons"
_BYTES_PER_TOKEN = 4  # A rough average over English text, used only where nothing was reported.
# Dialects without words, or whose providers say what they used if it costs anything.
_NOT_ESTIMATED = frozenset({"passthrough", "openai.moderations", "anthropic.count_tokens"})
# Where providers charge nothing unless they say what was used.
_UNCHARGED = frozenset({"openai.moderations"})
_KINDS: dict[str, SpanKind] = {"openai.embeddings": "embedding"}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the model call ended. `free`: no model was called for the answer."""

    status: SpanStatus
    output: Any = None
    usage: Usage | None = None
    model: str | None = None
    error: str | None = None
    first_token_ns: int | None = None
    attributes: dict[str, Any] = {}
    free: bool = False


class CallTrace:
    """Collects the spans of one request; `finish` makes them.

    Args:
        free: no model does anything for the request, so nothing is used and nothing paid.

    `earlier` is the part of its usage that was for answers before the last, of each of them.
    """

    def __init__(
        self,
        clock: Clock,
        caller: Caller,
        resolution: Resolution,
        dialect: str,
        *,
        free: bool = False,
    ) -> None:
        self._clock = clock
        self._caller = caller
        self._resolution = resolution
        self._free = free
        self.earlier: Sequence[Usage] = ()
        self._uncharged = dialect in _UNCHARGED
        self._estimates = dialect not in _NOT_ESTIMATED
        self._kind: SpanKind = _KINDS.get(dialect, "llm")
        self.trace_id = caller.trace_id or ids.trace_id()
        self.root_id = ids.span_id()
        self._started_ns = clock.now_ns()
        self._called_ns = self._started_ns
        self._children: list[Span] = []
        self._release = _release(caller, resolution)
        self._said: dict[str, Any] = _identity(caller, resolution, dialect)

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

    def guarded(self, entry: Entry) -> None:
        """Add the span of a guard that did something."""
        failed = entry.action in ("error", "timeout")
        self._children.append(
            self._span(
                name=entry.name,
                kind="guard",
                start_ns=entry.started_ns,
                end_ns=entry.ended_ns,
                status="error" if failed else "ok",
                error=entry.error if failed else None,
                output=on_record([entry])[0],
            )
        )

    def calling(self) -> None:
        """The model is about to be called."""
        self._called_ns = self._clock.now_ns()

    def says(self, **attributes: Any) -> None:
        """Add attributes to the span of the call; names get the prefix `trimtab.`."""
        self._said |= {f"trimtab.{name}": value for name, value in attributes.items()}

    def failed(self, error: TrimtabError) -> Outcome:
        return Outcome(status="error", error=str(error), attributes={"error.code": error.code})

    def finish(self, target: Target | None, asked: Any, sent: Any, outcome: Outcome) -> list[Span]:
        """All spans of the request.

        Args:
            target: who answered, or was asked last; None if nobody was.
            asked: the caller's messages, which the root span shows.
            sent: the messages the model got, which the model's span shows.
        """
        call = self._call(target, sent, outcome)
        route = self._resolution.route
        if not self._resolution.is_chain:
            name = call["model"] or route or "call"
            root = self._root(name=name, kind=self._kind, input=asked, **call)
            return [root, *self._children]
        model_span = self._span(
            name=call["model"] or "call",
            kind=self._kind,
            start_ns=self._called_ns,
            input=sent,
            **call,
        )
        root = self._root(
            name=self._resolution.name,
            kind="chain",
            input=asked,
            output=outcome.output,
            status=outcome.status,
            error=outcome.error,
            attributes={**self._caller.attributes},
        )
        return [root, *self._children, model_span]

    def _call(self, target: Target | None, sent: Any, outcome: Outcome) -> dict[str, Any]:
        usage = None if self._free else outcome.usage
        cut = outcome.status != "ok" and _FINISHED not in outcome.attributes
        if (usage is None or cut) and self._estimates and not outcome.free:
            usage = _at_least(usage, _estimate(sent, outcome))
        attributes = {**self._caller.attributes, **self._said, **outcome.attributes}
        if self.earlier:
            attributes[EARLIER_USAGE] = msgspec.to_builtins(self.earlier)
        call: dict[str, Any] = {
            "status": outcome.status,
            "error": outcome.error,
            "usage": usage,
            "first_token_ns": outcome.first_token_ns,
            "output": outcome.output,
            "attributes": attributes,
            "model": None,
        }
        if target is None:
            return call
        card = target.card
        cost = cost_of_answers(usage, self.earlier, card.price) if usage else None
        source: CostSource | None = None if cost is None else "table"
        if outcome.free or self._free or (usage is None and self._uncharged):
            cost, source = Decimal(0), "given"
        if outcome.model and outcome.model != card.id:
            attributes["gen_ai.response.model"] = outcome.model
        return call | {
            "provider": card.provider,
            "model": card.id,
            "cost_usd": cost,
            "cost_source": source,
        }

    def _root(self, *, name: str, kind: SpanKind, **fields: Any) -> Span:
        return self._span(
            name=name, kind=kind, start_ns=self._started_ns, own_id=self.root_id, **fields
        )

    def _span(self, *, own_id: str | None = None, end_ns: int | None = None, **fields: Any) -> Span:
        caller, route = self._caller, self._resolution.route
        template = self._resolution.template
        stored = template is not None and template.prompt.version > 0
        return Span(
            trace_id=self.trace_id,
            span_id=own_id or ids.span_id(),
            parent_id=caller.parent_id if own_id else self.root_id,
            project=caller.project,
            end_ns=max(end_ns or self._clock.now_ns(), fields["start_ns"]),
            session=caller.session,
            user=caller.user,
            environment=caller.environment,
            run=caller.run,
            route=route,
            release=self._release,
            prompt=template.prompt.ref if template is not None and stored else None,
            service=GATEWAY,
            **fields,
        )


def _release(caller: Caller, resolution: Resolution) -> str | None:
    """The release that answers. A copy has its prompt and not its model: it tells nothing of it."""
    if resolution.deployment is None or caller.attributes.get("trimtab.shadow"):
        return None
    return resolution.deployment.release.release_id


def _identity(caller: Caller, resolution: Resolution, dialect: str) -> dict[str, Any]:
    """What every span of a call says: in which dialect, with which key, in which arm."""
    said: dict[str, Any] = {"trimtab.dialect": dialect}
    said |= caller.identity
    if resolution.deployment is not None and resolution.arm is not resolution.compiled.main:
        said["trimtab.arm"] = resolution.deployment.release.ref
    return said


def _estimate(sent: Any, outcome: Outcome) -> Usage | None:
    """Tokens of a call that was cut or did not report them; None where no model answered."""
    if outcome.status == "error" and not text_of(outcome.output):
        return None
    sizes = [len(msgspec.json.encode(part)) for part in (sent, outcome.output)]
    tokens = [-(-size // _BYTES_PER_TOKEN) for size in sizes]
    return Usage(input=tokens[0], output=tokens[1], estimated=True)


def _at_least(told: Usage | None, seen: Usage | None) -> Usage | None:
    """What was told of an answer that was cut off, but no less output than was seen of it.

    Where usage comes first and last, as in Anthropic's dialect, the first tells of next to none.
    """
    if told is None or seen is None:
        return told or seen
    missing = seen.total_output - told.total_output
    if missing <= 0:
        return told
    return msgspec.structs.replace(told, output=told.output + missing, estimated=True)
