"""Outgoing: a request made ready for one target, in a dialect that its provider speaks."""

from __future__ import annotations

import msgspec

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.dialect import Dialect
from trimtab.dialects.llm.passthrough import renamed
from trimtab.dialects.llm.translate import translated
from trimtab.errors import InvalidRequest
from trimtab.gateway.ask import Ask, Passing
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.target import Target
from trimtab.ports import Call
from trimtab.records.route import Timeouts


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """`dialect` is the one of the answer; `lost` is what could not be said in it."""

    call: Call
    dialect: Dialect
    lost: tuple[str, ...] = ()


def outgoing(ask: Ask, prepared: Prepared, target: Target, timeouts: Timeouts) -> Outgoing:
    """The call of a target.

    Raises:
        InvalidRequest: its provider speaks neither the request's dialect nor one that it can be
            translated to.
    """
    if ask.passing is not None:
        return _passed_on(ask, ask.passing, target, timeouts)
    envelope = ask.envelope
    lost = prepared.lost
    changes = {**prepared.changes, "model": target.model}
    speaks = target.provider.speaks(target.model)
    if ask.dialect.name in speaks:
        dialect = ask.dialect
        if envelope.stream and not envelope.wants_usage:
            changes |= dialect.asking_usage(envelope)
        body = envelope.body(**changes)
    else:
        dialect = _common(ask.dialect, target)
        changed = ask.dialect.envelope(envelope.body(**changes)) if changes else envelope
        asked = translated(changed, ask.dialect, dialect, model=target.model)
        body, lost = asked.body, (*lost, *asked.lost)
    call = Call(
        dialect=dialect.name,
        model=target.model,
        body=body,
        stream=envelope.stream,
        timeout_s=timeouts.total_s,
        # A whole answer begins when all of it is made.
        first_byte_s=timeouts.first_token_s if envelope.stream else None,
        idle_s=timeouts.idle_s,
        headers=ask.caller.headers,
    )
    return Outgoing(call=call, dialect=dialect, lost=lost)


def _passed_on(ask: Ask, passing: Passing, target: Target, timeouts: Timeouts) -> Outgoing:
    if ask.dialect.name not in target.provider.speaks(target.model):
        raise _not_spoken(ask.dialect, target)
    call = Call(
        dialect=ask.dialect.name,
        model=target.model,
        body=renamed(passing.body, passing.content_type, target.model),
        stream=ask.envelope.stream,
        timeout_s=timeouts.total_s,
        idle_s=timeouts.idle_s,
        headers=ask.caller.headers,
        method=passing.method,
        path=passing.path,
        content_type=passing.content_type,
    )
    return Outgoing(call=call, dialect=ask.dialect)


def _common(source: Dialect, target: Target) -> Dialect:
    """The dialect to translate to."""
    if source.translates:
        for name in target.provider.speaks(target.model):
            dialect = DIALECTS.get(name)
            if dialect is not None and dialect.translates:
                return dialect
    raise _not_spoken(source, target)


def _not_spoken(dialect: Dialect, target: Target) -> InvalidRequest:
    return InvalidRequest(
        f"{target.card.id} does not take requests of the kind {dialect.name}",
        where="model",
        fix="ask a model whose provider does, or ask in another dialect",
        dialect=dialect.name,
    )
